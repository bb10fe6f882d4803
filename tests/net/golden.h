/* Golden files: what independent runtimes computed for x[i] = scale * 0.9 sin(0.01 i). */
#ifndef SL_TESTS_GOLDEN_H
#define SL_TESTS_GOLDEN_H

#include "net_check.h"

/* One line of a golden file: a tensor's name, shape, sum, norm, and all values or the first and last eight. */
typedef struct {
    char name[200];
    sl_shape shape;
    double sum, norm;
    int n_values;
    float values[512];
} golden;

static inline bool read_golden(FILE *f, golden *g)
{
    if (fscanf(f, "%199s %d", g->name, &g->shape.rank) != 2)
        return false;
    for (int i = 0; i < g->shape.rank; i++) {
        long long d;
        assert_int_equal(fscanf(f, "%lld", &d), 1);
        g->shape.dim[i] = d;
    }
    assert_int_equal(fscanf(f, "%lf %lf %d", &g->sum, &g->norm, &g->n_values), 3);
    assert_in_range(g->n_values, 1, 512);
    for (int i = 0; i < g->n_values; i++)
        assert_int_equal(fscanf(f, "%f", &g->values[i]), 1);
    return true;
}

static inline void check_tensor(const golden *want, const float *got, const sl_shape *shape, double bound)
{
    assert_int_equal(shape->rank, want->shape.rank);
    for (int i = 0; i < shape->rank; i++)
        assert_int_equal(shape->dim[i], want->shape.dim[i]);
    int64_t n = sl_shape_elements(shape);
    double sum = 0, square = 0, scale = want->norm / sqrt((double)n); /* the size of a typical value */
    for (int64_t i = 0; i < n; i++) {
        sum += got[i];
        square += (double)got[i] * got[i];
    }
    if (fabs(sqrt(square) - want->norm) > bound * want->norm || fabs(sum - want->sum) > bound * scale * (double)n)
        fail_msg("%s: norm %.9g and sum %.9g, expected %.9g and %.9g", want->name, sqrt(square), sum, want->norm,
                 want->sum);
    if (want->n_values == n) {
        assert_close(got, want->values, (size_t)n, bound * 10 * scale);
        if (want->norm > 0)
            assert_true(cosine_of(got, want->values, (size_t)n) > 0.999999);
    } else {
        assert_close(got, want->values, 8, bound * 10 * scale);
        assert_close(got + n - 8, want->values + 8, 8, bound * 10 * scale);
    }
}

/* A network's golden input: the wave below in this shape. */
typedef struct {
    sl_shape shape;
    float scale;
    bool reference; /* check the scalar reference too: small networks only */
} golden_input;

enum { MAX_OUTPUTS = 16 };

static inline int read_all(const char *model, golden *list)
{
    char path[512], header[256];
    snprintf(path, sizeof path, "%s/tests/net/golden/%s.txt", SL_SOURCE_DIR, model);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_non_null(fgets(header, sizeof header, f));
    int n = 0;
    while (n < MAX_OUTPUTS && read_golden(f, &list[n]))
        n++;
    fclose(f);
    assert_true(n > 0);
    return n;
}

/* x[i] = scale * 0.9 sin(0.01 i) */
static inline void fill_wave(float *x, int64_t count, float scale)
{
    for (int64_t i = 0; i < count; i++)
        x[i] = scale * (float)(0.9 * sin(0.01 * (double)i));
}

/* The plan for this batch: every picture is the golden one. */
static inline void check_plan(const sl_graph *special, const golden_input *n, const golden *want, int repeat)
{
    sl_error err;
    sl_plan *plan;
    sl_shape shape;
    assert_ok(sl_plan_compile(special, 1, &plan, &err));
    float *x = sl_plan_input(plan, 0, &shape);
    int64_t count = sl_shape_elements(&n->shape);
    assert_int_equal(sl_shape_elements(&shape), count * repeat);
    for (int r = 0; r < repeat; r++)
        fill_wave(x + r * count, count, n->scale);
    assert_ok(sl_plan_run(plan, &err));
    for (int i = 0; i < special->n_outputs; i++) {
        const float *y = sl_plan_output(plan, i, &shape);
        shape.dim[0] /= repeat;
        for (int r = 0; r < repeat; r++)
            check_tensor(&want[i], y + r * sl_shape_elements(&shape), &shape, 1e-4);
    }
    sl_plan_free(plan);
}

static inline void check_reference(const sl_graph *special, const golden_input *n, const golden *want)
{
    sl_error err;
    float *x = malloc((size_t)sl_shape_elements(&n->shape) * sizeof *x), *y[MAX_OUTPUTS];
    fill_wave(x, sl_shape_elements(&n->shape), n->scale);
    for (int i = 0; i < special->n_outputs; i++)
        y[i] = malloc((size_t)sl_shape_elements(&want[i].shape) * sizeof **y);
    assert_ok(sl_reference_run(special, (const float *const *)&x, y, &err));
    for (int i = 0; i < special->n_outputs; i++) {
        check_tensor(&want[i], y[i], &special->tensors[special->outputs[i]].shape, 1e-4);
        free(y[i]);
    }
    free(x);
}

/* The graph with the golden input, alone and, where `batches`, as a batch of three. */
static inline void check_golden(const sl_graph *g, const char *model, const golden_input *n, bool batches)
{
    sl_error err;
    sl_graph *special;
    static golden want[MAX_OUTPUTS];
    const char *names[MAX_OUTPUTS];
    int n_outputs = read_all(model, want);
    for (int i = 0; i < n_outputs; i++)
        names[i] = want[i].name;
    for (int repeat = 1; repeat <= (batches ? 3 : 1); repeat += 2) {
        sl_shape shape = n->shape;
        shape.dim[0] *= repeat;
        assert_ok(sl_graph_specialize(g, &shape, names, n_outputs, &special, &err));
        check_plan(special, n, want, repeat);
        if (n->reference && repeat == 1)
            check_reference(special, n, want);
        sl_graph_free(special);
    }
}

#endif
