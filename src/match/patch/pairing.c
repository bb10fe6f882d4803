#include "match/patch/pairing.h"

#include <math.h>

#include "match/kernels/match_kernels.h"
#include "match/patch/solvers.h"
#include "match/patch/weighting.h"

/* ---- memory ---- */

/* Whether the plan comes from one of the solvers in double. */
static bool is_dense(const sl_match_layout *l)
{
    return l->compare == SL_RERANK_EMD && l->solver != SL_SOLVER_SINKHORN;
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
    x->plan = place(&p, is_dense(l) ? n * n * sizeof(double) : 0);
    x->solver = place(&p, is_dense(l) ? sl_solver_bytes(l->patches) : 0);
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

static float plan_score(const sl_match_layout *l, const sl_pairing *x)
{
    double sum = 0;
    for (int s = 0; s < l->patches; s++)
        for (int m = 0; m < l->patches; m++)
            sum += x->plan[(size_t)s * l->patches + m] * x->S[(size_t)s * l->stride + m];
    return isfinite(sum) ? (float)sum : 0;
}

static float maxsim_score(const sl_match_layout *l, const sl_pairing *x)
{
    float most[SL_MATCH_MAX_PATCHES];
    double sum = 0;
    sl_emd_kernels_now()->column_maxima(x->S, l->patches, l->stride, most);
    for (int m = 0; m < l->patches; m++)
        sum += (double)x->v[m] * (double)most[m];
    return (float)sum;
}

static float cells_score(const sl_match_layout *l, const sl_pairing *x)
{
    double sum = 0;
    for (int m = 0; m < l->patches; m++)
        sum += ((double)x->u[m] + (double)x->v[m]) / 2 * (double)x->S[(size_t)m * l->stride + m];
    return (float)sum;
}

float sl_pairing_bound(const sl_match_layout *l, const sl_pairing *x)
{
    double mass = 1;
    if (is_dense(l)) { /* those solvers scale the weights to total 1 */
        mass = 0;
        for (int m = 0; m < l->patches; m++)
            mass += (double)x->v[m];
    }
    const double rounding = (double)l->patches * 0x1p-22, most = (double)maxsim_score(l, x) / mass;
    return (float)((most > 0 ? most : 0) + rounding);
}

sl_status sl_pairing_score(const sl_match_layout *l, const sl_pairing *x, float *score, int *iterations, sl_error *err)
{
    *iterations = 0;
    if (l->compare != SL_RERANK_EMD) {
        *score = l->compare == SL_RERANK_MAXSIM ? maxsim_score(l, x) : cells_score(l, x);
        return SL_OK;
    }
    if (l->solver == SL_SOLVER_SINKHORN) {
        const sl_sinkhorn_work work = {.u = x->u,
                                       .v = x->v,
                                       .K = x->K,
                                       .r = x->r,
                                       .c = x->c,
                                       .patches = l->patches,
                                       .stride = l->stride};
        *iterations = sl_emd_kernels_now()->sinkhorn(x->S, &l->rule, &work, score);
        return SL_OK;
    }
    const sl_transport_problem problem = {
        .S = x->S, .u = x->u, .v = x->v, .patches = l->patches, .stride = l->stride};
    if (l->solver == SL_SOLVER_CONVERGED)
        *iterations = sl_sinkhorn_converge(&problem, &l->rule, x->solver, x->plan);
    else
        SL_TRY(sl_transport_solve(&problem, x->solver, x->plan, iterations, NULL, err));
    *score = plan_score(l, x);
    return SL_OK;
}

void sl_pairing_plan(const sl_match_layout *l, const sl_pairing *x, float *plan)
{
    const int n = l->patches;
    for (int s = 0; s < n; s++)
        for (int m = 0; m < n; m++) {
            float t = is_dense(l) ? (float)x->plan[(size_t)s * n + m]
                                  : x->r[s] * x->K[(size_t)s * l->stride + m] * x->c[m];
            plan[(size_t)s * n + m] = isfinite(t) ? t : 0;
        }
}
