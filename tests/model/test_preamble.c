/* Networks that cannot be right with their manifest: pixels normalised twice, another picture size; and what makes
 * them right: channels last, a mean and std left to the network. */
#define _GNU_SOURCE
#include "support.h"

#include "../net/onnx_writer.h"
#include "../net/tflite_writer.h"
#include "base/file.h"
#include "model/preamble.h"
#include "model/self_check.h"
#include "model/suggest.h"

static sl_error err;

/* ---- networks ---- */

enum { SIDE = 16, MAP = 8, CELLS = 8 * 8, DIM = 32 };

/* Behind the tensor `from` [N, 3, 16, 16]: a patch map [8, 8, 8], and a projection of it. */
static void add_layers(onnx_model *m, const char *from)
{
    static float w[MAP * 3 * 9], dense[DIM * MAP * CELLS];
    char inputs[64];
    fill_random(w, MAP * 3 * 9, 1, -1, 1);
    fill_random(dense, DIM * MAP * CELLS, 2, -1, 1);
    onnx_floats(m, "w", DIMS(MAP, 3, 3, 3), w);
    onnx_floats(m, "dense", DIMS(DIM, MAP * CELLS), dense);
    snprintf(inputs, sizeof inputs, "%s,w", from);
    onnx_node(m, "Conv", inputs, "map", "strides=[2,2] pads=[1,1,1,1]");
    onnx_node(m, "Flatten", "map", "flat", NULL);
    onnx_node(m, "Gemm", "flat,dense", "embedding", "transB=1");
    onnx_output(m, "embedding");
}

static onnx_model new_model(size_t rank, const int64_t *dims)
{
    onnx_model m = {.opset = 13};
    onnx_input(&m, "pixels", rank, dims);
    return m;
}

static sl_graph *import(onnx_model *m)
{
    sl_graph *g;
    wire file = onnx_file(m);
    assert_ok(sl_import_onnx(file.data, file.size, &g, &err));
    free(file.data);
    return g;
}

/* What the network does to its pixels; it is freed. */
static sl_preamble preamble_of(sl_graph *g)
{
    sl_graph *known = sl_with_shapes(g, &(sl_shape){4, {1, 3, SIDE, SIDE}});
    assert_non_null(known);
    sl_preamble p = sl_preamble_of(known);
    sl_graph_free(known);
    sl_graph_free(g);
    return p;
}

/* (x - mean) / std of every channel, or of the first three where there are so many. */
static void assert_preamble(sl_preamble p, const float *mean, const float *std, size_t count)
{
    assert_int_equal(p.channels, 3);
    for (size_t c = 0; c < 3; c++) {
        double m = (double)mean[count == 1 ? 0 : c], s = (double)std[count == 1 ? 0 : c];
        assert_true(fabs(p.scale[c] - 1 / s) < 1e-6 && fabs(p.shift[c] + m / s) < 1e-5);
    }
}

#define ONE(v) ((const float[]){v})
#define THREE(a, b, c) ((const float[]){a, b, c})

/* ---- reading ---- */

static void every_form_is_recognised(void **state)
{
    (void)state;
    static const float mean[3] = {123.675f, 116.28f, 103.53f}, std[3] = {58.395f, 57.12f, 57.375f};
    const struct {
        const char *ops[3]; /* operator, constant */
        float constants[3];
        float mean, std;
    } cases[] = {
        {{"Sub", "Mul"}, {127.5f, 1 / 128.f}, 127.5f, 128},
        {{"Sub", "Div"}, {127.5f, 128}, 127.5f, 128},
        {{"Mul", "Sub"}, {1 / 127.5f, 1}, 127.5f, 127.5f},
        {{"Div", "Sub", "Div"}, {255, .5f, .5f}, 127.5f, 127.5f},
        {{"Add", "Mul"}, {-127.5f, 1 / 128.f}, 127.5f, 128},
        {{"Mul", "Add"}, {1 / 128.f, -1}, 128, 128},
        {{"Sub", "Mul"}, {0, 1}, 0, 1},
        {{"Identity", "Div"}, {0, 255}, 0, 255},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        onnx_model m = new_model(DIMS(1, 3, SIDE, SIDE));
        char from[32] = "pixels", to[32], inputs[80], name[32];
        for (int k = 0; k < 3 && cases[i].ops[k]; k++, strcpy(from, to)) {
            snprintf(to, sizeof to, "t%d", k);
            snprintf(name, sizeof name, "c%d", k);
            snprintf(inputs, sizeof inputs, strcmp(cases[i].ops[k], "Identity") ? "%s,%s" : "%s", from, name);
            onnx_scalar(&m, name, cases[i].constants[k]);
            onnx_node(&m, cases[i].ops[k], inputs, to, NULL);
        }
        add_layers(&m, from);
        sl_preamble p = preamble_of(import(&m));
        assert_preamble(p, &cases[i].mean, &cases[i].std, 1);
        assert_int_equal(p.normalises, cases[i].std != 1);
    }
    /* a number for each channel; as torchvision's Normalize exports it */
    onnx_model m = new_model(DIMS(-1, 3, -1, -1));
    onnx_floats(&m, "mean", DIMS(1, 3, 1, 1), mean);
    onnx_floats(&m, "std", DIMS(3, 1, 1), std);
    onnx_node(&m, "Sub", "pixels,mean", "a", NULL);
    onnx_node(&m, "Div", "a,std", "b", NULL);
    add_layers(&m, "b");
    assert_preamble(preamble_of(import(&m)), mean, std, 3);
}

static void folded_forms_are_recognised(void **state)
{
    (void)state;
    const float mean[3] = {100, 110, 120}, std[3] = {50, 60, 70};
    /* batch norm: gamma, beta, mean, variance */
    onnx_model m = new_model(DIMS(1, 3, SIDE, SIDE));
    onnx_floats(&m, "gamma", DIMS(3), THREE(1, 2, 3)); /* learned: no part of it */
    onnx_floats(&m, "beta", DIMS(3), THREE(4, 5, 6));
    onnx_floats(&m, "mean", DIMS(3), mean);
    onnx_floats(&m, "variance", DIMS(3), THREE(50 * 50, 60 * 60, 70 * 70));
    onnx_node(&m, "BatchNormalization", "pixels,gamma,beta,mean,variance", "a", NULL);
    add_layers(&m, "a");
    assert_preamble(preamble_of(import(&m)), mean, std, 3);
    /* the same as a depthwise convolution of one pixel */
    m = new_model(DIMS(1, 3, SIDE, SIDE));
    onnx_floats(&m, "depthwise", DIMS(3, 1, 1, 1), THREE(1 / 50.f, 1 / 60.f, 1 / 70.f));
    onnx_floats(&m, "bias", DIMS(3), THREE(-100 / 50.f, -110 / 60.f, -120 / 70.f));
    onnx_node(&m, "Conv", "pixels,depthwise,bias", "a", "group=3");
    add_layers(&m, "a");
    assert_preamble(preamble_of(import(&m)), mean, std, 3);
    /* minus, and the constant first: 1 - x / 255 is (x - 255) / -255 */
    m = new_model(DIMS(1, 3, SIDE, SIDE));
    onnx_scalar(&m, "255", 255);
    onnx_scalar(&m, "1", 1);
    onnx_node(&m, "Div", "pixels,255", "a", NULL);
    onnx_node(&m, "Neg", "a", "b", NULL);
    onnx_node(&m, "Add", "1,b", "c", NULL);
    add_layers(&m, "c");
    assert_preamble(preamble_of(import(&m)), ONE(255), ONE(-255), 1);
    m = new_model(DIMS(1, 3, SIDE, SIDE));
    onnx_scalar(&m, "127", 127);
    onnx_node(&m, "Sub", "127,pixels", "a", NULL);
    add_layers(&m, "a");
    assert_preamble(preamble_of(import(&m)), ONE(127), ONE(-1), 1);
}

/* Where the picture goes two ways, or is divided by, nothing is known. */
static void what_is_no_normalisation_ends_it(void **state)
{
    (void)state;
    onnx_model m = new_model(DIMS(1, 3, SIDE, SIDE));
    onnx_scalar(&m, "half", .5f);
    onnx_node(&m, "Mul", "pixels,half", "a", NULL);
    onnx_node(&m, "Add", "a,pixels", "b", NULL);
    add_layers(&m, "b");
    assert_false(preamble_of(import(&m)).normalises);
    m = new_model(DIMS(1, 3, SIDE, SIDE));
    onnx_scalar(&m, "half", .5f);
    onnx_node(&m, "Div", "half,pixels", "a", NULL);
    add_layers(&m, "a");
    assert_false(preamble_of(import(&m)).normalises);
    m = new_model(DIMS(1, 3, SIDE, SIDE)); /* along the columns */
    float columns[SIDE] = {1};
    onnx_floats(&m, "columns", DIMS(SIDE), columns);
    onnx_node(&m, "Mul", "pixels,columns", "a", NULL);
    add_layers(&m, "a");
    assert_false(preamble_of(import(&m)).normalises);
}

static void channels_last_is_recognised(void **state)
{
    (void)state;
    const float mean[3] = {100, 110, 120}, std[3] = {50, 50, 50};
    onnx_model m = new_model(DIMS(1, SIDE, SIDE, 3)); /* as tf2onnx writes it */
    onnx_floats(&m, "mean", DIMS(3), mean);
    onnx_scalar(&m, "std", 50);
    onnx_node(&m, "Sub", "pixels,mean", "a", NULL);
    onnx_node(&m, "Div", "a,std", "b", NULL);
    onnx_node(&m, "Transpose", "b", "c", "perm=[0,3,1,2]");
    add_layers(&m, "c");
    sl_graph *g = import(&m);
    const sl_shape *input = &g->tensors[g->inputs[0]].shape;
    assert_true(input->dim[1] == 3 && input->dim[2] == SIDE && input->dim[3] == SIDE);
    sl_preamble p = preamble_of(g);
    assert_preamble(p, mean, std, 3);
    assert_true(p.channels_last);
    m = new_model(DIMS(1, 3, SIDE, SIDE));
    add_layers(&m, "pixels");
    assert_false(preamble_of(import(&m)).channels_last);

    tfl_model t = {0};
    sl_graph *tflite;
    tfl_computed(&t, "x", DIMS(1, SIDE, SIDE, 3));
    tfl_floats(&t, "mean", DIMS(3), mean);
    tfl_floats(&t, "std", DIMS(1), ONE(50));
    tfl_computed(&t, "a", DIMS(1, SIDE, SIDE, 3));
    tfl_computed(&t, "b", DIMS(1, SIDE, SIDE, 3));
    tfl_computed(&t, "y", DIMS(1, SIDE, SIDE, 3));
    tfl_node(&t, 41, "x,mean", "a", NULL);
    tfl_node(&t, 42, "a,std", "b", NULL);
    tfl_node(&t, 28, "b", "y", NULL);
    wire file = tfl_file(&t, "x", "y");
    assert_ok(sl_import_tflite(file.data, file.size, &tflite, &err));
    free(file.data);
    assert_preamble(preamble_of(tflite), mean, std, 3);
}

/* ---- judging ---- */

static void what_goes_together_is_known(void **state)
{
    (void)state;
    const struct {
        double mean, std; /* the network's */
        float m, s;       /* the manifest's */
        bool suits;
        float suggested; /* std; mean 0. 0: none */
    } cases[] = {
        {127.5, 128, 0, 1, true, 1},
        {127.5, 128, 127.5f, 128, false, 1},
        {127.5, 128, 0, 255, false, 1},
        {127.5, 128, 127.5f, 1, false, 1},
        {0, 255, 127.5f, 128, false, 1},
        {0, 255, 0, 255, false, 1},
        {.5, .5, 0, 255, true, 255},
        {.5, .5, 0, 1, false, 255},
        {.5, .5, 127.5f, 127.5f, false, 255},
        {.485, .229, 0, 255, true, 255},
        {.485, .229, 123.675f, 58.4f, false, 255},
        {.485, .229, 127.5f, 128, false, 255},
        {117, 1, 0, 1, true, 1},
        {0, 128, 127.5f, 1, true, 1},
        {.05, .55, 127.5f, 128, true, 255}, /* a batch norm behind pixels that the manifest normalises */
        {0, HUGE_VAL, 0, 1, false, 0},
        {0, (double)NAN, 0, 1, false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const float m[3] = {cases[i].m}, s[3] = {cases[i].s};
        sl_preamble p = {.channels = 1,
                         .normalises = true,
                         .scale = {1 / cases[i].std},
                         .shift = {0 - cases[i].mean / cases[i].std}};
        float mean, std = 0;
        if (sl_preamble_suits(&p, m, s) != cases[i].suits)
            fail_msg("case %zu", i);
        bool any = sl_preamble_suggest(&p, &mean, &std);
        if (any != (cases[i].suggested > 0) || (any && (mean != 0 || std != cases[i].suggested)))
            fail_msg("case %zu suggests %g", i, (double)std);
    }
}

/* ---- recognisers ---- */

static char *folder;

/* The network of `m`, and a manifest of it. */
static void write_model(const char *name, onnx_model *m, int side, const char *mean, const char *std)
{
    char text[600], *path;
    wire file = onnx_file(m);
    assert_true(asprintf(&path, "%s/%s.onnx", folder, name) > 0);
    assert_ok(sl_write_file(path, file.data, file.size, &err));
    free(path);
    free(file.data);
    snprintf(
        text, sizeof text,
        "{\"name\": \"%s\", \"kind\": \"recogniser\", \"licence\": \"\", \"provenance\": \"\", \"format\": "
        "\"onnx\", "
        "\"file\": \"%s.onnx\", \"input\": {\"width\": %d, \"height\": %d, \"colour\": \"rgb\", \"mean\": [%s], "
        "\"std\": [%s]}, \"alignment\": \"arcface-112\", \"embedding\": \"embedding\", \"patch_map\": \"map\"}",
        name, name, side, side, mean, std);
    assert_true(asprintf(&path, "%s/%s.json", folder, name) > 0);
    assert_ok(sl_write_file(path, text, strlen(text), &err));
    free(path);
}

static onnx_model normalising_model(void)
{
    onnx_model m = new_model(DIMS(1, 3, SIDE, SIDE));
    onnx_scalar(&m, "mean", 127.5f);
    onnx_scalar(&m, "scale", 1 / 128.f);
    onnx_node(&m, "Sub", "pixels,mean", "a", NULL);
    onnx_node(&m, "Mul", "a,scale", "b", NULL);
    add_layers(&m, "b");
    return m;
}

static void a_second_normalisation_is_refused(void **state)
{
    (void)state;
    sl_recogniser r;
    onnx_model m = normalising_model();
    write_model("twice", &m, SIDE, "127.5", "128");
    assert_int_equal(sl_recogniser_open(folder, "twice", &r, &err), SL_ERR_MISMATCH);
    assert_non_null(strstr(err.text, "(x - 127.5) / 128"));
    assert_non_null(strstr(err.text, "\"mean\": [0], \"std\": [1]"));
    m = normalising_model();
    write_model("once", &m, SIDE, "0", "1");
    assert_ok(sl_recogniser_open(folder, "once", &r, &err));
    sl_recogniser_close(&r);
}

static void another_size_is_refused(void **state)
{
    (void)state;
    sl_recogniser r;
    onnx_model m = new_model(DIMS(1, 3, SIDE, SIDE));
    add_layers(&m, "pixels");
    write_model("other-size", &m, 160, "127.5", "128");
    assert_int_equal(sl_recogniser_open(folder, "other-size", &r, &err), SL_ERR_MISMATCH);
    assert_non_null(strstr(err.text, "\"width\": 16, \"height\": 16"));
    assert_non_null(strstr(err.text, "160"));
    m = new_model(DIMS(1, 1, SIDE, SIDE)); /* grey */
    onnx_node(&m, "Concat", "pixels,pixels,pixels", "three", "axis=1");
    add_layers(&m, "three");
    write_model("other-colour", &m, SIDE, "127.5", "128");
    assert_int_equal(sl_recogniser_open(folder, "other-colour", &r, &err), SL_ERR_MISMATCH);
    assert_non_null(strstr(err.text, "\"colour\": \"grey\""));
    m = new_model(DIMS(3, SIDE, SIDE));
    onnx_node(&m, "Identity", "pixels", "embedding", NULL);
    onnx_node(&m, "Identity", "pixels", "map", NULL);
    onnx_output(&m, "embedding");
    write_model("no-picture", &m, SIDE, "127.5", "128");
    assert_int_equal(sl_recogniser_open(folder, "no-picture", &r, &err), SL_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.text, "3 axes"));
}

/* The embedding of a made-up picture. */
static void embed(const char *name, float out[DIM])
{
    uint8_t pixels[SIDE * SIDE * 3];
    const sl_image crop = {.width = SIDE, .height = SIDE, .channels = 3, .pixels = pixels};
    sl_recogniser r;
    sl_plan *plan;
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i * 37 % 251);
    assert_ok(sl_recogniser_open(folder, name, &r, &err));
    assert_ok(sl_recogniser_compile(&r, 1, &(sl_plan_options){.threads = 1}, &plan, &err));
    assert_ok(sl_recogniser_prepare(&r, &crop, sl_plan_input(plan, 0, NULL), &err));
    assert_ok(sl_plan_run(plan, &err));
    memcpy(out, sl_plan_output(plan, 0, NULL), DIM * sizeof *out);
    sl_plan_free(plan);
    sl_recogniser_close(&r);
}

/* Channels first or last, normalised by manifest or network: the same face. */
static void both_layouts_and_both_places_give_one_answer(void **state)
{
    (void)state;
    float first[DIM], last[DIM], once[DIM];
    onnx_model m = new_model(DIMS(-1, 3, SIDE, SIDE));
    add_layers(&m, "pixels");
    write_model("first", &m, SIDE, "127.5", "128");
    m = new_model(DIMS(-1, SIDE, SIDE, 3));
    onnx_node(&m, "Transpose", "pixels", "a", "perm=[0,3,1,2]");
    add_layers(&m, "a");
    write_model("last", &m, SIDE, "127.5", "128");
    m = normalising_model();
    write_model("once", &m, SIDE, "0", "1");
    embed("first", first);
    embed("last", last);
    embed("once", once);
    assert_close(last, first, DIM, 1e-5);
    assert_close(once, first, DIM, 1e-4);
}

static void pictures_that_look_alike_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *name, *mean, *std;
        bool sound;
    } cases[] = {{"fed-well", "127.5", "128", true}, {"fed-badly", "16447.5", "16384", false}}; /* as if twice */
    for (int i = 0; i < 2; i++) {
        sl_recogniser r;
        sl_self_check check;
        char *json;
        onnx_model m = new_model(DIMS(1, 3, SIDE, SIDE));
        add_layers(&m, "pixels");
        write_model(cases[i].name, &m, SIDE, cases[i].mean, cases[i].std);
        assert_ok(sl_recogniser_open(folder, cases[i].name, &r, &err));
        assert_ok(sl_recogniser_self_check(&r, &check, &err));
        sl_recogniser_close(&r);
        assert_true(check.finite && check.least <= check.most);
        assert_int_equal(check.sound, cases[i].sound);
        assert_ok(sl_model_inspect(folder, cases[i].name, &json, &err));
        assert_int_equal(strstr(json, "much the same embedding") == NULL, cases[i].sound);
        free(json);
    }
}

static void inspect_says_all_of_it(void **state)
{
    (void)state;
    char *json, *path;
    onnx_model m = normalising_model();
    write_model("twice", &m, SIDE, "127.5", "128");
    assert_true(asprintf(&path, "%s/twice.onnx", folder) > 0);
    assert_ok(sl_model_inspect(folder, path, &json, &err));
    assert_non_null(strstr(json, "\"normalisation\": \"(x - 127.5) / 128\""));
    assert_non_null(strstr(json, "\"layout\": \"NCHW\""));
    assert_null(strstr(json, "problems"));
    free(json);
    strcpy(path + strlen(path) - 4, "json"); /* a manifest by its path */
    assert_ok(sl_model_inspect(NULL, path, &json, &err));
    assert_non_null(strstr(json, "write \\\"mean\\\": [0], \\\"std\\\": [1]"));
    free(json);
    free(path);
}

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_is_recognised),
        cmocka_unit_test(folded_forms_are_recognised),
        cmocka_unit_test(what_is_no_normalisation_ends_it),
        cmocka_unit_test(channels_last_is_recognised),
        cmocka_unit_test(what_goes_together_is_known),
        cmocka_unit_test(a_second_normalisation_is_refused),
        cmocka_unit_test(another_size_is_refused),
        cmocka_unit_test(both_layouts_and_both_places_give_one_answer),
        cmocka_unit_test(pictures_that_look_alike_are_told),
        cmocka_unit_test(inspect_says_all_of_it),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
