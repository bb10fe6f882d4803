/* How much each cell of either face counts, by cross-correlation, attention or relevance: what heat maps are drawn
 * of. Opened once for many pairs:
 *
 *     sl_heats_open(&options, &query->shape, true, &heats, err);
 *     sl_heats_pair(&heats, query, other, err);
 *     sl_heats_take(&heats, SL_HEAT_RELEVANCE, SL_ALL_HEADS, &heat, err);
 */
#ifndef SL_EXPLAIN_HEAT_H
#define SL_EXPLAIN_HEAT_H

#include "explain/explain.h"
#include "pipeline/insight.h"

typedef struct {
    sl_match_options options;
    int rows, cols;
    sl_insight inside; /* of a look that was learned; else empty */
    const sl_template *query, *other;
} sl_heats;

/* options settled. slopes: relevance is wanted. Closed also after a failure. */
sl_status sl_heats_open(const sl_match_options *options, const sl_template_shape *shape, bool slopes, sl_heats *out,
                        sl_error *err);
void sl_heats_close(sl_heats *heats);

/* The pair that is looked at from now on; the templates must stay. */
sl_status sl_heats_pair(sl_heats *heats, const sl_template *query, const sl_template *other, sl_error *err);

/* One kind of it, as sl_heat_of_pair tells. */
sl_status sl_heats_take(const sl_heats *heats, sl_heat_kind kind, int head, sl_heat *out, sl_error *err);

/* ---- cross_correlation.c ----
 * heat[j] = [a . t_j]+ / (sum + 1e-7): tokens [cells, width], t_j of unit length; a: the other face as a whole
 * [width], of unit length. */
void sl_cross_correlation(const float *tokens, int cells, int width, const float *whole, float *heat);

/* The mean of a face's tokens, of unit length; zeros where it is zero. */
void sl_mean_token(const float *tokens, int cells, int width, float *out);

/* ---- attention.c ---- */

/* The block of the first layer's attention that leads from photo `from` (0, 1) to the other one: [cells, cells], row
 * = a cell of `from`; of one head (from 0), or the mean of all (SL_ALL_HEADS). SL_ERR_UNSUPPORTED where only the
 * class token's is worked out. */
sl_status sl_attention_block(const sl_insight *inside, int head, int from, float *block, sl_error *err);

/* The rule of the picture of attention flow: of the block from the query to the other face, each row divided by its
 * length, query cell m shows the other face's patch with the row's largest (the lowest of equals), as bright as that
 * is of the largest of all rows. Freed by sl_tiles_free. */
sl_status sl_attention_tiles(const sl_heats *heats, int head, sl_tiles *out, sl_error *err);

/* Where the cells of photo 0 and 1 stand among a look's tokens. */
typedef struct {
    int from, count;
} sl_token_range;

sl_token_range sl_cells_of(const sl_insight *inside, int photo);

/* How much each cell attends to the one in its place on the other face, each row of cells to length 1; out:
 * allocated. */
sl_status sl_attention_heat(const sl_insight *inside, int head, sl_heat *out, sl_error *err);

/* ---- relevance.c: Chefer, Gur and Wolf ----
 * R = I; per layer R <- R + A R, A the mean over heads of [slope * attention]+. by_token [tokens]: the mean of the
 * rows of R that belong to the tokens which the target reads. */
sl_status sl_relevance(const sl_insight *inside, const sl_token_range *read, int ranges, float *by_token,
                       sl_error *err);

#endif
