/* One pair of faces, opened so that its score can be taken apart by the query's cells (attribution.c) and be had
 * again with some of them hidden (hiding.c). Formulas stand at sl_attribution and sl_hiding. */
#ifndef SL_MATCH_ATTRIBUTION_H
#define SL_MATCH_ATTRIBUTION_H

#include "base/rng.h"
#include "template/template.h"
#include "match/second_look.h"

typedef struct {
    sl_match_options options;
    const sl_template *query, *other;
    sl_score score;
    int rows, cols, patches;     /* of the grid compared; 0: nothing can be told by cell */
    int map_rows, map_cols, map; /* of the patch map */
    float *x_query, *x_other; /* [map, D] what the cells give to the embedding, less what they do on any face; NULL
                                 where no head is known */
    double *base;             /* [D] the sum of what was taken off */
    float *trust;             /* [map] oae: the query's */
    bool told;                /* whether shares of cells can be told, not only cells be hidden */
    sl_second_look *look;     /* emd, maxsim, same-cell, h2l, h2 */
    float *plan, *similarities;           /* [R, R] of the first three */
    float *query_weights, *other_weights; /* [R] of them, as they were compared */
} sl_parts;

/* The templates must outlive it. *out is closed by the caller, also after a failure. */
sl_status sl_parts_open(const sl_template *query, const sl_template *other, const sl_match_options *options,
                        sl_parts *out, sl_error *err);
void sl_parts_close(sl_parts *parts);

/* How much of each cell of the map lies in cell m of the grid: share [map]; a map cell's shares sum to 1 over the
 * grid, as pooling windows may overlap. */
void sl_parts_members(const sl_parts *parts, int m, float *share);

/* The pair's score n times, each with other cells hidden: keep [n, R] of 1 and 0. */
sl_status sl_parts_scores(const sl_parts *parts, const uint8_t *keep, size_t n, float *scores, sl_error *err);

/* The scores [R + 1] with the first i cells of an order hidden, or (shown) only they shown; and the area under such a
 * curve, the part of the cells going from 0 to 1. The order of an importance [R]: the largest first, the lowest index
 * of equals; and one by chance. order [R]. */
sl_status sl_parts_curve(const sl_parts *parts, const int *order, bool shown, float *scores, sl_error *err);
double sl_curve_area(const float *scores, int cells);
void sl_order_by(const float *importance, int cells, int *order);
void sl_order_by_chance(sl_rng *rng, int cells, int *order);

#endif
