/* Whole networks against numbers of independent runtimes (tests/net/golden, made by tools/golden). */
#include "golden.h"

#include "base/file.h"

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

/* A model of the models folder or of ../shared/models. */
static void check_network(const char *model, const char *file, const golden_input *input)
{
    char shared[100], *path = model_path(file);
    snprintf(shared, sizeof shared, "models/%s", file);
    if (!path)
        path = shared_path(shared);
    if (!path) {
        print_message("skipped: %s was not fetched\n", file);
        skip();
    }
    sl_graph *g = import_file(path);
    check_golden(g, model, input, true);
    sl_graph_free(g);
    free(path);
}

#define NETWORK_TEST(id, model, file, ...)                              \
    static void id(void **state)                                        \
    {                                                                   \
        (void)state;                                                    \
        check_network(model, file, &(golden_input){__VA_ARGS__});       \
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
