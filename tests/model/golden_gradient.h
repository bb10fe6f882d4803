/* Tensors beside a golden file's: each is given by its length and by its product with random numbers from -1 to 1,
 * seeded by its name. */
#ifndef SL_TESTS_GOLDEN_GRADIENT_H
#define SL_TESTS_GOLDEN_GRADIENT_H

#include "formula_net.h"

static inline double golden_length(const float *x, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (double)x[i] * x[i];
    return sqrt(sum);
}

static inline double golden_along(const char *name, const float *x, int64_t n)
{
    double sum = 0;
    float *r = malloc((size_t)n * sizeof *r);
    fill_random(r, (size_t)n, formula_seed(name) + 1, -1, 1);
    for (int64_t i = 0; i < n; i++)
        sum += (double)x[i] * r[i];
    free(r);
    return sum;
}

/* Output `i` of the plan; bound: parts of its length; rounding: what a tensor of nothing may be. */
static inline void golden_check(const sl_plan *plan, int i, const char *name, double length, double along, double bound,
                                double rounding)
{
    sl_shape shape;
    assert_true(i >= 0);
    const float *x = sl_plan_output(plan, i, &shape);
    const int64_t n = sl_shape_elements(&shape);
    const double most = bound * length + rounding, l = golden_length(x, n), a = golden_along(name, x, n);
    if (!(fabs(l - length) <= most) || !(fabs(a - along) <= most))
        fail_msg("%s: length %g, along %g; PyTorch %g, %g", name, l, a, length, along);
}

/* The graph's output of this name, or -1. */
static inline int golden_output(const sl_graph *g, const char *name)
{
    for (int i = 0; i < g->n_outputs; i++)
        if (strcmp(g->tensors[g->outputs[i]].name, name) == 0)
            return i;
    return -1;
}

static inline FILE *golden_open(const char *file)
{
    char path[512];
    snprintf(path, sizeof path, "%s/tests/model/golden/%s", SL_SOURCE_DIR, file);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    return f;
}

#endif
