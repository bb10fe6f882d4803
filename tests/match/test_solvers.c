/* The exact solver against brute force and against duality; the converged iteration against both. */
#include "reference.h"

#include "base/mem.h"
#include "base/rng.h"
#include "match/kernels/match_kernels.h"
#include "match/patch/solvers.h"

static sl_error err;

/* A problem with its memory. */
typedef struct {
    sl_transport_problem problem;
    float *S, *u, *v;
    double *plan, *potentials;
    void *work;
    int n;
} instance;

static instance make_instance(int n)
{
    instance x = {.n = n};
    x.S = calloc((size_t)n * n, sizeof *x.S);
    x.u = calloc((size_t)n, sizeof *x.u);
    x.v = calloc((size_t)n, sizeof *x.v);
    x.plan = calloc((size_t)n * n, sizeof *x.plan);
    x.potentials = calloc(2 * (size_t)n, sizeof *x.potentials);
    x.work = sl_alloc_aligned(sl_solver_bytes(n));
    x.problem = (sl_transport_problem){.S = x.S, .u = x.u, .v = x.v, .patches = n, .stride = n};
    return x;
}

static void free_instance(instance *x)
{
    free(x->S), free(x->u), free(x->v), free(x->plan), free(x->potentials), free(x->work);
}

static double total(const float *w, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += w[i];
    return sum;
}

static double score_of(const instance *x)
{
    double sum = 0;
    for (int i = 0; i < x->n * x->n; i++)
        sum += x->plan[i] * x->S[i];
    return sum;
}

static void check_marginals(const instance *x, double bound)
{
    const double all_u = total(x->u, x->n), all_v = total(x->v, x->n);
    for (int i = 0; i < x->n; i++) {
        double row = 0, column = 0;
        for (int j = 0; j < x->n; j++) {
            assert_true(x->plan[i * x->n + j] >= 0);
            row += x->plan[i * x->n + j];
            column += x->plan[j * x->n + i];
        }
        assert_near(row, x->u[i] / all_u, bound);
        assert_near(column, x->v[i] / all_v, bound);
    }
}

/* Feasible potentials that are tight where mass flows prove that the plan is optimal. */
static void check_optimal(const instance *x)
{
    const int n = x->n;
    check_marginals(x, 1e-12);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            if (isnan(x->potentials[i]) || isnan(x->potentials[n + j])) {
                assert_true(x->u[i] == 0 || x->v[j] == 0);
                continue;
            }
            double slack = 1 - (double)x->S[i * n + j] - x->potentials[i] + x->potentials[n + j];
            assert_true(slack >= -2e-11);
            if (x->plan[i * n + j] > 0)
                assert_near(slack, 0, 2e-11);
        }
}

static void solve_and_check(instance *x)
{
    int pivots;
    assert_ok(sl_transport_solve(&x->problem, x->work, x->plan, &pivots, x->potentials, &err));
    check_optimal(x);
}

/* Equal weights: the best plan is a permutation, so all n! of them are tried. */
static double best_permutation(const float *S, int n, int row, unsigned used)
{
    if (row == n)
        return 0;
    double best = -INFINITY;
    for (int j = 0; j < n; j++)
        if (!(used >> j & 1)) {
            double rest = S[row * n + j] + best_permutation(S, n, row + 1, used | 1u << j);
            best = rest > best ? rest : best;
        }
    return best;
}

static void exact_equals_brute_force(void **state)
{
    (void)state;
    for (int n = 1; n <= 7; n++)
        for (uint64_t seed = 0; seed < 40; seed++) {
            instance x = make_instance(n);
            fill_random(x.S, (size_t)n * n, 100 * seed + n, -1, 1);
            for (int i = 0; i < n * n && seed % 2; i++)
                x.S[i] = roundf(x.S[i] * 2) / 2; /* many ties */
            for (int i = 0; i < n; i++)
                x.u[i] = x.v[i] = 1.0f / n;
            solve_and_check(&x);
            assert_near(score_of(&x), best_permutation(x.S, n, 0, 0) / n, 1e-12);
            free_instance(&x);
        }
}

/* Integer weights of total 6: patches repeated by weight, then permutations again. */
static void exact_with_weights_equals_brute_force(void **state)
{
    (void)state;
    sl_rng rng = sl_rng_seed(9);
    for (int trial = 0; trial < 200; trial++) {
        enum { N = 4, COPIES = 6 };
        instance x = make_instance(N);
        int row_of[COPIES], column_of[COPIES];
        float expanded[COPIES * COPIES];
        fill_random(x.S, N * N, (uint64_t)trial, -1, 1);
        for (int k = 0; k < COPIES; k++) {
            x.u[row_of[k] = (int)sl_rng_below(&rng, N)]++; /* some stay at weight 0 */
            x.v[column_of[k] = (int)sl_rng_below(&rng, N)]++;
        }
        for (int a = 0; a < COPIES; a++)
            for (int b = 0; b < COPIES; b++)
                expanded[a * COPIES + b] = x.S[row_of[a] * N + column_of[b]];
        solve_and_check(&x);
        assert_near(score_of(&x), best_permutation(expanded, COPIES, 0, 0) / COPIES, 1e-12);
        free_instance(&x);
    }
}

static void exact_is_certified_by_duality(void **state)
{
    (void)state;
    static const int sizes[] = {64, 49, 128, 256};
    for (int k = 0; k < 4; k++)
        for (int kind = 0; kind < 5; kind++)
            for (uint64_t seed = 0; seed < (sizes[k] == 64 ? 20 : 2); seed++) {
                const int n = sizes[k];
                instance x = make_instance(n);
                fill_random(x.S, (size_t)n * n, seed, -1, 1);
                fill_random(x.u, (size_t)n, seed + 50, 0, 1);
                fill_random(x.v, (size_t)n, seed + 90, 0, 1);
                for (int i = 0; i < n; i++) {
                    if (kind == 1 || kind == 3) /* equal weights: as degenerate as can be */
                        x.u[i] = x.v[i] = 1.0f / n;
                    if (kind == 2) { /* many without weight, one that has nearly all */
                        x.u[i] = i % 3 ? 0 : x.u[i];
                        x.v[i] = i == 7 ? 1e6f : i % 2 ? 0 : 1e-6f;
                    }
                }
                for (int i = 0; i < n * n; i++) {
                    if (kind == 3)
                        x.S[i] = roundf(x.S[i] * 3) / 3; /* few different costs */
                    if (kind == 4)
                        x.S[i] = 0.25f; /* one */
                }
                solve_and_check(&x);
                free_instance(&x);
            }
}

static void one_patch_of_weight_each(void **state)
{
    (void)state;
    instance x = make_instance(9);
    fill_random(x.S, 81, 1, -1, 1);
    x.u[4] = 3;
    x.v[8] = 0.001f;
    solve_and_check(&x);
    assert_near(score_of(&x), x.S[4 * 9 + 8], 1e-15);
    const sl_sinkhorn_rule rule = {.eps = 0.05f, .max_iterations = 2000, .stop = 1e-6f};
    sl_sinkhorn_converge(&x.problem, &rule, x.work, x.plan);
    assert_near(score_of(&x), x.S[4 * 9 + 8], 1e-12);
    free_instance(&x);
}

static void similar_faces(instance *x, int n, uint64_t seed)
{
    *x = make_instance(n);
    ref_pair *ref = malloc(sizeof *ref);
    float *q = malloc((size_t)n * 64 * sizeof *q), *b = malloc((size_t)n * 64 * sizeof *b);
    make_map(q, n, 64, seed, 1);
    make_map(b, n, 64, seed, 2);
    ref_weights(ref, q, b, n, 64, SL_WEIGHT_APC, NULL, NULL);
    for (int i = 0; i < n * n; i++)
        x->S[i] = (float)ref->S[i];
    for (int i = 0; i < n; i++) {
        x->u[i] = (float)ref->u[i];
        x->v[i] = (float)ref->v[i];
    }
    free(ref), free(q), free(b);
}

/* Row marginals within 1e-6 (L1) in fewer than 2,000 iterations, columns exact, and the same plan that
 * 20,000 plain iterations lead to. */
static void converged_holds_its_marginals(void **state)
{
    (void)state;
    const sl_sinkhorn_rule rule = {.eps = 0.05f, .max_iterations = 2000, .stop = 1e-6f};
    for (uint64_t seed = 0; seed < 5; seed++) {
        instance x;
        similar_faces(&x, 49, seed);
        assert_in_range(sl_sinkhorn_converge(&x.problem, &rule, x.work, x.plan), 2, 1999);
        check_marginals(&x, 1e-6);
        ref_pair *ref = malloc(sizeof *ref);
        ref->n = 49;
        for (int i = 0; i < 49 * 49; i++)
            ref->S[i] = x.S[i];
        for (int i = 0; i < 49; i++) {
            ref->u[i] = x.u[i] / total(x.u, 49);
            ref->v[i] = x.v[i] / total(x.v, 49);
        }
        ref_sinkhorn(ref, 0.05, 20000, 0);
        assert_near(score_of(&x), ref->score, 1e-6);
        free(ref);
        free_instance(&x);
    }
}

/* One order of additions: the same plan bit for bit, of all sizes, with patches that weigh nothing, and where scalings
 * have to be absorbed. */
static void converged_is_the_same_everywhere(void **state)
{
    (void)state;
    static const int sizes[] = {1, 3, 9, 16, 42, 49, 64, 72, 130};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++)
        for (int sharp = 0; sharp < 2; sharp++) {
            const sl_sinkhorn_rule rule = {.eps = sharp ? .001f : .05f, .max_iterations = 300, .stop = 1e-6f};
            const int n = sizes[k];
            const size_t bytes = (size_t)n * n * sizeof(double);
            instance x;
            similar_faces(&x, n, 7);
            for (int i = 1; i < n; i += 5)
                x.u[i] = x.v[n - 1 - i] = 0;
            double *first = malloc(bytes);
            int iterations = 0;
            for (int isa = 0; isa < sl_isa_count(); isa++) {
                sl_match_use_isa(&sl_isas[isa]);
                memset(x.work, 0x7f, sl_solver_bytes(n)); /* whatever was there */
                const int now = sl_sinkhorn_converge(&x.problem, &rule, x.work, x.plan);
                if (isa == 0) {
                    memcpy(first, x.plan, bytes);
                    iterations = now;
                }
                assert_int_equal(now, iterations);
                assert_memory_equal(x.plan, first, bytes);
            }
            sl_match_use_isa(NULL);
            free(first);
            free_instance(&x);
        }
}

/* With eps -> 0 the regularised plan tends to the optimal one, from below. exp(-1 / eps) leaves the range of
 * doubles below .0014: there absorption is needed. */
static void small_eps_approaches_exact(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 3; seed++) {
        instance x;
        similar_faces(&x, 16, seed);
        solve_and_check(&x);
        const double exact = score_of(&x);
        double last = INFINITY;
        static const float eps[] = {0.05f, 0.01f, 0.002f, 0.0005f};
        for (int k = 0; k < 4; k++) {
            const sl_sinkhorn_rule rule = {.eps = eps[k], .max_iterations = 200000, .stop = 1e-8f};
            sl_sinkhorn_converge(&x.problem, &rule, x.work, x.plan);
            check_marginals(&x, 1e-4);
            double gap = exact - score_of(&x);
            assert_true(gap > -1e-4 && gap < last);
            last = gap;
        }
        assert_true(last < 5e-4);
        free_instance(&x);
    }
}

/* Through the public function: published <= about exact, converged in between, on faces. */
static void solvers_agree_on_faces(void **state)
{
    (void)state;
    enum { N = 49, C = 128 };
    static float q[N * C], b[N * C];
    make_map(q, N, C, 3, 1);
    make_map(b, N, C, 3, 2);
    sl_patch_map query = {7, 7, C, q, NULL, 0, NULL}, candidate = {7, 7, C, b, NULL, 0, NULL};
    for (int precision = 0; precision < 2; precision++) {
        float score[3], plan[N * N], wq[N], wn[N];
        int iterations[3];
        for (int solver = 0; solver < 3; solver++) {
            sl_match_options o = sl_match_defaults_of(SL_RERANK_EMD);
            o.patch_compute = precision;
            o.solver = solver;
            assert_ok(sl_emd_compare(&query, &candidate, 1, &o, &score[solver], &iterations[solver], &err));
            assert_ok(sl_emd_plan(&query, &candidate, &o, plan, wq, wn, &err));
            double mass = 0, columns_off = 0;
            for (int m = 0; m < N; m++) {
                double column = 0;
                for (int s = 0; s < N; s++)
                    column += plan[s * N + m];
                mass += column;
                columns_off += fabs(column - wq[m]);
            }
            assert_near(mass, 1, 1e-5);
            assert_true(columns_off < 1e-5); /* columns are exact in all three: the query's weights */
        }
        assert_true(score[SL_SOLVER_CONVERGED] <= score[SL_SOLVER_EXACT] + 1e-5f);
        assert_near(score[SL_SOLVER_SINKHORN], score[SL_SOLVER_CONVERGED], 0.02);
        assert_near(score[SL_SOLVER_EXACT], score[SL_SOLVER_CONVERGED], 0.08);
        assert_true(iterations[SL_SOLVER_EXACT] >= 2 * N - 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exact_equals_brute_force),      cmocka_unit_test(exact_with_weights_equals_brute_force),
        cmocka_unit_test(exact_is_certified_by_duality), cmocka_unit_test(one_patch_of_weight_each),
        cmocka_unit_test(converged_holds_its_marginals), cmocka_unit_test(converged_is_the_same_everywhere),
        cmocka_unit_test(small_eps_approaches_exact),
        cmocka_unit_test(solvers_agree_on_faces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
