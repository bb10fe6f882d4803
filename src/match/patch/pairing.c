/* One pair: the memory it lies in, its similarities and weights, and what its score can be at most. */
#include "match/patch/pairing.h"

#include <math.h>

#include "match/kernels/match_kernels.h"
#include "match/patch/pair_rule.h"
#include "match/patch/solvers.h"
#include "match/patch/weighting.h"

/* ---- memory ---- */

bool sl_pairing_is_dense(const sl_match_layout *l)
{
    return l->rule->by_transport && l->solver != SL_SOLVER_SINKHORN && l->solver != SL_SOLVER_PUBLISHED;
}

/* One part after the other, each at a cache line; base NULL only counts. */
typedef struct {
    char *base;
    size_t total;
} places;

static void *place(places *p, size_t bytes)
{
    size_t at = p->total;
    p->total += (bytes + 63) / 64 * 64;
    return p->base ? p->base + at : NULL;
}

static size_t place_kept(const sl_match_layout *l, void *memory, sl_pairing *x)
{
    places p = {.base = memory};
    const size_t row = (size_t)l->stride * sizeof(float);
    const int rows = sl_set_shape_of(l).row_count;
    x->S = place(&p, (size_t)(rows > l->stride ? rows : l->stride) * row);
    x->u = place(&p, row);
    x->v = place(&p, row);
    return p.total;
}

static size_t place_all(const sl_match_layout *l, void *memory, sl_pairing *x)
{
    const size_t row = (size_t)l->stride * sizeof(float), n = (size_t)l->patches;
    places p = {.base = memory, .total = place_kept(l, memory, x)};
    x->K = place(&p, (size_t)l->stride * row);
    x->r = place(&p, row);
    x->c = place(&p, row);
    x->candidate = place(&p, sl_patch_set_bytes(l, SL_ROLE_CANDIDATE));
    x->plan = place(&p, sl_pairing_is_dense(l) ? n * n * sizeof(double) : 0);
    x->solver = place(&p, sl_pairing_is_dense(l) ? sl_solver_bytes(l->patches) : 0);
    return p.total;
}

size_t sl_pairing_bytes(const sl_match_layout *layout)
{
    sl_pairing unused;
    return place_all(layout, NULL, &unused);
}

void sl_pairing_place(const sl_match_layout *layout, void *memory, sl_pairing *out)
{
    place_all(layout, memory, out);
}

size_t sl_pairing_kept_bytes(const sl_match_layout *layout)
{
    sl_pairing unused;
    return place_kept(layout, NULL, &unused);
}

void sl_pairing_place_kept(const sl_match_layout *layout, void *memory, sl_pairing *pair)
{
    place_kept(layout, memory, pair);
}

/* ---- scores ---- */

bool sl_pairing_weigh(const sl_pairing *x, const sl_patch_set *query, const sl_patch_set *candidate, const void *next)
{
    sl_emd_kernels_now()->similarities(query, candidate, next, x->S);
    return sl_pair_weights(query, candidate, x->S, x->u, x->v);
}

float sl_pairing_best_match(const sl_match_layout *l, const sl_pairing *x)
{
    float most[SL_MATCH_MAX_PATCHES];
    double sum = 0;
    sl_emd_kernels_now()->column_maxima(x->S, l->patches, l->stride, most);
    for (int m = 0; m < l->patches; m++)
        sum += (double)x->v[m] * (double)most[m];
    return (float)sum;
}

float sl_pairing_bound(const sl_match_layout *l, const sl_pairing *x)
{
    double mass = 1;
    if (sl_pairing_is_dense(l)) { /* those solvers scale the weights to total 1 */
        mass = 0;
        for (int m = 0; m < l->patches; m++)
            mass += (double)x->v[m];
    }
    const double rounding = (double)l->patches * 0x1p-22, most = (double)sl_pairing_best_match(l, x) / mass;
    return (float)((most > 0 ? most : 0) + rounding);
}

sl_status sl_pairing_score(const sl_match_layout *l, const sl_pairing *x, float *score, int *iterations, sl_error *err)
{
    *iterations = 0;
    return l->rule->score(l, x, score, iterations, err);
}
