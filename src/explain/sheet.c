/* The contact sheet, in the manner of the dissertation's Figures 3.1 and 5.2: the query, the nearest faces by
 * stage 1, and the faces of the second look with the flow pictures that rebuild the query from them. */
#include "explain/explain.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "image/image.h"

enum {
    SHOWN = 5,
    QUERY_SIDE = 304,
    SIDE = 150,
    FRAME = 4,
    MARGIN = 28,
    GAP = 18,
    BANNER = 48,
    HEAD = 22, /* a row's heading */
    FOOT = 36, /* name and scores under a tile */
    ROW = HEAD + SIDE + FOOT + 14,
    ROWS_X = MARGIN + QUERY_SIDE + 36,
    WIDTH = ROWS_X + SHOWN * SIDE + (SHOWN - 1) * GAP + MARGIN
};

static int tile_x(int column)
{
    return ROWS_X + column * (SIDE + GAP);
}

static int smaller(size_t a, int b)
{
    return a < (size_t)b ? (int)a : b;
}

static void draw_banner(sl_image *page, const sl_case *one)
{
    const sl_answer *answer = one->answer;
    bool match = answer->decision == SL_MATCH && answer->count;
    char score[16], threshold[16], text[400];
    sl_draw_fill(page, 0, 0, WIDTH, BANNER, match ? sl_blue : sl_amber);
    sl_colour white = {255, 255, 255};
    if (answer->count) {
        const sl_candidate *best = &answer->candidates[0];
        bool asked = !isnan(answer->threshold);
        char numbers[96];
        snprintf(numbers, sizeof numbers, "%s %s%s%s", answer->threshold_on_stage1 ? "best stage 1" : "best score",
                 sl_number(score, answer->threshold_on_stage1 ? best->stage1 : best->score),
                 asked ? "   threshold " : ", no threshold", asked ? sl_number(threshold, answer->threshold) : "");
        const char *told = match ? "Match: " : !asked ? "Nearest: " : answer->decision == SL_TOO_LITTLE
                                 ? "Too little visible; nearest: " : "Unknown; nearest: ";
        snprintf(text, sizeof text, "%s%.300s", told, best->label);
        int width, height;
        sl_text_size(numbers, 1, &width, &height);
        sl_draw_text(page, WIDTH - MARGIN - width, (BANNER - height) / 2, numbers, 1, white);
        sl_draw_text_cut(page, MARGIN, 11, text, 2, WIDTH - 3 * MARGIN - width, white);
    } else {
        sl_draw_text_cut(page, MARGIN, 11, "Unknown: the gallery is empty", 2, WIDTH - 2 * MARGIN, white);
    }
}

static sl_status draw_query(sl_image *page, const sl_case *one, sl_error *err)
{
    int y = BANNER + MARGIN;
    sl_image tile;
    SL_TRY(sl_tile_square(one->query_crop, QUERY_SIDE, &tile, err));
    sl_draw_text(page, MARGIN, y, "query", 1, sl_ink_soft);
    sl_draw_image(page, MARGIN, y + HEAD, &tile);
    sl_image_free(&tile);
    y += HEAD + QUERY_SIDE + 10;
    sl_draw_text_cut(page, MARGIN, y, one->query_name ? one->query_name : "", 1, QUERY_SIDE, sl_ink);
    if (one->true_label) {
        char text[400];
        snprintf(text, sizeof text, "in truth: %.300s", one->true_label);
        sl_draw_text_cut(page, MARGIN, y + 18, text, 1, QUERY_SIDE, sl_ink_soft);
    }
    return SL_OK;
}

/* What the frames mean, at the foot of the query's column. */
static void draw_legend(sl_image *page, const sl_case *one, int bottom)
{
    if (!one->true_label)
        return;
    const struct {
        const char *text;
        sl_colour colour;
    } lines[] = {{"the true person", sl_right}, {"another person", sl_wrong}};
    int y = bottom - 40;
    for (int i = 0; i < 2; i++, y += 20) {
        sl_draw_frame(page, MARGIN, y, 14, 14, FRAME, lines[i].colour);
        sl_draw_text(page, MARGIN + 24, y + 1, lines[i].text, 1, sl_ink_soft);
    }
}

/* A candidate's rank by stage 1, of the photo itself or else of the person; 0: not shown there. Where a person stands
 * in several places (the answer is one of photos, not of people) only the photo counts. */
static int stage1_rank(const sl_case *one, const sl_candidate *candidate)
{
    const sl_answer *answer = one->answer;
    for (size_t i = 0; i < answer->stage1_count; i++)
        if (answer->stage1_candidates[i].entry == candidate->entry)
            return answer->stage1_candidates[i].rank;
    for (size_t i = 0; i < answer->count; i++)
        if (&answer->candidates[i] != candidate && !strcmp(answer->candidates[i].label, candidate->label))
            return 0;
    return sl_case_stage1_rank(one, candidate->label);
}

/* One face of a row, framed, with its name and what the row ranks by. */
static sl_status draw_candidate(sl_image *page, const sl_case *one, const sl_candidate *candidate, bool second,
                                int x, int y, sl_error *err)
{
    sl_image crop, tile;
    SL_TRY(sl_case_crop(one, candidate, &crop, err));
    sl_status status = sl_tile_square(crop.pixels ? &crop : NULL, SIDE, &tile, err);
    sl_image_free(&crop);
    if (status != SL_OK)
        return status;
    sl_draw_image(page, x, y, &tile);
    sl_image_free(&tile);
    sl_draw_frame(page, x, y, SIDE, SIDE, FRAME, sl_case_frame(one, candidate->label));

    char text[400], number[16];
    snprintf(text, sizeof text, "%d %.300s", candidate->rank, candidate->label);
    sl_draw_text_cut(page, x, y + SIDE + 5, text, 1, SIDE, sl_ink);
    int before = second ? stage1_rank(one, candidate) : 0;
    sl_number(number, second ? candidate->score : candidate->stage1);
    if (!second)
        snprintf(text, sizeof text, "%s", number);
    else if (before)
        snprintf(text, sizeof text, "%s  was %d", number, before);
    else
        snprintf(text, sizeof text, "%s  new", number);
    sl_draw_text_cut(page, x, y + SIDE + 20, text, 1, SIDE, sl_ink_soft);
    return SL_OK;
}

/* What moved, or what each part of the query gave to this candidate's score; empty where neither can be had. */
static sl_status picture_of(const sl_case *one, const sl_candidate *candidate, sl_image *out, sl_error *err)
{
    sl_transport t;
    sl_attribution why;
    sl_image crop = {0};
    bool have;
    int width, height;
    *out = (sl_image){0};
    SL_TRY(sl_case_transport(one, candidate, &t, &have, err));
    if (have) {
        sl_status status = sl_case_crop(one, candidate, &crop, err);
        const sl_image *other = crop.pixels ? &crop : NULL;
        sl_tile_size(one->query_crop ? one->query_crop : other, SIDE, &width, &height);
        if (status == SL_OK)
            status = sl_flow_picture(&t, other, width, height, out, err);
        sl_transport_free(&t);
        sl_image_free(&crop);
        return status;
    }
    if (sl_look_moves_patches(one->answer->match.rerank))
        return SL_OK;
    SL_TRY(sl_case_attribute(one, candidate, &why, err));
    sl_status status = why.rows ? sl_draw_shares(&why, one->query_crop, SIDE, out, err) : SL_OK;
    sl_attribution_free(&why);
    return status;
}

static sl_status draw_why_tile(sl_image *page, const sl_case *one, const sl_candidate *candidate, int x, int y,
                               sl_error *err)
{
    sl_image picture, tile = {0};
    SL_TRY(picture_of(one, candidate, &picture, err));
    sl_status status = picture.pixels ? sl_tile_square(&picture, SIDE, &tile, err)
                                      : sl_tile_message("not told by part", SIDE, &tile, err);
    if (status == SL_OK)
        sl_draw_image(page, x, y, &tile);
    sl_image_free(&picture);
    sl_image_free(&tile);
    return status;
}

static sl_status draw_rows(sl_image *page, const sl_case *one, sl_error *err)
{
    const sl_answer *answer = one->answer;
    bool second = sl_case_has_stage2(one);
    int nearest = smaller(answer->stage1_count, SHOWN), best = smaller(answer->count, SHOWN);
    int y = BANNER + MARGIN;
    sl_draw_text(page, ROWS_X, y, "stage 1: nearest by the whole face", 1, sl_ink_soft);
    for (int i = 0; i < nearest; i++)
        SL_TRY(draw_candidate(page, one, &answer->stage1_candidates[i], false, tile_x(i), y + HEAD, err));
    y += ROW;
    sl_draw_text(page, ROWS_X, y,
                 sl_look_moves_patches(answer->match.rerank)
                     ? "flow: the query, rebuilt from patches of the face below (dark: little flows)"
                     : "why: what each part gave to the score of the face below (blue: for, orange: against)",
                 1, sl_ink_soft);
    for (int i = 0; i < best; i++)
        SL_TRY(draw_why_tile(page, one, &answer->candidates[i], tile_x(i), y + HEAD, err));
    y += ROW - FOOT;
    sl_draw_text(page, ROWS_X, y,
                 second ? "stage 2: after the second look" : "final order: stage 1 alone", 1, sl_ink_soft);
    for (int i = 0; i < best; i++)
        SL_TRY(draw_candidate(page, one, &answer->candidates[i], second, tile_x(i), y + HEAD, err));
    return SL_OK;
}

sl_status sl_draw_sheet(const sl_case *one, sl_image *out, sl_error *err)
{
    *out = (sl_image){0};
    SL_TRY(sl_case_check(one, err));
    const sl_answer *answer = one->answer;
    bool faces = answer->count || answer->stage1_count;
    int height =
        faces ? BANNER + MARGIN + 3 * ROW - FOOT + MARGIN - 14 : BANNER + MARGIN + HEAD + QUERY_SIDE + 60 + MARGIN;
    SL_TRY(sl_image_new(WIDTH, height, 3, out, err));
    sl_draw_fill(out, 0, 0, WIDTH, height, sl_paper);
    draw_banner(out, one);
    draw_legend(out, one, height - MARGIN);
    sl_status status = draw_query(out, one, err);
    if (status == SL_OK && faces)
        status = draw_rows(out, one, err);
    if (status != SL_OK)
        sl_image_free(out);
    return status;
}
