/* Eigenvectors by hand and against what they must satisfy. */
#include "support.h"

#include "base/eigen.h"

static sl_error err;

/* A random symmetric positive matrix sum_i l_i b_i b_i^T, [n, n]; its eigenvalues fall slowly. */
static double *make_matrix(int n, uint64_t seed)
{
    double *a = calloc((size_t)(n * n), sizeof *a);
    float *b = malloc((size_t)n * sizeof *b);
    for (int k = 0; k < 2 * n; k++) {
        fill_random(b, (size_t)n, seed * 1000 + (uint64_t)k, -1, 1);
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++)
                a[i * n + j] += (double)b[i] * b[j] * exp(-.1 * k);
    }
    free(b);
    return a;
}

/* |A v - l v| is small, the vectors are orthonormal, the values fall. */
static void expect_eigen(const double *a, int n, int count, const double *values, const double *vectors, double bound)
{
    for (int k = 0; k < count; k++) {
        const double *v = vectors + k * n;
        assert_true(k == 0 || values[k] <= values[k - 1] + 1e-12);
        for (int i = 0; i < n; i++) {
            double sum = 0;
            for (int j = 0; j < n; j++)
                sum += a[i * n + j] * v[j];
            if (!(fabs(sum - values[k] * v[i]) <= bound * values[0]))
                fail_msg("vector %d of %d: A v is off by %g", k, n, sum - values[k] * v[i]);
        }
        for (int l = 0; l <= k; l++) {
            double dot = 0;
            for (int j = 0; j < n; j++)
                dot += v[j] * vectors[l * n + j];
            assert_true(fabs(dot - (l == k)) < 1e-9);
        }
    }
}

static void two_by_two_by_hand(void **state)
{
    (void)state;
    double a[4] = {2, 1, 1, 2}, values[2], vectors[4];
    sl_eigen_all(a, 2, values, vectors);
    assert_true(fabs(values[0] - 3) < 1e-12 && fabs(values[1] - 1) < 1e-12);
    assert_true(fabs(fabs(vectors[0]) - sqrt(.5)) < 1e-12 && fabs(vectors[0] - vectors[1]) < 1e-12);
    assert_true(fabs(vectors[2] + vectors[3]) < 1e-12);
}

static void all_of_random_matrices(void **state)
{
    (void)state;
    const int sizes[] = {1, 2, 3, 7, 20, 48};
    for (size_t t = 0; t < sizeof sizes / sizeof *sizes; t++) {
        int n = sizes[t];
        double *a = make_matrix(n, t), *copy = malloc((size_t)(n * n) * sizeof *copy);
        double *values = malloc((size_t)n * sizeof *values), *vectors = malloc((size_t)(n * n) * sizeof *vectors);
        memcpy(copy, a, (size_t)(n * n) * sizeof *copy);
        sl_eigen_all(copy, n, values, vectors);
        expect_eigen(a, n, n, values, vectors, 1e-12);
        free(a), free(copy), free(values), free(vectors);
    }
}

/* The subspace iteration against all of Jacobi's. */
static void top_of_random_matrices(void **state)
{
    (void)state;
    const struct { int n, count; } cases[] = {{1, 1}, {5, 5}, {20, 3}, {96, 32}, {130, 8}};
    for (size_t t = 0; t < sizeof cases / sizeof *cases; t++) {
        int n = cases[t].n, count = cases[t].count;
        double *a = make_matrix(n, t + 50), *copy = malloc((size_t)(n * n) * sizeof *copy);
        double *all = malloc((size_t)n * sizeof *all), *vectors = malloc((size_t)(n * n) * sizeof *vectors);
        double *values = malloc((size_t)count * sizeof *values), *top = malloc((size_t)(count * n) * sizeof *top);
        memcpy(copy, a, (size_t)(n * n) * sizeof *copy);
        sl_eigen_all(copy, n, all, vectors);
        assert_ok(sl_eigen_top(a, n, count, values, top, &err));
        for (int k = 0; k < count; k++)
            assert_true(fabs(values[k] - all[k]) <= 1e-6 * all[0]);
        expect_eigen(a, n, count, values, top, 1e-4);
        free(a), free(copy), free(all), free(vectors), free(values), free(top);
    }
}

/* More vectors asked for than directions there are: the rest has value 0. */
static void of_low_rank(void **state)
{
    (void)state;
    enum { N = 30 };
    double a[N * N] = {0}, values[4], vectors[4 * N];
    for (int i = 0; i < N; i++)
        a[i * N + i] = i == 3 ? 5 : i == 11 ? 2 : 0;
    assert_ok(sl_eigen_top(a, N, 4, values, vectors, &err));
    assert_true(fabs(values[0] - 5) < 1e-9 && fabs(values[1] - 2) < 1e-9);
    assert_true(fabs(values[2]) < 1e-9 && fabs(values[3]) < 1e-9);
    assert_true(fabs(fabs(vectors[3]) - 1) < 1e-9 && fabs(fabs(vectors[N + 11]) - 1) < 1e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_by_two_by_hand),
        cmocka_unit_test(all_of_random_matrices),
        cmocka_unit_test(top_of_random_matrices),
        cmocka_unit_test(of_low_rank),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
