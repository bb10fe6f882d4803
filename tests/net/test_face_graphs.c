/* Small graphs with random weights, built the way known face networks are exported, against ONNX Runtime:
 * InsightFace's IResNet, SCRFD, UltraFace and YuNet. `net_test_face_graphs --write DIR` writes the files
 * that tools/golden/onnx_golden.mjs takes. */
#include "golden.h"
#include "onnx_writer.h"

static uint64_t seed;

/* A random constant, values in [low, high). */
static void random_floats(onnx_model *m, const char *name, size_t rank, const int64_t *dims, float low, float high)
{
    size_t n = onnx_count(rank, dims);
    float *values = malloc(n * sizeof *values);
    fill_random(values, n, ++seed, low, high);
    onnx_floats(m, name, rank, dims, values);
    free(values);
}

/* Appends "NAME.w", "NAME.b" and Conv x -> NAME. */
static void conv(onnx_model *m, const char *x, const char *name, int64_t out, int64_t in, int64_t k,
                 const char *attributes)
{
    char w[64], b[64], inputs[200];
    snprintf(w, sizeof w, "%s.w", name);
    snprintf(b, sizeof b, "%s.b", name);
    snprintf(inputs, sizeof inputs, "%s,%s,%s", x, w, b);
    float spread = 1.5f / sqrtf((float)(in * k * k));
    random_floats(m, w, DIMS(out, in, k, k), -spread, spread);
    random_floats(m, b, DIMS(out), -0.1f, 0.1f);
    onnx_node(m, "Conv", inputs, name, attributes);
}

static void batchnorm(onnx_model *m, const char *x, const char *name, int64_t channels)
{
    static const char *const parts[] = {"scale", "shift", "mean", "var"};
    char inputs[300];
    int at = snprintf(inputs, sizeof inputs, "%s", x);
    for (int i = 0; i < 4; i++) {
        char part[64];
        snprintf(part, sizeof part, "%s.%s", name, parts[i]);
        random_floats(m, part, DIMS(channels), i == 0 || i == 3 ? 0.5f : -0.3f, i == 0 || i == 3 ? 1.5f : 0.3f);
        at += snprintf(inputs + at, sizeof inputs - (size_t)at, ",%s", part);
    }
    onnx_node(m, "BatchNormalization", inputs, name, "epsilon=0.00002");
}

static void prelu(onnx_model *m, const char *x, const char *name, int64_t channels)
{
    char slope[64], inputs[200];
    snprintf(slope, sizeof slope, "%s.slope", name);
    snprintf(inputs, sizeof inputs, "%s,%s", x, slope);
    random_floats(m, slope, DIMS(channels, 1, 1), -0.2f, 0.5f);
    onnx_node(m, "PRelu", inputs, name, NULL);
}

static onnx_model iresnet(void)
{
    onnx_model m = {.opset = 11};
    onnx_input(&m, "input.1", DIMS(-1, 3, 16, 16));
    conv(&m, "input.1", "stem", 8, 3, 3,
         "kernel_shape=[3,3] pads=[1,1,1,1] strides=[1,1] group=1 dilations=[1,1]");
    prelu(&m, "stem", "stem.act", 8);
    batchnorm(&m, "stem.act", "bn1", 8);
    conv(&m, "bn1", "conv1", 16, 8, 3, "kernel_shape=[3,3] pads=[1,1,1,1]");
    prelu(&m, "conv1", "act1", 16);
    conv(&m, "act1", "conv2", 16, 16, 3, "kernel_shape=[3,3] pads=[1,1,1,1] strides=[2,2]");
    conv(&m, "stem.act", "down", 16, 8, 1, "kernel_shape=[1,1] strides=[2,2]");
    onnx_node(&m, "Add", "conv2,down", "block", NULL);
    batchnorm(&m, "block", "bn2", 16);
    onnx_node(&m, "Dropout", "bn2", "drop,mask", "ratio=0.4");
    onnx_node(&m, "Flatten", "drop", "flat", "axis=1");
    random_floats(&m, "fc.w", DIMS(32, 1024), -0.05f, 0.05f);
    random_floats(&m, "fc.b", DIMS(32), -0.1f, 0.1f);
    onnx_node(&m, "Gemm", "flat,fc.w,fc.b", "fc", "alpha=1.0 beta=1.0 transB=1");
    batchnorm(&m, "fc", "683", 32); /* over [N, 32] */
    onnx_output(&m, "683");
    return m;
}

/* Heads of one stride: scores [-1,1] and boxes [-1,4] in the order of the map's positions. */
static void scrfd_head(onnx_model *m, const char *x, int stride)
{
    char score[32], box[32], names[8][48];
    snprintf(score, sizeof score, "cls%d", stride);
    snprintf(box, sizeof box, "box%d", stride);
    conv(m, x, score, 2, 16, 3, "kernel_shape=[3,3] pads=[1,1,1,1]");
    conv(m, x, box, 8, 16, 3, "kernel_shape=[3,3] pads=[1,1,1,1]");
    for (int i = 0; i < 8; i++)
        snprintf(names[i], sizeof names[i], "%s%d.%d", i < 4 ? "s" : "b", stride, i);
    char pair[128];
    snprintf(names[7], sizeof names[7], "scale%d", stride);
    onnx_scalar(m, names[7], 1.25f);
    snprintf(pair, sizeof pair, "%s,%s", box, names[7]);
    onnx_node(m, "Mul", pair, names[4], NULL);
    onnx_node(m, "Transpose", score, names[0], "perm=[2,3,0,1]");
    onnx_node(m, "Transpose", names[4], names[5], "perm=[2,3,0,1]");
    snprintf(pair, sizeof pair, "%s,to1", names[0]);
    onnx_node(m, "Reshape", pair, names[1], NULL);
    snprintf(pair, sizeof pair, "%s,to4", names[5]);
    snprintf(box, sizeof box, "bbox_%d", stride);
    onnx_node(m, "Reshape", pair, box, NULL);
    snprintf(score, sizeof score, "score_%d", stride);
    onnx_node(m, "Sigmoid", names[1], score, NULL);
    onnx_output(m, score);
    onnx_output(m, box);
}

static onnx_model scrfd(void)
{
    onnx_model m = {.opset = 11};
    onnx_input(&m, "input.1", DIMS(1, 3, -1, -1));
    static const char *const names[] = {"input.1", "c1", "c2", "c3", "c4"};
    static const char *const acts[] = {"input.1", "r1", "r2", "r3", "r4"};
    for (int i = 1; i <= 4; i++) {
        char bn[8];
        snprintf(bn, sizeof bn, "bn%d", i);
        conv(&m, acts[i - 1], names[i], 16, i == 1 ? 3 : 16, 3, "kernel_shape=[3,3] pads=[1,1,1,1] strides=[2,2]");
        batchnorm(&m, names[i], bn, 16);
        onnx_node(&m, "Relu", bn, acts[i], NULL);
    }
    /* the coarser map at the size of the finer one, read off by Shape and Slice */
    onnx_node(&m, "Shape", "r3", "fine.shape", NULL);
    onnx_ints(&m, "at0", 0);
    onnx_ints(&m, "at2", 2);
    onnx_ints(&m, "at4", 4);
    onnx_node(&m, "Slice", "fine.shape,at2,at4,at0", "fine.hw", NULL);
    onnx_node(&m, "Shape", "r4", "coarse.shape", NULL);
    onnx_node(&m, "Slice", "coarse.shape,at0,at2,at0", "coarse.nc", NULL);
    onnx_node(&m, "Cast", "fine.hw", "fine.hw64", "to=7");
    onnx_node(&m, "Concat", "coarse.nc,fine.hw64", "sizes", "axis=0");
    onnx_floats(&m, "none", DIMS(0), NULL);
    onnx_node(&m, "Resize", "r4,none,none,sizes", "up",
              "mode=nearest nearest_mode=floor coordinate_transformation_mode=asymmetric cubic_coeff_a=-0.75");
    onnx_node(&m, "Add", "r3,up", "fpn", NULL);
    onnx_ints(&m, "to1", -1, 1);
    onnx_ints(&m, "to4", -1, 4);
    scrfd_head(&m, "fpn", 8);
    scrfd_head(&m, "r4", 16);
    return m;
}

/* A head [N, positions, width]: transpose, and a reshape whose batch is read off the tensor. */
static void ultraface_head(onnx_model *m, const char *x, const char *name, int64_t channels, int64_t width)
{
    char n[8][48], list[160];
    static const char *const parts[] = {"conv", "nhwc", "shape", "batch", "batch1", "to", "rest"};
    for (int i = 0; i < 7; i++)
        snprintf(n[i], sizeof n[i], "%s.%s", name, parts[i]);
    conv(m, x, n[0], channels, 8, 3, "pads=[1,1,1,1]");
    onnx_node(m, "Transpose", n[0], n[1], "perm=[0,2,3,1]");
    onnx_node(m, "Shape", n[1], n[2], NULL);
    snprintf(list, sizeof list, "%s,index", n[2]);
    onnx_node(m, "Gather", list, n[3], "axis=0");
    onnx_node(m, "Unsqueeze", n[3], n[4], "axes=[0]");
    onnx_ints(m, n[6], -1, width);
    snprintf(list, sizeof list, "%s,%s", n[4], n[6]);
    onnx_node(m, "Concat", list, n[5], "axis=0");
    snprintf(list, sizeof list, "%s,%s", n[1], n[5]);
    onnx_node(m, "Reshape", list, name, NULL);
}

static onnx_model ultraface(void)
{
    enum { POSITIONS = 2 * (6 * 8 + 3 * 4) };
    onnx_model m = {.opset = 9};
    onnx_input(&m, "input", DIMS(1, 3, 24, 32));
    int64_t index = 0;
    onnx_node_with(&m, "Constant", "", "index", "value", onnx_raw("", ONNX_INT64, NO_DIMS, &index, 8));
    conv(&m, "input", "c1", 8, 3, 3, "pads=[1,1,1,1] strides=[4,4]");
    onnx_node(&m, "Relu", "c1", "r1", NULL);
    conv(&m, "r1", "c2", 8, 8, 3, "pads=[1,1,1,1] strides=[2,2]");
    onnx_node(&m, "Relu", "c2", "r2", NULL);
    ultraface_head(&m, "r1", "s1", 4, 2);
    ultraface_head(&m, "r2", "s2", 4, 2);
    ultraface_head(&m, "r1", "l1", 8, 4);
    ultraface_head(&m, "r2", "l2", 8, 4);
    onnx_node(&m, "Concat", "s1,s2", "logits", "axis=1");
    onnx_node(&m, "Concat", "l1,l2", "locations", "axis=1");
    onnx_node(&m, "Softmax", "logits", "scores", "axis=2");
    random_floats(&m, "prior.xy", DIMS(1, POSITIONS, 2), 0, 1);
    random_floats(&m, "prior.wh", DIMS(1, POSITIONS, 2), 0.1f, 0.5f);
    onnx_scalar(&m, "v1", 0.1f);
    onnx_scalar(&m, "v2", 0.2f);
    onnx_scalar(&m, "two", 2);
    onnx_node(&m, "Slice", "locations", "l.xy", "axes=[2] starts=[0] ends=[2]");
    onnx_node(&m, "Slice", "locations", "l.wh", "axes=[2] starts=[2] ends=[9223372036854775807]");
    onnx_node(&m, "Mul", "l.xy,v1", "d.xy", NULL);
    onnx_node(&m, "Mul", "d.xy,prior.wh", "e.xy", NULL);
    onnx_node(&m, "Add", "e.xy,prior.xy", "c.xy", NULL);
    onnx_node(&m, "Mul", "l.wh,v2", "d.wh", NULL);
    onnx_node(&m, "Exp", "d.wh", "e.wh", NULL);
    onnx_node(&m, "Mul", "e.wh,prior.wh", "wh", NULL);
    onnx_node(&m, "Div", "wh,two", "half", NULL);
    onnx_node(&m, "Sub", "c.xy,half", "low", NULL);
    onnx_node(&m, "Add", "c.xy,half", "high", NULL);
    onnx_node(&m, "Concat", "low,high", "boxes", "axis=2");
    onnx_output(&m, "scores");
    onnx_output(&m, "boxes");
    return m;
}

/* Pointwise, then depthwise, then Relu: YuNet's unit. */
static void yunet_unit(onnx_model *m, const char *x, const char *name, int64_t out, int64_t in)
{
    char point[48], depth[48], group[64];
    snprintf(point, sizeof point, "%s.p", name);
    snprintf(depth, sizeof depth, "%s.d", name);
    snprintf(group, sizeof group, "kernel_shape=[3,3] pads=[1,1,1,1] group=%d", (int)out);
    conv(m, x, point, out, in, 1, "kernel_shape=[1,1]");
    conv(m, point, depth, out, 1, 3, group);
    onnx_node(m, "Relu", depth, name, NULL);
}

static onnx_model yunet(void)
{
    onnx_model m = {.opset = 11};
    onnx_input(&m, "input", DIMS(1, 3, 32, 32));
    conv(&m, "input", "c0", 16, 3, 3, "kernel_shape=[3,3] pads=[1,1,1,1] strides=[2,2]");
    onnx_node(&m, "Relu", "c0", "r0", NULL);
    onnx_node(&m, "MaxPool", "r0", "p0", "kernel_shape=[2,2] strides=[2,2]");
    yunet_unit(&m, "p0", "u1", 16, 16);
    onnx_node(&m, "MaxPool", "u1", "p1", "kernel_shape=[2,2] strides=[2,2] ceil_mode=0");
    yunet_unit(&m, "p1", "u2", 16, 16);
    onnx_floats(&m, "scales", DIMS(4), (const float[]){1, 1, 2, 2});
    onnx_floats(&m, "roi", DIMS(0), NULL);
    onnx_node(&m, "Resize", "u2,roi,scales", "up",
              "mode=nearest nearest_mode=floor coordinate_transformation_mode=asymmetric");
    onnx_node(&m, "Add", "u1,up", "fpn", NULL);
    onnx_ints(&m, "to1", 1, -1, 1);
    onnx_ints(&m, "to4", 1, -1, 4);
    onnx_ints(&m, "to10", 1, -1, 10);
    static const struct {
        const char *name, *shape, *out;
        int channels;
    } heads[] = {{"cls", "to1", "cls_8", 1}, {"bbox", "to4", "bbox_8", 4}, {"kps", "to10", "kps_8", 10}};
    for (int i = 0; i < 3; i++) {
        char t[48], r[48], list[128];
        snprintf(t, sizeof t, "%s.t", heads[i].name);
        snprintf(r, sizeof r, "%s.r", heads[i].name);
        conv(&m, "fpn", heads[i].name, heads[i].channels, 16, 1, "kernel_shape=[1,1]");
        onnx_node(&m, "Transpose", heads[i].name, t, "perm=[0,2,3,1]");
        snprintf(list, sizeof list, "%s,%s", t, heads[i].shape);
        onnx_node(&m, "Reshape", list, i == 0 ? r : heads[i].out, NULL);
        if (i == 0)
            onnx_node(&m, "Sigmoid", r, heads[i].out, NULL);
        onnx_output(&m, heads[i].out);
    }
    return m;
}

static const struct {
    const char *name;
    onnx_model (*build)(void);
    golden_input input;
    bool batches; /* outputs keep the batch as first axis */
} graphs[] = {
    {"synthetic-iresnet", iresnet, {{.rank = 4, .dim = {1, 3, 16, 16}}, 1, true}, true},
    {"synthetic-scrfd", scrfd, {{.rank = 4, .dim = {1, 3, 48, 64}}, 1, true}, false},
    {"synthetic-ultraface", ultraface, {{.rank = 4, .dim = {1, 3, 24, 32}}, 1, true}, true},
    {"synthetic-yunet", yunet, {{.rank = 4, .dim = {1, 3, 32, 32}}, 1, true}, true},
};

static wire build(size_t i)
{
    seed = 1000 * i;
    onnx_model m = graphs[i].build();
    return onnx_file(&m);
}

static void check(size_t i)
{
    sl_error err;
    sl_graph *g;
    wire file = build(i);
    assert_ok(sl_import_onnx(file.data, file.size, &g, &err));
    free(file.data);
    check_golden(g, graphs[i].name, &graphs[i].input, graphs[i].batches);
    sl_graph_free(g);
}

static void iresnet_like(void **state) { (void)state, check(0); }
static void scrfd_like(void **state) { (void)state, check(1); }
static void ultraface_like(void **state) { (void)state, check(2); }
static void yunet_like(void **state) { (void)state, check(3); }

static int write_files(const char *dir)
{
    for (size_t i = 0; i < sizeof graphs / sizeof *graphs; i++) {
        char path[512];
        wire file = build(i);
        snprintf(path, sizeof path, "%s/%s.onnx", dir, graphs[i].name);
        FILE *f = fopen(path, "wb");
        if (!f || fwrite(file.data, 1, file.size, f) != file.size || fclose(f) != 0)
            return 1;
        free(file.data);
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--write") == 0)
        return write_files(argv[2]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(iresnet_like),
        cmocka_unit_test(scrfd_like),
        cmocka_unit_test(ultraface_like),
        cmocka_unit_test(yunet_like),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
