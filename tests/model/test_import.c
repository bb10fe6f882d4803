/* Checkpoints to models: what is made, what is refused, and that a model of a state dict is a model like others.
 */
#define _GNU_SOURCE
#include "synthetic.h"

#include <unistd.h>

#include "base/file.h"
#include "image/image.h"
#include "model/import/import.h"
#include "model/recogniser.h"
#include "net/import/weights/safetensors.h"

static sl_error err;
static char *folder;

static int make_folder(void **state)
{
    (void)state;
    folder = make_temp_dir();
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    remove_tree(folder);
    free(folder);
    return 0;
}

/* A path in the folder, good until the next one but seven. */
static const char *at(const char *name)
{
    static char paths[8][400];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static bool exists(const char *name)
{
    return access(at(name), F_OK) == 0;
}

static void write_checkpoint(const char *name, const sl_state_dict *dict)
{
    assert_ok(sl_safetensors_write(at(name), dict, NULL, 0, &err));
}

static sl_status import_as(const char *arch, const char *file, const char *output, char **json)
{
    const char *path = at(file);
    const sl_import_options o = {.arch = arch, .output = output, .models_dir = folder};
    return sl_model_import(&path, 1, &o, json, &err);
}

/* The value of a key in the report; the JSON is the caller's to release. */
static json_t *parsed(char *json)
{
    assert_non_null(json);
    json_t *root = json_loads(json, 0, NULL);
    free(json);
    assert_non_null(root);
    return root;
}

/* ---- a recogniser ---- */

/* Embedding and patch map of a made-up picture. */
static float *outputs_of(const sl_graph *g, const sl_arch *arch, size_t *count)
{
    static const char *const names[2] = {SL_ARCH_EMBEDDING, SL_ARCH_PATCH_MAP};
    const sl_shape shape = {4, {1, arch->channels, arch->height, arch->width}};
    sl_graph *special;
    sl_plan *plan;
    assert_ok(sl_graph_specialize(g, &shape, names, 2, &special, &err));
    assert_ok(sl_plan_compile(special, 1, &plan, &err));
    fill_random(sl_plan_input(plan, 0, NULL), (size_t)sl_shape_elements(&shape), 5, -1, 1);
    assert_ok(sl_plan_run(plan, &err));
    float *out = NULL;
    *count = 0;
    for (int i = 0; i < 2; i++) {
        sl_shape s;
        const float *y = sl_plan_output(plan, i, &s);
        size_t n = (size_t)sl_shape_elements(&s);
        out = realloc(out, (*count + n) * sizeof *out);
        memcpy(out + *count, y, n * sizeof *out);
        *count += n;
    }
    sl_plan_free(plan);
    sl_graph_free(special);
    return out;
}

static void check_weights_are_mapped(const sl_network *n)
{
    size_t inside = 0;
    for (int i = 0; i < n->graph->n_tensors; i++) {
        const uint8_t *data = n->graph->tensors[i].data;
        inside += data >= n->map.data && data < n->map.data + n->map.size;
    }
    assert_int_equal(inside, n->weights.count);
    for (size_t i = 0; i < n->weights.count; i++)
        assert_false(n->weights.weights[i].owned);
}

static void a_checkpoint_becomes_a_model(void **state)
{
    (void)state;
    const sl_arch *arch = sl_arch_find("mobilefacenet-prelu");
    sl_state_dict dict = {0};
    sl_graph *g;
    char *json;
    const float more[2] = {1, 2};
    synthetic_dict(arch, &dict);
    assert_ok(sl_state_dict_add(&dict, "training.head", &(sl_shape){1, {2}}, more, false, &err));
    write_checkpoint("c.safetensors", &dict);
    assert_ok(import_as("mobilefacenet", "c.safetensors", "mine", &json)); /* its layout is found by the weights */

    json_t *report = parsed(json), *made = json_array_get(json_object_get(report, "models"), 0);
    assert_string_equal(json_string_value(json_object_get(report, "model")), "mine");
    assert_string_equal(json_string_value(json_object_get(made, "architecture")), arch->name);
    assert_int_equal(json_integer_value(json_object_get(made, "tensors")), dict.count - 1);
    assert_int_equal(json_array_size(json_object_get(made, "skipped")), 1);
    assert_string_equal(json_string_value(json_array_get(json_object_get(made, "skipped"), 0)), "training.head");
    json_decref(report);

    sl_recogniser r;
    size_t count, again;
    assert_ok(sl_recogniser_open(folder, "mine", &r, &err));
    assert_int_equal(r.dim, arch->dim);
    assert_true(r.rows == arch->rows && r.cols == arch->cols && r.channels == arch->patch_channels);
    assert_true(r.width == arch->width && r.height == arch->height);
    assert_string_equal(r.network.manifest->alignment, arch->alignment);
    assert_true(r.network.manifest->mean[1] == 127.5f && r.network.manifest->std[2] == 128);
    assert_null(sl_state_dict_find(&r.network.weights, "training.head"));
    check_weights_are_mapped(&r.network);
    assert_ok(sl_arch_build(arch, &dict, &g, &err));
    float *want = outputs_of(g, arch, &count), *got = outputs_of(r.network.graph, arch, &again);
    assert_int_equal(count, again);
    assert_close(got, want, count, 0);
    free(want);
    free(got);
    sl_graph_free(g);
    sl_recogniser_close(&r);
    sl_state_dict_free(&dict);
}

/* A finer map than the architecture's: asked for by its tensor's name, without a manifest to be edited. */
static void another_patch_map(void **state)
{
    (void)state;
    const sl_arch *arch = sl_arch_find("tiny");
    const char *path = at("t.safetensors");
    sl_state_dict dict = {0};
    sl_recogniser r;
    char *json;
    synthetic_dict(arch, &dict);
    write_checkpoint("t.safetensors", &dict);
    sl_import_options o = {.arch = "tiny", .output = "fine", .models_dir = folder, .patch_map = "no.such.tensor"};
    assert_int_not_equal(sl_model_import(&path, 1, &o, &json, &err), SL_OK);
    assert_non_null(strstr(err.text, "no.such.tensor"));
    assert_false(exists("fine.json"));
    o.patch_map = "layer1.prelu";
    o.replace = 1;
    assert_ok(sl_model_import(&path, 1, &o, &json, &err));
    free(json);
    assert_ok(sl_recogniser_open(folder, "fine", &r, &err));
    assert_true(r.rows == 16 && r.cols == 16 && r.channels == 16 && r.dim == arch->dim);
    sl_recogniser_close(&r);
    o.arch = "mtcnn";
    assert_int_equal(sl_model_import(&path, 1, &o, &json, &err), SL_ERR_ARGUMENT);
    sl_state_dict_free(&dict);
}

/* Crops of another size reach a network that wants floats as floats, as the published FaceNet's do. */
static void crops_are_resized_in_floats(void **state)
{
    (void)state;
    const sl_arch *arch = sl_arch_find("tiny");
    const size_t side = 32, count = 3 * side * side;
    sl_state_dict dict = {0};
    sl_recogniser r;
    sl_image crop, sized;
    char *json, *text;
    size_t size;
    synthetic_dict(arch, &dict);
    write_checkpoint("f.safetensors", &dict);
    assert_ok(import_as("tiny", "f.safetensors", "floats", &json));
    free(json);
    assert_ok(sl_recogniser_open(folder, "floats", &r, &err));
    assert_false(r.network.manifest->float_crops);
    sl_recogniser_close(&r);
    assert_ok(sl_read_file(at("floats.json"), 1 << 20, (uint8_t **)&text, &size, &err));
    char *changed, *width = strstr(text, "\"width\"");
    assert_true(asprintf(&changed, "%.*s\"resize\": \"float\", %s", (int)(width - text), text, width) > 0);
    assert_ok(sl_write_file(at("floats.json"), changed, strlen(changed), &err));
    assert_ok(sl_recogniser_open(folder, "floats", &r, &err));
    assert_true(r.network.manifest->float_crops);

    assert_ok(sl_image_new(23, 41, 3, &crop, &err));
    for (size_t i = 0; i < 23 * 41 * 3; i++)
        crop.pixels[i] = (uint8_t)(i * 7919 % 256);
    float *floats = malloc(count * sizeof *floats), *rounded = malloc(count * sizeof *rounded);
    assert_ok(sl_recogniser_prepare(&r, &crop, floats, &err));
    assert_ok(sl_image_resize(&crop, (int)side, (int)side, &sized, &err));
    assert_ok(sl_recogniser_prepare(&r, &sized, rounded, &err)); /* of the right size: nothing to resize */
    size_t between = 0;
    for (size_t i = 0; i < count; i++) {
        const double x = floats[i] * 128 + 127.5, level = round(x);
        assert_true(fabs(x - (rounded[i] * 128 + 127.5)) < .502);
        between += fabs(x - level) > .01;
    }
    assert_true(between > count / 2);
    free(floats);
    free(rounded);
    sl_image_free(&crop);
    sl_image_free(&sized);
    free(changed);
    free(text);
    sl_recogniser_close(&r);
    sl_state_dict_free(&dict);
}

static void a_model_is_not_replaced_by_accident(void **state)
{
    (void)state;
    char *json;
    assert_int_equal(import_as("mobilefacenet", "c.safetensors", "mine", &json), SL_ERR_EXISTS);
    assert_null(json);
    assert_int_equal(import_as("mobilefacenet", "c.safetensors", "retinaface-mnet25", &json),
                     SL_ERR_EXISTS); /* built in */
    const char *path = at("c.safetensors");
    const sl_import_options o = {.arch = "mobilefacenet", .output = "mine", .models_dir = folder, .replace = 1};
    assert_ok(sl_model_import(&path, 1, &o, &json, &err));
    free(json);
}

/* Elsewhere than in the models folder: used by its manifest's path. */
static void a_model_may_lie_anywhere(void **state)
{
    (void)state;
    char *json;
    sl_recogniser r;
    const char *path = at("c.safetensors");
    const sl_import_options o = {
        .arch = "mobilefacenet", .output = at("sub/folder/other"), .models_dir = "/nowhere"};
    assert_ok(sl_model_import(&path, 1, &o, &json, &err));
    free(json);
    assert_ok(sl_recogniser_open("/nowhere", at("sub/folder/other.json"), &r, &err));
    sl_recogniser_close(&r);
}

/* ---- what is refused ---- */

static void every_problem_is_listed(void **state)
{
    (void)state;
    const sl_arch *arch = sl_arch_find("mobilefacenet");
    sl_state_dict dict = {0};
    char *json;
    synthetic_dict(arch, &dict);
    dict.weights[3].name[0] = 'X';
    dict.weights[5].shape = (sl_shape){2, {1, sl_shape_elements(&dict.weights[5].shape)}};
    write_checkpoint("wrong.safetensors", &dict);
    assert_int_equal(import_as("mobilefacenet", "wrong.safetensors", "bad", &json), SL_ERR_FORMAT);
    assert_non_null(strstr(err.text, "wrong.safetensors"));
    json_t *report = parsed(json);
    assert_int_equal(json_array_size(json_object_get(report, "problems")), 2);
    assert_null(json_object_get(report, "fits"));
    json_decref(report);
    assert_false(exists("bad.json") || exists("bad.safetensors"));
    sl_state_dict_free(&dict);

    assert_int_equal(import_as("arcface-r18", "c.safetensors", "bad", &json), SL_ERR_FORMAT);
    report = parsed(json);
    assert_string_equal(json_string_value(json_object_get(report, "fits")), "mobilefacenet-prelu");
    assert_true(json_array_size(json_object_get(report, "problems")) >=
                151); /* not only those that a text holds */
    json_decref(report);
}

static void broken_numbers_are_refused(void **state)
{
    (void)state;
    sl_state_dict dict = {0};
    char *json;
    synthetic_dict(sl_arch_find("mobilefacenet"), &dict);
    ((float *)dict.weights[7].data)[1] = NAN;
    write_checkpoint("nan.safetensors", &dict);
    assert_int_equal(import_as("mobilefacenet", "nan.safetensors", "nan", &json), SL_ERR_FORMAT);
    assert_non_null(strstr(err.text, dict.weights[7].name));
    free(json);
    assert_false(exists("nan.json"));
    sl_state_dict_free(&dict);
}

static void wrong_calls_say_so(void **state)
{
    (void)state;
    char *json;
    const char *path = at("c.safetensors"), *two[2] = {path, path};
    sl_import_options o = {.arch = "mobilefacenet", .output = "x", .models_dir = folder};
    assert_int_equal(import_as("resnet", "c.safetensors", "x", &json), SL_ERR_ARGUMENT);
    assert_non_null(strstr(err.text, "facenet-ir1"));
    assert_int_equal(import_as("mobilefacenet", "c.safetensors", "no spaces", &json), SL_ERR_ARGUMENT);
    assert_int_equal(import_as("mobilefacenet", "absent.pt", "x", &json), SL_ERR_NOT_FOUND);
    assert_int_equal(sl_model_import(two, 2, &o, &json, &err), SL_ERR_ARGUMENT);
    o.corrected_scale = 1;
    assert_int_equal(sl_model_import(&path, 1, &o, &json, &err), SL_ERR_ARGUMENT);
    assert_non_null(strstr(err.text, "scale"));
    assert_false(exists("x.json") || exists("x.safetensors"));
}

/* The slip of FaceNet's published preprocessing, and its correction. */
static void the_scale_is_a_choice(void **state)
{
    (void)state;
    sl_import m = {.file = "facenet.pt",
                   .arch = sl_arch_find("facenet-ir1"),
                   .name = "f",
                   .weights = "f.safetensors",
                   .format = "safetensors"};
    for (int corrected = 0; corrected < 2; corrected++) {
        const sl_import_options o = {.licence = "theirs", .corrected_scale = corrected};
        sl_manifest *manifest;
        char *json;
        assert_ok(sl_import_manifest(&m, &o, &json, &err));
        assert_ok(sl_manifest_parse(json, strlen(json), "f", &manifest, &err));
        assert_true(manifest->mean[0] == (corrected ? 127.5f : 0) && manifest->std[0] == (corrected ? 128 : 255));
        assert_string_equal(manifest->licence, "theirs");
        sl_manifest_free(manifest);
        free(json);
    }
}

/* A manifest whose architecture is unknown, or of another kind. */
static void manifests_name_an_architecture(void **state)
{
    (void)state;
    sl_network n;
    static const char *const archs[] = {"resnet", "mtcnn-pnet"};
    for (int i = 0; i < 2; i++) {
        char text[800];
        snprintf(
            text, sizeof text,
            "{\"name\": \"odd\", \"kind\": \"recogniser\", \"licence\": \"\", \"provenance\": \"\", "
            "\"file\": \"c.safetensors\", \"format\": \"safetensors\", \"arch\": \"%s\", \"input\": {\"width\": "
            "112, "
            "\"height\": 112, \"colour\": \"rgb\", \"mean\": [0], \"std\": [1]}, \"alignment\": \"arcface-112\", "
            "\"embedding\": \"embedding\", \"patch_map\": \"patch_map\"}",
            archs[i]);
        assert_ok(sl_write_file(at("odd.json"), text, strlen(text), &err));
        assert_int_equal(sl_network_open(folder, "odd", SL_MODEL_RECOGNISER, &n, &err), SL_ERR_UNSUPPORTED);
        assert_non_null(strstr(err.text, archs[i]));
    }
}

/* ---- whole networks ---- */

static void write_onnx(const char *name, const sl_graph *g)
{
    uint8_t *data;
    size_t size;
    assert_ok(sl_export_onnx(g, NULL, 0, &data, &size, &err));
    assert_ok(sl_write_file(at(name), data, size, &err));
    free(data);
}

static void a_network_is_taken_whole(void **state)
{
    (void)state;
    const sl_arch *arch = sl_arch_find("mobilefacenet-prelu");
    sl_state_dict dict = {0};
    sl_graph *g;
    sl_recogniser r;
    size_t count, again;
    char *json;
    synthetic_dict(arch, &dict);
    assert_ok(sl_arch_build(arch, &dict, &g, &err));
    assert_ok(sl_graph_rename(g, sl_graph_find(g, SL_ARCH_EMBEDDING), "other name", &err));
    write_onnx("whole.onnx", g);
    assert_ok(import_as("mobilefacenet", "whole.onnx", "whole-model", &json));
    free(json);
    assert_ok(sl_recogniser_open(folder, "whole-model", &r, &err));
    assert_string_equal(r.network.manifest->format, "onnx");
    assert_string_equal(r.network.manifest->embedding, "other name");
    assert_string_equal(r.network.manifest->patch_map, SL_ARCH_PATCH_MAP);
    assert_true(r.width == arch->width && r.height == arch->height && r.dim == arch->dim && r.cols == arch->cols);
    assert_ok(sl_graph_rename(g, sl_graph_find(g, "other name"), SL_ARCH_EMBEDDING, &err));
    assert_ok(
        sl_graph_rename(r.network.graph, sl_graph_find(r.network.graph, "other name"), SL_ARCH_EMBEDDING, &err));
    float *want = outputs_of(g, arch, &count), *got = outputs_of(r.network.graph, arch, &again);
    assert_int_equal(count, again);
    assert_close(got, want, count, 1e-5);
    free(want);
    free(got);
    sl_recogniser_close(&r);
    sl_graph_free(g);
    sl_state_dict_free(&dict);

    assert_int_equal(import_as("iresnet50", "whole.onnx", "odd-model", &json), SL_ERR_FORMAT); /* of other sizes */
    assert_int_equal(import_as("mtcnn-pnet", "whole.onnx", "odd-model", &json), SL_ERR_UNSUPPORTED);
    assert_int_equal(import_as("resnet", "whole.onnx", "odd-model", &json), SL_ERR_ARGUMENT);
    assert_ok(sl_write_file(at("text.onnx"), "no network", 10, &err));
    assert_int_equal(import_as("mobilefacenet", "text.onnx", "odd-model", &json), SL_ERR_FORMAT);
    assert_non_null(strstr(err.text, "no checkpoint"));
    assert_false(exists("odd-model.json") || exists("odd-model.onnx"));
}

/* The graph with (x - 127.5) / 128 before all else, as MXNet's exports of InsightFace have it. */
static void normalise_first(sl_graph *g)
{
    static const float mean = 127.5f, scale = 1 / 128.f;
    const sl_shape one = {0}, picture = g->tensors[g->inputs[0]].shape, unknown = {.rank = -1};
    const sl_tensor was = g->inputs[0];
    sl_tensor pixels, constants[2], a, b;
    assert_ok(sl_graph_add_tensor(g, "pixels", SL_TYPE_F32, &picture, &pixels, &err));
    assert_ok(sl_graph_add_const(g, "the mean", SL_TYPE_F32, &one, &mean, false, &constants[0], &err));
    assert_ok(sl_graph_add_const(g, "the scale", SL_TYPE_F32, &one, &scale, false, &constants[1], &err));
    assert_ok(sl_graph_add_tensor(g, "less", SL_TYPE_F32, &unknown, &a, &err));
    assert_ok(sl_graph_add_tensor(g, "scaled", SL_TYPE_F32, &unknown, &b, &err));
    assert_ok(sl_graph_add_node(g, SL_OP_BINARY, "less", &(sl_attr){.fn = SL_FN_SUB},
                                (sl_tensor[]){pixels, constants[0]}, 2, &a, 1, &err));
    assert_ok(sl_graph_add_node(g, SL_OP_BINARY, "scaled", &(sl_attr){.fn = SL_FN_MUL},
                                (sl_tensor[]){a, constants[1]}, 2, &b, 1, &err));
    g->inputs[0] = pixels;
    for (int i = 0; i < g->n_nodes; i++)
        for (int k = 0; k < g->nodes[i].n_inputs; k++)
            if (g->nodes[i].inputs[k] == was)
                g->nodes[i].inputs[k] = b;
}

/* Its architecture feeds (x - 127.5) / 128, which the network does itself. */
static void a_network_that_normalises_is_left_to_it(void **state)
{
    (void)state;
    const sl_arch *arch = sl_arch_find("mobilefacenet-prelu");
    sl_state_dict dict = {0};
    sl_graph *g;
    sl_recogniser r;
    char *json;
    synthetic_dict(arch, &dict);
    assert_ok(sl_arch_build(arch, &dict, &g, &err));
    normalise_first(g);
    write_onnx("own-scale.onnx", g);
    assert_ok(import_as("mobilefacenet", "own-scale.onnx", "own-scale-model", &json));
    json_t *report = parsed(json);
    json_t *model = json_array_get(json_object_get(report, "models"), 0);
    assert_string_equal(json_string_value(json_object_get(model, "normalisation")), "(x - 127.5) / 128");
    json_decref(report);
    assert_ok(sl_recogniser_open(folder, "own-scale-model", &r, &err));
    assert_true(r.network.manifest->mean[0] == 0 && r.network.manifest->std[2] == 1);
    sl_recogniser_close(&r);
    sl_graph_free(g);
    sl_state_dict_free(&dict);
}

/* ---- three files ---- */

static void mtcnn_comes_in_three(void **state)
{
    (void)state;
    static const char *const nets[3] = {"onet", "pnet", "rnet"}; /* in any order */
    char name[40], *json;
    const char *files[3];
    sl_network n;
    for (int i = 0; i < 3; i++) {
        sl_state_dict dict = {0};
        snprintf(name, sizeof name, "mtcnn-%s", nets[i]);
        synthetic_dict(sl_arch_find(name), &dict);
        snprintf(name, sizeof name, "My-%s.safetensors", nets[i]);
        write_checkpoint(name, &dict);
        files[i] = at(name);
        sl_state_dict_free(&dict);
    }
    sl_import_options o = {.arch = "mtcnn", .output = "cascade", .models_dir = folder};
    assert_ok(sl_model_import(files, 3, &o, &json, &err));
    free(json);
    assert_ok(sl_network_open(folder, "cascade", SL_MODEL_DETECTOR, &n, &err));
    assert_false(n.manifest->transposed);
    assert_string_equal(n.manifest->detector->name, "mtcnn");
    assert_true(n.manifest->detector_threshold == .7f);
    assert_string_equal(n.manifest->stages[0], at("cascade-pnet.json")); /* wherever the models folder is */
    assert_int_equal(n.graph->n_outputs, 3);
    sl_network_close(&n);
    assert_ok(sl_network_open("/nowhere", at("cascade-rnet.json"), SL_MODEL_DETECTOR, &n, &err));
    assert_string_equal(n.manifest->detector->name, "mtcnn");
    sl_network_close(&n);

    o.output = "of-folder"; /* by the names of its files; cascade-pnet.safetensors is there now, too */
    assert_int_equal(sl_model_import((const char *const[]){folder}, 1, &o, &json, &err), SL_ERR_ARGUMENT);
    assert_non_null(strstr(err.text, "several files of pnet"));
    assert_int_equal(sl_model_import((const char *const[]){files[0], files[1], files[0]}, 3, &o, &json, &err),
                     SL_ERR_ARGUMENT);
    assert_non_null(strstr(err.text, "both onet"));
    assert_int_equal(sl_model_import(files, 2, &o, &json, &err), SL_ERR_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_checkpoint_becomes_a_model), cmocka_unit_test(another_patch_map),
        cmocka_unit_test(crops_are_resized_in_floats),
        cmocka_unit_test(a_model_is_not_replaced_by_accident),
        cmocka_unit_test(a_model_may_lie_anywhere),     cmocka_unit_test(every_problem_is_listed),
        cmocka_unit_test(broken_numbers_are_refused),   cmocka_unit_test(wrong_calls_say_so),
        cmocka_unit_test(the_scale_is_a_choice),        cmocka_unit_test(manifests_name_an_architecture),
        cmocka_unit_test(a_network_is_taken_whole),     cmocka_unit_test(mtcnn_comes_in_three),
        cmocka_unit_test(a_network_that_normalises_is_left_to_it),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
