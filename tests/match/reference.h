/* The method in plain double arithmetic, straight from its definition: what the kernels are held against. */
#ifndef SL_TESTS_MATCH_REFERENCE_H
#define SL_TESTS_MATCH_REFERENCE_H

#include "support.h"

#include "match/match.h"

#define assert_near(a, b, bound)                                                                                  \
    do {                                                                                                          \
        double near_a_ = (a), near_b_ = (b);                                                                      \
        if (!(fabs(near_a_ - near_b_) <= (bound)))                                                                \
            fail_msg("%s = %.9g, not %.9g (bound %g)", #a, near_a_, near_b_, (double)(bound));                    \
    } while (0)

enum { REF_MAX = 256 };

typedef struct {
    int n, iterations;
    double S[REF_MAX * REF_MAX], T[REF_MAX * REF_MAX], u[REF_MAX], v[REF_MAX], score;
    int weightless;
} ref_pair;

static inline void ref_unit(const double *x, int n, double *out)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += x[i] * x[i];
    double length = sqrt(sum);
    for (int i = 0; i < n; i++)
        out[i] = length < 1e-12 ? 0 : x[i] / length;
}

static inline double ref_dot(const double *a, const double *b, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* A map's unit patches [n, c] and unit mean [c]. */
static inline void ref_prepare(const float *map, int n, int c, double *patches, double *mean)
{
    double *raw = malloc((size_t)n * c * sizeof *raw), *sum = calloc((size_t)c, sizeof *sum);
    for (int i = 0; i < n * c; i++) {
        raw[i] = map[i];
        sum[i % c] += map[i];
    }
    for (int i = 0; i < n; i++)
        ref_unit(raw + (size_t)i * c, c, patches + (size_t)i * c);
    ref_unit(sum, c, mean);
    free(raw);
    free(sum);
}

static inline int ref_normalise(double *w, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) {
        w[i] = w[i] > 0 ? w[i] : 0;
        sum += w[i];
    }
    for (int i = 0; i < n; i++)
        w[i] /= sum + 1e-7;
    return sum > 0;
}

/* The same of both sets by the sum of both. */
static inline int ref_normalise_jointly(double *u, double *v, int n)
{
    double sum_u = 0, sum_v = 0;
    for (int i = 0; i < n; i++) {
        u[i] = u[i] > 0 ? u[i] : 0, v[i] = v[i] > 0 ? v[i] : 0;
        sum_u += u[i], sum_v += v[i];
    }
    for (int i = 0; i < n; i++)
        u[i] /= sum_u + sum_v + 1e-7, v[i] /= sum_u + sum_v + 1e-7;
    return sum_u > 0 && sum_v > 0;
}

/* Sinkhorn on p->S, u, v as published: eps, at most max_iterations, ends when mean |r - r_old| < stop. */
static inline void ref_sinkhorn(ref_pair *p, double eps, int max_iterations, double stop)
{
    const int n = p->n;
    double r[REF_MAX], c[REF_MAX];
    double *K = malloc((size_t)n * n * sizeof *K);
    for (int i = 0; i < n * n; i++)
        K[i] = exp((p->S[i] - 1) / eps);
    for (int i = 0; i < n; i++)
        r[i] = c[i] = 1;
    p->iterations = 0;
    for (double change = INFINITY; p->iterations < max_iterations && !(change < stop); p->iterations++) {
        change = 0;
        for (int s = 0; s < n; s++) {
            double old = r[s], sum = 0;
            for (int m = 0; m < n; m++)
                sum += K[s * n + m] * c[m];
            r[s] = p->u[s] / sum;
            change += fabs(r[s] - old) / n;
        }
        for (int m = 0; m < n; m++) {
            double sum = 0;
            for (int s = 0; s < n; s++)
                sum += K[s * n + m] * r[s];
            c[m] = p->v[m] / sum;
        }
    }
    p->score = 0;
    for (int s = 0; s < n; s++)
        for (int m = 0; m < n; m++) {
            p->T[s * n + m] = r[s] * K[s * n + m] * c[m];
            p->score += p->T[s * n + m] * p->S[s * n + m];
        }
    if (!isfinite(p->score))
        p->score = 0;
    free(K);
}

/* S and the weights of a pair of raw maps [n, c]; q is the query. g_q, g_n: vectors in place of the means, or
 * NULL; fixed weights (LMK) are not done here. */
static inline void ref_weights(ref_pair *p, const float *q, const float *candidate, int n, int c,
                               sl_weighting weighting, const double *g_q, const double *g_n)
{
    double *P = malloc((size_t)n * c * sizeof *P), *Q = malloc((size_t)n * c * sizeof *Q);
    double *mean_q = malloc((size_t)c * sizeof *mean_q), *mean_n = malloc((size_t)c * sizeof *mean_n);
    ref_prepare(q, n, c, Q, mean_q);
    ref_prepare(candidate, n, c, P, mean_n);
    p->n = n;
    for (int s = 0; s < n; s++)
        for (int m = 0; m < n; m++)
            p->S[s * n + m] = ref_dot(P + (size_t)s * c, Q + (size_t)m * c, c);
    for (int i = 0; i < n; i++) {
        double row = 0, column = 0;
        for (int j = 0; j < n; j++) {
            row += p->S[i * n + j];
            column += p->S[j * n + i];
        }
        switch (weighting) {
        case SL_WEIGHT_APC:
        case SL_WEIGHT_UEW:
        case SL_WEIGHT_CC:
            p->u[i] = ref_dot(g_q ? g_q : mean_q, P + (size_t)i * c, c);
            p->v[i] = ref_dot(g_n ? g_n : mean_n, Q + (size_t)i * c, c);
            break;
        case SL_WEIGHT_SC: p->u[i] = n - row, p->v[i] = n - column; break;
        case SL_WEIGHT_SC_TEXT: p->u[i] = row, p->v[i] = column; break;
        default: p->u[i] = p->v[i] = 1.0 / n; break;
        }
    }
    p->weightless = 0;
    if (weighting == SL_WEIGHT_UEW) {
        p->weightless = !ref_normalise_jointly(p->u, p->v, n);
    } else if (weighting != SL_WEIGHT_UNIFORM) {
        int fine_u = ref_normalise(p->u, n), fine_v = ref_normalise(p->v, n);
        p->weightless = !fine_u || !fine_v;
    }
    free(P);
    free(Q);
    free(mean_q);
    free(mean_n);
}

/* Maps that behave like a network's: a common positive mean, a part of its own per cell, the person's, noise.
 * Similarities of matched cells are some .7, of others .5. */
static inline void make_map(float *map, int n, int c, uint64_t person, uint64_t photo)
{
    float *part = malloc((size_t)n * c * sizeof *part);
    fill_random(part, (size_t)c, 77, -0.6f, 1.8f);
    for (int i = 0; i < n * c; i++)
        map[i] = part[i % c];
    const uint64_t seeds[] = {78, 1000 + person, 2000 + photo};
    const float sizes[] = {1.2f, 0.8f, 1.2f};
    for (int k = 0; k < 3; k++) {
        fill_random(part, (size_t)n * c, seeds[k], -sizes[k], sizes[k]);
        for (int i = 0; i < n * c; i++)
            map[i] += part[i];
    }
    free(part);
}

/* The defaults on one thread, with these. */
static inline sl_match_options emd_options_of(sl_weighting weighting, sl_patch_compute precision)
{
    sl_match_options o = sl_match_defaults_of(SL_RERANK_EMD);
    o.weighting = weighting;
    o.patch_compute = precision;
    o.threads = 1;
    return o;
}

#endif
