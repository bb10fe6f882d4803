/* Pictures of one pair: flow, weights, and both together with names and scores. */
#include "explain/pair_page.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "image/image.h"
#include "match/oae/oae.h"
#include "match/patch/weighting.h"

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
static sl_status trust_of(const sl_pair *pair, const sl_oae *oae, int side, sl_image *query, sl_image *other,
                          sl_error *err)
{
    int rows, cols, channels, width, height;
    sl_template_grid(pair->query, &rows, &cols, &channels);
    float *trust = sl_calloc_aligned((size_t)rows * (size_t)cols, sizeof *trust);
    sl_status status = trust ? sl_oae_trust(oae, pair->query, trust, err)
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

/* Rows: query | flow or what gave the score | other; what counted of the query | the decision | of the other; of a look
 * that was learned, further heats; how far the query is believed, where that is not what counts. */
enum { FACES_ROW = 0, COUNTED_ROW = 1, FURTHER_ROW = 2 };

/* A pair with all that its picture shows. */
typedef struct {
    const sl_pair *pair;
    const sl_match_options *options; /* settled */
    sl_attribution why;              /* rows 0: it cannot be told by cell */
    float hidden;                    /* NaN: not known */
    sl_pair_heats heats;             /* of a look that was learned */
} pair_picture;

static bool knows_trust(const sl_pair *pair, const sl_match_options *o)
{
    return o->oae && sl_oae_has_statistics(o->oae) && pair->query->shape.format != SL_PATCHES_NONE &&
           pair->other->shape.format != SL_PATCHES_NONE;
}

/* Trust is what decides who is judged among whom, so it is shown wherever it is known. */
static bool has_trust_row(const pair_picture *p)
{
    return !sl_look_is_by_trust(p->options->rerank) && knows_trust(p->pair, p->options);
}

static void place(sl_image *page, int column, int row, const sl_image *picture, const char *heading, const char *line,
                  const char *second_line)
{
    sl_pair_put(page, &(sl_pair_place){column, row, heading, line, second_line}, picture);
}

static int line_of_scores(sl_image *page, int y, const char *name, const char *value, sl_colour colour)
{
    int width, height, x = sl_pair_place_x(1);
    sl_text_size(value, 1, &width, &height);
    sl_draw_text(page, x, y, name, 1, sl_ink_soft);
    sl_draw_text(page, x + PAIR_SIDE - width, y, value, 1, colour);
    sl_draw_fill(page, x, y + 17, PAIR_SIDE, 1, sl_line);
    return y + 25;
}

/* The colours of shares from against to for, with words at the ends. */
static void colour_bar(sl_image *page, int x, int y, const sl_attribution *why)
{
    char number[16], least[32], most[32];
    int width, height;
    for (int i = 0; i < PAIR_SIDE; i++)
        sl_draw_fill(page, x + i, y, 1, 12, sl_share_colour(2.f * (float)i / (PAIR_SIDE - 1) - 1, 225));
    sl_number(number, sl_largest_share(why->shares, why->rows * why->cols));
    snprintf(least, sizeof least, "against -%s", number);
    snprintf(most, sizeof most, "for +%s", number);
    sl_text_size(most, 1, &width, &height);
    sl_draw_text(page, x, y + 16, least, 1, sl_ink_soft);
    sl_draw_text(page, x + PAIR_SIDE - width, y + 16, most, 1, sl_ink_soft);
}

/* "same person: 0.612 reaches 0.532", and among which faces that was judged. */
static int draw_decision(sl_image *page, const pair_picture *p, int y)
{
    const sl_rule *rule = p->pair->rule;
    const sl_score *score = &p->why.score;
    char number[16], value[16], text[64];
    if (!isnan(p->hidden)) {
        snprintf(text, sizeof text, "%.0f %%", 100 * (double)p->hidden);
        y = line_of_scores(page, y, "hidden of the faces", text, sl_ink);
    }
    if (!rule || !rule->bins)
        return y;
    const int bin = sl_rule_bin(rule, p->hidden);
    static const char *const told[] = {[SL_UNKNOWN] = "not the same person", [SL_MATCH] = "same person",
                                       [SL_TOO_LITTLE] = "too little visible to tell"};
    const sl_decision decision = sl_rule_decide(rule, score->score, score->stage1, p->hidden);
    if (rule->bins > 1) {
        snprintf(text, sizeof text, bin == rule->bins - 1 ? "%.0f %% or more hidden" : "%.0f to %.0f %% hidden",
                 bin ? 100 * (double)rule->hidden_to[bin - 1] : 0, 100 * (double)rule->hidden_to[bin]);
        y = line_of_scores(page, y, "judged among", text, sl_ink);
    }
    y = line_of_scores(page, y, "threshold", sl_number(number, rule->threshold[bin]), sl_ink);
    snprintf(text, sizeof text, "%s %s", rule->on_stage1 ? "stage 1" : "score",
             sl_number(value, rule->on_stage1 ? score->stage1 : score->score));
    return line_of_scores(page, y, text, told[decision], decision == SL_MATCH ? sl_blue : sl_amber);
}

static void draw_scores(sl_image *page, const pair_picture *p)
{
    const sl_score *score = &p->why.score;
    const sl_match_options *options = p->options;
    char number[16], text[64];
    int y = sl_pair_row_y(COUNTED_ROW);
    if (sl_looks_again(options)) {
        sl_draw_text(page, sl_pair_place_x(1), y, "score", 1, sl_ink_soft);
        sl_draw_text(page, sl_pair_place_x(1), y + 16, sl_number(number, score->score), 3, sl_ink);
        y += 66;
    }
    snprintf(text, sizeof text, "%s x whole faces",
             sl_number(number, sl_looks_again(options) ? 1 - options->alpha : 1));
    char value[16];
    y = line_of_scores(page, y, text, sl_number(value, score->stage1), sl_ink);
    if (sl_looks_again(options)) {
        snprintf(text, sizeof text, "%s x %s", sl_number(number, options->alpha),
                 sl_look_kind_of(options->rerank)->words);
        y = line_of_scores(page, y, text, sl_number(value, score->stage2), sl_ink);
    }
    y = draw_decision(page, p, y);
    if (sl_rerank_reads(options->rerank) & SL_READS_PATCHES) {
        snprintf(text, sizeof text, "%d x %d %s", p->why.rows, p->why.cols,
                 options->feature == SL_FEATURE_CONTRIBUTIONS ? "contributions" : "patches");
        line_of_scores(page, y, text, sl_weighting_name(options->weighting), sl_ink);
    }
    if (p->why.rows && !p->heats.attention)
        colour_bar(page, sl_pair_place_x(1), sl_pair_row_y(COUNTED_ROW) + PAIR_SIDE + PAIR_FOOT - 36, &p->why);
}

/* A crop of its own aspect, or a grey square. */
static sl_status crop_tile(const sl_image *crop, sl_image *out, sl_error *err)
{
    int width, height;
    sl_tile_size(crop, PAIR_SIDE, &width, &height);
    return crop ? sl_tile(crop, width, height, out, err) : sl_tile_square(NULL, PAIR_SIDE, out, err);
}

/* A face as the first row shows it: with its landmarks where these are what counts. */
static sl_status face_tile(const pair_picture *p, const sl_template *face, const sl_image *crop, sl_image *out,
                           sl_error *err)
{
    const sl_match_options *o = p->options;
    const bool by_patches = (sl_rerank_reads(o->rerank) & SL_READS_PATCHES) != 0;
    const bool by_landmarks = by_patches && sl_weighting_of(o->weighting)->landmarks;
    return by_landmarks ? sl_draw_landmarks(face, crop, PAIR_SIDE, out, err) : crop_tile(crop, out, err);
}

/* In the middle of the first row: the flow where patches are moved, or attention goes from face to face, else what the
 * parts gave. */
static sl_status middle_of(const pair_picture *p, sl_image *out, sl_error *err)
{
    const sl_pair *pair = p->pair;
    if (sl_look_moves_patches(p->options->rerank))
        return sl_draw_flow(pair, p->options, PAIR_SIDE, out, err);
    if (p->heats.attention)
        return sl_pair_attention_flow(&p->heats, pair, SL_ALL_HEADS, PAIR_SIDE, out, err);
    if (p->why.rows)
        return sl_draw_shares(&p->why, pair->query_crop, PAIR_SIDE, out, err);
    return sl_tile_message("not told by part", PAIR_SIDE, out, err);
}

static void tell_middle(sl_image *page, const pair_picture *p, const sl_image *middle)
{
    const char *line = "query rebuilt from the other";
    if (sl_look_moves_patches(p->options->rerank))
        place(page, 1, FACES_ROW, middle, "flow", line, sl_look_kind_of(p->options->rerank)->flow);
    else if (p->heats.attention)
        place(page, 1, FACES_ROW, middle, "attention flow", line, "where each place looks most");
    else
        place(page, 1, FACES_ROW, middle, "why", "what each part gave to the score", "blue: for, orange: against");
}

static sl_status draw_faces(sl_image *page, const pair_picture *p, sl_error *err)
{
    const sl_pair *pair = p->pair;
    sl_image query = {0}, middle = {0}, other = {0};
    sl_status status;
    SL_TRY_GOTO(middle_of(p, &middle, err), done);
    SL_TRY_GOTO(face_tile(p, pair->query, pair->query_crop, &query, err), done);
    SL_TRY_GOTO(face_tile(p, pair->other, pair->other_crop, &other, err), done);
    place(page, 0, FACES_ROW, &query, "query", pair->query_name ? pair->query_name : "", "");
    tell_middle(page, p, &middle);
    place(page, 2, FACES_ROW, &other, "other", pair->other_name ? pair->other_name : "", "");
done:
    sl_image_free(&query);
    sl_image_free(&middle);
    sl_image_free(&other);
    return status;
}

/* A face, dark where it counted little. */
static sl_status counted_of(const sl_attribution *why, const float *weights, const sl_image *crop, sl_image *out,
                            sl_error *err)
{
    int width, height;
    sl_tile_size(crop, PAIR_SIDE, &width, &height);
    return sl_trust_picture(weights, why->rows, why->cols, crop, width, height, out, err);
}

/* Below the faces: of looks by patches what the query's gave and what counted of the other, of one that was learned
 * what its score came from, else what was left out. */
static sl_status draw_counted(sl_image *page, const pair_picture *p, sl_error *err)
{
    const sl_attribution *why = &p->why;
    const bool flow = sl_look_moves_patches(p->options->rerank);
    sl_image query = {0}, other = {0};
    if (p->heats.relevance)
        return sl_pair_heats_row(&p->heats, p->pair, SL_HEAT_RELEVANCE, COUNTED_ROW, page, err);
    if (!why->rows || !sl_looks_again(p->options))
        return SL_OK;
    SL_TRY(counted_of(why, why->other_weights, p->pair->other_crop, &other, err));
    sl_status status = flow ? sl_draw_shares(why, p->pair->query_crop, PAIR_SIDE, &query, err)
                            : counted_of(why, why->query_weights, p->pair->query_crop, &query, err);
    if (status == SL_OK) {
        place(page, 0, COUNTED_ROW, &query, flow ? "what each part gave" : "believed of the query",
              flow ? "blue: for, orange: against" : "dark: left out", "");
        place(page, 2, COUNTED_ROW, &other, flow ? "what counted of the other" : "the same of the other",
              flow ? "dark: little" : "", "");
    }
    sl_image_free(&query);
    sl_image_free(&other);
    return status;
}

static sl_status draw_trust_row(sl_image *page, const sl_pair *pair, const sl_oae *oae, int row, sl_error *err)
{
    sl_image query, other;
    SL_TRY(trust_of(pair, oae, PAIR_SIDE, &query, &other, err));
    place(page, 0, row, &query, "believed of the query", "dark: taken as hidden", "");
    place(page, 2, row, &other, "the same of the other", "", "");
    sl_image_free(&query);
    sl_image_free(&other);
    return SL_OK;
}

static sl_status draw_page(const pair_picture *p, sl_image *out, sl_error *err)
{
    const int rows = FURTHER_ROW + p->heats.cc + p->heats.attention + has_trust_row(p), height = sl_pair_height(rows);
    int row = FURTHER_ROW;
    SL_TRY(sl_image_new(PAIR_WIDTH, height, 3, out, err));
    sl_draw_fill(out, 0, 0, PAIR_WIDTH, height, sl_paper);
    SL_TRY(draw_faces(out, p, err));
    SL_TRY(draw_counted(out, p, err));
    if (p->heats.cc)
        SL_TRY(sl_pair_heats_row(&p->heats, p->pair, SL_HEAT_CC, row++, out, err));
    if (p->heats.attention)
        SL_TRY(sl_pair_heats_row(&p->heats, p->pair, SL_HEAT_ATTENTION, row++, out, err));
    if (has_trust_row(p))
        SL_TRY(draw_trust_row(out, p->pair, p->options->oae, row, err));
    draw_scores(out, p);
    return SL_OK;
}

/* A pair is as hidden as the more hidden of its faces. */
static sl_status hidden_of(const sl_pair *pair, const sl_match_options *options, float *hidden, sl_error *err)
{
    float other;
    *hidden = NAN;
    if (!knows_trust(pair, options))
        return SL_OK;
    SL_TRY(sl_oae_hidden(options->oae, pair->query, hidden, err));
    SL_TRY(sl_oae_hidden(options->oae, pair->other, &other, err));
    *hidden = fmaxf(*hidden, other);
    return SL_OK;
}

sl_status sl_draw_pair(const sl_pair *pair, const sl_match_options *options, sl_image *out, sl_error *err)
{
    *out = (sl_image){0};
    SL_TRY(check_pair(pair, PAIR_SIDE, err));
    sl_match_options settled = options ? *options : sl_match_defaults();
    sl_match_suit(&settled, &pair->query->shape);
    pair_picture p = {.pair = pair, .options = &settled};
    SL_TRY(sl_attribute(pair->query, pair->other, &settled, &p.why, err));
    sl_status status = hidden_of(pair, &settled, &p.hidden, err);
    if (status == SL_OK)
        status = sl_pair_heats_open(pair, &settled, &p.heats, err);
    if (status == SL_OK)
        status = draw_page(&p, out, err);
    sl_pair_heats_close(&p.heats);
    sl_attribution_free(&p.why);
    if (status != SL_OK)
        sl_image_free(out);
    return status;
}
