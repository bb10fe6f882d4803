/* A whole network written as ONNX and read again. */
#include "synthetic.h"

#include "net/plan/plan.h"

static sl_error err;

/* Embedding and patch map of two made-up pictures, [2, D] and [2, C, rows, cols] one after the other; malloc'd. */
static float *outputs_of(const sl_arch *arch, const sl_graph *g, size_t *count)
{
    static const char *const names[2] = {SL_ARCH_EMBEDDING, SL_ARCH_PATCH_MAP};
    sl_shape shape = {4, {2, arch->channels, arch->height, arch->width}};
    sl_graph *special;
    sl_plan *plan;
    assert_ok(sl_graph_specialize(g, &shape, names, 2, &special, &err));
    assert_ok(sl_plan_compile(special, 1, &plan, &err));
    fill_random(sl_plan_input(plan, 0, NULL), (size_t)sl_shape_elements(&shape), 7, -1, 1);
    assert_ok(sl_plan_run(plan, &err));
    float *all = NULL;
    *count = 0;
    for (int i = 0; i < 2; i++) {
        const float *y = sl_plan_output(plan, i, &shape);
        size_t n = (size_t)sl_shape_elements(&shape);
        all = realloc(all, (*count + n) * sizeof *all);
        memcpy(all + *count, y, n * sizeof *all);
        *count += n;
    }
    sl_plan_free(plan);
    sl_graph_free(special);
    return all;
}

static void check_architecture(const char *name)
{
    const sl_arch *arch = sl_arch_find(name);
    sl_state_dict dict = {0};
    sl_graph *g, *again;
    uint8_t *data;
    size_t size, count, count_again;
    synthetic_dict(arch, &dict);
    assert_ok(sl_arch_build(arch, &dict, &g, &err));
    assert_ok(sl_export_onnx(g, NULL, 0, &data, &size, &err));
    assert_ok(sl_import_onnx(data, size, &again, &err));
    free(data);
    assert_int_equal(again->tensors[again->inputs[0]].shape.dim[0], -1);
    float *y = outputs_of(arch, g, &count), *y_again = outputs_of(arch, again, &count_again);
    double largest = 0;
    for (size_t i = 0; i < count; i++)
        largest = fmax(largest, fabs((double)y[i]));
    assert_int_equal(count, count_again);
    assert_true(largest > 0);
    assert_close(y, y_again, count, 1e-5 * largest);
    free(y);
    free(y_again);
    sl_graph_free(g);
    sl_graph_free(again);
    sl_state_dict_free(&dict);
}

/* Depthwise convolutions, clipped relus and a bias; PReLUs; concatenations, scales, pools and an L2 norm. */
static void mobilefacenet_survives(void **state)
{
    (void)state;
    check_architecture("mobilefacenet");
}

static void mobilefacenet_prelu_survives(void **state)
{
    (void)state;
    check_architecture("mobilefacenet-prelu");
}

static void facenet_survives(void **state)
{
    (void)state;
    check_architecture("facenet-ir1");
}

/* Whoever gets the file sees where it comes from. */
static void metadata_is_written(void **state)
{
    (void)state;
    const sl_arch *arch = sl_arch_find("mobilefacenet");
    static const char *const said[][2] = {{"licence", "as you like it"}};
    sl_state_dict dict = {0};
    sl_graph *g;
    uint8_t *data;
    size_t size, at = 0;
    synthetic_dict(arch, &dict);
    assert_ok(sl_arch_build(arch, &dict, &g, &err));
    assert_ok(sl_export_onnx(g, said, 1, &data, &size, &err));
    while (at + 14 <= size && memcmp(data + at, "as you like it", 14) != 0)
        at++;
    assert_true(at + 14 <= size);
    free(data);
    sl_graph_free(g);
    sl_state_dict_free(&dict);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mobilefacenet_survives),
        cmocka_unit_test(mobilefacenet_prelu_survives),
        cmocka_unit_test(facenet_survives),
        cmocka_unit_test(metadata_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
