/* Sinkhorn's iteration to convergence, in double: `--solver converged`. The published iteration, the default, is
 * body_sinkhorn in kernels/emd_body.h; it stops early and needs no care; here the scalings may grow without bound, so
 * they are absorbed into potentials f, g now and then:
 *
 *     T = diag(r) K diag(c),  K = exp((S - 1 + f + g) / eps)
 */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "match/kernels/match_kernels.h"
#include "match/patch/solvers.h"

typedef struct {
    const sl_transport_problem *problem;
    int n, stride; /* stride: n rounded up to 8 */
    double eps;
    double *K;     /* [n, stride], 0 behind n */
    double *u, *v; /* [stride] marginals of total 1 */
    double *r, *c; /* [stride] scalings, 0 where the marginal is 0 */
    double *f, *g, *product;
} state;

enum { VECTORS = 7 };

static int stride_of(int patches)
{
    return (patches + 7) / 8 * 8;
}

size_t sl_sinkhorn_bytes(int patches)
{
    return (size_t)(patches + VECTORS) * (size_t)stride_of(patches) * sizeof(double);
}

static double exponent(const state *s, int i, int j)
{
    return (double)s->problem->S[(size_t)i * s->problem->stride + j] - 1 + s->f[i] + s->g[j];
}

/* At the start no exponent is above 0; later K is the plan itself, none of whose numbers is above 1, but in rows and
 * columns that weigh nothing, whose scalings are 0. */
static void make_K(state *s)
{
    const sl_transport_problem *p = s->problem;
    for (int i = 0; i < s->n; i++)
        sl_emd_kernels_now()->exp_row_f64(p->S + (size_t)i * p->stride, s->f[i], s->g, s->eps, s->n,
                                          s->K + (size_t)i * s->stride);
}

/* Of numbers; fmax, which minds NaN, is a call for each. */
static double larger_of(double a, double b)
{
    return b > a ? b : a;
}

/* Potentials that leave a 1 in every row and column of K, and nothing above. */
static void start(state *s)
{
    for (int i = 0; i < s->n; i++)
        s->f[i] = s->g[i] = 0;
    for (int i = 0; i < s->n; i++) {
        double top = -INFINITY;
        for (int j = 0; j < s->n; j++)
            top = larger_of(top, exponent(s, i, j));
        s->f[i] = -top;
    }
    for (int j = 0; j < s->n; j++) {
        double top = -INFINITY;
        for (int i = 0; i < s->n; i++)
            top = larger_of(top, exponent(s, i, j));
        s->g[j] = -top;
    }
    for (int i = 0; i < s->n; i++) {
        s->r[i] = s->u[i] > 0;
        s->c[i] = s->v[i] > 0;
    }
    make_K(s);
}

static void absorb(state *s)
{
    for (int i = 0; i < s->n; i++) {
        if (s->r[i] > 0)
            s->f[i] += s->eps * log(s->r[i]);
        if (s->c[i] > 0)
            s->g[i] += s->eps * log(s->c[i]);
        s->r[i] = s->r[i] > 0;
        s->c[i] = s->c[i] > 0;
    }
    make_K(s);
}

/* r = u / (K c) */
static sl_rescaling scale_rows(state *s)
{
    const sl_emd_kernels *k = sl_emd_kernels_now();
    k->rows_product_f64(s->K, s->c, s->n, s->stride, s->product);
    return k->rescale_f64(s->u, s->product, s->stride, s->r);
}

/* c = v / (K' r) */
static sl_rescaling scale_columns(state *s)
{
    const sl_emd_kernels *k = sl_emd_kernels_now();
    k->columns_product_f64(s->K, s->r, s->n, s->stride, s->product);
    return k->rescale_f64(s->v, s->product, s->stride, s->c);
}

static bool out_of_range(const sl_rescaling *x)
{
    return !(x->most < 1e60 && x->least > 1e-60);
}

static void marginal_of_total_1(const float *weights, int n, double *out)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += weights[i];
    for (int i = 0; i < n; i++)
        out[i] = weights[i] / sum;
}

int sl_sinkhorn_converge(const sl_transport_problem *problem, const sl_sinkhorn_rule *rule, void *work,
                         double *plan)
{
    const int n = problem->patches, stride = stride_of(n);
    double *at = memset(work, 0, sl_sinkhorn_bytes(n));
    state s = {.problem = problem, .n = n, .stride = stride, .eps = rule->eps};
    double **const vectors[VECTORS] = {&s.u, &s.v, &s.r, &s.c, &s.f, &s.g, &s.product};
    for (int i = 0; i < VECTORS; i++, at += stride)
        *vectors[i] = at;
    s.K = at;
    marginal_of_total_1(problem->u, n, s.u);
    marginal_of_total_1(problem->v, n, s.v);
    start(&s);
    int iterations = 0;
    for (; iterations < rule->max_iterations; iterations++) {
        const sl_rescaling rows = scale_rows(&s);
        if (iterations > 0 && rows.error <= rule->stop)
            break; /* r just changed by no more than that */
        const sl_rescaling columns = scale_columns(&s);
        if (out_of_range(&rows) || out_of_range(&columns))
            absorb(&s);
    }
    scale_columns(&s);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            plan[(size_t)i * n + j] = s.r[i] * s.K[(size_t)i * stride + j] * s.c[j];
    return iterations;
}
