/* Ten steps of training of whole networks against PyTorch's in float64 (tests/torch/ten_steps.py): gradients,
 * optimisers and what they make of each other. Losses hold to 1e-4 of the first one, weights to 1e-4 of their
 * length. The way that a tensor has gone is a thousand times shorter: of it one part in a hundred or so depends on
 * which side of a ReLU's corner float32 comes out on (tests/model/test_gradients.c). */
#include "../model/formula_net.h"

#include "train/optimiser.h"

enum { STEPS = 10, BATCH = 2 };

typedef struct {
    formula_net f;
    float **first, **second, **start; /* [names][elements] */
    float **weights;
    size_t *counts;
    int *ranks;
} training;

static training begin(const char *name)
{
    training t = {.f = formula_open(name, BATCH, SL_STATS_FIXED, 2, false)};
    const size_t n = (size_t)t.f.n_names;
    t.first = calloc(n, sizeof *t.first);
    t.second = calloc(n, sizeof *t.second);
    t.start = calloc(n, sizeof *t.start);
    t.weights = calloc(n, sizeof *t.weights);
    t.counts = calloc(n, sizeof *t.counts);
    t.ranks = calloc(n, sizeof *t.ranks);
    for (size_t i = 0; i < n; i++) {
        sl_shape shape;
        t.weights[i] = sl_plan_input(t.f.plan, 2 + (int)i, &shape);
        t.counts[i] = (size_t)sl_shape_elements(&shape);
        t.ranks[i] = shape.rank;
        t.first[i] = calloc(t.counts[i], sizeof(float));
        t.second[i] = calloc(t.counts[i], sizeof(float));
        t.start[i] = malloc(t.counts[i] * sizeof(float));
        memcpy(t.start[i], t.weights[i], t.counts[i] * sizeof(float));
    }
    return t;
}

static void end(training *t)
{
    for (int i = 0; i < t->f.n_names; i++) {
        free(t->first[i]);
        free(t->second[i]);
        free(t->start[i]);
    }
    free(t->first);
    free(t->second);
    free(t->start);
    free(t->weights);
    free(t->counts);
    free(t->ranks);
    formula_close(&t->f);
}

static double run(training *t)
{
    sl_error err;
    assert_ok(sl_plan_run(t->f.plan, &err));
    return (double)sl_plan_output(t->f.plan, 0, NULL)[0];
}

/* Outputs: the loss, then gradients in the order of the names. */
static void step(training *t, const sl_optimiser *o, double rate, int number)
{
    for (int i = 0; i < t->f.n_names; i++) {
        sl_moments m = {t->first[i], t->second[i]};
        sl_optimiser_step(o, (unsigned long long)number, rate, 1, t->ranks[i], t->counts[i],
                          sl_plan_output(t->f.plan, 1 + i, NULL), &m, t->weights[i]);
    }
}

/* The way of parameter i, against its length and its product with random numbers seeded by its name. */
static void check_way(const training *t, int i, double length, double along, double bound)
{
    const size_t n = t->counts[i];
    double square = 0, product = 0, weights = 0;
    float *r = malloc(n * sizeof *r);
    fill_random(r, n, formula_seed(t->f.names[i]) + 1, -1, 1);
    for (size_t k = 0; k < n; k++) {
        const double way = (double)t->weights[i][k] - (double)t->start[i][k];
        square += way * way;
        product += way * (double)r[k];
        weights += (double)t->weights[i][k] * (double)t->weights[i][k];
    }
    free(r);
    if (n == 1) /* one slope for all: a sum of a million numbers that cancel out */
        bound *= 4;
    const double most = fmin(bound * length + 2e-7 * sqrt(weights), 1e-4 * sqrt(weights));
    if (!(fabs(sqrt(square) - length) <= most) || !(fabs(product - along) <= most))
        fail_msg("%s went %.9g, along %.9g; PyTorch's %.9g, %.9g; most %g", t->f.names[i], sqrt(square), product,
                 length, along, most);
}

static int find_name(const training *t, const char *name)
{
    for (int i = 0; i < t->f.n_names; i++)
        if (strcmp(t->f.names[i], name) == 0)
            return i;
    fail_msg("no parameter %s", name);
    return -1;
}

static void check(const char *net, const char *kind, const sl_optimiser *o, double rate, double bound)
{
    char path[512], name[256];
    double length, along, first = 0;
    snprintf(path, sizeof path, "%s/tests/train/golden/steps-%s-%s.txt", SL_SOURCE_DIR, net, kind);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    training t = begin(net);
    for (int s = 0; s <= STEPS; s++) {
        assert_int_equal(fscanf(file, "%255s %lf %lf", name, &length, &along), 3);
        const double loss = run(&t);
        first = s ? first : length;
        if (!(fabs(loss - length) <= 1e-4 * first))
            fail_msg("%s, %s: loss %.9g before step %d; PyTorch's %.9g", net, kind, loss, s + 1, length);
        if (s < STEPS)
            step(&t, o, rate, s + 1);
    }
    for (int i = 0; i < t.f.n_names; i++) {
        assert_int_equal(fscanf(file, "%255s %lf %lf", name, &length, &along), 3);
        check_way(&t, find_name(&t, name), length, along, bound);
    }
    fclose(file);
    end(&t);
}

static const sl_optimiser sgd = {.kind = SL_OPTIMISER_SGD, .momentum = .9, .decay = 5e-4};
static const sl_optimiser adamw = {
    .kind = SL_OPTIMISER_ADAMW, .beta1 = .9, .beta2 = .999, .epsilon = 1e-4, .decay = .05};

static void test_mobilefacenet(void **state)
{
    (void)state;
    check("mobilefacenet", "sgd", &sgd, 1e-5, 1e-2);
    check("mobilefacenet", "adamw", &adamw, 1e-5, 1e-2);
}

static void test_arcface(void **state)
{
    (void)state;
    check("arcface-r18", "sgd", &sgd, 1e-5, 3e-2);
    check("arcface-r18", "adamw", &adamw, 1e-5, 3e-2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mobilefacenet),
        cmocka_unit_test(test_arcface),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
