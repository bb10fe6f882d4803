/* Whole networks against numbers of independent runtimes (tests/net/golden, made by tools/golden). */
#include "net_check.h"

#include "base/file.h"

/* One line of a golden file: a tensor's name, shape, sum, norm, and all values or the first and last eight. */
typedef struct {
    char name[200];
    sl_shape shape;
    double sum, norm;
    int n_values;
    float values[512];
} golden;

static bool read_golden(FILE *f, golden *g)
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

static void check_tensor(const golden *want, const float *got, const sl_shape *shape, double bound)
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
        fail_msg("%s: norm %.9g and sum %.9g, expected %.9g and %.9g", want->name, sqrt(square), sum, want->norm, want->sum);
    if (want->n_values == n) {
        assert_close(got, want->values, (size_t)n, bound * 10 * scale);
        assert_true(cosine_of(got, want->values, (size_t)n) > 0.999999);
    } else {
        assert_close(got, want->values, 8, bound * 10 * scale);
        assert_close(got + n - 8, want->values + 8, 8, bound * 10 * scale);
    }
}

typedef struct {
    const char *model, *file; /* file in the models folder */
    sl_shape shape;
    float scale;
    bool reference; /* the scalar reference too: small networks only */
} network;

static sl_graph *import_file(const char *path)
{
    sl_error err;
    sl_mapping file;
    sl_graph *g;
    assert_ok(sl_map_file(path, (size_t)1 << 30, &file, &err));
    if (strstr(path, ".tflite"))
        assert_ok(sl_import_tflite(file.data, file.size, &g, &err));
    else
        assert_ok(sl_import_onnx(file.data, file.size, &g, &err));
    sl_unmap_file(&file);
    return g;
}

enum { MAX_OUTPUTS = 16 };

static int read_all(const char *model, golden *list)
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
static void fill_wave(float *x, int64_t count, float scale)
{
    for (int64_t i = 0; i < count; i++)
        x[i] = scale * (float)(0.9 * sin(0.01 * (double)i));
}

/* The plan for this batch: every picture is the golden one. */
static void check_plan(const sl_graph *special, const network *n, const golden *want, int repeat)
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

static void check_reference(const sl_graph *special, const network *n, const golden *want)
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

static void check_network(const network *n)
{
    sl_error err;
    char *path = model_path(n->file), shared[100];
    snprintf(shared, sizeof shared, "models/%s", n->file);
    if (!path)
        path = shared_path(shared);
    if (!path) {
        print_message("skipped: %s was not fetched\n", n->file);
        skip();
    }
    static golden want[MAX_OUTPUTS];
    int n_outputs = read_all(n->model, want);
    const char *names[MAX_OUTPUTS];
    for (int i = 0; i < n_outputs; i++)
        names[i] = want[i].name;
    sl_graph *g = import_file(path), *special;
    for (int repeat = 1; repeat <= 3; repeat += 2) { /* also as a batch of three */
        sl_shape shape = n->shape;
        shape.dim[0] *= repeat;
        assert_ok(sl_graph_specialize(g, &shape, names, n_outputs, &special, &err));
        check_plan(special, n, want, repeat);
        if (n->reference && repeat == 1)
            check_reference(special, n, want);
        sl_graph_free(special);
    }
    sl_graph_free(g);
    free(path);
}

#define NETWORK_TEST(id, ...)                                   \
    static void id(void **state)                                \
    {                                                           \
        (void)state;                                            \
        check_network(&(network){__VA_ARGS__});                 \
    }
NETWORK_TEST(mobilefacenet_192, "mobilefacenet-192", "mobilefacenet-192.tflite", SHAPE(1, 3, 112, 112), 1, false)
NETWORK_TEST(mobilefacenet_128, "mobilefacenet-128", "mobilefacenet-128.onnx", SHAPE(1, 3, 112, 112), 1, false)
NETWORK_TEST(fr_feature, "fr-feature", "fr-feature.onnx", SHAPE(1, 3, 112, 112), 1, false)
NETWORK_TEST(retinaface_mnet25, "retinaface-mnet25", "retinaface-mnet25.onnx", SHAPE(1, 3, 96, 160), 100, true)
NETWORK_TEST(mtcnn_pnet, "mtcnn-pnet", "mtcnn-pnet.tflite", SHAPE(1, 3, 40, 48), 1, true)
NETWORK_TEST(mtcnn_rnet, "mtcnn-rnet", "mtcnn-rnet.tflite", SHAPE(2, 3, 24, 24), 1, true)
NETWORK_TEST(mtcnn_onet, "mtcnn-onet", "mtcnn-onet.tflite", SHAPE(2, 3, 48, 48), 1, true)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mobilefacenet_192), cmocka_unit_test(mobilefacenet_128), cmocka_unit_test(fr_feature),
        cmocka_unit_test(retinaface_mnet25), cmocka_unit_test(mtcnn_pnet),        cmocka_unit_test(mtcnn_rnet),
        cmocka_unit_test(mtcnn_onet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
