/* The transformers of Face-ViT: golden figures of the published modules (float64, synthetic fill), their sizes, and
 * what sizes are read from a state dict. */
#include "synthetic.h"

#include "net/layers/layers.h"
#include "net/plan/plan.h"

enum { CELLS = 64, WIDTH = 512 };

static sl_error err;

typedef struct {
    sl_arch arch;
    sl_state_dict dict;
    sl_graph *graph;
} network;

/* The row with other numbers of layers and heads. */
static network open_network(const char *name, int depth, int heads)
{
    network n = {.arch = *sl_arch_find(name)};
    n.arch.transformer.depth = depth;
    n.arch.transformer.heads = heads;
    synthetic_dict(&n.arch, &n.dict);
    assert_ok(sl_arch_build(&n.arch, &n.dict, &n.graph, &err));
    return n;
}

static void close_network(network *n)
{
    sl_graph_free(n->graph);
    sl_state_dict_free(&n->dict);
}

/* The golden maps x = 2x512x8x8, x[i] = .9 sin(.01 i), photo by photo as patches. */
static void fill_patches(float *out, int photo)
{
    for (int cell = 0; cell < CELLS; cell++)
        for (int c = 0; c < WIDTH; c++)
            out[cell * WIDTH + c] = (float)(.9 * sin(.01 * (double)((photo * WIDTH + c) * CELLS + cell)));
}

/* A plan of the look for `first` and `second` photos; each of them the golden pair. */
static sl_plan *run_pairs(const network *n, int first, int second, const char *const *outputs, int n_outputs)
{
    const sl_shape shapes[2] = {{3, {first, CELLS, WIDTH}}, {3, {second, CELLS, WIDTH}}};
    sl_graph *special;
    sl_plan *plan;
    assert_ok(sl_graph_specialize(n->graph, shapes, outputs, n_outputs, &special, &err));
    assert_ok(sl_plan_compile(special, 1, &plan, &err));
    sl_graph_free(special);
    for (int i = 0; i < first; i++)
        fill_patches(sl_plan_input(plan, 0, NULL) + i * CELLS * WIDTH, 0);
    for (int i = 0; i < second; i++)
        fill_patches(sl_plan_input(plan, 1, NULL) + i * CELLS * WIDTH, 1);
    assert_ok(sl_plan_run(plan, &err));
    return plan;
}

typedef struct {
    double sum, norm, first[4], last;
} golden;

static void check_golden(const char *what, const float *y, int64_t count, const golden *want)
{
    double sum = 0, square = 0;
    for (int64_t i = 0; i < count; i++) {
        sum += (double)y[i];
        square += (double)y[i] * (double)y[i];
    }
    const double got[7] = {sum, sqrt(square), (double)y[0], (double)y[1], (double)y[2], (double)y[3],
                           (double)y[count - 1]},
                 expected[7] = {want->sum,      want->norm,     want->first[0], want->first[1],
                                want->first[2], want->first[3], want->last};
    for (int i = 0; i < 7; i++)
        if (!(fabs(got[i] - expected[i]) <= 1e-5 * fmax(want->norm, fabs(want->sum))))
            fail_msg("%s: figure %d is %.10g, expected %.10g", what, i, got[i], expected[i]);
}

static const golden feature_1 = {1.014601168, 2.488558428, {-.0386266398, -.0465075296, -.0181449543, .0402998084},
                                 -.0789793142},
                    feature_2 = {1.066630224, 3.442108757, {.129270321, .0838885589, .0695737382, .0626878956},
                                 .0252612668},
                    attention = {130, 1.5489458, {.00680143307, .0116431275, .0114927576, .0111942774}, .0484672705};

static void h2l_is_golden(void **state)
{
    (void)state;
    static const char *const outputs[] = {"feature_1", "feature_2", "transformer.layers.0.attention", SL_LOOK_SCORE};
    network n = open_network("h2l", 1, 1);
    assert_int_equal(n.dict.count, 28);
    sl_plan *plan = run_pairs(&n, 1, 1, outputs, 4);
    check_golden("feature_1", sl_plan_output(plan, 0, NULL), WIDTH, &feature_1);
    check_golden("feature_2", sl_plan_output(plan, 1, NULL), WIDTH, &feature_2);
    check_golden("attention", sl_plan_output(plan, 2, NULL), 130 * 130, &attention);
    assert_true(fabs((double)sl_plan_output(plan, 3, NULL)[0] + .8119657303) < 1e-5);
    sl_plan_free(plan);
    close_network(&n);
}

static const float h2_logits[2] = {-.452613515f, .0746041703f};

static void h2_is_golden(void **state)
{
    (void)state;
    static const char *const outputs[] = {"logits", SL_LOOK_SCORE};
    network n = open_network("h2", 1, 1);
    assert_int_equal(n.dict.count, 18);
    sl_plan *plan = run_pairs(&n, 1, 1, outputs, 2);
    for (int i = 0; i < 2; i++)
        assert_true(fabsf(sl_plan_output(plan, 0, NULL)[i] - h2_logits[i]) < 1e-5f);
    const float odds = expf(h2_logits[1] - h2_logits[0]);
    assert_true(fabsf(sl_plan_output(plan, 1, NULL)[0] - odds / (1 + odds)) < 1e-5f);
    sl_plan_free(plan);
    close_network(&n);
}

/* One query beside three candidates, or beside each its own copy: the same scores, at every depth. */
static void one_query_serves_all(void **state)
{
    (void)state;
    static const char *const names[] = {"h2l", "h2"}, *const outputs[] = {SL_LOOK_SCORE};
    for (int k = 0; k < 4; k++) {
        network n = open_network(names[k % 2], 1 + k / 2, 2);
        sl_plan *one = run_pairs(&n, 1, 3, outputs, 1), *each = run_pairs(&n, 3, 3, outputs, 1);
        for (int i = 0; i < 3; i++)
            assert_true(fabsf(sl_plan_output(one, 0, NULL)[i] - sl_plan_output(each, 0, NULL)[0]) < 1e-5f);
        sl_plan_free(one);
        sl_plan_free(each);
        close_network(&n);
    }
}

/* Written as ONNX and read again: layer norm, GELU and transposed products are spelled out there. */
static void onnx_gives_the_same_scores(void **state)
{
    (void)state;
    static const char *const names[] = {"h2l", "h2"}, *const outputs[] = {SL_LOOK_SCORE};
    for (int k = 0; k < 2; k++) {
        network n = open_network(names[k], 2, 2), read = {0};
        uint8_t *data;
        size_t size;
        assert_ok(sl_export_onnx(n.graph, NULL, 0, &data, &size, &err));
        assert_ok(sl_import_onnx(data, size, &read.graph, &err));
        sl_plan *own = run_pairs(&n, 1, 3, outputs, 1), *other = run_pairs(&read, 1, 3, outputs, 1);
        for (int i = 0; i < 3; i++)
            assert_true(fabsf(sl_plan_output(own, 0, NULL)[i] - sl_plan_output(other, 0, NULL)[i]) < 1e-5f);
        sl_plan_free(own);
        sl_plan_free(other);
        close_network(&read);
        close_network(&n);
        free(data);
    }
}

/* ---- sizes ---- */

static int64_t parameters(const sl_arch *arch, bool inside)
{
    sl_arch_tensor *tensors;
    size_t count;
    int64_t sum = 0;
    assert_ok(sl_arch_tensors(arch, &tensors, &count, &err));
    for (size_t i = 0; i < count; i++)
        if (!strstr(tensors[i].name, "running_") && !strstr(tensors[i].name, "num_batches") &&
            (inside || strncmp(tensors[i].name, "face_model.", 11) != 0))
            sum += sl_shape_elements(&tensors[i].shape);
    sl_arch_tensors_free(tensors, count);
    return sum;
}

static void sizes_are_the_published_ones(void **state)
{
    (void)state;
    static const struct {
        int heads;
        int64_t parameters;
    } known[] = {{1, 35859456}, {2, 35990528}, {4, 36252672}, {6, 36514816}, {8, 36776960}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        sl_arch own = *sl_arch_find("h2l");
        own.transformer.heads = known[i].heads;
        assert_int_equal(parameters(&own, true), known[i].parameters);
    }
    assert_true(llabs(parameters(sl_arch_find("vit"), true) - 63200000) < 50000);
    assert_true(llabs(parameters(sl_arch_find("h1"), false) - 2690000) < 5000);
}

/* What a dict says is read from it, whatever the row had. */
static void sizes_come_from_the_dict(void **state)
{
    (void)state;
    sl_arch own = *sl_arch_find("h2l"), back;
    own.transformer.depth = 3;
    own.transformer.heads = 6;
    own.transformer.cells = 42;
    own.transformer.positions = 0;
    own.transformer.hidden = 128;
    own.transformer.single = true;
    own.dim = 96;
    sl_state_dict dict = {0};
    synthetic_dict(&own, &dict);
    back = sl_arch_fit(sl_arch_find("h2l"), &dict);
    assert_int_equal(back.transformer.depth, 3);
    assert_int_equal(back.transformer.heads, 6);
    assert_int_equal(back.transformer.cells, 42);
    assert_int_equal(back.transformer.positions, 0);
    assert_int_equal(back.transformer.hidden, 128);
    assert_true(back.transformer.single);
    assert_int_equal(back.dim, 96);
    assert_ok(sl_arch_check(sl_arch_find("h2l"), &dict, NULL, NULL, &err));
    assert_int_equal(sl_arch_check(sl_arch_find("h2"), &dict, NULL, NULL, &err), SL_ERR_FORMAT);
    sl_state_dict_free(&dict);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(h2l_is_golden),        cmocka_unit_test(h2_is_golden),
        cmocka_unit_test(one_query_serves_all), cmocka_unit_test(onnx_gives_the_same_scores),
        cmocka_unit_test(sizes_come_from_the_dict), cmocka_unit_test(sizes_are_the_published_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
