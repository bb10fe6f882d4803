/* emd, maxsim and same-cell on one pair that was weighed: score and plan. */
#include "match/patch/pair_rule.h"

#include <math.h>
#include <string.h>

#include "match/kernels/match_kernels.h"
#include "match/patch/solvers.h"

/* ---- emd ---- */

static float plan_score(const sl_match_layout *l, const sl_pairing *x)
{
    double sum = 0;
    for (int s = 0; s < l->patches; s++)
        for (int m = 0; m < l->patches; m++)
            sum += x->plan[(size_t)s * l->patches + m] * x->S[(size_t)s * l->stride + m];
    return isfinite(sum) ? (float)sum : 0;
}

static sl_status emd_score(const sl_match_layout *l, const sl_pairing *x, float *score, int *iterations, sl_error *err)
{
    if (!sl_pairing_is_dense(l)) { /* a pair by itself stops by itself */
        const sl_sinkhorn_work work = {
            .u = x->u, .v = x->v, .K = x->K, .r = x->r, .c = x->c, .patches = l->patches, .stride = l->stride};
        *iterations = sl_emd_kernels_now()->sinkhorn(x->S, &l->sinkhorn, &work, score);
        return SL_OK;
    }
    const sl_transport_problem problem = {.S = x->S, .u = x->u, .v = x->v, .patches = l->patches, .stride = l->stride};
    if (l->solver == SL_SOLVER_CONVERGED)
        *iterations = sl_sinkhorn_converge(&problem, &l->sinkhorn, x->solver, x->plan);
    else
        SL_TRY(sl_transport_solve(&problem, x->solver, x->plan, iterations, NULL, err));
    *score = plan_score(l, x);
    return SL_OK;
}

/* NaN and infinity count as 0, like in the score. */
static void emd_plan(const sl_match_layout *l, sl_pairing *x, float *plan)
{
    const int n = l->patches;
    for (int s = 0; plan && s < n; s++)
        for (int m = 0; m < n; m++) {
            float t = sl_pairing_is_dense(l) ? (float)x->plan[(size_t)s * n + m]
                                             : x->r[s] * x->K[(size_t)s * l->stride + m] * x->c[m];
            plan[(size_t)s * n + m] = isfinite(t) ? t : 0;
        }
}

const sl_pair_rule sl_pair_emd = {.by_transport = true, .score = emd_score, .plan = emd_plan};

/* ---- maxsim ---- */

static sl_status maxsim_score(const sl_match_layout *l, const sl_pairing *x, float *score, int *iterations,
                              sl_error *err)
{
    (void)iterations, (void)err;
    *score = sl_pairing_best_match(l, x);
    return SL_OK;
}

/* The candidate's patch most like patch m of the query, the lowest of equals. */
static int most_alike(const sl_match_layout *l, const float *S, int m)
{
    int best = 0;
    for (int s = 1; s < l->patches; s++)
        if (S[(size_t)s * l->stride + m] > S[(size_t)best * l->stride + m])
            best = s;
    return best;
}

static void maxsim_plan(const sl_match_layout *l, sl_pairing *x, float *plan)
{
    const int n = l->patches;
    float taken[SL_MATCH_MAX_PATCHES] = {0};
    for (int m = 0; m < n; m++) {
        const int s = most_alike(l, x->S, m);
        if (plan)
            plan[(size_t)s * n + m] = x->v[m];
        taken[s] += x->v[m];
    }
    memcpy(x->u, taken, (size_t)n * sizeof *taken);
}

const sl_pair_rule sl_pair_maxsim = {.score = maxsim_score, .plan = maxsim_plan};

/* ---- same-cell ---- */

static sl_status same_cell_score(const sl_match_layout *l, const sl_pairing *x, float *score, int *iterations,
                                 sl_error *err)
{
    (void)iterations, (void)err;
    double sum = 0;
    for (int m = 0; m < l->patches; m++)
        sum += ((double)x->u[m] + (double)x->v[m]) / 2 * (double)x->S[(size_t)m * l->stride + m];
    *score = (float)sum;
    return SL_OK;
}

static void same_cell_plan(const sl_match_layout *l, sl_pairing *x, float *plan)
{
    const int n = l->patches;
    for (int m = 0; m < n; m++) {
        const float moved = (x->u[m] + x->v[m]) / 2;
        if (plan)
            plan[(size_t)m * n + m] = moved;
        x->u[m] = x->v[m] = moved;
    }
}

const sl_pair_rule sl_pair_same_cell = {.both_sides = true, .score = same_cell_score, .plan = same_cell_plan};
