/* One query against many candidates: scratch for each thread, the pair, the batch, the plan. */
#include <math.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/threads.h"
#include "match/kernels/kernels.h"
#include "match/solvers.h"
#include "match/weights.h"

/* One thread's memory. */
typedef struct {
    float *S;             /* [row_count or stride if more, stride] */
    float *K;             /* [stride, stride] */
    float *u, *v, *r, *c; /* [stride] */
    void *candidate;      /* a patch set */
    double *plan;         /* [R, R]: converged and exact */
    void *solver;
} scratch;

struct sl_matcher {
    sl_match_layout layout;
    int threads;
    scratch *scratches; /* [threads] */
    char *memory;
};

/* Whether the plan comes from one of the solvers in double. */
static bool is_dense(const sl_match_layout *l)
{
    return l->compare == SL_RERANK_EMD && l->solver != SL_SOLVER_SINKHORN;
}

static size_t scratch_layout(const sl_match_layout *l, char *base, scratch *out)
{
    size_t total = 0;
    const size_t row = (size_t)l->stride * sizeof(float);
    const size_t n = (size_t)l->patches;
    const int rows = sl_set_shape_of(l).row_count;
    void **const parts[] = {(void **)&out->S, (void **)&out->K, (void **)&out->u, (void **)&out->v,
                            (void **)&out->r, (void **)&out->c, &out->candidate,  (void **)&out->plan,
                            &out->solver};
    const bool dense = is_dense(l);
    const size_t bytes[] = {(size_t)(rows > l->stride ? rows : l->stride) * row,
                            l->stride * row,
                            row,
                            row,
                            row,
                            row,
                            sl_patch_set_bytes(l, SL_ROLE_CANDIDATE),
                            dense ? n * n * sizeof(double) : 0,
                            dense ? sl_solver_bytes(l->patches) : 0};
    for (size_t i = 0; i < sizeof bytes / sizeof *bytes; i++) {
        if (base)
            *parts[i] = base + total;
        total += (bytes[i] + 63) / 64 * 64;
    }
    return total;
}

sl_status sl_matcher_open(const sl_match_layout *layout, int threads, sl_matcher **out, sl_error *err)
{
    *out = NULL;
    if (threads <= 0)
        threads = sl_cpu_count();
    sl_matcher *m = calloc(1, sizeof *m);
    scratch unused;
    size_t each = scratch_layout(layout, NULL, &unused), bytes;
    if (m && sl_mul_size(each, (size_t)threads, &bytes)) {
        m->memory = sl_alloc_aligned(bytes);
        m->scratches = calloc((size_t)threads, sizeof *m->scratches);
    }
    if (!m || !m->memory || !m->scratches) {
        sl_matcher_close(m);
        return sl_fail(err, SL_ERR_MEMORY, "no memory for matching on %d threads", threads);
    }
    m->layout = *layout;
    m->threads = threads;
    for (int t = 0; t < threads; t++)
        scratch_layout(layout, m->memory + (size_t)t * each, &m->scratches[t]);
    *out = m;
    return SL_OK;
}

void sl_matcher_close(sl_matcher *matcher)
{
    if (!matcher)
        return;
    free(matcher->memory);
    free(matcher->scratches);
    free(matcher);
}

static float plan_score(const sl_match_layout *l, const scratch *x)
{
    double sum = 0;
    for (int s = 0; s < l->patches; s++)
        for (int m = 0; m < l->patches; m++)
            sum += x->plan[(size_t)s * l->patches + m] * x->S[(size_t)s * l->stride + m];
    return isfinite(sum) ? (float)sum : 0;
}

static float maxsim_score(const sl_match_layout *l, const scratch *x)
{
    float most[SL_MATCH_MAX_PATCHES];
    double sum = 0;
    sl_emd_kernels_now()->column_maxima(x->S, l->patches, l->stride, most);
    for (int m = 0; m < l->patches; m++)
        sum += (double)x->v[m] * (double)most[m];
    return (float)sum;
}

static float cells_score(const sl_match_layout *l, const scratch *x)
{
    double sum = 0;
    for (int m = 0; m < l->patches; m++)
        sum += ((double)x->u[m] + (double)x->v[m]) / 2 * (double)x->S[(size_t)m * l->stride + m];
    return (float)sum;
}

/* `next`: the rows of the candidate after this one, or NULL. Leaves S, u, v in the scratch, and for emd r, K, c or the dense plan; *weighed is false, and the score 0, when one
 * side weighs nothing. */
static sl_status match_pair(const sl_match_layout *l, scratch *x, const sl_patch_set *query,
                            const sl_patch_set *candidate, const void *next, float *score, int *iterations,
                            bool *weighed, sl_error *err)
{
    const sl_emd_kernels *k = sl_emd_kernels_now();
    *score = 0;
    *iterations = 0;
    k->similarities(query, candidate, next, x->S);
    *weighed = sl_pair_weights(query, candidate, x->S, x->u, x->v);
    if (!*weighed)
        return SL_OK;
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
        *iterations = k->sinkhorn(x->S, &l->rule, &work, score);
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

typedef struct {
    sl_matcher *matcher;
    const sl_patch_set *query, *candidates; /* candidates, or source_of */
    sl_patch_source_fn source_of;
    void *context;
    size_t count;
    float *scores;
    int *iterations;
    atomic_size_t failed; /* lowest index that failed, SIZE_MAX for none */
} batch;

static sl_status match_item(batch *b, size_t item, int worker, sl_error *err)
{
    scratch *x = &b->matcher->scratches[worker];
    const sl_match_layout *l = &b->matcher->layout;
    sl_patch_set prepared;
    const sl_patch_set *candidate = &prepared;
    const void *next = NULL;
    if (b->candidates) {
        candidate = &b->candidates[item];
        next = item + 1 < b->count ? candidate[1].rows : NULL;
    } else {
        sl_patch_source source = {0}, after = {0};
        SL_TRY(b->source_of(b->context, item, &source, err));
        if (item + 1 < b->count && b->source_of(b->context, item + 1, &after, NULL) == SL_OK)
            next = sl_stored_rows(l, &after);
        sl_status status = sl_patch_set_init(&prepared, l, SL_ROLE_CANDIDATE, x->candidate, &source, err);
        if (status != SL_OK)
            return sl_fail_in(err, status, "candidate %zu", item);
    }
    float score;
    int iterations;
    bool weighed;
    sl_status status = match_pair(l, x, b->query, candidate, next, &score, &iterations, &weighed, err);
    if (status != SL_OK)
        return sl_fail_in(err, status, "candidate %zu", item);
    b->scores[item] = score;
    if (b->iterations)
        b->iterations[item] = iterations;
    return SL_OK;
}

/* Candidates in a row by one thread, so that it can fetch the next one's rows. */
enum { RUN = 8 };

static void batch_run(void *context, size_t run, int worker)
{
    batch *b = context;
    for (size_t item = run * RUN; item < (run + 1) * RUN && item < b->count; item++) {
        if (match_item(b, item, worker, NULL) == SL_OK)
            continue;
        size_t lowest = atomic_load(&b->failed);
        while (item < lowest && !atomic_compare_exchange_weak(&b->failed, &lowest, item))
            ;
    }
}

static sl_status run(batch *b, sl_error *err)
{
    atomic_init(&b->failed, SIZE_MAX);
    sl_parallel_for(b->matcher->threads, (b->count + RUN - 1) / RUN, batch_run, b);
    size_t failed = atomic_load(&b->failed);
    if (failed == SIZE_MAX)
        return SL_OK;
    sl_status status = match_item(b, failed, 0, err); /* again, for its text */
    return status == SL_OK ? sl_fail(err, SL_ERR_INTERNAL, "candidate %zu failed once", failed) : status;
}

sl_status sl_matcher_scores(sl_matcher *matcher, const sl_patch_set *query, const sl_patch_set *candidates,
                            size_t n, float *scores, int *iterations, sl_error *err)
{
    batch b = {.matcher = matcher,
               .query = query,
               .candidates = candidates,
               .count = n,
               .scores = scores,
               .iterations = iterations};
    return n ? run(&b, err) : SL_OK;
}

sl_status sl_matcher_scores_of(sl_matcher *matcher, const sl_patch_set *query, size_t n,
                               sl_patch_source_fn source_of, void *context, float *scores, int *iterations,
                               sl_error *err)
{
    batch b = {.matcher = matcher,
               .query = query,
               .source_of = source_of,
               .context = context,
               .count = n,
               .scores = scores,
               .iterations = iterations};
    return run(&b, err);
}

/* T = diag(r) K diag(c), or the solver's; NaN and infinity as 0 like in the score. */
static void copy_plan(const sl_match_layout *l, const scratch *x, float *plan)
{
    const int n = l->patches;
    for (int s = 0; s < n; s++)
        for (int m = 0; m < n; m++) {
            float t = is_dense(l) ? (float)x->plan[(size_t)s * n + m]
                                  : x->r[s] * x->K[(size_t)s * l->stride + m] * x->c[m];
            plan[(size_t)s * n + m] = isfinite(t) ? t : 0;
        }
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

/* What maxsim and cells move, so that sum T S is their score; u and v become the sums of its rows and columns. plan:
 * zeros, or NULL. */
static void move_without_emd(const sl_match_layout *l, scratch *x, float *plan)
{
    const int n = l->patches;
    float taken[SL_MATCH_MAX_PATCHES] = {0};
    for (int m = 0; m < n; m++) {
        int s = l->compare == SL_RERANK_MAXSIM ? most_alike(l, x->S, m) : m;
        float moved = l->compare == SL_RERANK_MAXSIM ? x->v[m] : (x->u[m] + x->v[m]) / 2;
        if (plan)
            plan[(size_t)s * n + m] = moved;
        x->v[m] = moved;
        taken[s] += moved;
    }
    memcpy(x->u, taken, (size_t)n * sizeof *taken);
}

sl_status sl_matcher_plan(sl_matcher *matcher, const sl_patch_set *query, const sl_patch_set *candidate,
                          float *plan, float *similarities, float *query_weights, float *candidate_weights,
                          sl_score *score, sl_error *err)
{
    const sl_match_layout *l = &matcher->layout;
    scratch *x = &matcher->scratches[0];
    const size_t n = (size_t)l->patches;
    float stage2;
    int iterations;
    bool weighed;
    SL_TRY(match_pair(l, x, query, candidate, NULL, &stage2, &iterations, &weighed, err));
    if (plan)
        memset(plan, 0, n * n * sizeof *plan);
    if (weighed && l->compare != SL_RERANK_EMD)
        move_without_emd(l, x, plan);
    else if (weighed && plan)
        copy_plan(l, x, plan);
    for (size_t s = 0; similarities && s < n; s++)
        memcpy(similarities + s * n, x->S + s * (size_t)l->stride, n * sizeof *similarities);
    if (query_weights)
        memcpy(query_weights, x->v, n * sizeof *query_weights);
    if (candidate_weights)
        memcpy(candidate_weights, x->u, n * sizeof *candidate_weights);
    if (score)
        *score = (sl_score){.stage1 = NAN, .stage2 = stage2, .score = stage2, .iterations = iterations};
    return SL_OK;
}
