/* double_gradients NETWORK train|frozen GOLDEN: the scalar reference compiled with doubles
 * (tests/net/double/as_double.h) on a whole network, against PyTorch's gradients in float64 (tests/torch/gradients.py):
 * the largest difference, of each gradient's length. Weights are those of the float build, so no corner of a ReLU lies
 * between the two. */
#include "formula_net.h"

#include "net/layers/layers.h"

static double length_of(const float *x, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += x[i] * x[i];
    return sqrt(sum);
}

static double along(const char *name, const float *x, int64_t n)
{
    double sum = 0;
    float *r = malloc((size_t)n * sizeof *r);
    formula_random(r, (size_t)n, formula_seed(name) + 1, -1, 1);
    for (int64_t i = 0; i < n; i++)
        sum += x[i] * r[i];
    free(r);
    return sum;
}

static float **memory_of(const sl_graph *g, const sl_tensor *tensors, int n)
{
    float **all = malloc((size_t)n * sizeof *all);
    for (int i = 0; i < n; i++)
        all[i] = calloc((size_t)sl_shape_elements(&g->tensors[tensors[i]].shape), sizeof **all);
    return all;
}

/* How far output i is from a line of the golden. */
static double away(const sl_graph *g, float *const *outputs, const char *name, double length, double product)
{
    for (int i = 0; i < g->n_outputs; i++) {
        const sl_tensor_info *t = &g->tensors[g->outputs[i]];
        bool picture = strcmp(name, "input") == 0 && i == g->n_outputs - 1;
        if (!picture && (strncmp(t->name, "grad:", 5) || strcmp(t->name + 5, name)))
            continue;
        int64_t n = sl_shape_elements(&t->shape);
        double floor = length + 1e-4; /* gradients that are nothing but rounding */
        return fmax(fabs(length_of(outputs[i], n) - length), fabs(along(name, outputs[i], n) - product)) / floor;
    }
    return INFINITY;
}

int main(int argc, char **argv)
{
    sl_error err;
    if (argc != 4) {
        fprintf(stderr, "usage: double_gradients NETWORK train|frozen GOLDEN\n");
        return 2;
    }
    bool train = strcmp(argv[2], "train") == 0;
    FILE *file = fopen(argv[3], "r");
    char name[256], worst[256] = "loss";
    double length, product;
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%255s %lf %lf", name, &length, &product), 3); /* the loss, and the batch's seed */
    formula_net f = formula_graph(argv[1], train ? 3 : 1, train ? SL_STATS_BATCH : SL_STATS_FIXED, true);
    f.seed = (uint64_t)product;
    const sl_graph *g = f.back;
    float **inputs = memory_of(g, g->inputs, g->n_inputs), **outputs = memory_of(g, g->outputs, g->n_outputs);
    for (int i = 0; i < g->n_inputs; i++)
        formula_input(&f, i, &g->tensors[g->inputs[i]].shape, inputs[i]);
    assert_ok(sl_reference_run(g, (const float *const *)inputs, outputs, &err));
    double most = fabs(outputs[0][0] - length) / length;
    while (fscanf(file, "%255s %lf %lf", name, &length, &product) == 3) {
        const double by = away(g, outputs, name, length, product);
        if (by > most)
            snprintf(worst, sizeof worst, "%s", name);
        most = fmax(most, by);
    }
    printf("%s, %s: %.2g at most, in %s\n", argv[1], argv[2], most, worst);
    return most <= 1e-7 ? 0 : 1;
}
