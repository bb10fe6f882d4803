/* What each TFLite operator means after import. The models are NHWC, pictures go in and come out as NCHW;
 * results are computed by hand. Files that must be refused. */
#include "net_check.h"
#include "tflite_writer.h"

#define FLOATS(...) (const float[]){__VA_ARGS__}
#define INTS(...) (const int32_t[]){__VA_ARGS__}
#define EXPECT(...) FLOATS(__VA_ARGS__), sizeof((float[]){__VA_ARGS__}) / sizeof(float)

enum {
    ADD,
    AVERAGE_POOL,
    CONCATENATION,
    CONV,
    DEPTHWISE_CONV,
    DEQUANTIZE = 6,
    FULLY_CONNECTED = 9,
    L2_NORMALIZATION = 11,
    LOGISTIC = 14,
    MAX_POOL = 17,
    MUL,
    RELU,
    RELU_N1_TO_1,
    RELU6,
    RESHAPE,
    RESIZE_BILINEAR,
    SOFTMAX = 25,
    TANH = 28,
    PAD = 34,
    BATCH_TO_SPACE = 37,
    SPACE_TO_BATCH,
    TRANSPOSE,
    MEAN,
    SUB,
    DIV,
    SQUEEZE,
    STRIDED_SLICE = 45,
    EXP = 47,
    PRELU = 54,
    MAXIMUM,
    MINIMUM = 57,
    NEG = 59,
    SUM = 74,
    SQRT,
    RSQRT,
    SHAPE_OF = 77,
    POW,
    REDUCE_MAX = 82,
    PACK = 83,
    SQUARE = 92,
    RESIZE_NEAREST = 97,
    LEAKY_RELU,
    ABS = 101,
    HARD_SWISH = 117
};

static void check_tflite(tfl_model *m, sl_shape shape, const float *x, const float *expected, size_t count)
{
    sl_error err;
    sl_graph *g;
    wire file = tfl_file(m, "x", "y");
    assert_ok(sl_import_tflite(file.data, file.size, &g, &err));
    free(file.data);
    check_graph(g, shape, x, expected, count, 1e-5);
    sl_graph_free(g);
}

/* One operator from x to y without constants. */
static void check_op(int code, const char *options, sl_shape in, sl_shape out, const float *x,
                     const float *expected, size_t count)
{
    tfl_model m = {0}; /* the shapes given are NCHW */
    int64_t nhwc_in[] = {in.dim[0], in.dim[2], in.dim[3], in.dim[1]};
    int64_t nhwc_out[] = {out.dim[0], out.dim[2], out.dim[3], out.dim[1]};
    tfl_computed(&m, "x", 4, nhwc_in);
    tfl_computed(&m, "y", 4, nhwc_out);
    tfl_node(&m, code, "x", "y", options);
    check_tflite(&m, in, x, expected, count);
}

static const float eight[] = {1, 2, 3, 4,
                              5, 6, 7, 8}; /* as NCHW [1,2,2,2]: channel 0 is 1 2 3 4, channel 1 is 5 6 7 8 */

static void convolutions(void **state)
{
    (void)state;
    tfl_model m = {0}; /* weights O H W I: out 0 = c0 + 10 c1, out 1 = c1; bias; fused relu6 */
    tfl_computed(&m, "x", DIMS(1, 2, 2, 2));
    tfl_floats(&m, "w", DIMS(2, 1, 1, 2), FLOATS(1, 10, 0, 1));
    tfl_floats(&m, "b", DIMS(2), FLOATS(-60, 0.5f));
    tfl_computed(&m, "y", DIMS(1, 2, 2, 2));
    tfl_node(&m, CONV, "x,w,b", "y", "0=1 1=1 2=1 3=3");
    check_tflite(&m, SHAPE(1, 2, 2, 2), eight, EXPECT(0, 2, 6, 6, 5.5f, 6, 6, 6));

    tfl_computed(&m, "x",
                 DIMS(1, 2, 2, 2)); /* each position of a 2x2 window its own digit; SAME pads below and right */
    tfl_floats(&m, "w", DIMS(1, 2, 2, 2), FLOATS(1, 0, 10, 0, 100, 0, 1000, 0));
    tfl_computed(&m, "y", DIMS(1, 2, 2, 1));
    tfl_node(&m, CONV, "x,w", "y", "0=0 1=1 2=1");
    check_tflite(&m, SHAPE(1, 2, 2, 2), eight, EXPECT(4321, 402, 43, 4));

    tfl_computed(&m, "x", DIMS(1, 1, 2, 2)); /* strides are width first */
    tfl_floats(&m, "w", DIMS(1, 1, 1, 2), FLOATS(1, 1));
    tfl_computed(&m, "y", DIMS(1, 1, 1, 1));
    tfl_node(&m, CONV, "x,w", "y", "0=1 1=2 2=1");
    check_tflite(&m, SHAPE(1, 2, 1, 2), eight, EXPECT(4));

    tfl_computed(&m, "x",
                 DIMS(1, 1, 2, 2)); /* depthwise with multiplier 2: out 0, 1 from channel 0; 2, 3 from 1 */
    tfl_floats(&m, "w", DIMS(1, 1, 1, 4), FLOATS(1, 10, 100, 1000));
    tfl_floats(&m, "b", DIMS(4), FLOATS(0, 0, 0, 1));
    tfl_computed(&m, "y", DIMS(1, 1, 2, 4));
    tfl_node(&m, DEPTHWISE_CONV, "x,w,b", "y", "0=1 1=1 2=1 3=2");
    check_tflite(&m, SHAPE(1, 2, 1, 2), eight, EXPECT(1, 2, 10, 20, 300, 400, 3001, 4001));

    tfl_computed(&m, "x", DIMS(1, 1, 2, 2)); /* 16-bit weights */
    tfl_any(&m, "h", TFL_FLOAT16, DIMS(1, 1, 1, 2), (const uint16_t[]){0x3c00, 0x4900}, 4); /* 1, 10 */
    tfl_computed(&m, "w", DIMS(1, 1, 1, 2));
    tfl_computed(&m, "y", DIMS(1, 1, 2, 1));
    tfl_node(&m, DEQUANTIZE, "h", "w", NULL);
    tfl_node(&m, CONV, "x,w", "y", "0=1 1=1 2=1");
    check_tflite(&m, SHAPE(1, 2, 1, 2), eight, EXPECT(31, 42));
}

/* Where the order of the axes shows: NHWC is flattened as the file's authors saw it. */
static void flattening(void **state)
{
    (void)state;
    tfl_model m = {0};
    tfl_computed(&m, "x", DIMS(1, 2, 2, 2));
    tfl_ints(&m, "s", DIMS(2), INTS(1, 8));
    tfl_computed(&m, "y", DIMS(1, 8));
    tfl_node(&m, RESHAPE, "x,s", "y", NULL);
    check_tflite(&m, SHAPE(1, 2, 2, 2), eight, EXPECT(1, 5, 2, 6, 3, 7, 4, 8));

    tfl_computed(&m, "x", DIMS(1, 1, 2, 2)); /* a dense layer right behind a map; batch 2 of a file for batch 1 */
    tfl_floats(&m, "w", DIMS(1, 4), FLOATS(1, 10, 100, 1000));
    tfl_computed(&m, "y", DIMS(1, 1));
    tfl_node(&m, FULLY_CONNECTED, "x,w", "y", NULL);
    check_tflite(&m, SHAPE(2, 2, 1, 2), eight, EXPECT(4231, 8675));

    tfl_computed(&m, "x", DIMS(2, 1, 2, 2)); /* batch 1 of a file for batch 2, shape among the options */
    tfl_computed(&m, "y", DIMS(2, 4));
    tfl_node(&m, RESHAPE, "x", "y", "0=[2,4]");
    check_tflite(&m, SHAPE(1, 2, 1, 2), eight, EXPECT(1, 3, 2, 4));

    tfl_computed(&m, "x", DIMS(1, 1, 2, 2)); /* to another picture */
    tfl_computed(&m, "y", DIMS(1, 2, 1, 2));
    tfl_node(&m, RESHAPE, "x", "y", "0=[1,2,1,2]");
    check_tflite(&m, SHAPE(1, 2, 1, 2), eight, EXPECT(1, 2, 3, 4));

    tfl_computed(&m, "x", DIMS(1, 1, 1, 4)); /* squeezed to [1, 4] */
    tfl_computed(&m, "y", DIMS(1, 4));
    tfl_node(&m, SQUEEZE, "x", "y", "0=[1,2]");
    check_tflite(&m, SHAPE(1, 4, 1, 1), eight, EXPECT(1, 2, 3, 4));

    tfl_computed(&m, "x", DIMS(1, 1, 2, 2)); /* only the height: [1, W, C] keeps its order */
    tfl_computed(&m, "y", DIMS(1, 2, 2));
    tfl_node(&m, SQUEEZE, "x", "y", "0=[1]");
    check_tflite(&m, SHAPE(1, 2, 1, 2), eight, EXPECT(1, 3, 2, 4));
}

static void elementwise(void **state)
{
    (void)state;
    sl_shape s = SHAPE(1, 1, 1, 3);
    const float x[] = {-2, 0.5f, 9};
    check_op(RELU, NULL, s, s, x, EXPECT(0, 0.5f, 9));
    check_op(RELU6, NULL, s, s, x, EXPECT(0, 0.5f, 6));
    check_op(RELU_N1_TO_1, NULL, s, s, x, EXPECT(-1, 0.5f, 1));
    check_op(ABS, NULL, s, s, x, EXPECT(2, 0.5f, 9));
    check_op(NEG, NULL, s, s, x, EXPECT(2, -0.5f, -9));
    check_op(SQUARE, NULL, s, s, x, EXPECT(4, 0.25f, 81));
    check_op(LEAKY_RELU, "0=f0.5", s, s, x, EXPECT(-1, 0.5f, 9));
    check_op(LOGISTIC, NULL, s, s, x, EXPECT(0.1192029220f, 0.6224593312f, 0.9998766054f));
    check_op(TANH, NULL, s, s, x, EXPECT(-0.9640275801f, 0.4621171573f, 0.9999999695f));
    check_op(HARD_SWISH, NULL, s, s, x, EXPECT(-2.0f / 6, 0.5f * 3.5f / 6, 9));
    check_op(SQRT, NULL, s, s, FLOATS(1, 4, 9), EXPECT(1, 2, 3));
    check_op(RSQRT, NULL, s, s, FLOATS(1, 4, 16), EXPECT(1, 0.5f, 0.25f));
    check_op(EXP, NULL, s, s, FLOATS(0, 1, 2), EXPECT(1, 2.718281828f, 7.389056099f));
}

static void binary_with_constants(void **state)
{
    (void)state;
    static const struct {
        int code;
        float expected[4]; /* x = 1 2 | 3 4, c = 2 | 3 by channel */
    } cases[] = {{ADD, {3, 4, 6, 7}}, {SUB, {-1, 0, 0, 1}}, {MUL, {2, 4, 9, 12}}, {DIV, {0.5f, 1, 1, 4.0f / 3}},
                 {MAXIMUM, {2, 2, 3, 4}}, {MINIMUM, {1, 2, 3, 3}}, {POW, {1, 4, 27, 64}}};
    tfl_model m = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tfl_computed(&m, "x", DIMS(1, 1, 2, 2));
        tfl_floats(&m, "c", DIMS(2), FLOATS(2, 3));
        tfl_computed(&m, "y", DIMS(1, 1, 2, 2));
        tfl_node(&m, cases[i].code, "x,c", "y", NULL);
        check_tflite(&m, SHAPE(1, 2, 1, 2), eight, cases[i].expected, 4);
    }
    tfl_computed(&m, "x", DIMS(1, 1, 2, 2)); /* a constant by width and channel, first; relu fused */
    tfl_floats(&m, "c", DIMS(2, 2), FLOATS(1, 2, 30, 40));
    tfl_computed(&m, "y", DIMS(1, 1, 2, 2));
    tfl_node(&m, SUB, "c,x", "y", "0=1");
    check_tflite(&m, SHAPE(1, 2, 1, 2), eight, EXPECT(0, 28, 0, 36));

    tfl_computed(&m, "x", DIMS(1, 1, 2, 2)); /* one number */
    tfl_floats(&m, "c", 0, NULL, FLOATS(100));
    tfl_computed(&m, "y", DIMS(1, 1, 2, 2));
    tfl_node(&m, ADD, "x,c", "y", NULL);
    check_tflite(&m, SHAPE(1, 2, 1, 2), eight, EXPECT(101, 102, 103, 104));

    tfl_computed(&m, "x", DIMS(1, 1, 2, 2));
    tfl_floats(&m, "a", DIMS(1, 1, 2), FLOATS(0.5f, 0.25f));
    tfl_computed(&m, "y", DIMS(1, 1, 2, 2));
    tfl_node(&m, PRELU, "x,a", "y", NULL);
    check_tflite(&m, SHAPE(1, 2, 1, 2), FLOATS(-1, 2, -3, 4), EXPECT(-0.5f, 2, -0.75f, 4));

    tfl_computed(&m, "x", DIMS(1, 1, 2, 2)); /* a slope for every position, [H, W, C] */
    tfl_floats(&m, "a", DIMS(1, 2, 2), FLOATS(1, 2, 3, 4));
    tfl_computed(&m, "y", DIMS(1, 1, 2, 2));
    tfl_node(&m, PRELU, "x,a", "y", NULL);
    check_tflite(&m, SHAPE(1, 2, 1, 2), FLOATS(-1, -1, -1, -1), EXPECT(-1, -3, -2, -4));
}

static void pools_and_resizing(void **state)
{
    (void)state;
    const float x[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    check_op(MAX_POOL, "0=1 1=1 2=1 3=2 4=2", SHAPE(1, 1, 3, 3), SHAPE(1, 1, 2, 2), x, EXPECT(5, 6, 8, 9));
    check_op(MAX_POOL, "0=0 1=2 2=2 3=2 4=2", SHAPE(1, 1, 3, 3), SHAPE(1, 1, 2, 2), x, EXPECT(5, 6, 8, 9));
    /* padding does not count; the window is 1 wide and 2 high */
    check_op(AVERAGE_POOL, "0=0 1=1 2=2 3=1 4=2", SHAPE(1, 1, 3, 3), SHAPE(1, 1, 2, 3), x,
             EXPECT(2.5f, 3.5f, 4.5f, 7, 8, 9));

    tfl_model m = {0};
    static const struct {
        int code;
        const char *options;
        float expected[4];
    } cases[] = {{RESIZE_BILINEAR, NULL, {0, 2, 4, 4}},
                 {RESIZE_BILINEAR, "2=0 3=1", {0, 1, 3, 4}},
                 {RESIZE_BILINEAR, "2=1", {0, 4.0f / 3, 8.0f / 3, 4}},
                 {RESIZE_NEAREST, NULL, {0, 0, 4, 4}},
                 {RESIZE_NEAREST, "0=0 1=1", {0, 0, 4, 4}}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tfl_computed(&m, "x", DIMS(1, 1, 2, 1));
        tfl_ints(&m, "size", DIMS(2), INTS(1, 4));
        tfl_computed(&m, "y", DIMS(1, 1, 4, 1));
        tfl_node(&m, cases[i].code, "x,size", "y", cases[i].options);
        check_tflite(&m, SHAPE(1, 1, 1, 2), FLOATS(0, 4), cases[i].expected, 4);
    }
}

static void axes_move(void **state)
{
    (void)state;
    tfl_model m = {0};
    tfl_computed(&m, "x", DIMS(1, 1, 2, 2)); /* channels are the file's axis 3 */
    tfl_computed(&m, "y", DIMS(1, 1, 2, 4));
    tfl_node(&m, CONCATENATION, "x,x", "y", "0=-1");
    check_tflite(&m, SHAPE(1, 2, 1, 2), eight, EXPECT(1, 2, 3, 4, 1, 2, 3, 4));

    tfl_computed(&m, "x", DIMS(1, 1, 2, 2)); /* one column at the left, two rows below */
    tfl_ints(&m, "p", DIMS(4, 2), INTS(0, 0, 0, 1, 1, 0, 0, 0));
    tfl_computed(&m, "y", DIMS(1, 2, 3, 2));
    tfl_node(&m, PAD, "x,p", "y", NULL);
    check_tflite(&m, SHAPE(1, 2, 1, 2), eight, EXPECT(0, 1, 2, 0, 0, 0, 0, 3, 4, 0, 0, 0));

    tfl_computed(&m, "x", DIMS(1, 2, 2, 2)); /* the mean over height and width */
    tfl_ints(&m, "a", DIMS(2), INTS(1, 2));
    tfl_computed(&m, "y", DIMS(1, 2));
    tfl_node(&m, MEAN, "x,a", "y", "0=0");
    check_tflite(&m, SHAPE(1, 2, 2, 2), eight, EXPECT(2.5f, 6.5f));

    tfl_computed(&m, "x", DIMS(1, 2, 2, 2)); /* over the height alone: [1, W, C] */
    tfl_ints(&m, "a", DIMS(1), INTS(1));
    tfl_computed(&m, "y", DIMS(1, 2, 2));
    tfl_node(&m, SUM, "x,a", "y", "0=0");
    check_tflite(&m, SHAPE(1, 2, 2, 2), eight, EXPECT(4, 12, 6, 14));

    tfl_computed(&m, "x", DIMS(1, 2, 2, 2)); /* over the channels, kept */
    tfl_ints(&m, "a", 0, NULL, INTS(-1));
    tfl_computed(&m, "y", DIMS(1, 2, 2, 1));
    tfl_node(&m, REDUCE_MAX, "x,a", "y", "0=1");
    check_tflite(&m, SHAPE(1, 2, 2, 2), eight, EXPECT(5, 6, 7, 8));

    tfl_computed(&m, "x", DIMS(1, 1, 2, 2)); /* width and channels change places */
    tfl_ints(&m, "p", DIMS(4), INTS(0, 1, 3, 2));
    tfl_computed(&m, "y", DIMS(1, 1, 2, 2));
    tfl_node(&m, TRANSPOSE, "x,p", "y", NULL);
    check_tflite(&m, SHAPE(1, 2, 1, 2), eight, EXPECT(1, 3, 2, 4));

    tfl_computed(&m, "x", DIMS(1, 1, 2, 2)); /* over the channels: e^x = 1 3 | 3 3 */
    tfl_computed(&m, "y", DIMS(1, 1, 2, 2));
    tfl_node(&m, SOFTMAX, "x", "y", "0=f1.0");
    check_tflite(&m, SHAPE(1, 2, 1, 2), FLOATS(0, 1.0986122887f, 1.0986122887f, 1.0986122887f),
                 EXPECT(0.25f, 0.5f, 0.75f, 0.5f));

    tfl_computed(&m, "x", DIMS(1, 2));
    tfl_computed(&m, "y", DIMS(1, 2));
    tfl_node(&m, L2_NORMALIZATION, "x", "y", NULL);
    check_tflite(&m, SHAPE(1, 2), FLOATS(3, -4), EXPECT(0.6f, -0.8f));

    tfl_computed(&m, "x", DIMS(1, 1, 2, 2)); /* x[:, :, 1:, ::-1] */
    tfl_ints(&m, "b", DIMS(4), INTS(0, 0, 1, 0));
    tfl_ints(&m, "e", DIMS(4), INTS(0, 0, 0, 0));
    tfl_ints(&m, "s", DIMS(4), INTS(1, 1, 1, -1));
    tfl_computed(&m, "y", DIMS(1, 1, 1, 2));
    tfl_node(&m, STRIDED_SLICE, "x,b,e,s", "y", "0=11 1=15");
    check_tflite(&m, SHAPE(1, 2, 1, 2), eight, EXPECT(4, 2));

    tfl_computed(&m, "x", DIMS(1, 1, 2, 2)); /* x[:, 0]: [1, W, C] */
    tfl_ints(&m, "b", DIMS(2), INTS(0, 0));
    tfl_ints(&m, "e", DIMS(2), INTS(0, 1));
    tfl_ints(&m, "s", DIMS(2), INTS(1, 1));
    tfl_computed(&m, "y", DIMS(1, 2, 2));
    tfl_node(&m, STRIDED_SLICE, "x,b,e,s", "y", "0=1 1=1 4=2");
    check_tflite(&m, SHAPE(1, 2, 1, 2), eight, EXPECT(1, 3, 2, 4));
}

static void inputs_are_nchw_with_a_free_batch(void **state)
{
    (void)state;
    sl_error err;
    sl_graph *g;
    tfl_model m = {0};
    tfl_computed(&m, "picture", DIMS(2, 4, 6, 3));
    tfl_computed(&m, "out", DIMS(2, 4, 6, 3));
    tfl_node(&m, RELU, "picture", "out", NULL);
    wire file = tfl_file(&m, "picture", "out");
    assert_ok(sl_import_tflite(file.data, file.size, &g, &err));
    free(file.data);
    const sl_tensor_info *input = &g->tensors[g->inputs[0]];
    assert_string_equal(input->name, "picture");
    assert_int_equal(input->shape.rank, 4);
    assert_int_equal(input->shape.dim[0], -1);
    assert_int_equal(input->shape.dim[1], 3);
    assert_int_equal(input->shape.dim[2], 4);
    assert_int_equal(input->shape.dim[3], 6);
    assert_string_equal(g->tensors[g->outputs[0]].name, "out");
    sl_graph_free(g);
}

/* ---- what must be refused ---- */

static void refuse_bytes(wire file, sl_status status, const char *part)
{
    sl_error err = {0};
    sl_graph *g = (sl_graph *)&err;
    sl_status got = sl_import_tflite(file.data, file.size, &g, &err);
    free(file.data);
    assert_null(g);
    if (got != status || !strstr(err.text, part))
        fail_msg("expected %s with \"%s\", got %s: %s", sl_status_name(status), part, sl_status_name(got),
                 err.text);
}

static void refuse(int code, const char *inputs, const char *options, sl_status status, const char *part)
{
    tfl_model m = {0};
    tfl_computed(&m, "x", DIMS(1, 2, 2, 2));
    tfl_computed(&m, "u", DIMS(1, 2, 2, 2));
    tfl_floats(&m, "w", DIMS(1, 1, 1, 3), FLOATS(1, 2, 3));
    tfl_ints(&m, "i", DIMS(2), INTS(1, 9));
    tfl_any(&m, "q", TFL_INT8, DIMS(1, 1, 1, 2), "ab", 2);
    tfl_computed(&m, "y", DIMS(1, 2, 2, 2));
    tfl_node(&m, code, inputs, "y", options);
    refuse_bytes(tfl_file(&m, "x", "y"), status, part);
}

/* A block's four corners become four images; the row of zeros above is the padding. */
static void blocks_and_back(void **state)
{
    (void)state;
    const float x[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    for (int back = 0; back < 2; back++) {
        tfl_model m = {0};
        tfl_computed(&m, "x", DIMS(1, 3, 4, 1));
        tfl_ints(&m, "block", DIMS(2), INTS(2, 2));
        tfl_ints(&m, "edges", DIMS(2, 2), INTS(1, 0, 0, 0));
        tfl_computed(&m, "s", DIMS(4, 2, 2, 1));
        if (back)
            tfl_computed(&m, "y", DIMS(1, 3, 4, 1));
        else
            m.tensors[m.n_tensors - 1].name = "y";
        tfl_node(&m, SPACE_TO_BATCH, "x,block,edges", back ? "s" : "y", NULL);
        if (back)
            tfl_node(&m, BATCH_TO_SPACE, "s,block,edges", "y", NULL);
        if (back)
            check_tflite(&m, SHAPE(1, 1, 3, 4), x, x, 12);
        else
            check_tflite(&m, SHAPE(1, 1, 3, 4), x, EXPECT(0, 0, 5, 7, 0, 0, 6, 8, 1, 3, 9, 11, 2, 4, 10, 12));
    }
}

/* Keras flattens so: [shape[0], -1] from the shape itself. */
static void reshape_of_a_shape(void **state)
{
    (void)state;
    tfl_model m = {0};
    tfl_computed(&m, "x", DIMS(1, 2, 2, 2));
    tfl_any(&m, "shape", TFL_INT32, DIMS(4), NULL, 0);
    tfl_ints(&m, "zero", DIMS(1), INTS(0));
    tfl_ints(&m, "one", DIMS(1), INTS(1));
    tfl_any(&m, "batch", TFL_INT32, NO_DIMS, NULL, 0);
    tfl_ints(&m, "rest", NO_DIMS, INTS(8));
    tfl_any(&m, "target", TFL_INT32, DIMS(2), NULL, 0);
    tfl_computed(&m, "y", DIMS(1, 8));
    tfl_node(&m, SHAPE_OF, "x", "shape", NULL);
    tfl_node(&m, STRIDED_SLICE, "shape,zero,one,one", "batch", "4=1");
    tfl_node(&m, PACK, "batch,rest", "target", "0=2");
    tfl_node(&m, RESHAPE, "x,target", "y", NULL);
    check_tflite(&m, SHAPE(1, 2, 2, 2), eight, EXPECT(1, 5, 2, 6, 3, 7, 4, 8));
}

static void bad_operators(void **state)
{
    (void)state;
    refuse(126, "x", NULL, SL_ERR_UNSUPPORTED, "node y: TFLite operator 126 is not supported");
    refuse(RELU, "u", NULL, SL_ERR_FORMAT, "nothing has computed it");
    refuse(RELU, "", NULL, SL_ERR_FORMAT, "0 inputs");
    refuse(RELU, "nowhere", NULL, SL_ERR_FORMAT, "tensor 999");
    refuse(CONV, "x,w", "0=1 1=1 2=1", SL_ERR_FORMAT, "do not fit an input of 2 channels");
    refuse(CONV, "x,w", "0=1 1=0 2=1", SL_ERR_FORMAT, "stride is 0");
    refuse(CONV, "x,u", "0=1 1=1 2=1", SL_ERR_UNSUPPORTED, "no constant");
    refuse(CONV, "x,q", "0=1 1=1 2=1", SL_ERR_UNSUPPORTED, "quantised");
    refuse(DEPTHWISE_CONV, "x,w", "0=1 1=1 2=1", SL_ERR_FORMAT, "do not fit");
    refuse(MAX_POOL, "x", "0=1 1=1 2=1", SL_ERR_FORMAT, "kernel is 0");
    refuse(ADD, "x,x", "0=5", SL_ERR_UNSUPPORTED, "fused activation 5");
    refuse(SUM, "x,i", "0=1", SL_ERR_FORMAT, "axis 9");
    refuse(TRANSPOSE, "x,i", NULL, SL_ERR_FORMAT, "permutation");
    refuse(CONCATENATION, "x,x", "0=7", SL_ERR_FORMAT, "axis 7");
    refuse(DEQUANTIZE, "x", NULL, SL_ERR_UNSUPPORTED, "constants");

    tfl_model m = {0};
    tfl_any(&m, "x", TFL_INT8, DIMS(1, 2, 2, 2), NULL, 0);
    tfl_any(&m, "y", TFL_INT8, DIMS(1, 2, 2, 2), NULL, 0);
    tfl_node(&m, RELU, "x", "y", NULL);
    refuse_bytes(tfl_file(&m, "x", "y"), SL_ERR_UNSUPPORTED, "quantised");
    tfl_computed(&m, "x", DIMS(1, -5, 2, 2));
    refuse_bytes(tfl_file(&m, "x", "x"), SL_ERR_FORMAT, "-5");
    tfl_computed(&m, "x", DIMS(1 << 30, 1 << 30, 2, 2));
    refuse_bytes(tfl_file(&m, "x", "x"), SL_ERR_FORMAT, "elements");
    wire text = {0};
    wire_bytes(&text, "\0\0\0\0TFL2....", 12);
    refuse_bytes(text, SL_ERR_FORMAT, "not a TFLite file");
}

static void truncated_and_changed(void **state)
{
    (void)state;
    tfl_model m = {0};
    tfl_computed(&m, "x", DIMS(1, 2, 2, 2));
    tfl_floats(&m, "w", DIMS(2, 1, 1, 2), FLOATS(1, 10, 0, 1));
    tfl_computed(&m, "y", DIMS(1, 2, 2, 2));
    tfl_node(&m, CONV, "x,w", "y", "0=1 1=1 2=1 3=1");
    wire file = tfl_file(&m, "x", "y");
    for (size_t i = 0; i < file.size; i++) {
        sl_graph *g;
        uint8_t *copy = malloc(file.size); /* exactly as long, for the sanitizer */
        memcpy(copy, file.data, file.size);
        copy[i] ^= 0x81;
        sl_import_tflite(copy, file.size, &g, NULL);
        sl_graph_free(g);
        free(copy);
        copy = malloc(i ? i : 1);
        memcpy(copy, file.data, i);
        assert_int_not_equal(sl_import_tflite(copy, i, &g, NULL), SL_OK);
        assert_null(g);
        free(copy);
    }
    free(file.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convolutions),       cmocka_unit_test(flattening),
        cmocka_unit_test(elementwise),        cmocka_unit_test(binary_with_constants),
        cmocka_unit_test(pools_and_resizing), cmocka_unit_test(axes_move),
        cmocka_unit_test(inputs_are_nchw_with_a_free_batch),
        cmocka_unit_test(blocks_and_back),    cmocka_unit_test(reshape_of_a_shape),
        cmocka_unit_test(bad_operators),      cmocka_unit_test(truncated_and_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
