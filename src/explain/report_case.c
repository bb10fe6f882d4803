/* One case of the report: the query, what flowed where, both looks' best, and every score. */
#include "explain/report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "image/image.h"

enum { SHOWN = 5, BIG = 224, SMALL = 112, FLOW_BIG = 280, FLOW_SMALL = 112, HEAT = 168, QUALITY = 84 };

static size_t shown(size_t count)
{
    return count < SHOWN ? count : SHOWN;
}

sl_status sl_report_picture(sl_text *page, const sl_image *picture, const char *alt, sl_error *err)
{
    uint8_t *jpeg;
    size_t size;
    SL_TRY(sl_image_encode_jpeg(picture, QUALITY, &jpeg, &size, err));
    sl_text_add(page, "<img width=\"%d\" height=\"%d\" alt=\"", picture->width, picture->height);
    sl_text_add_html(page, alt);
    sl_text_add(page, "\" src=\"data:image/jpeg;base64,");
    sl_text_add_base64(page, jpeg, size);
    sl_text_add(page, "\">");
    free(jpeg);
    return SL_OK;
}

sl_status sl_report_crop(sl_text *page, const sl_image *crop, int side, const char *alt, sl_error *err)
{
    if (!crop || !crop->pixels) {
        sl_text_add(page, "<span class=\"no-picture\" role=\"img\" aria-label=\"");
        sl_text_add_html(page, alt);
        sl_text_add(page, " (picture not kept)\">picture not kept</span>");
        return SL_OK;
    }
    int longer = crop->width > crop->height ? crop->width : crop->height, width, height;
    sl_tile_size(crop, longer < side ? longer : side, &width, &height); /* enlarging is the browser's affair */
    sl_image tile;
    SL_TRY(sl_tile(crop, width, height, &tile, err));
    sl_status status = sl_report_picture(page, &tile, alt, err);
    sl_image_free(&tile);
    return status;
}

static sl_status flow_of(sl_text *page, const sl_case *one, const sl_transport *t, const sl_image *other, int side,
                         const char *alt, sl_error *err)
{
    int width, height;
    sl_image flow;
    sl_tile_size(one->query_crop ? one->query_crop : other, side, &width, &height);
    SL_TRY(sl_flow_picture(t, other, width, height, &flow, err));
    sl_status status = sl_report_picture(page, &flow, alt, err);
    sl_image_free(&flow);
    return status;
}

static sl_status heat_of(sl_text *page, const sl_transport *t, const float *weights, const sl_image *crop,
                         const char *alt, sl_error *err)
{
    int width, height;
    sl_image heat;
    sl_tile_size(crop, HEAT, &width, &height);
    SL_TRY(sl_weights_picture(weights, t->rows, t->cols, crop, width, height, &heat, err));
    sl_status status = sl_report_picture(page, &heat, alt, err);
    sl_image_free(&heat);
    return status;
}

/* "right", "wrong" or "open": the frame's class, from which the style takes colour and sign. */
static const char *frame_class(const sl_case *one, const char *label)
{
    int right = sl_case_is_right(one, label);
    return right < 0 ? "open" : right ? "right" : "wrong";
}

static void sign_of(sl_text *page, const sl_case *one, const char *label)
{
    int right = sl_case_is_right(one, label);
    if (right >= 0)
        sl_text_add(page, "<span class=\"sign\" role=\"img\" aria-label=\"%s\">%s</span> ",
                    right ? "the true person" : "another person", right ? "&#10003;" : "&#10007;");
}

/* ------------------------------------------------------------------ query | flow | best candidate */

static void figure(sl_text *page, const char *class)
{
    sl_text_add(page, "<figure class=\"%s\">", class);
}

static void figure_end(sl_text *page, const char *caption, const char *name)
{
    sl_text_add(page, "<figcaption><span class=\"what\">%s</span> ", caption);
    if (name)
        sl_report_name(page, name);
    sl_text_add(page, "</figcaption></figure>\n");
}

static sl_status heat_row(sl_text *page, const sl_case *one, const sl_transport *t, const sl_image *best,
                          sl_error *err)
{
    figure(page, "heat");
    SL_TRY(heat_of(page, t, t->query_weights, one->query_crop, "heat map of the query", err));
    figure_end(page, "What counted in the query", NULL);
    sl_text_add(page,
                "<div class=\"key\"><div class=\"jet\"></div><p><span>counts least</span> <span>counts most</span>"
                "</p></div>\n");
    figure(page, "heat");
    SL_TRY(heat_of(page, t, t->other_weights, best, "heat map of the candidate", err));
    figure_end(page, "What counted in the candidate", NULL);
    return SL_OK;
}

static sl_status pictures_of_best(sl_text *page, const sl_case *one, const sl_image *best, const sl_transport *t,
                                  sl_error *err)
{
    const char *label = one->answer->candidates[0].label;
    figure(page, "face");
    SL_TRY(sl_report_crop(page, one->query_crop, BIG, "the query", err));
    figure_end(page, "Query", NULL);
    figure(page, "face flow");
    if (t)
        SL_TRY(flow_of(page, one, t, best, FLOW_BIG, "flow picture: the query rebuilt from the candidate", err));
    else
        sl_text_add(page, "<span class=\"no-picture\">no flow for this pair</span>");
    figure_end(page, "Flow", NULL);
    sl_text_add(page, "<figure class=\"face %s\">", frame_class(one, label));
    SL_TRY(sl_report_crop(page, best, BIG, label, err));
    figure_end(page, "Best candidate", label);
    return t ? heat_row(page, one, t, best, err) : SL_OK;
}

static sl_status trio(sl_text *page, const sl_case *one, sl_error *err)
{
    const sl_candidate *first = &one->answer->candidates[0];
    sl_transport t;
    sl_image best;
    bool have;
    SL_TRY(sl_case_crop(one, first, &best, err));
    sl_status status = sl_case_transport(one, first, &t, &have, err);
    if (status == SL_OK) {
        sl_text_add(page, "<div class=\"trio\">\n");
        status = pictures_of_best(page, one, best.pixels ? &best : NULL, have ? &t : NULL, err);
        sl_text_add(
            page, "</div>\n<p class=\"caption\">The middle picture is the query, put together from pieces of the "
                  "face on the right: at each place stands the piece that most flows to. Dark places hardly took "
                  "part.</p>\n");
    }
    if (have)
        sl_transport_free(&t);
    sl_image_free(&best);
    return status;
}

/* ------------------------------------------------------------------ both looks' best */

static void place_before(sl_text *page, const sl_case *one, const sl_candidate *candidate)
{
    int before = sl_case_stage1_rank(one, candidate->label);
    if (!before)
        sl_text_add(page, "<span class=\"move up\">new</span>");
    else if (before > candidate->rank)
        sl_text_add(page, "<span class=\"move up\">&#9650; from %d</span>", before);
    else if (before < candidate->rank)
        sl_text_add(page, "<span class=\"move down\">&#9660; from %d</span>", before);
    else
        sl_text_add(page, "<span class=\"move\">as before</span>");
}

static sl_status face_item(sl_text *page, const sl_case *one, const sl_candidate *candidate, bool second,
                           sl_error *err)
{
    char number[16];
    sl_image crop;
    sl_transport t;
    bool have = false;
    SL_TRY(sl_case_crop(one, candidate, &crop, err));
    const sl_image *face = crop.pixels ? &crop : NULL;
    sl_text_add(page, "<li class=\"%s\">", frame_class(one, candidate->label));
    sl_status status = sl_report_crop(page, face, SMALL, candidate->label, err);
    if (second && status == SL_OK) {
        status = sl_case_transport(one, candidate, &t, &have, err);
        if (have)
            status = flow_of(page, one, &t, face, FLOW_SMALL, "flow picture of this candidate", err);
    }
    if (have)
        sl_transport_free(&t);
    sl_image_free(&crop);
    sl_text_add(page, "<p class=\"who\"><span class=\"rank\">%d</span> ", candidate->rank);
    sign_of(page, one, candidate->label);
    sl_report_name(page, candidate->label);
    sl_text_add(page, "</p><p class=\"how\">%s ",
                sl_number(number, second ? candidate->score : candidate->stage1));
    if (second)
        place_before(page, one, candidate);
    sl_text_add(page, "</p></li>\n");
    return status;
}

static sl_status both_looks(sl_text *page, const sl_case *one, sl_error *err)
{
    const sl_answer *answer = one->answer;
    sl_text_add(page, "<h4>First look: nearest by the whole face</h4>\n<ol class=\"faces\">\n");
    for (size_t i = 0; i < shown(answer->stage1_count); i++)
        SL_TRY(face_item(page, one, &answer->stage1_candidates[i], false, err));
    sl_text_add(page, "</ol>\n");
    if (!sl_case_has_stage2(one))
        return SL_OK;
    sl_text_add(page, "<h4>Second look, each above its flow picture</h4>\n<ol class=\"faces\">\n");
    for (size_t i = 0; i < shown(answer->count); i++)
        SL_TRY(face_item(page, one, &answer->candidates[i], true, err));
    sl_text_add(page, "</ol>\n");
    return SL_OK;
}

/* ------------------------------------------------------------------ scores */

static void score_table(sl_text *page, const sl_case *one)
{
    const sl_answer *answer = one->answer;
    char number[16];
    sl_text_add(page,
                "<details>\n<summary>All scores</summary>\n<div class=\"scroll\"><table>\n<thead><tr>"
                "<th scope=\"col\">Rank</th><th scope=\"col\">Person</th><th scope=\"col\">Photo</th>"
                "<th scope=\"col\">Score</th><th scope=\"col\">First look</th><th scope=\"col\">Second look</th>"
                "<th scope=\"col\">First-look rank</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < answer->count; i++) {
        const sl_candidate *c = &answer->candidates[i];
        int before = sl_case_stage1_rank(one, c->label);
        sl_text_add(page, "<tr><td>%d</td><td class=\"%s\">", c->rank, frame_class(one, c->label));
        sign_of(page, one, c->label);
        sl_report_name(page, c->label);
        sl_text_add(page, "</td><td>");
        sl_report_name(page, c->image ? c->image : "");
        sl_text_add(page, "</td><td>%s</td>", sl_number(number, c->score));
        sl_text_add(page, "<td>%s</td>", sl_number(number, c->stage1));
        sl_text_add(page, "<td>%s</td>", sl_number(number, c->stage2));
        if (before)
            sl_text_add(page, "<td>%d</td></tr>\n", before);
        else
            sl_text_add(page, "<td>below %zu</td></tr>\n", answer->stage1_count);
    }
    sl_text_add(page, "</tbody>\n</table></div>\n</details>\n");
}

static void case_head(sl_text *page, const sl_case *one, size_t number, size_t count)
{
    bool match = one->answer->decision == SL_MATCH && one->answer->count;
    sl_text_add(page,
                "<article class=\"case\" id=\"case-%zu\" aria-labelledby=\"case-%zu-title\">\n"
                "<p class=\"eyebrow\">Case %zu of %zu</p>\n<h3 id=\"case-%zu-title\">",
                number, number, number, count, number);
    sl_report_name(page, sl_report_query_name(one));
    sl_text_add(page, "</h3>\n<p class=\"verdict\"><span class=\"badge %s\">%s</span> ",
                match ? "match" : "unknown", match ? "Match" : "Unknown");
    if (match)
        sl_report_name(page, one->answer->candidates[0].label);
    sl_text_add(page, "</p>\n");
    sl_report_story(page, one);
}

sl_status sl_report_case(sl_text *page, const sl_case *one, size_t number, size_t count, bool settings,
                         sl_error *err)
{
    case_head(page, one, number, count);
    if (settings)
        sl_report_settings(page, one);
    if (one->answer->count) {
        SL_TRY(trio(page, one, err));
        SL_TRY(both_looks(page, one, err));
        score_table(page, one);
    } else {
        sl_text_add(page, "<div class=\"trio\">\n");
        figure(page, "face");
        SL_TRY(sl_report_crop(page, one->query_crop, BIG, "the query", err));
        figure_end(page, "Query", NULL);
        sl_text_add(page, "</div>\n");
    }
    sl_text_add(page, "<p class=\"back\"><a href=\"#summary\">Back to all cases</a></p>\n</article>\n");
    return SL_OK;
}
