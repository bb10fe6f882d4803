/* Eigenvectors: all of a small matrix by Jacobi's rotations, the largest of a large one by subspace iteration. */
#include "base/eigen.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"

enum { MAX_SWEEPS = 60, MAX_ITERATIONS = 300, EXTRA = 16 };

/* ---- Jacobi ---- */

/* Rotates rows and columns p and q so that their common element becomes zero. */
static void rotate(double *a, int n, int p, int q, double *vectors)
{
    double apq = a[p * n + q], theta = (a[q * n + q] - a[p * n + p]) / (2 * apq);
    double t = (theta >= 0 ? 1 : -1) / (fabs(theta) + sqrt(theta * theta + 1)), c = 1 / sqrt(t * t + 1), s = t * c;
    for (int i = 0; i < n; i++) {
        double x = a[i * n + p], y = a[i * n + q];
        a[i * n + p] = c * x - s * y;
        a[i * n + q] = s * x + c * y;
    }
    for (int i = 0; i < n; i++) {
        double x = a[p * n + i], y = a[q * n + i];
        a[p * n + i] = c * x - s * y;
        a[q * n + i] = s * x + c * y;
        x = vectors[p * n + i], y = vectors[q * n + i];
        vectors[p * n + i] = c * x - s * y;
        vectors[q * n + i] = s * x + c * y;
    }
}

static void swap_rows(double *a, int n, int i, int k)
{
    for (int j = 0; j < n; j++) {
        double x = a[i * n + j];
        a[i * n + j] = a[k * n + j];
        a[k * n + j] = x;
    }
}

void sl_eigen_all(double *a, int n, double *values, double *vectors)
{
    memset(vectors, 0, (size_t)n * (size_t)n * sizeof *vectors);
    for (int i = 0; i < n; i++)
        vectors[i * n + i] = 1;
    for (int sweep = 0; sweep < MAX_SWEEPS; sweep++) {
        double off = 0, all = 0;
        for (int i = 0; i < n * n; i++) {
            all += a[i] * a[i];
            off += i / n != i % n ? a[i] * a[i] : 0;
        }
        if (off <= all * 1e-28)
            break;
        for (int p = 0; p < n; p++)
            for (int q = p + 1; q < n; q++)
                if (a[p * n + q] != 0)
                    rotate(a, n, p, q, vectors);
    }
    for (int i = 0; i < n; i++)
        values[i] = a[i * n + i];
    for (int i = 0; i < n; i++) {
        int best = i;
        for (int k = i + 1; k < n; k++)
            best = values[k] > values[best] ? k : best;
        double value = values[i];
        values[i] = values[best];
        values[best] = value;
        if (best != i)
            swap_rows(vectors, n, i, best);
    }
}

/* ---- subspace iteration ---- */

static double dot_rows(const double *a, const double *b, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* Gram and Schmidt, twice over, which is enough; a vector that vanishes becomes zero. */
static void orthonormalise(double *rows, int count, int n)
{
    for (int i = 0; i < count; i++) {
        double *x = rows + (size_t)i * n, before = sqrt(dot_rows(x, x, n));
        for (int turn = 0; turn < 2; turn++)
            for (int k = 0; k < i; k++) {
                const double *y = rows + (size_t)k * n;
                double part = dot_rows(x, y, n);
                for (int j = 0; j < n; j++)
                    x[j] -= part * y[j];
            }
        double length = sqrt(dot_rows(x, x, n)), factor = length > before * 1e-12 ? 1 / length : 0;
        for (int j = 0; j < n; j++)
            x[j] *= factor;
    }
}

/* image [count, n] = rows [count, n] x matrix [n, n] */
static void multiply_rows(const double *rows, const double *matrix, int count, int n, double *image)
{
    memset(image, 0, (size_t)count * (size_t)n * sizeof *image);
    for (int i = 0; i < count; i++)
        for (int k = 0; k < n; k++) {
            double x = rows[(size_t)i * n + k];
            const double *m = matrix + (size_t)k * n;
            double *out = image + (size_t)i * n;
            for (int j = 0; j < n; j++)
                out[j] += x * m[j];
        }
}

static void random_rows(double *rows, size_t area)
{
    sl_rng rng = sl_rng_seed(1);
    for (size_t i = 0; i < area; i++)
        rows[i] = sl_rng_range(&rng, -1, 1);
}

void sl_eigen_subspace(const double *matrix, int n, int count, int rounds, double *rows, double *image)
{
    const size_t area = (size_t)count * (size_t)n;
    random_rows(rows, area);
    for (int round = 0; round < rounds; round++) {
        multiply_rows(rows, matrix, count, n, image);
        memcpy(rows, image, area * sizeof *rows);
        orthonormalise(rows, count, n);
    }
}

sl_status sl_eigen_top(const double *matrix, int n, int count, double *values, double *vectors, sl_error *err)
{
    int m = count + EXTRA < n ? count + EXTRA : n;
    size_t area = (size_t)m * (size_t)n, square = (size_t)m * (size_t)m;
    double *q = sl_calloc_aligned(2 * area + 2 * square + (size_t)m, sizeof *q);
    if (!q)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for %d eigenvectors of %d", m, n);
    double *image = q + area, *small = image + area, *turn = small + square, *ritz = turn + square, sum = -1;
    random_rows(q, area);
    for (int iteration = 0; iteration < MAX_ITERATIONS; iteration++) {
        if (iteration)
            memcpy(q, image, area * sizeof *q);
        orthonormalise(q, m, n);
        multiply_rows(q, matrix, m, n, image);
        for (int i = 0; i < m; i++)
            for (int k = 0; k < m; k++)
                small[i * m + k] = dot_rows(q + (size_t)i * n, image + (size_t)k * n, n);
        sl_eigen_all(small, m, ritz, turn);
        double now = 0;
        for (int i = 0; i < count; i++)
            now += ritz[i];
        if (fabs(now - sum) <= fabs(now) * 1e-10)
            break;
        sum = now;
    }
    memcpy(values, ritz, (size_t)count * sizeof *values);
    memset(vectors, 0, (size_t)count * (size_t)n * sizeof *vectors);
    for (int i = 0; i < count; i++)
        for (int k = 0; k < m; k++)
            for (int j = 0; j < n; j++)
                vectors[(size_t)i * n + j] += turn[i * m + k] * q[(size_t)k * n + j];
    free(q);
    return SL_OK;
}
