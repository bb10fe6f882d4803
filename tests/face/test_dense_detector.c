/* SCRFD, YuNet, UltraFace, BlazeFace and PyTorch's RetinaFace on networks of the published shapes that see nothing but
 * brightness, or nothing: a cell is a face, whose box and points are worked out here. Their real files were compared
 * with ONNX Runtime and the publishers' code (docs/lab/accuracy.md). */
#include "support.h"

#include "../net/onnx_writer.h"
#include "face/blazeface.h"
#include "face/pytorch_retinaface.h"
#include "face/scrfd.h"
#include "face/ultraface.h"
#include "face/yunet.h"
#include "image/image.h"
#include "net/graph.h"

static sl_error err;

enum { SIDE = 64 };

/* "NAME": [cells * anchors, channels] for stride s. Every channel is bias[c] and `light` times the mean of the cell's
 * pixels as the network reads them; with anchors > 1 all anchors get the same. */
static void head(onnx_model *m, const char *name, int s, int anchors, int channels, const float *bias, float light)
{
    char w[48], b[48], conv[48], turned[48], target[48], inputs[160], attributes[80];
    int64_t out = anchors * channels;
    size_t pixels = 3 * (size_t)s * (size_t)s;
    float *weights = calloc((size_t)out * pixels, sizeof *weights), *shifts = calloc((size_t)out, sizeof *shifts);
    for (size_t i = 0; i < (size_t)out * pixels; i++)
        weights[i] = light / (float)pixels;
    for (int64_t i = 0; i < out; i++)
        shifts[i] = bias[i % channels];
    snprintf(w, sizeof w, "%s.w", name);
    snprintf(b, sizeof b, "%s.b", name);
    snprintf(conv, sizeof conv, "%s.conv", name);
    snprintf(turned, sizeof turned, "%s.turned", name);
    snprintf(target, sizeof target, "%s.target", name);
    snprintf(inputs, sizeof inputs, "input,%s,%s", w, b);
    snprintf(attributes, sizeof attributes, "kernel_shape=[%d,%d] strides=[%d,%d]", s, s, s, s);
    onnx_floats(m, w, DIMS(out, 3, s, s), weights);
    onnx_floats(m, b, DIMS(out), shifts);
    onnx_node(m, "Conv", inputs, conv, attributes);
    onnx_node(m, "Transpose", conv, turned, "perm=[0,2,3,1]");
    onnx_ints(m, target, -1, channels);
    snprintf(inputs, sizeof inputs, "%s,%s", turned, target);
    onnx_node(m, "Reshape", inputs, name, NULL);
    onnx_output(m, name);
    free(weights);
    free(shifts);
}

static sl_graph *import(onnx_model *m)
{
    sl_graph *graph;
    wire file = onnx_file(m);
    assert_ok(sl_import_onnx(file.data, file.size, &graph, &err));
    free(file.data);
    return graph;
}

static const float no_light[10] = {0};

/* Strides 16 and 32 see nothing: their scores are below all thresholds. */
static void grids(onnx_model *m, int anchors, int scores, const float *score_bias, float score_light, const float *box,
                  const float *points)
{
    static const float none[1] = {-9};
    for (int s = 8; s <= 32; s *= 2) {
        char name[32];
        for (int k = 0; k < scores; k++) {
            snprintf(name, sizeof name, "score%d_%d", k, s);
            head(m, name, s, anchors, 1, s == 8 ? score_bias : none, s == 8 ? score_light : 0);
        }
        snprintf(name, sizeof name, "box_%d", s);
        head(m, name, s, anchors, 4, box, 0);
        snprintf(name, sizeof name, "points_%d", s);
        if (points)
            head(m, name, s, anchors, 10, points, 0);
    }
}

static sl_graph *make_scrfd(const float *points)
{
    static const float bias[1] = {0}, box[4] = {1, 1.5f, 1, 2};
    onnx_model m = {.opset = 11};
    onnx_input(&m, "input", DIMS(1, 3, SIDE, SIDE));
    grids(&m, 2, 1, bias, .9f, box, points);
    return import(&m);
}

static sl_graph *make_yunet(void)
{
    static const float bias[1] = {0}, box[4] = {.5f, .25f, 1, .5f};
    onnx_model m = {.opset = 11};
    onnx_input(&m, "input", DIMS(1, 3, -1, -1));
    grids(&m, 1, 2, bias, 1 / 255.f, box, (float[10]){1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
    return import(&m);
}

/* Black, but for cell (column, row) of 8 x 8 pixels; `scale` pixels each. */
static void make_picture(int width, int height, int column, int row, int scale, sl_image *image)
{
    assert_ok(sl_image_new(width, height, 3, image, &err));
    for (int y = row * 8 * scale; y < (row + 1) * 8 * scale; y++)
        memset(image->pixels + 3 * (y * width + column * 8 * scale), 255, (size_t)(24 * scale));
}

static sl_detector *open_kind(const sl_detector_kind *kind, const sl_graph *graph)
{
    sl_detector *d;
    const sl_detector_network network = {.graph = graph};
    const sl_detector_options options = sl_detector_defaults(1);
    assert_ok(sl_detector_kind_check(kind, graph, &err));
    assert_ptr_equal(sl_detector_kind_of(graph), kind);
    assert_ok(sl_detector_open(kind, &network, &options, &d, &err));
    return d;
}

static sl_face the_face(sl_detector *d, const sl_image *image, float threshold)
{
    sl_face *faces;
    size_t count;
    assert_ok(sl_detector_find(d, image, threshold, &faces, &count, &err));
    assert_int_equal(count, 1); /* anchors of one cell are one face */
    sl_face f = *faces;
    free(faces);
    return f;
}

static void assert_box(const sl_face *f, float x0, float y0, float x1, float y1)
{
    assert_close(&f->box.x0, (float[]){x0, y0, x1, y1}, 4, 1e-3);
}

static void scrfd_at_a_cell(void **state)
{
    (void)state;
    sl_image image;
    sl_graph *g = make_scrfd((float[10]){-1, -1, 1, -1, 0, 0, -1, 1, 1, 1});
    sl_detector *d = open_kind(&sl_detector_scrfd, g);
    make_picture(SIDE, SIDE, 3, 4, 1, &image);
    sl_face f = the_face(d, &image, .5f);
    assert_box(&f, 24 - 8, 32 - 12, 24 + 8, 32 + 16);
    assert_close(&f.score, (float[]){.9f * 127.5f / 128}, 1, 1e-4);
    assert_close(&f.points[0].x, (float[]){16, 24, 32, 24, 24, 32, 16, 40, 32, 40}, 10, 1e-3);
    assert_true(f.upright == 1 && !d->guesses_points);
    sl_image_free(&image);
    /* twice as large and wider than it is high: by one factor, at the top left */
    make_picture(2 * SIDE, SIDE, 3, 2, 2, &image);
    f = the_face(d, &image, .5f);
    assert_box(&f, 2 * (24 - 8), 2 * (16 - 12), 2 * (24 + 8), 2 * (16 + 16));
    sl_image_free(&image);
    sl_detector_close(d);
    sl_graph_free(g);
}

static void scrfd_without_points(void **state)
{
    (void)state;
    sl_image image;
    sl_graph *g = make_scrfd(NULL);
    sl_detector *d = open_kind(&sl_detector_scrfd, g);
    assert_true(d->guesses_points);
    make_picture(SIDE, SIDE, 3, 4, 1, &image);
    sl_face f = the_face(d, &image, .5f);
    assert_box(&f, 16, 20, 32, 48);
    assert_true(f.points[0].x < f.points[1].x && f.points[0].y > 20 && f.points[3].y > f.points[2].y &&
                f.points[3].y < 48);
    sl_image_free(&image);
    sl_detector_close(d);
    sl_graph_free(g);
}

static void yunet_at_a_cell(void **state)
{
    (void)state;
    sl_image image;
    sl_graph *g = make_yunet();
    sl_detector *d = open_kind(&sl_detector_yunet, g);
    make_picture(72, 40, 5, 2, 1, &image); /* put on 96 x 64 */
    sl_face f = the_face(d, &image, .9f);
    float w = 8 * expf(1), h = 8 * expf(.5f);
    assert_box(&f, 40 + 4 - w / 2, 16 + 2 - h / 2, 40 + 4 + w / 2, 16 + 2 + h / 2);
    assert_close(&f.score, (float[]){1}, 1, 1e-4);
    assert_close(&f.points[0].x, (float[]){48, 32, 64, 48, 80, 64, 96, 80, 112, 96}, 10, 1e-3);
    sl_image_free(&image);
    sl_detector_close(d);
    sl_graph_free(g);
}

/* An input of 32 x 32 has 16 * 3 + 4 * 2 + 1 * 2 + 1 * 3 priors. `exp`: the boxes go through one, as where they are
 * worked out in the network. */
enum { PRIORS = 61 };

static sl_graph *make_ultraface(bool exponential)
{
    static float scores[2 * PRIORS], boxes[4 * PRIORS];
    onnx_model m = {.opset = 11};
    onnx_input(&m, "input", DIMS(1, 3, 32, 32));
    for (int i = 0; i < PRIORS; i++) {
        const float whole[4] = {.25f, .5f, .75f, 1}, moved[4] = {1, -2, 0, 0};
        scores[2 * i + 1] = i == 16 ? .95f : .1f;
        for (int c = 0; c < 4; c++)
            boxes[4 * i + c] = exponential ? logf(whole[c]) : moved[c];
    }
    onnx_floats(&m, "s", DIMS(1, PRIORS, 2), scores);
    onnx_floats(&m, "b", DIMS(1, PRIORS, 4), boxes);
    onnx_node(&m, "ReduceMean", "input", "mean", "axes=[1,2,3] keepdims=0"); /* of grey pixels (127): nothing */
    onnx_node(&m, "Add", "s,mean", "scores", NULL);
    onnx_node(&m, "Add", "b,mean", exponential ? "sum" : "boxes", NULL);
    if (exponential)
        onnx_node(&m, "Exp", "sum", "boxes", NULL);
    onnx_output(&m, "scores");
    onnx_output(&m, "boxes");
    return import(&m);
}

static void ultraface_with_and_without_boxes(void **state)
{
    (void)state;
    sl_image image;
    assert_ok(sl_image_new(64, 48, 3, &image, &err));
    memset(image.pixels, 127, 64 * 48 * 3);
    for (int raw = 0; raw < 2; raw++) {
        sl_graph *g = make_ultraface(!raw);
        sl_detector *d = open_kind(&sl_detector_ultraface, g);
        assert_true(d->guesses_points);
        sl_face f = the_face(d, &image, .7f);
        assert_close(&f.score, (float[]){.95f}, 1, 1e-5);
        /* prior 16: cell 5 of 4 x 4, 16 pixels; moved by .1 and -.2 of its side. The picture is stretched over the
         * input. */
        float x = 12 + 1.6f, y = 12 - 3.2f;
        if (raw)
            assert_box(&f, 2 * (x - 8), 1.5f * (y - 8), 2 * (x + 8), 1.5f * (y + 8));
        else
            assert_box(&f, 16, 24, 48, 48);
        sl_detector_close(d);
        sl_graph_free(g);
    }
    sl_image_free(&image);
}

/* An output [rows, channels] that is always these numbers, whatever the picture. */
static void constant(onnx_model *m, const char *name, int64_t rows, int64_t channels, const float *numbers, bool output)
{
    char floats[48], inputs[100];
    snprintf(floats, sizeof floats, "%s.floats", name);
    snprintf(inputs, sizeof inputs, "%s,nothing", floats);
    onnx_floats(m, floats, DIMS(1, rows, channels), numbers);
    onnx_node(m, "Add", inputs, name, NULL);
    if (output)
        onnx_output(m, name);
}

static void picture_of_nothing(onnx_model *m, int side)
{
    static const float none[1] = {0};
    onnx_input(m, "input", DIMS(1, 3, side, side));
    onnx_floats(m, "none", DIMS(1), none);
    onnx_node(m, "ReduceMean", "input", "mean", "axes=[1,2,3] keepdims=0");
    onnx_node(m, "Mul", "mean,none", "nothing", NULL);
}

/* An input of 32 x 32 has 2 * (16 + 4 + 1) priors; number 39 is the second one of the last cell of the second grid, 128
 * pixels around (24, 24). */
enum { PRIOR = 39, RETINA_PRIORS = 42 };

static sl_graph *make_pytorch_retinaface(bool softmax)
{
    static float scores[2 * RETINA_PRIORS], boxes[4 * RETINA_PRIORS], points[10 * RETINA_PRIORS];
    onnx_model m = {.opset = 11};
    picture_of_nothing(&m, 32);
    for (int i = 0; i < RETINA_PRIORS; i++) {
        scores[2 * i] = 1;
        scores[2 * i + 1] = i == PRIOR ? 1 + logf(19) : 1; /* .95 and .5 */
    }
    memcpy(boxes + 4 * PRIOR, (float[]){1, -2, 5 * logf(.25f), 0}, 4 * sizeof(float));
    memcpy(points + 10 * PRIOR, (float[]){0, 0, 1, 0, 1, 1, 0, 2, 1, 2}, 10 * sizeof(float));
    constant(&m, "boxes", RETINA_PRIORS, 4, boxes, true);
    constant(&m, "scores", RETINA_PRIORS, 2, scores, !softmax);
    if (softmax) {
        onnx_node(&m, "Softmax", "scores", "told", "axis=-1");
        onnx_output(&m, "told");
    }
    constant(&m, "points", RETINA_PRIORS, 10, points, true);
    return import(&m);
}

static void pytorch_retinaface_at_a_prior(void **state)
{
    (void)state;
    sl_image image;
    assert_ok(sl_image_new(64, 32, 3, &image, &err)); /* at half its size in the upper half */
    memset(image.pixels, 0, 64 * 32 * 3);
    for (int softmax = 0; softmax < 2; softmax++) {
        sl_graph *g = make_pytorch_retinaface(softmax);
        sl_detector *d = open_kind(&sl_detector_pytorch_retinaface, g);
        assert_false(d->guesses_points);
        sl_face f = the_face(d, &image, .6f);
        assert_close(&f.score, (float[]){.95f}, 1, 1e-5);
        const float x = 24 + 12.8f, y = 24 - 25.6f;
        assert_box(&f, 2 * (x - 16), 2 * (y - 64), 2 * (x + 16), 2 * (y + 64));
        assert_close(&f.points[0].x, (float[]){48, 48, 73.6f, 48, 73.6f, 73.6f, 48, 99.2f, 73.6f, 99.2f}, 10, 1e-3);
        sl_detector_close(d);
        sl_graph_free(g);
    }
    sl_image_free(&image);
}

enum { FINE = 512, ALL = 896, FULL = 48 * 48, NUMBERS = 16 };

/* Box of this side, `right` of its anchor; eyes, nose and mouth in it. */
static void set_anchor(float *scores, float *boxes, int at, float score, float right, float side)
{
    const float face[NUMBERS] = {right, 0, side, side, right - 5, -6, right + 5, -6, right, 1, right, 7, -9, 0, 9, 0};
    scores[at] = logf(score / (1 - score));
    memcpy(boxes + (size_t)at * NUMBERS, face, sizeof face);
}

/* Two anchors of one cell that overlap, and one of the coarse grid, far away. */
static sl_graph *make_blazeface(bool in_parts)
{
    static float scores[ALL], boxes[ALL * NUMBERS];
    onnx_model m = {.opset = 11};
    picture_of_nothing(&m, 128);
    for (int i = 0; i < ALL; i++)
        scores[i] = -200;
    set_anchor(scores, boxes, 2 * (2 * 16 + 3), .9f, 0, 40);        /* (28, 20) */
    set_anchor(scores, boxes, 2 * (2 * 16 + 3) + 1, .6f, 4, 40);
    set_anchor(scores, boxes, FINE + 6 * (6 * 8 + 6) + 5, .7f, 0, 20); /* (104, 104) */
    if (in_parts) {
        constant(&m, "fine scores", FINE, 1, scores, true);
        constant(&m, "coarse scores", ALL - FINE, 1, scores + FINE, true);
        constant(&m, "fine boxes", FINE, NUMBERS, boxes, true);
        constant(&m, "coarse boxes", ALL - FINE, NUMBERS, boxes + FINE * NUMBERS, true);
    } else {
        constant(&m, "boxes", ALL, NUMBERS, boxes, true);
        constant(&m, "scores", ALL, 1, scores, true);
    }
    return import(&m);
}

static void blazeface_in_the_middle_and_blended(void **state)
{
    (void)state;
    sl_image image;
    assert_ok(sl_image_new(256, 128, 3, &image, &err)); /* at half its size, 32 pixels down */
    memset(image.pixels, 77, 256 * 128 * 3);
    for (int in_parts = 0; in_parts < 2; in_parts++) {
        sl_graph *g = make_blazeface(in_parts);
        sl_detector *d = open_kind(&sl_detector_blazeface, g);
        sl_face *f;
        size_t count;
        assert_true(d->guesses_points);
        assert_ok(sl_detector_find(d, &image, .5f, &f, &count, &err));
        assert_int_equal(count, 2);
        assert_close(&f->score, (float[]){.9f}, 1, 1e-5);
        const float x = 28 + 4 * .6f / 1.5f, y = 20 - 32; /* their mean by scores */
        assert_box(f, 2 * (x - 20), 2 * (y - 20), 2 * (x + 20), 2 * (y + 20));
        assert_close(&f->points[0].x,
                     (float[]){2 * (x - 5), 2 * (y - 6), 2 * (x + 5), 2 * (y - 6), 2 * x, 2 * (y + 1), 2 * (x - 4.1f),
                               2 * (y + 7), 2 * (x + 4.1f), 2 * (y + 7)}, 10, 1e-3);
        assert_true(f->upright == 1);
        assert_box(&f[1], 2 * (104 - 10), 2 * (104 - 32 - 10), 2 * (104 + 10), 2 * (104 - 32 + 10));
        free(f);
        sl_detector_close(d);
        sl_graph_free(g);
    }
    sl_image_free(&image);
}

/* What the network sees of a picture: pixel (x, y) of the input is the picture's at (k x, k y), not between pixels. */
static void blazeface_samples_pixels(void **state)
{
    (void)state;
    static float scores[FULL], boxes[FULL * NUMBERS];
    onnx_model m = {.opset = 11};
    sl_image image;
    onnx_input(&m, "input", DIMS(1, 3, 192, 192));
    onnx_ints(&m, "from", 0, 0, 6, 8); /* the one pixel at column 8, row 6 */
    onnx_ints(&m, "to", 1, 1, 7, 9);
    onnx_node(&m, "Slice", "input,from,to", "pixel", NULL);
    onnx_node(&m, "ReduceMean", "pixel", "nothing", "axes=[1,2,3] keepdims=0"); /* 1 where it is white */
    set_anchor(scores, boxes, 48 * 10 + 20, .5f, 0, 24); /* (82, 42) */
    for (int i = 0; i < FULL; i++)
        scores[i] += i == 48 * 10 + 20 ? 0 : -50;
    constant(&m, "scores", FULL, 1, scores, true);
    onnx_floats(&m, "box numbers", DIMS(1, FULL, NUMBERS), boxes);
    onnx_node(&m, "Identity", "box numbers", "boxes", NULL);
    onnx_output(&m, "boxes");
    sl_graph *g = import(&m);
    sl_detector *d = open_kind(&sl_detector_blazeface, g);
    assert_ok(sl_image_new(3 * 192, 3 * 192, 3, &image, &err));
    memset(image.pixels, 0, 3 * 192 * 3 * 192 * 3);
    memset(image.pixels + 3 * (18 * 3 * 192 + 24), 255, 3);
    sl_face f = the_face(d, &image, .7f);
    assert_close(&f.score, (float[]){1 / (1 + expf(-1))}, 1, 1e-4);
    assert_box(&f, 3 * (82 - 12), 3 * (42 - 12), 3 * (82 + 12), 3 * (42 + 12));
    sl_image_free(&image);
    sl_detector_close(d);
    sl_graph_free(g);
}

static void other_networks_are_refused(void **state)
{
    (void)state;
    sl_graph *g = make_yunet();
    assert_int_equal(sl_detector_kind_check(&sl_detector_scrfd, g, &err), SL_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.text, "\"detector\": \"yunet\""));
    sl_graph_free(g);
    onnx_model m = {.opset = 11};
    onnx_input(&m, "input", DIMS(1, 3, SIDE, SIDE));
    head(&m, "embedding", 8, 1, 4, no_light, 1);
    g = import(&m);
    assert_null(sl_detector_kind_of(g));
    assert_int_equal(sl_detector_kind_check(&sl_detector_scrfd, g, &err), SL_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.text, "no detector that is known"));
    sl_graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scrfd_at_a_cell),
        cmocka_unit_test(scrfd_without_points),
        cmocka_unit_test(yunet_at_a_cell),
        cmocka_unit_test(ultraface_with_and_without_boxes),
        cmocka_unit_test(pytorch_retinaface_at_a_prior),
        cmocka_unit_test(blazeface_in_the_middle_and_blended),
        cmocka_unit_test(blazeface_samples_pixels),
        cmocka_unit_test(other_networks_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
