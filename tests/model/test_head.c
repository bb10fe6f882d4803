/* The linear head, read off small networks of every kind, against the networks themselves. */
#include "../net/nets.h"

#include "model/head/head.h"

enum { CHANNELS = 12, ROWS = 3, COLS = 4, DIM = 37, CELLS = ROWS * COLS };

static sl_error err;

/* A picture [n, 3, ROWS, COLS] through a nonlinear body to the map; *map names it. */
static sl_graph *body(sl_tensor *map)
{
    sl_graph *g = sl_graph_new();
    sl_tensor picture = net_input(g, SHAPE(2, 3, ROWS, COLS));
    sl_tensor x = net_conv(g, picture, CHANNELS, 3, 1,
                           (sl_attr){.kernel = {1, 1}, .stride = {1, 1}, .dilation = {1, 1}, .groups = 1}, 1);
    *map = net_unary(g, SL_FN_RELU, x);
    return g;
}

static sl_tensor batch_norm(sl_graph *g, sl_tensor x, int channels, uint64_t seed)
{
    sl_tensor scale = net_random(g, SHAPE(channels), seed, .5f, 2);
    sl_tensor bias = net_random(g, SHAPE(channels), seed + 1, -1, 1);
    sl_tensor mean = net_random(g, SHAPE(channels), seed + 2, -1, 1);
    sl_tensor var = net_random(g, SHAPE(channels), seed + 3, .5f, 2);
    return net_node(g, SL_OP_BATCHNORM, (sl_attr){.a = 1e-5f}, INPUTS(x, scale, bias, mean, var));
}

static sl_tensor dense(sl_graph *g, sl_tensor x, int outputs, int inputs, uint64_t seed)
{
    sl_tensor w = net_random(g, SHAPE(outputs, inputs), seed, -1, 1);
    sl_tensor b = net_random(g, SHAPE(outputs), seed + 1, -1, 1);
    return net_node(g, SL_OP_DENSE, (sl_attr){0}, INPUTS(x, w, b));
}

static sl_tensor flatten(sl_graph *g, sl_tensor x)
{
    return net_node(g, SL_OP_FLATTEN, (sl_attr){.axis = 1}, INPUTS(x));
}

static sl_tensor global_depthwise(sl_graph *g, sl_tensor map)
{
    sl_attr whole = {.kernel = {ROWS, COLS}, .stride = {1, 1}, .dilation = {1, 1}, .groups = CHANNELS};
    sl_tensor w = net_random(g, SHAPE(CHANNELS, 1, ROWS, COLS), 30, -1, 1);
    sl_tensor x = batch_norm(g, net_node(g, SL_OP_CONV, whole, INPUTS(map, w)), CHANNELS, 40);
    sl_attr one = {.kernel = {1, 1}, .stride = {1, 1}, .dilation = {1, 1}, .groups = 1};
    return flatten(g, batch_norm(g, net_conv(g, x, DIM, CHANNELS, 1, one, 50), DIM, 60));
}

static sl_tensor flat_dense(sl_graph *g, sl_tensor map)
{
    return batch_norm(g, dense(g, flatten(g, batch_norm(g, map, CHANNELS, 70)), DIM, CHANNELS * CELLS, 80), DIM, 90);
}

static sl_tensor mean_dense(sl_graph *g, sl_tensor map)
{
    sl_tensor x = net_node(g, SL_OP_GLOBAL_POOL, (sl_attr){.fn = SL_FN_AVERAGE}, INPUTS(map));
    return dense(g, flatten(g, x), DIM, CHANNELS, 100);
}

static sl_tensor normed(sl_graph *g, sl_tensor x)
{
    return net_node(g, SL_OP_L2NORM, (sl_attr){.axis = 1, .a = 1e-12f}, INPUTS(x));
}

static sl_status read_head(const sl_graph *g, sl_tensor map, sl_tensor embedding, sl_head *h)
{
    return sl_head_of_graph(g, g->tensors[map].name, g->tensors[embedding].name, CHANNELS, ROWS, COLS, 1, h, &err);
}

/* Map and raw embedding of two random pictures by the reference layers: the head must make the one of the other. */
static void expect_head(const sl_graph *g, sl_tensor map, sl_tensor raw, const sl_head *h)
{
    const char *names[2] = {g->tensors[map].name, g->tensors[raw].name};
    const sl_shape shape = SHAPE(2, 3, ROWS, COLS);
    float picture[2 * 3 * CELLS], maps[2 * CHANNELS * CELLS], embeddings[2 * DIM], made[2 * DIM];
    const float *in = picture;
    float *out[2] = {maps, embeddings};
    sl_graph *s;
    fill_random(picture, sizeof picture / 4, 5, -2, 2);
    assert_ok(sl_graph_specialize(g, &shape, names, 2, &s, &err));
    assert_ok(sl_reference_run(s, &in, out, &err));
    sl_graph_free(s);
    assert_int_equal(h->cells, CELLS);
    assert_int_equal(h->channels, CHANNELS);
    assert_int_equal(h->dim, DIM);
    assert_int_equal(h->blocks, 2);
    for (int n = 0; n < 2; n++)
        for (int d = 0; d < DIM; d++) {
            double sum = h->bias[d];
            for (int c = 0; c < CHANNELS; c++)
                for (int p = 0; p < CELLS; p++)
                    sum += (double)maps[(n * CHANNELS + c) * CELLS + p] *
                           sl_head_weights(h, d / SL_HEAD_COLUMNS, p, c)[d % SL_HEAD_COLUMNS];
            made[n * DIM + d] = (float)sum;
        }
    assert_close(made, embeddings, 2 * DIM, 2e-4);
}

static void reads_every_linear_head(void **state)
{
    (void)state;
    sl_tensor (*const heads[])(sl_graph *, sl_tensor) = {global_depthwise, flat_dense, mean_dense};
    for (int i = 0; i < 3; i++) {
        sl_tensor map;
        sl_head h;
        sl_graph *g = body(&map);
        sl_tensor embedding = heads[i](g, map);
        assert_ok(read_head(g, map, embedding, &h));
        expect_head(g, map, embedding, &h);
        sl_head_free(&h);
        sl_graph_free(g);
    }
}

/* Where the head is one dense layer its weights are taken as they are, not by runs, which would round them. */
static void dense_weights_are_taken_as_they_are(void **state)
{
    (void)state;
    for (int mean = 0; mean < 2; mean++) {
        sl_tensor map;
        sl_head h;
        sl_graph *g = body(&map);
        sl_tensor embedding = mean ? mean_dense(g, map) : dense(g, flatten(g, map), DIM, CHANNELS * CELLS, 80);
        const float *w = g->tensors[g->nodes[g->tensors[embedding].producer].inputs[1]].data;
        assert_ok(read_head(g, map, embedding, &h));
        expect_head(g, map, embedding, &h);
        for (int d = 0; d < DIM; d++)
            for (int c = 0; c < CHANNELS; c++)
                for (int p = 0; p < CELLS; p++) {
                    float want = mean ? w[d * CHANNELS + c] * (1 / (float)CELLS) : w[(d * CHANNELS + c) * CELLS + p];
                    assert_true(sl_head_weights(&h, d / SL_HEAD_COLUMNS, p, c)[d % SL_HEAD_COLUMNS] == want);
                }
        sl_head_free(&h);
        sl_graph_free(g);
    }
}

static bool read_directly(const sl_graph *g, sl_tensor map, sl_tensor embedding, sl_head *h)
{
    const sl_shape shape = SHAPE(3, CHANNELS, ROWS, COLS);
    sl_graph *part;
    bool direct;
    assert_ok(sl_head_cut(g, g->tensors[map].name, g->tensors[embedding].name, &shape, &part, &err));
    *h = (sl_head){0};
    assert_ok(sl_head_read_directly(part, &shape, &direct, h, &err));
    sl_graph_free(part);
    return direct;
}

static sl_tensor two_dense(sl_graph *g, sl_tensor map)
{
    return dense(g, dense(g, flatten(g, map), 21, CHANNELS * CELLS, 110), DIM, 21, 120);
}

static sl_tensor reduced(sl_graph *g, sl_tensor map)
{
    const sl_attr cells = {.fn = SL_FN_AVERAGE, .axes = {-1, 2}, .n_axes = 2};
    return dense(g, net_node(g, SL_OP_REDUCE, cells, INPUTS(map)), DIM, CHANNELS, 130);
}

static sl_tensor one_row_only(sl_graph *g, sl_tensor map)
{
    const sl_attr row = {.fn = SL_FN_AVERAGE, .axes = {2}, .n_axes = 1};
    return dense(g, flatten(g, net_node(g, SL_OP_REDUCE, row, INPUTS(map))), DIM, CHANNELS * COLS, 140);
}

/* A depthwise convolution that sees the map's border too: not one window over all of it. */
static sl_tensor padded_depthwise(sl_graph *g, sl_tensor map)
{
    sl_attr attr = {.kernel = {ROWS, COLS}, .pad = {1, 1, 1, 1}, .groups = CHANNELS};
    sl_tensor w = net_random(g, SHAPE(CHANNELS, 1, ROWS, COLS), 150, -1, 1);
    return dense(g, flatten(g, net_node(g, SL_OP_CONV, attr, INPUTS(map, w))), DIM, CHANNELS * 9, 160);
}

/* Layers of the usual kinds are read off their weights, quickly; whatever else there is goes by runs. */
static void knows_the_usual_layers(void **state)
{
    (void)state;
    static const struct {
        sl_tensor (*head)(sl_graph *, sl_tensor);
        bool direct;
    } heads[] = {{global_depthwise, true}, {mean_dense, true},     {two_dense, true},
                 {reduced, true},          {one_row_only, false}, {padded_depthwise, false}};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        sl_tensor map;
        sl_head h;
        sl_graph *g = body(&map);
        sl_tensor embedding = heads[i].head(g, map);
        assert_int_equal(read_directly(g, map, embedding, &h), heads[i].direct);
        if (heads[i].direct)
            expect_head(g, map, embedding, &h);
        else
            assert_null(h.weights);
        sl_head_free(&h);
        assert_ok(read_head(g, map, embedding, &h));
        expect_head(g, map, embedding, &h);
        sl_head_free(&h);
        sl_graph_free(g);
    }
}

static void looks_behind_the_norm(void **state)
{
    (void)state;
    sl_tensor map;
    sl_head h;
    sl_graph *g = body(&map);
    sl_tensor raw = flat_dense(g, map), embedding = normed(g, raw);
    assert_ok(read_head(g, map, embedding, &h));
    expect_head(g, map, raw, &h);
    sl_head_free(&h);
    sl_graph_free(g);
}

static void expect_refusal(sl_graph *g, sl_tensor map, sl_tensor embedding, const char *words)
{
    sl_head h;
    assert_int_equal(read_head(g, map, embedding, &h), SL_ERR_UNSUPPORTED);
    if (!strstr(err.text, words))
        fail_msg("\"%s\" does not say \"%s\"", err.text, words);
    assert_null(h.weights);
    sl_graph_free(g);
}

static void refuses_other_heads(void **state)
{
    (void)state;
    sl_tensor map;
    sl_graph *g = body(&map);
    sl_tensor x = net_unary(g, SL_FN_RELU, global_depthwise(g, map));
    expect_refusal(g, map, x, "not linear");

    g = body(&map); /* a relu that a map of positive numbers would hide */
    x = flat_dense(g, net_unary(g, SL_FN_RELU, map));
    expect_refusal(g, map, x, "not linear");

    g = body(&map); /* the embedding also sees the picture */
    x = net_binary(g, SL_FN_ADD, dense(g, flatten(g, map), DIM, CHANNELS * CELLS, 1),
                   dense(g, flatten(g, g->inputs[0]), DIM, 3 * CELLS, 2));
    expect_refusal(g, map, x, "patch map alone");

    g = body(&map); /* two ways round a sum of normed faces: an L2 norm inside is not linear */
    x = dense(g, normed(g, flatten(g, map)), DIM, CHANNELS * CELLS, 3);
    expect_refusal(g, map, x, "not linear");
}

static void refuses_unknown_names(void **state)
{
    (void)state;
    sl_tensor map;
    sl_head h;
    sl_graph *g = body(&map);
    assert_int_equal(sl_head_of_graph(g, "nowhere", g->tensors[map].name, CHANNELS, ROWS, COLS, 1, &h, &err),
                     SL_ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, "nowhere"));
    sl_graph_free(g);
}

/* The real networks: contributions add up to the embedding of a random picture, as far as the network itself is exact
 * there (its terms are some 200 times the sum). */
static void real_networks_add_up(void **state)
{
    (void)state;
    static const char *const models[][2] = {{"mobilefacenet-192", "mobilefacenet-192.tflite"},
                                            {"mobilefacenet-128", "mobilefacenet-128.onnx"},
                                            {"faceplugin-512", "faceplugin-512.onnx"}};
    int run = 0;
    for (int i = 0; i < 3; i++) {
        char *path = model_path(models[i][1]);
        if (!path)
            continue;
        free(path);
        sl_recogniser r;
        sl_head h;
        sl_plan *plan;
        assert_ok(sl_recogniser_open(NULL, models[i][0], &r, &err));
        assert_ok(sl_head_of_recogniser(&r, 1, &h, &err));
        assert_ok(sl_recogniser_compile(&r, 1, &(sl_plan_options){.threads = 1}, &plan, &err));
        fill_random(sl_plan_input(plan, 0, NULL), (size_t)(r.channels_in * r.width * r.height), 3, -1, 1);
        assert_ok(sl_plan_run(plan, &err));
        const float *map = sl_plan_output(plan, 1, NULL), *embedding = sl_plan_output(plan, 0, NULL);
        float *made = malloc((size_t)r.dim * sizeof *made);
        for (int d = 0; d < r.dim; d++) {
            double sum = h.bias[d];
            for (int c = 0; c < h.channels; c++)
                for (int p = 0; p < h.cells; p++)
                    sum += (double)map[c * h.cells + p] *
                           sl_head_weights(&h, d / SL_HEAD_COLUMNS, p, c)[d % SL_HEAD_COLUMNS];
            made[d] = (float)sum;
        }
        double cosine = cosine_of(made, embedding, (size_t)r.dim);
        if (!(cosine > 1 - 2e-6))
            fail_msg("%s: cosine %.9f", models[i][0], cosine);
        free(made);
        sl_plan_free(plan);
        sl_head_free(&h);
        sl_recogniser_close(&r);
        run++;
    }
    if (!run) {
        print_message("skipped: no recogniser was fetched\n");
        skip();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_linear_head), cmocka_unit_test(dense_weights_are_taken_as_they_are),
        cmocka_unit_test(knows_the_usual_layers),
        cmocka_unit_test(looks_behind_the_norm),
        cmocka_unit_test(refuses_other_heads),     cmocka_unit_test(refuses_unknown_names),
        cmocka_unit_test(real_networks_add_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
