/* Sinkhorn's iteration to convergence, in double. The published kernel (match/kernels) stops early and needs
 * no care; here the scalings may grow without bound, so they are absorbed into potentials f, g now and then:
 *
 *     T = diag(r) K diag(c),  K = exp((S - 1 + f + g) / eps)
 */
#include <math.h>
#include <stdbool.h>

#include "match/solvers.h"

typedef struct {
    const sl_transport_problem *problem;
    int n;
    double eps;
    double *K;     /* [n, n] */
    double *u, *v; /* [n] marginals of total 1 */
    double *r, *c; /* [n] scalings, 0 where the marginal is 0 */
    double *f, *g, *product;
} state;

static double exponent(const state *s, int i, int j)
{
    return (double)s->problem->S[(size_t)i * s->problem->stride + j] - 1 + s->f[i] + s->g[j];
}

static void make_K(state *s)
{
    for (int i = 0; i < s->n; i++)
        for (int j = 0; j < s->n; j++)
            s->K[(size_t)i * s->n + j] = exp(exponent(s, i, j) / s->eps);
}

/* Potentials that leave a 1 in every row and column of K, and nothing above. */
static void start(state *s)
{
    for (int i = 0; i < s->n; i++)
        s->f[i] = s->g[i] = 0;
    for (int i = 0; i < s->n; i++) {
        double top = -INFINITY;
        for (int j = 0; j < s->n; j++)
            top = fmax(top, exponent(s, i, j));
        s->f[i] = -top;
    }
    for (int j = 0; j < s->n; j++) {
        double top = -INFINITY;
        for (int i = 0; i < s->n; i++)
            top = fmax(top, exponent(s, i, j));
        s->g[j] = -top;
    }
    for (int i = 0; i < s->n; i++) {
        s->r[i] = s->u[i] > 0;
        s->c[i] = s->v[i] > 0;
    }
    make_K(s);
}

static bool out_of_range(const double *x, int n)
{
    for (int i = 0; i < n; i++)
        if (x[i] != 0 && !(x[i] < 1e60 && x[i] > 1e-60))
            return true;
    return false;
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

/* r = u / (K c); returns the L1 error of the row marginals before. */
static double scale_rows(state *s)
{
    double error = 0;
    for (int i = 0; i < s->n; i++) {
        double sum = 0;
        for (int j = 0; j < s->n; j++)
            sum += s->K[(size_t)i * s->n + j] * s->c[j];
        error += fabs(s->r[i] * sum - s->u[i]);
        s->product[i] = sum;
    }
    for (int i = 0; i < s->n; i++)
        s->r[i] = s->u[i] > 0 ? s->u[i] / s->product[i] : 0;
    return error;
}

static void scale_columns(state *s)
{
    for (int j = 0; j < s->n; j++)
        s->product[j] = 0;
    for (int i = 0; i < s->n; i++)
        for (int j = 0; j < s->n; j++)
            s->product[j] += s->r[i] * s->K[(size_t)i * s->n + j];
    for (int j = 0; j < s->n; j++)
        s->c[j] = s->v[j] > 0 ? s->v[j] / s->product[j] : 0;
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
    const int n = problem->patches;
    double *at = work;
    state s = {.problem = problem, .n = n, .eps = rule->eps, .K = plan};
    double **const vectors[] = {&s.u, &s.v, &s.r, &s.c, &s.f, &s.g, &s.product};
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++, at += n)
        *vectors[i] = at;
    marginal_of_total_1(problem->u, n, s.u);
    marginal_of_total_1(problem->v, n, s.v);
    start(&s);
    int iterations = 0;
    for (double error = INFINITY; iterations < rule->max_iterations; iterations++) {
        error = scale_rows(&s);
        if (iterations > 0 && error <= rule->stop)
            break; /* r just changed by no more than that */
        scale_columns(&s);
        if (out_of_range(s.r, n) || out_of_range(s.c, n))
            absorb(&s);
    }
    scale_columns(&s);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            plan[(size_t)i * n + j] *= s.r[i] * s.c[j];
    return iterations;
}
