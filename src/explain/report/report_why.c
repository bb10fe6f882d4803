/* Why a case's best candidate got its score: pictures of what counted and what it gave, every cell's part, and
 * what is left of the score when cells are hidden. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "explain/report/report.h"
#include "image/image.h"
#include "secondlook_draw.h"

enum { BIG = 224, ROW_HEIGHT = 12, ROW_GAP = 3, CHART_WIDTH = 440, CHART_HEIGHT = 300 };

static void figure(sl_text *page, const char *class)
{
    sl_text_add(page, "<figure class=\"%s\">", class);
}

static void figure_end(sl_text *page, const char *caption)
{
    sl_text_add(page, "<figcaption>%s</figcaption></figure>\n", caption);
}

/* ---- pictures ---- */

static sl_status shares_of(sl_text *page, const sl_attribution *why, const float *weights, const sl_image *crop,
                           const char *alt, sl_error *err)
{
    int width, height;
    sl_image picture;
    sl_tile_size(crop, BIG, &width, &height);
    SL_TRY(sl_shares_picture(why, weights, 0, crop, width, height, &picture, err));
    sl_status status = sl_report_picture(page, &picture, alt, err);
    sl_image_free(&picture);
    return status;
}

/* A face, dark where it was left out. */
static sl_status counted_of(sl_text *page, const float *weights, const sl_attribution *why, const sl_image *crop,
                            const char *alt, sl_error *err)
{
    int width, height;
    sl_image picture;
    sl_tile_size(crop, BIG, &width, &height);
    SL_TRY(sl_trust_picture(weights, why->rows, why->cols, crop, width, height, &picture, err));
    sl_status status = sl_report_picture(page, &picture, alt, err);
    sl_image_free(&picture);
    return status;
}

static sl_status flow_of(sl_text *page, const sl_case *one, const sl_image *best, sl_error *err)
{
    int width, height;
    bool have;
    sl_transport t;
    sl_image flow = {0};
    SL_TRY(sl_case_transport(one, &one->answer->candidates[0], &t, &have, err));
    if (!have) {
        sl_text_add(page, "<span class=\"no-picture\">no flow for this pair</span>");
        return SL_OK;
    }
    sl_tile_size(one->query_crop ? one->query_crop : best, BIG, &width, &height);
    sl_status status = sl_flow_picture(&t, best, width, height, &flow, err);
    if (status == SL_OK)
        status = sl_report_picture(page, &flow, "flow picture: the query rebuilt from the candidate", err);
    sl_image_free(&flow);
    sl_transport_free(&t);
    return status;
}

/* A row of numbers [dim] as colours, the strongest at `scale`. */
static void draw_numbers(sl_image *out, const float *values, int dim, float scale, int top)
{
    for (int x = 0; x < out->width; x++) {
        float part = scale > 0 ? values[x * dim / out->width] / scale : 0;
        sl_draw_fill(out, x, top, 1, ROW_HEIGHT, sl_share_colour(part, 235));
    }
}

/* Both faces embedded again, and what each number of them gives to their product. */
static sl_status vectors_of(sl_text *page, const sl_attribution *why, sl_error *err)
{
    const int dim = why->dim, width = dim * ((500 + dim - 1) / dim);
    float products[4096];
    sl_image picture;
    for (int d = 0; d < dim; d++)
        products[d] = why->query_again[d] * why->other_again[d];
    const float most = fmaxf(sl_largest_share(why->query_again, dim), sl_largest_share(why->other_again, dim));
    SL_TRY(sl_image_new(width, 3 * ROW_HEIGHT + 2 * ROW_GAP, 3, &picture, err));
    sl_draw_fill(&picture, 0, 0, picture.width, picture.height, (sl_colour){255, 255, 255});
    draw_numbers(&picture, why->query_again, dim, most, 0);
    draw_numbers(&picture, why->other_again, dim, most, ROW_HEIGHT + ROW_GAP);
    draw_numbers(&picture, products, dim, sl_largest_share(products, dim), 2 * (ROW_HEIGHT + ROW_GAP));
    figure(page, "strip");
    sl_status status = sl_report_picture(page, &picture, "both faces described again, as rows of colours", err);
    sl_image_free(&picture);
    char number[32];
    sl_text_add(
        page,
        "<figcaption>Both faces described again: the query (above) and the candidate (middle) as %d numbers "
        "each, blue above zero and orange below; below, number by number, their products, which add up to "
        "the second look&rsquo;s %s.</figcaption></figure>\n",
        dim, sl_report_number(number, (double)why->score.stage2));
    return status;
}

static void key(sl_text *page, const sl_attribution *why)
{
    char number[32];
    sl_report_number(number, (double)sl_largest_share(why->shares, why->rows * why->cols));
    sl_text_add(page,
                "<div class=\"key\"><p><span>&minus;%s<br>against</span><span>0</span><span>+%s<br>for</span></p>"
                "<div class=\"shares\"></div></div>\n",
                number, number);
}

sl_status sl_report_why(sl_text *page, const sl_told_case *told, const sl_image *best, sl_error *err)
{
    const sl_case *one = told->one;
    const sl_attribution *why = &told->why;
    const sl_rerank look = one->answer->match.rerank;
    if (!told->told) {
        sl_text_add(
            page, "<p class=\"caption\">This score cannot be told part by part: nothing is known about what each "
                  "place of the face gives to this model&rsquo;s description.</p>\n");
        return SL_OK;
    }
    sl_text_add(page, "<h4>Why this score: what each part of the face gave</h4>\n<div class=\"trio%s\">\n",
                sl_look_moves_patches(look) ? "" : " pair");
    figure(page, "face");
    SL_TRY(shares_of(page, why, why->query_weights, one->query_crop, "what each part of the query gave", err));
    figure_end(page, "<span class=\"what\">What each part gave, over the query</span>");
    if (sl_look_moves_patches(look)) {
        figure(page, "face");
        SL_TRY(flow_of(page, one, best, err));
        figure_end(page, "<span class=\"what\">Flow: the query rebuilt from the candidate</span>");
    }
    figure(page, "face");
    if (sl_look_moves_patches(look))
        SL_TRY(counted_of(page, why->other_weights, why, best, "what counted of the candidate", err));
    else
        SL_TRY(shares_of(page, why, why->other_weights, best, "the same over the candidate", err));
    figure_end(page, sl_look_moves_patches(look) ? "<span class=\"what\">What counted of the candidate</span>"
                                            : "<span class=\"what\">The same over the candidate</span>");
    key(page, why);
    sl_text_add(page, "</div>\n");
    if (!sl_look_is_by_trust(look))
        return SL_OK;
    sl_text_add(page, "<h4>What the second look compared</h4>\n<div class=\"trio pair\">\n");
    figure(page, "face");
    SL_TRY(
        counted_of(page, why->query_weights, why, one->query_crop, "the query, dark where it was left out", err));
    figure_end(page, "<span class=\"what\">The query, dark where it was taken as hidden</span>");
    figure(page, "face");
    SL_TRY(counted_of(page, why->other_weights, why, best, "the candidate, dark in the same places", err));
    figure_end(page, "<span class=\"what\">The candidate, left out in the same places</span>");
    sl_text_add(page, "</div>\n");
    return vectors_of(page, why, err);
}

/* ---- numbers ---- */

/* The score as the sum of its parts. */
static void tell_sum(sl_text *page, const sl_told_case *told)
{
    const sl_attribution *w = &told->why;
    const sl_match_options *m = &told->one->answer->match;
    char score[32], cells[32], rest[32], a[32], b[32], stage1[32], stage2[32];
    double sum = 0;
    for (int i = 0; i < w->rows * w->cols; i++)
        sum += (double)w->shares[i];
    sl_text_add(page, "<p class=\"sum\">score %s", sl_report_number(score, (double)w->score.score));
    if (sl_looks_again(m))
        sl_text_add(page, " = %s &times; %s (second look) + %s &times; %s (first look)",
                    sl_fixed(a, (double)m->alpha, 3), sl_report_number(stage2, (double)w->score.stage2),
                    sl_fixed(b, 1 - (double)m->alpha, 3), sl_report_number(stage1, (double)w->score.stage1));
    if (told->told)
        sl_text_add(page, "<br>score %s = %s (all parts of the face) %s %s (what belongs to no part)", score,
                    sl_report_number(cells, sum), w->rest < 0 ? "&minus;" : "+",
                    sl_report_number(rest, fabs((double)w->rest)));
    sl_text_add(page, "</p>\n");
}

static void cell_table(sl_text *page, const sl_told_case *told)
{
    const sl_attribution *w = &told->why;
    const float most = sl_largest_share(w->shares, w->rows * w->cols);
    char number[32];
    sl_text_add(page,
                "<div class=\"scroll\"><table class=\"cells\" aria-label=\"What each part of the face gave, in "
                "thousandths of the score\">\n<tbody>\n");
    for (int y = 0; y < w->rows; y++) {
        sl_text_add(page, "<tr>");
        for (int x = 0; x < w->cols; x++) {
            const double share = (double)w->shares[y * w->cols + x];
            const double part = most > 0 ? fabs(share) / (double)most : 0;
            sl_text_add(page, "<td style=\"--a:%.0f%%\" class=\"%s\">%s%s</td>", 70 * part,
                        share < 0 ? "against" : "for", share >= .00005 ? "+" : "",
                        sl_fixed(number, 1000 * share, 1));
        }
        sl_text_add(page, "</tr>\n");
    }
    sl_text_add(
        page,
        "</tbody>\n</table></div>\n<p class=\"caption\">In thousandths of the score, as the parts lie on the "
        "query. What belongs to no part is what all faces have in common in the first look, %sand what storing the "
        "parts in few bits rounds off.</p>\n",
        told->one->answer->match.encoder ? "what the query encoder makes of a covered face otherwise than the network "
                                           "whose parts these are, " : "");
}

/* ---- does it hold? ---- */

typedef struct {
    double *x, *important, *random, *threshold; /* [n] */
    size_t n;
} curve_points;

static sl_status chart_of(sl_text *page, const curve_points *c, const char *title, const char *label,
                          bool threshold, sl_error *err)
{
    const sl_chart_series series[] = {
        {.name = "important first", .x = c->x, .y = c->important, .count = c->n},
        {.name = "at random", .x = c->x, .y = c->random, .count = c->n},
        {.name = "threshold", .x = c->x, .y = c->threshold, .count = c->n},
    };
    const sl_chart chart = {.title = title,
                            .x = {.label = label, .low = 0, .high = 100},
                            .y = {.label = "score", .low = NAN, .high = NAN},
                            .series = series,
                            .series_count = threshold ? 3 : 2,
                            .width = CHART_WIDTH,
                            .height = CHART_HEIGHT};
    char *svg;
    SL_TRY(sl_draw_chart(&chart, &svg, err));
    sl_text_add(page, "<img class=\"chart\" width=\"%d\" height=\"%d\" alt=\"", CHART_WIDTH, CHART_HEIGHT);
    sl_text_add_html(page, title);
    sl_text_add(page, "\" src=\"data:image/svg+xml;base64,");
    sl_text_add_base64(page, svg, strlen(svg));
    sl_text_add(page, "\">\n");
    free(svg);
    return SL_OK;
}

static void tell_areas(sl_text *page, const sl_hiding *h)
{
    char a[32], b[32], c[32], d[32], e[32];
    double least = h->random_areas[0], most = least;
    for (int k = 1; k < SL_RANDOM_ORDERS; k++) {
        least = fmin(least, h->random_areas[k]);
        most = fmax(most, h->random_areas[k]);
    }
    const bool better_hidden = h->hidden_area<h->random_area, better_shown = h->shown_area> h->random_area;
    sl_text_add(
        page,
        "<p class=\"story\">Area under the curve when the important parts are hidden first: %s; shown first: "
        "%s; at random: %s (the %d orders: %s to %s). ",
        sl_report_number(a, h->hidden_area), sl_report_number(b, h->shown_area),
        sl_report_number(c, h->random_area), SL_RANDOM_ORDERS, sl_report_number(d, least),
        sl_report_number(e, most));
    if (better_hidden && better_shown)
        sl_text_add(page, "What is called important does matter more than chance.");
    else if (better_hidden || better_shown)
        sl_text_add(page, "Only %s tells what is called important from chance.",
                    better_hidden ? "hiding" : "showing");
    else
        sl_text_add(page,
                    "Here what is called important matters no more than chance: do not rely on these colours.");
    sl_text_add(page, "</p>\n");
}

static sl_status hiding_charts(sl_text *page, const sl_told_case *told, curve_points *c, sl_error *err)
{
    const sl_hiding *h = &told->hiding;
    const sl_answer *answer = told->one->answer;
    const size_t n = (size_t)h->cells;
    const bool threshold = isfinite(answer->threshold) && !answer->threshold_on_stage1;
    for (size_t i = 0; i <= n; i++) {
        c->x[i] = 100 * (double)i / (double)n;
        c->important[i] = (double)h->hidden[i];
        c->random[i] = (double)h->random_hidden[i];
        c->threshold[i] = (double)answer->threshold;
    }
    sl_text_add(page, "<div class=\"charts\">\n");
    SL_TRY(chart_of(page, c, "Hiding parts of the face", "hidden of all parts (%)", threshold, err));
    for (size_t i = 0; i <= n; i++) {
        c->important[i] = (double)h->shown[i];
        c->random[i] = (double)h->random_hidden[n - i];
    }
    SL_TRY(chart_of(page, c, "Showing parts of the face", "shown of all parts (%)", threshold, err));
    sl_text_add(page, "</div>\n");
    return SL_OK;
}

sl_status sl_report_cells(sl_text *page, const sl_told_case *told, sl_error *err)
{
    tell_sum(page, told);
    if (told->told)
        cell_table(page, told);
    if (!told->hiding.cells)
        return SL_OK;
    sl_text_add(page, "<h4>Does the explanation hold?</h4>\n");
    if (told->heats.of[SL_HEAT_RELEVANCE].rows)
        sl_text_add(page, "<p class=\"caption\">Parts are important here by the relevance above.</p>\n");
    const size_t n = (size_t)told->hiding.cells + 1;
    double *points = calloc(4 * n, sizeof *points);
    if (!points)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for the curves of a report");
    curve_points c = {
        .x = points, .important = points + n, .random = points + 2 * n, .threshold = points + 3 * n, .n = n};
    sl_status status = hiding_charts(page, told, &c, err);
    free(points);
    tell_areas(page, &told->hiding);
    return status;
}
