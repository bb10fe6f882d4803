/* Pictures of one pair: flow, weights, and both together with names and scores. */
#include "explain/explain.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "image/image.h"
#include "match/cells.h"

enum { SMALLEST_SIDE = 8, LARGEST_SIDE = 4096 };

static sl_status check_pair(const sl_pair *pair, int side, sl_error *err)
{
    if (!pair || !pair->query || !pair->other)
        return sl_fail(err, SL_ERR_ARGUMENT, "a pair needs the templates of both faces");
    if (side < SMALLEST_SIDE || side > LARGEST_SIDE)
        return sl_fail(err, SL_ERR_ARGUMENT, "a picture's side of %d pixels is not in %d .. %d", side,
                       SMALLEST_SIDE, LARGEST_SIDE);
    if (pair->query_crop)
        SL_TRY(sl_image_check(pair->query_crop, err));
    if (pair->other_crop)
        SL_TRY(sl_image_check(pair->other_crop, err));
    return SL_OK;
}

sl_status sl_draw_flow(const sl_pair *pair, const sl_match_options *options, int side, sl_image *out,
                       sl_error *err)
{
    *out = (sl_image){0};
    SL_TRY(check_pair(pair, side, err));
    int width, height;
    sl_tile_size(pair->query_crop ? pair->query_crop : pair->other_crop, side, &width, &height);
    sl_transport t;
    SL_TRY(sl_transport_make(pair->query, pair->other, options, &t, err));
    sl_status status = sl_flow_picture(&t, pair->other_crop, width, height, out, err);
    sl_transport_free(&t);
    return status;
}

/* Both heat maps, each over its own face. */
static sl_status weights_of(const sl_pair *pair, const sl_transport *t, int side, sl_image *query, sl_image *other,
                            sl_error *err)
{
    int width, height;
    sl_tile_size(pair->query_crop, side, &width, &height);
    SL_TRY(sl_weights_picture(t->query_weights, t->rows, t->cols, pair->query_crop, width, height, query, err));
    sl_tile_size(pair->other_crop, side, &width, &height);
    sl_status status =
        sl_weights_picture(t->other_weights, t->rows, t->cols, pair->other_crop, width, height, other, err);
    if (status != SL_OK)
        sl_image_free(query);
    return status;
}

sl_status sl_draw_weights(const sl_pair *pair, const sl_match_options *options, int side, sl_image *query,
                          sl_image *other, sl_error *err)
{
    *query = *other = (sl_image){0};
    SL_TRY(check_pair(pair, side, err));
    sl_transport t;
    SL_TRY(sl_transport_make(pair->query, pair->other, options, &t, err));
    sl_status status = weights_of(pair, &t, side, query, other, err);
    sl_transport_free(&t);
    return status;
}

/* What was believed of the query, and the same of the other face. */
static sl_status trust_of(const sl_pair *pair, const sl_cells *cells, int side, sl_image *query, sl_image *other,
                          sl_error *err)
{
    int rows, cols, channels, width, height;
    sl_template_grid(pair->query, &rows, &cols, &channels);
    float *trust = sl_calloc_aligned((size_t)rows * (size_t)cols, sizeof *trust);
    sl_status status = trust ? sl_cells_trust(cells, pair->query, trust, err)
                             : sl_fail(err, SL_ERR_MEMORY, "no memory for a picture of trust");
    if (status == SL_OK) {
        sl_tile_size(pair->query_crop, side, &width, &height);
        status = sl_trust_picture(trust, rows, cols, pair->query_crop, width, height, query, err);
    }
    if (status == SL_OK) {
        sl_tile_size(pair->other_crop, side, &width, &height);
        status = sl_trust_picture(trust, rows, cols, pair->other_crop, width, height, other, err);
        if (status != SL_OK)
            sl_image_free(query);
    }
    free(trust);
    return status;
}

/* ------------------------------------------------------------------ the pair picture */

/* Two rows of three places: query | flow | other, heat | scores | heat; trust in a third. Pixels. */
enum {
    SIDE = 256,
    MARGIN = 28,
    GAP = 24,
    HEAD = 20, /* a place's heading above it */
    FOOT = 40, /* two lines below it */
    TOP_ROW = MARGIN + HEAD,
    BOTTOM_ROW = TOP_ROW + SIDE + FOOT + HEAD + 16,
    TRUST_ROW = BOTTOM_ROW + SIDE + FOOT + HEAD + 16,
    WIDTH = 2 * MARGIN + 3 * SIDE + 2 * GAP,
    HEIGHT = BOTTOM_ROW + SIDE + FOOT,
    HEIGHT_WITH_TRUST = TRUST_ROW + SIDE + FOOT
};

/* What the second row shows: the trust where that is what weighs, else the weights; and whether there is a third. */
static bool is_weighed_by_trust(const sl_match_options *o)
{
    return o->rerank == SL_RERANK_OAE || (o->rerank != SL_RERANK_NONE && o->weighting == SL_WEIGHT_TRUST);
}

static bool has_trust_row(const sl_match_options *o)
{
    return !is_weighed_by_trust(o) && o->cells && sl_cells_has_statistics(o->cells);
}

static int place_x(int column)
{
    return MARGIN + column * (SIDE + GAP);
}

static void place(sl_image *page, int column, int y, const sl_image *picture, const char *heading,
                  const char *line, const char *second_line)
{
    int middle = place_x(column) + SIDE / 2;
    sl_draw_text_middle(page, middle, y - HEAD, heading, 1, SIDE, sl_ink_soft);
    if (picture)
        sl_draw_image(page, middle - picture->width / 2, y + (SIDE - picture->height) / 2, picture);
    sl_draw_text_middle(page, middle, y + SIDE + 6, line, 1, SIDE, sl_ink);
    sl_draw_text_middle(page, middle, y + SIDE + 21, second_line, 1, SIDE, sl_ink_soft);
}

static int line_of_scores(sl_image *page, int y, const char *name, const char *value, sl_colour colour)
{
    int width, height, x = place_x(1);
    sl_text_size(value, 1, &width, &height);
    sl_draw_text(page, x, y, name, 1, sl_ink_soft);
    sl_draw_text(page, x + SIDE - width, y, value, 1, colour);
    sl_draw_fill(page, x, y + 17, SIDE, 1, sl_draw_rule);
    return y + 25;
}

/* The jet colours from low to high, with words at the ends. */
static void colour_bar(sl_image *page, int x, int y)
{
    for (int i = 0; i < SIDE; i++) {
        sl_colour c = sl_colour_jet((float)i / (SIDE - 1));
        sl_draw_fill(page, x + i, y, 1, 12, c);
    }
    int width, height;
    sl_text_size("counts most", 1, &width, &height);
    sl_draw_text(page, x, y + 18, "counts least", 1, sl_ink_soft);
    sl_draw_text(page, x + SIDE - width, y + 18, "counts most", 1, sl_ink_soft);
}

static void draw_scores(sl_image *page, const sl_score *score, const sl_match_options *options,
                        const sl_transport *t)
{
    char number[16], text[64];
    int y = BOTTOM_ROW;
    if (options->rerank != SL_RERANK_NONE) {
        sl_draw_text(page, place_x(1), y, "score", 1, sl_ink_soft);
        sl_draw_text(page, place_x(1), y + 16, sl_number(number, score->score), 3, sl_ink);
        y += 72;
    }
    y = line_of_scores(page, y, "stage 1: whole faces", sl_number(number, score->stage1), sl_ink);
    snprintf(text, sizeof text, "stage 2: %s", sl_look_words(options->rerank));
    y = line_of_scores(page, y, text, sl_number(number, score->stage2), sl_ink);
    snprintf(text, sizeof text, "%s of stage 2", sl_number(number, options->alpha));
    y = line_of_scores(page, y, "alpha", text, sl_ink);
    if (options->rerank != SL_RERANK_OAE)
        y = line_of_scores(page, y, "weights", sl_weighting_name(options->weighting), sl_ink);
    bool contributions = options->rerank == SL_RERANK_OAE || options->feature == SL_FEATURE_CONTRIBUTIONS;
    snprintf(text, sizeof text, "%d x %d %s", t->rows, t->cols, contributions ? "contributions" : "patches");
    line_of_scores(page, y, "grid", text, sl_ink);
    if (!is_weighed_by_trust(options))
        colour_bar(page, place_x(1), BOTTOM_ROW + SIDE - 30);
}

/* A crop of its own aspect, or a grey square. */
static sl_status crop_tile(const sl_image *crop, sl_image *out, sl_error *err)
{
    int width, height;
    sl_tile_size(crop, SIDE, &width, &height);
    return crop ? sl_tile(crop, width, height, out, err) : sl_tile_square(NULL, SIDE, out, err);
}

static sl_status draw_faces(sl_image *page, const sl_pair *pair, const sl_match_options *options,
                            const sl_transport *t, sl_error *err)
{
    const char *what = options->rerank == SL_RERANK_MAXSIM  ? "the patch most like each place"
                       : options->rerank == SL_RERANK_CELLS ? "the patch in the same place"
                                                            : "bright: much flows, dark: little";
    sl_image query = {0}, flow = {0}, other = {0};
    int width, height;
    sl_status status;
    sl_tile_size(pair->query_crop ? pair->query_crop : pair->other_crop, SIDE, &width, &height);
    SL_TRY_GOTO(sl_flow_picture(t, pair->other_crop, width, height, &flow, err), done);
    SL_TRY_GOTO(crop_tile(pair->query_crop, &query, err), done);
    SL_TRY_GOTO(crop_tile(pair->other_crop, &other, err), done);
    place(page, 0, TOP_ROW, &query, "query", pair->query_name ? pair->query_name : "", "");
    place(page, 1, TOP_ROW, &flow, "flow", "query rebuilt from the other", what);
    place(page, 2, TOP_ROW, &other, "other", pair->other_name ? pair->other_name : "", "");
done:
    sl_image_free(&query);
    sl_image_free(&flow);
    sl_image_free(&other);
    return status;
}

static sl_status draw_weights_row(sl_image *page, const sl_pair *pair, const sl_transport *t, sl_error *err)
{
    sl_image query, other;
    SL_TRY(weights_of(pair, t, SIDE, &query, &other, err));
    place(page, 0, BOTTOM_ROW, &query, "weights of the query", "", "");
    place(page, 2, BOTTOM_ROW, &other, "weights of the other", "", "");
    sl_image_free(&query);
    sl_image_free(&other);
    return SL_OK;
}

static sl_status draw_trust_row(sl_image *page, const sl_pair *pair, const sl_cells *cells, int y, sl_error *err)
{
    sl_image query, other;
    SL_TRY(trust_of(pair, cells, SIDE, &query, &other, err));
    place(page, 0, y, &query, "believed of the query", "dark: ignored", "");
    place(page, 2, y, &other, "the same of the other", "", "");
    sl_image_free(&query);
    sl_image_free(&other);
    return SL_OK;
}

static sl_status draw_page(const sl_pair *pair, const sl_match_options *options, const sl_transport *t,
                           const sl_score *score, sl_image *out, sl_error *err)
{
    const int height = has_trust_row(options) ? HEIGHT_WITH_TRUST : HEIGHT;
    SL_TRY(sl_image_new(WIDTH, height, 3, out, err));
    sl_draw_fill(out, 0, 0, WIDTH, height, sl_paper);
    SL_TRY(draw_faces(out, pair, options, t, err));
    if (is_weighed_by_trust(options))
        SL_TRY(draw_trust_row(out, pair, options->cells, BOTTOM_ROW, err));
    else
        SL_TRY(draw_weights_row(out, pair, t, err));
    if (has_trust_row(options))
        SL_TRY(draw_trust_row(out, pair, options->cells, TRUST_ROW, err));
    draw_scores(out, score, options, t);
    return SL_OK;
}

sl_status sl_draw_pair(const sl_pair *pair, const sl_match_options *options, sl_image *out, sl_error *err)
{
    *out = (sl_image){0};
    SL_TRY(check_pair(pair, SIDE, err));
    sl_match_options settled = options ? *options : sl_match_defaults();
    sl_match_suit(&settled, &pair->query->shape);
    options = &settled;
    sl_score score;
    SL_TRY(sl_compare(pair->query, pair->other, options, &score, err));
    sl_transport t;
    SL_TRY(sl_transport_make(pair->query, pair->other, options, &t, err));
    sl_status status = draw_page(pair, options, &t, &score, out, err);
    sl_transport_free(&t);
    if (status != SL_OK)
        sl_image_free(out);
    return status;
}
