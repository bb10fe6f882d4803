/* How much each patch counts: the weightings, a row of a table each (weighting.c).
 *
 *     fixed        a face has its weights by itself: uniform, lmk. trust is the query's and counts on both sides
 *     of a pair    they depend on the partner: apc, cc, sc, sc-text, uew
 *
 * A new one is a value of sl_weighting (secondlook.h), a row, and the function that the row names. */
#ifndef SL_MATCH_WEIGHTING_H
#define SL_MATCH_WEIGHTING_H

#include <stdbool.h>

#include "match/match.h"

/* The vector g that patches are multiplied with, p . g_other. */
typedef enum {
    SL_POOL_NOTHING = 0,
    SL_POOL_PATCHES,   /* the mean of the raw patches */
    SL_POOL_EMBEDDING, /* the embedding, which must then have a patch's length */
} sl_weighting_pool;

struct sl_weighting_kind {
    const char *name;  /* as options spell it */
    const char *words; /* for a page of a report, as HTML: "every patch counts the same" */

    /* What faces must have beside their map. */
    bool landmarks;
    bool trust; /* the query alone; its weights are then the candidate's too */
    sl_weighting_pool pool;

    /* Fixed: weights [stride] of a face, zeros behind R and where it has none. NULL: they depend on the partner. */
    sl_status (*fixed)(const sl_match_layout *layout, const sl_patch_source *face, float *weights, sl_error *err);

    /* Of a pair: u [stride] of the candidate's patches, v [stride] of the query's, from S as the kernels made it. What
     * is below 0 counts as 0, and each set is divided by its sum afterwards. */
    void (*pair)(const sl_patch_set *query, const sl_patch_set *candidate, const float *S, float *u, float *v);

    /* Both sets are divided by the sum of both. Their totals differ then, so that there is no plan with these
     * marginals; the published iteration, which ends with the query's, takes them all the same. */
    bool joint;

    /* Whether sketches (sketch.h) bound it, and pay. A fixed one they do always; of a pair's they know apc's. */
    bool sketched;
};

/* NULL for a number that is no weighting. */
const sl_weighting_kind *sl_weighting_of(sl_weighting weighting);

/* Marginals of one pair: u [stride] of the candidate's patches, v [stride] of the query's, from S as the
 * kernels made it. False when all of u or all of v is zero. */
bool sl_pair_weights(const sl_patch_set *query, const sl_patch_set *candidate, const float *S, float *u, float *v);

#endif
