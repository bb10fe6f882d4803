/* What each ONNX operator means after import, by hand-computed results. */
#include "net_check.h"
#include "onnx_writer.h"

static sl_graph *import_model(onnx_model *m)
{
    sl_error err;
    sl_graph *g;
    wire file = onnx_file(m);
    assert_ok(sl_import_onnx(file.data, file.size, &g, &err));
    free(file.data);
    return g;
}

/* Imports and runs a model with the one input x. */
static void check_model(onnx_model *m, sl_shape shape, const float *x, const float *expected, size_t count)
{
    sl_graph *g = import_model(m);
    check_graph(g, shape, x, expected, count, 1e-5);
    sl_graph_free(g);
}

#define FLOATS(...) (const float[]){__VA_ARGS__}
#define EXPECT(...) FLOATS(__VA_ARGS__), sizeof((float[]){__VA_ARGS__}) / sizeof(float)

/* A model with the input x of this shape and the output y. */
static onnx_model model_of(int opset, sl_shape shape)
{
    onnx_model m = {.opset = opset};
    onnx_input(&m, "x", (size_t)shape.rank, shape.dim);
    onnx_output(&m, "y");
    return m;
}

/* One node from x (and what `inputs` names more) to y. */
static void check_node(int opset, const char *op, const char *attributes, sl_shape shape, const float *x,
                       const float *expected, size_t count)
{
    onnx_model m = model_of(opset, shape);
    onnx_node(&m, op, "x", "y", attributes);
    check_model(&m, shape, x, expected, count);
}

static const float nine[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};

static void conv_pads_and_groups(void **state)
{
    (void)state;
    onnx_model m = model_of(9, SHAPE(1, 1, 3, 3));
    onnx_floats(&m, "w", DIMS(1, 1, 2, 2), FLOATS(1, 1, 1, 1));
    onnx_floats(&m, "b", DIMS(1), FLOATS(0.5f));
    onnx_node(&m, "Conv", "x,w,b", "y", "kernel_shape=[2,2] pads=[1,0,0,1]"); /* top and right */
    check_model(&m, SHAPE(1, 1, 3, 3), nine, EXPECT(3.5f, 5.5f, 3.5f, 12.5f, 16.5f, 9.5f, 24.5f, 28.5f, 15.5f));

    m = model_of(9, SHAPE(1, 2, 1, 2)); /* two groups, kernel size from the weights */
    onnx_floats(&m, "w", DIMS(2, 1, 1, 1), FLOATS(10, 100));
    onnx_node(&m, "Conv", "x,w", "y", "group=2");
    check_model(&m, SHAPE(1, 2, 1, 2), nine, EXPECT(10, 20, 300, 400));

    m = model_of(9, SHAPE(1, 1, 3, 3)); /* SAME_UPPER with stride 2: pads 0 above and left, 1 elsewhere - none */
    onnx_floats(&m, "w", DIMS(1, 1, 2, 2), FLOATS(1, 1, 1, 1));
    onnx_node(&m, "Conv", "x,w", "y", "auto_pad=SAME_UPPER strides=[2,2]");
    check_model(&m, SHAPE(1, 1, 3, 3), nine, EXPECT(12, 9, 15, 9));

    m = model_of(9, SHAPE(1, 1, 3, 3));
    onnx_floats(&m, "w", DIMS(1, 1, 2, 2), FLOATS(1, 0, 0, 1));
    onnx_node(&m, "Conv", "x,w", "y", "dilations=[2,2]");
    check_model(&m, SHAPE(1, 1, 3, 3), nine, EXPECT(10));
}

static void batchnorm_and_prelu(void **state)
{
    (void)state;
    onnx_model m = model_of(9, SHAPE(1, 2, 1, 1));
    onnx_floats(&m, "s", DIMS(2), FLOATS(2, 3));
    onnx_floats(&m, "b", DIMS(2), FLOATS(1, 0));
    onnx_floats(&m, "mean", DIMS(2), FLOATS(1, 1));
    onnx_floats(&m, "var", DIMS(2), FLOATS(3, 8));
    onnx_node(&m, "BatchNormalization", "x,s,b,mean,var", "y", "epsilon=1.0");
    check_model(&m, SHAPE(1, 2, 1, 1), FLOATS(5, 4), EXPECT(5, 3));

    const float x[] = {-1, 2, -3, 4}, slopes[] = {0.5f, 0.25f};
    m = model_of(9, SHAPE(1, 2, 1, 2));
    onnx_floats(&m, "a", DIMS(2, 1, 1), slopes);
    onnx_node(&m, "PRelu", "x,a", "y", NULL);
    check_model(&m, SHAPE(1, 2, 1, 2), x, EXPECT(-0.5f, 2, -0.75f, 4));

    m = model_of(9, SHAPE(1, 2, 1, 2)); /* one slope for all */
    onnx_floats(&m, "a", DIMS(1), FLOATS(0.1f));
    onnx_node(&m, "PRelu", "x,a", "y", NULL);
    check_model(&m, SHAPE(1, 2, 1, 2), x, EXPECT(-0.1f, 2, -0.3f, 4));

    m = model_of(9, SHAPE(1, 2, 1, 2)); /* a slope for every position */
    onnx_floats(&m, "a", DIMS(2, 1, 2), FLOATS(1, 2, 3, 4));
    onnx_node(&m, "PRelu", "x,a", "y", NULL);
    check_model(&m, SHAPE(1, 2, 1, 2), x, EXPECT(-1, 2, -9, 4));
}

/* y = alpha x w + beta c in all the forms exporters write. x is [1,2,3] by [2,3]. */
static void gemm(void **state)
{
    (void)state;
    const float x[] = {1, 2, 3, 4, 5, 6}, w[] = {1, 0, 0, 1, 1, 1}; /* [3,2]: columns (1,0,1), (0,1,1) */
    onnx_model m = model_of(9, SHAPE(2, 3));
    onnx_floats(&m, "w", DIMS(3, 2), w);
    onnx_floats(&m, "c", DIMS(1, 2), FLOATS(10, 20));
    onnx_node(&m, "Gemm", "x,w,c", "y", "alpha=2.0 beta=0.5");
    check_model(&m, SHAPE(2, 3), x, EXPECT(13, 20, 25, 32));

    m = model_of(11, SHAPE(2, 3)); /* no bias, transposed */
    onnx_floats(&m, "w", DIMS(2, 3), FLOATS(1, 0, 1, 0, 1, 1));
    onnx_node(&m, "Gemm", "x,w", "y", "transB=1");
    check_model(&m, SHAPE(2, 3), x, EXPECT(4, 5, 10, 11));

    m = model_of(11, SHAPE(2, 3)); /* a bias that is different in every row */
    onnx_floats(&m, "w", DIMS(3, 2), w);
    onnx_floats(&m, "c", DIMS(2, 2), FLOATS(1, 2, 3, 4));
    onnx_node(&m, "Gemm", "x,w,c", "y", "beta=2.0");
    check_model(&m, SHAPE(2, 3), x, EXPECT(6, 9, 16, 19));

    m = model_of(11, SHAPE(3, 2)); /* x transposed, one number as bias */
    onnx_floats(&m, "w", DIMS(3, 2), w);
    onnx_scalar(&m, "c", 1);
    onnx_node(&m, "Gemm", "x,w,c", "y", "transA=1");
    check_model(&m, SHAPE(3, 2), FLOATS(1, 4, 2, 5, 3, 6), EXPECT(5, 6, 11, 12));

    m = model_of(11, SHAPE(2, 3));
    onnx_floats(&m, "w", DIMS(3, 2), w);
    onnx_node(&m, "MatMul", "x,w", "y", NULL);
    check_model(&m, SHAPE(2, 3), x, EXPECT(4, 5, 10, 11));
}

static void unary_functions(void **state)
{
    (void)state;
    sl_shape s = SHAPE(1, 3);
    const float x[] = {-2, 0.5f, 4}, positive[] = {0.25f, 1, 4};
    check_node(9, "Relu", NULL, s, x, EXPECT(0, 0.5f, 4));
    check_node(9, "LeakyRelu", "alpha=0.5", s, x, EXPECT(-1, 0.5f, 4));
    check_node(9, "LeakyRelu", NULL, s, x, EXPECT(-0.02f, 0.5f, 4));
    check_node(9, "Sigmoid", NULL, s, x, EXPECT(0.1192029220f, 0.6224593312f, 0.9820137900f));
    check_node(9, "Tanh", NULL, s, x, EXPECT(-0.9640275801f, 0.4621171573f, 0.9993292997f));
    check_node(9, "Exp", NULL, s, x, EXPECT(0.1353352832f, 1.648721271f, 54.59815003f));
    check_node(9, "Log", NULL, s, positive, EXPECT(-1.386294361f, 0, 1.386294361f));
    check_node(9, "Sqrt", NULL, s, positive, EXPECT(0.5f, 1, 2));
    check_node(9, "Reciprocal", NULL, s, positive, EXPECT(4, 1, 0.25f));
    check_node(9, "Abs", NULL, s, x, EXPECT(2, 0.5f, 4));
    check_node(9, "Neg", NULL, s, x, EXPECT(2, -0.5f, -4));
    check_node(9, "Erf", NULL, s, x, EXPECT(-0.9953222650f, 0.5204998778f, 0.9999999846f));
    check_node(9, "Elu", "alpha=2.0", s, x, EXPECT(-1.729329434f, 0.5f, 4));
    check_node(9, "HardSigmoid", NULL, s, x, EXPECT(0.1f, 0.6f, 1));
    check_node(14, "HardSwish", NULL, s, x, EXPECT(-2.0f / 6, 0.5f * 3.5f / 6, 4));
    check_node(9, "Softplus", NULL, s, x, EXPECT(0.1269280110f, 0.9740769842f, 4.0181499279f));
    check_node(9, "Floor", NULL, s, x, EXPECT(-2, 0, 4));
    check_node(9, "Ceil", NULL, s, x, EXPECT(-2, 1, 4));
    check_node(9, "Dropout", "ratio=0.5", s, x, EXPECT(-2, 0.5f, 4));
    check_node(9, "Identity", NULL, s, x, EXPECT(-2, 0.5f, 4));
}

/* PyTorch: F.layer_norm, F.mish, F.gelu in float64. */
static void what_came_later(void **state)
{
    (void)state;
    sl_shape s = SHAPE(1, 3);
    const float x[] = {-2, 0.5f, 4}, halves[] = {-2.5f, 1.5f, 2.5f}, scale[] = {1, 2, 1};
    check_node(22, "Round", NULL, s, halves, EXPECT(-2, 2, 2));
    check_node(20, "Gelu", NULL, s, x, EXPECT(-0.0455002639f, 0.3457312306f, 3.9998733283f));
    check_node(18, "Mish", NULL, s, x, EXPECT(-0.2525014827f, 0.3752452113f, 3.9974128070f));
    onnx_model m = model_of(17, s);
    onnx_floats(&m, "scale", DIMS(3), scale);
    onnx_node(&m, "LayerNormalization", "x,scale", "y", "axis=-1");
    check_model(&m, s, x, EXPECT(-1.1513843f, -0.2709140f, 1.2868413f));
}

/* y = (clip(round(x / 0.1) + 10) - 10) 0.1: below 0 and above 255 is cut. */
static void quantised_and_back(void **state)
{
    (void)state;
    sl_shape s = SHAPE(1, 4);
    const float x[] = {-3, 0.26f, 0.9f, 100};
    const uint8_t zero = 10;
    onnx_model m = model_of(13, s);
    onnx_scalar(&m, "scale", 0.1f);
    wire_message(&m.graph, 5, onnx_raw("zero", ONNX_UINT8, NO_DIMS, &zero, 1));
    onnx_node(&m, "QuantizeLinear", "x,scale,zero", "q", NULL);
    onnx_node(&m, "DequantizeLinear", "q,scale,zero", "y", NULL);
    check_model(&m, s, x, EXPECT(-1, 0.3f, 0.9f, 24.5f));
}

/* Weights of a row's own scale; x is rounded to int8. */
static void quantised_weights(void **state)
{
    (void)state;
    sl_shape s = SHAPE(1, 2);
    const float x[] = {1.04f, -90}, scales[] = {0.5f, 0.25f};
    const int8_t weights[] = {2, -4, 8, 12}, zeros[] = {0, 0}, zero = 0;
    onnx_model m = model_of(13, s);
    onnx_scalar(&m, "scale", 0.5f);
    onnx_floats(&m, "scales", DIMS(2), scales);
    wire_message(&m.graph, 5, onnx_raw("w8", ONNX_INT8, DIMS(2, 2), weights, 4));
    wire_message(&m.graph, 5, onnx_raw("zeros", ONNX_INT8, DIMS(2), zeros, 2));
    wire_message(&m.graph, 5, onnx_raw("zero", ONNX_INT8, NO_DIMS, &zero, 1));
    onnx_node(&m, "QuantizeLinear", "x,scale,zero", "q", NULL);
    onnx_node(&m, "DequantizeLinear", "q,scale,zero", "xd", NULL);
    onnx_node(&m, "DequantizeLinear", "w8,scales,zeros", "w", "axis=0"); /* 1 -2, 2 3 */
    onnx_node(&m, "Gemm", "xd,w", "y", "transB=1");
    check_model(&m, s, x, EXPECT(1 + 128, 2 - 192)); /* x: 1, -64 */
}

static void clip_in_both_forms(void **state)
{
    (void)state;
    sl_shape s = SHAPE(1, 3);
    const float x[] = {-2, 0.5f, 4};
    check_node(9, "Clip", "min=0.0 max=1.5", s, x, EXPECT(0, 0.5f, 1.5f));
    check_node(9, "Clip", "max=1.5", s, x, EXPECT(-2, 0.5f, 1.5f));

    onnx_model m = model_of(11, s); /* constants from Constant nodes */
    float low = 0;
    onnx_node_with(&m, "Constant", "", "low", "value", onnx_raw("", ONNX_FLOAT, NO_DIMS, &low, 4));
    onnx_node(&m, "Clip", "x,low", "y", NULL);
    check_model(&m, s, x, EXPECT(0, 0.5f, 4));

    m = model_of(11, s);
    onnx_scalar(&m, "high", 3);
    onnx_node(&m, "Clip", "x,,high", "y", NULL);
    check_model(&m, s, x, EXPECT(-2, 0.5f, 3));

    m = model_of(13, s); /* a bound that is computed */
    onnx_node(&m, "ReduceMax", "x", "top", "keepdims=1");
    onnx_scalar(&m, "half", 0.5f);
    onnx_node(&m, "Mul", "top,half", "high", NULL);
    onnx_node(&m, "Clip", "x,,high", "y", NULL);
    check_model(&m, s, x, EXPECT(-2, 0.5f, 2));
}

static void binary_and_variadic(void **state)
{
    (void)state;
    static const struct {
        const char *op;
        float expected[4];
    } cases[] = {{"Add", {3, 5, 5, 7}}, {"Sub", {-1, -1, 1, 1}},       {"Mul", {2, 6, 6, 12}},
                 {"Div", {0.5f, 2.0f / 3, 1.5f, 4.0f / 3}}, {"Pow", {1, 8, 9, 64}},
                 {"Max", {2, 3, 3, 4}}, {"Min", {1, 2, 2, 3}}, {"Sum", {3, 5, 5, 7}}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        onnx_model m = model_of(13, SHAPE(2, 2));
        onnx_floats(&m, "c", DIMS(2), FLOATS(2, 3)); /* for every row */
        onnx_node(&m, cases[i].op, "x,c", "y", NULL);
        check_model(&m, SHAPE(2, 2), nine, cases[i].expected, 4);
    }
    onnx_model m = model_of(13, SHAPE(2, 2));
    onnx_floats(&m, "c", DIMS(2), FLOATS(2, 3));
    onnx_node(&m, "Sum", "x,c,x", "y", NULL);
    check_model(&m, SHAPE(2, 2), nine, EXPECT(4, 7, 8, 11));
    m = model_of(13, SHAPE(2, 2));
    onnx_node(&m, "Max", "x", "y", NULL);
    check_model(&m, SHAPE(2, 2), nine, EXPECT(1, 2, 3, 4));
    m = model_of(13, SHAPE(2, 2)); /* an integer exponent */
    onnx_ints(&m, "e", 2);
    onnx_node(&m, "Pow", "x,e", "y", NULL);
    check_model(&m, SHAPE(2, 2), nine, EXPECT(1, 4, 9, 16));
}

static void softmax_before_and_after_opset_13(void **state)
{
    (void)state;
    const float x[] = {0, 0, 0, 1.0986122887f}; /* e^x = 1 1 1 3 */
    check_node(11, "Softmax", NULL, SHAPE(1, 2, 2), x, EXPECT(1.0f / 6, 1.0f / 6, 1.0f / 6, 0.5f));
    check_node(11, "Softmax", "axis=2", SHAPE(1, 2, 2), x, EXPECT(0.5f, 0.5f, 0.25f, 0.75f));
    check_node(13, "Softmax", NULL, SHAPE(1, 2, 2), x, EXPECT(0.5f, 0.5f, 0.25f, 0.75f));
    check_node(13, "Softmax", "axis=1", SHAPE(1, 2, 2), x, EXPECT(0.5f, 0.25f, 0.5f, 0.75f));
}

static void pools(void **state)
{
    (void)state;
    sl_shape s = SHAPE(1, 1, 3, 3);
    check_node(9, "MaxPool", "kernel_shape=[2,2]", s, nine, EXPECT(5, 6, 8, 9));
    check_node(11, "MaxPool", "kernel_shape=[2,2] strides=[2,2] ceil_mode=1", s, nine, EXPECT(5, 6, 8, 9));
    check_node(9, "MaxPool", "kernel_shape=[2,2] strides=[2,2]", s, nine, EXPECT(5));
    check_node(9, "AveragePool", "kernel_shape=[2,2] pads=[1,1,0,0] strides=[2,2]", s, nine,
               EXPECT(1, 2.5f, 5.5f, 7));
    check_node(9, "AveragePool", "kernel_shape=[2,2] pads=[1,1,0,0] strides=[2,2] count_include_pad=1", s, nine,
               EXPECT(0.25f, 1.25f, 2.75f, 7));
    check_node(9, "GlobalAveragePool", NULL, s, nine, EXPECT(5));
    check_node(9, "GlobalMaxPool", NULL, s, nine, EXPECT(9));
}

static void resizing(void **state)
{
    (void)state;
    sl_shape s = SHAPE(1, 1, 1, 2);
    const float x[] = {0, 4};
    onnx_model m = model_of(9, s);
    onnx_floats(&m, "scales", DIMS(4), FLOATS(1, 1, 1, 2));
    onnx_node(&m, "Upsample", "x,scales", "y", "mode=nearest");
    check_model(&m, s, x, EXPECT(0, 0, 4, 4));
    check_node(7, "Upsample", "scales=[1.0,1.0,2.0,2.0]", s, x, EXPECT(0, 0, 4, 4, 0, 0, 4, 4));

    m = model_of(10, s);
    onnx_floats(&m, "scales", DIMS(4), FLOATS(1, 1, 1, 2));
    onnx_node(&m, "Resize", "x,scales", "y", "mode=linear");
    check_model(&m, s, x, EXPECT(0, 2, 4, 4)); /* asymmetric */

    m = model_of(11, s);
    onnx_floats(&m, "scales", DIMS(4), FLOATS(1, 1, 1, 2));
    onnx_node(&m, "Resize", "x,,scales", "y", "mode=linear");
    check_model(&m, s, x, EXPECT(0, 1, 3, 4)); /* half_pixel */

    m = model_of(13, s); /* sizes; the batch in them is the export's, another one runs too */
    onnx_ints(&m, "sizes", 1, 1, 1, 3);
    onnx_floats(&m, "none", DIMS(0), FLOATS(0));
    onnx_node(&m, "Resize", "x,none,none,sizes", "y", "mode=linear coordinate_transformation_mode=align_corners");
    check_model(&m, SHAPE(2, 1, 1, 2), FLOATS(0, 4, 8, 4), EXPECT(0, 2, 4, 8, 6, 4));

    m = model_of(13, s); /* as PyTorch writes an upsampling to another map's size */
    onnx_node(&m, "Shape", "x", "shape", NULL);
    onnx_ints(&m, "zero", 0);
    onnx_ints(&m, "two", 2);
    onnx_node(&m, "Slice", "shape,zero,two,zero", "front", NULL);
    onnx_ints(&m, "size", 2, 4);
    onnx_node(&m, "Concat", "front,size", "sizes", "axis=0");
    onnx_node(&m, "Resize", "x,,,sizes", "y",
              "mode=nearest nearest_mode=floor coordinate_transformation_mode=asymmetric");
    check_model(&m, s, x, EXPECT(0, 0, 4, 4, 0, 0, 4, 4));
}

static void reshaping_for_any_batch(void **state)
{
    (void)state;
    const float x[] = {1, 2, 3, 4, 5, 6, 7, 8};
    onnx_model m = model_of(9, SHAPE(1, 2, 1, 2)); /* "[1, -1]" of a file exported for one picture */
    onnx_ints(&m, "shape", 1, -1);
    onnx_floats(&m, "w", DIMS(1, 4), FLOATS(1, 10, 100, 1000));
    onnx_node(&m, "Reshape", "x,shape", "flat", NULL);
    onnx_node(&m, "Gemm", "flat,w", "y", "transB=1");
    check_model(&m, SHAPE(2, 2, 1, 2), x, EXPECT(4321, 8765));

    m = model_of(9, SHAPE(1, 2, 1, 2)); /* the first axis is no batch after the transpose: stays as it is */
    onnx_ints(&m, "shape", 1, 4);
    onnx_node(&m, "Transpose", "x", "t", "perm=[1,0,2,3]");
    onnx_node(&m, "Reshape", "t,shape", "y", NULL);
    check_model(&m, SHAPE(1, 2, 1, 2), x, EXPECT(1, 2, 3, 4));

    m = model_of(13, SHAPE(1, 2, 1, 2)); /* view(x.size(0), -1) */
    onnx_node(&m, "Shape", "x", "s", NULL);
    onnx_scalar(&m, "unused", 0);
    int64_t zero = 0;
    onnx_node_with(&m, "Constant", "", "zero", "value", onnx_raw("", ONNX_INT64, NO_DIMS, &zero, 8));
    onnx_node(&m, "Gather", "s,zero", "n", "axis=0");
    onnx_ints(&m, "axes", 0);
    onnx_node(&m, "Unsqueeze", "n,axes", "n1", NULL);
    onnx_ints(&m, "rest", -1);
    onnx_node(&m, "Concat", "n1,rest", "shape", "axis=0");
    onnx_node(&m, "Reshape", "x,shape", "y", NULL);
    check_model(&m, SHAPE(2, 2, 1, 2), x, x, 8);
    check_node(9, "Flatten", NULL, SHAPE(2, 2, 1, 2), x, x, 8);
}

static void moving_axes(void **state)
{
    (void)state;
    const float x[] = {1, 2, 3, 4, 5, 6};
    check_node(9, "Transpose", "perm=[1,0]", SHAPE(2, 3), x, EXPECT(1, 4, 2, 5, 3, 6));
    check_node(9, "Transpose", NULL, SHAPE(2, 3), x, EXPECT(1, 4, 2, 5, 3, 6));
    check_node(9, "Slice", "starts=[1] ends=[3] axes=[1]", SHAPE(2, 3), x, EXPECT(2, 3, 5, 6));
    check_node(9, "Slice", "starts=[0,-2] ends=[1,9223372036854775807]", SHAPE(2, 3), x, EXPECT(2, 3));
    check_node(11, "Squeeze", "axes=[0]", SHAPE(1, 6), x, x, 6);
    check_node(11, "Unsqueeze", "axes=[0,2]", SHAPE(1, 6), x, x, 6);

    onnx_model m = model_of(13, SHAPE(2, 3)); /* backwards */
    onnx_ints(&m, "starts", 2);
    onnx_ints(&m, "ends", -4);
    onnx_ints(&m, "axes", 1);
    onnx_ints(&m, "steps", -1);
    onnx_node(&m, "Slice", "x,starts,ends,axes,steps", "y", NULL);
    check_model(&m, SHAPE(2, 3), x, EXPECT(3, 2, 1, 6, 5, 4));

    for (int opset = 11; opset <= 13; opset += 2) { /* sizes as attribute and as input */
        m = (onnx_model){.opset = opset};
        onnx_input(&m, "x", DIMS(2, 3));
        onnx_ints(&m, "sizes", 1, 2);
        onnx_node(&m, "Split", opset < 13 ? "x" : "x,sizes", "a,b", opset < 13 ? "axis=1 split=[1,2]" : "axis=1");
        onnx_output(&m, "b");
        onnx_output(&m, "a");
        check_model(&m, SHAPE(2, 3), x, EXPECT(2, 3, 5, 6, 1, 4));
    }
    m = model_of(11, SHAPE(2, 3));
    onnx_ints(&m, "i", 2, 0);
    onnx_node(&m, "Gather", "x,i", "y", "axis=1");
    check_model(&m, SHAPE(2, 3), x, EXPECT(3, 1, 6, 4));

    m = model_of(13, SHAPE(1, 3));
    onnx_ints(&m, "shape", 2, 3);
    onnx_node(&m, "Expand", "x,shape", "y", NULL);
    check_model(&m, SHAPE(1, 3), x, EXPECT(1, 2, 3, 1, 2, 3));

    m = model_of(9, SHAPE(2, 3));
    onnx_node(&m, "Concat", "x,x", "y", "axis=-1");
    check_model(&m, SHAPE(2, 3), x, EXPECT(1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6));

    m = model_of(15, SHAPE(2, 3)); /* part of a shape, as numbers */
    onnx_node(&m, "Shape", "x", "s", "start=1");
    onnx_node(&m, "Cast", "s", "f", "to=1");
    onnx_node(&m, "Mul", "x,f", "y", NULL);
    check_model(&m, SHAPE(2, 3), x, EXPECT(3, 6, 9, 12, 15, 18));

    m = model_of(9, SHAPE(2, 3));
    onnx_ints(&m, "two", 1, 3);
    float value = 0.5f;
    onnx_node_with(&m, "ConstantOfShape", "two", "c", "value", onnx_raw("", ONNX_FLOAT, DIMS(1), &value, 4));
    onnx_node(&m, "Add", "x,c", "y", NULL);
    check_model(&m, SHAPE(2, 3), x, EXPECT(1.5f, 2.5f, 3.5f, 4.5f, 5.5f, 6.5f));
}

static void padding(void **state)
{
    (void)state;
    sl_shape s = SHAPE(1, 1, 1, 3);
    check_node(9, "Pad", "pads=[0,0,0,1,0,0,0,1] value=9.0", s, nine, EXPECT(9, 1, 2, 3, 9));
    check_node(9, "Pad", "pads=[0,0,0,1,0,0,0,1] mode=edge", s, nine, EXPECT(1, 1, 2, 3, 3));
    check_node(9, "Pad", "pads=[0,0,0,1,0,0,0,1] mode=reflect", s, nine, EXPECT(2, 1, 2, 3, 2));
    onnx_model m = model_of(13, s);
    onnx_ints(&m, "pads", 0, 0, 0, 0, 0, 0, 0, 2);
    onnx_scalar(&m, "value", 7);
    onnx_node(&m, "Pad", "x,pads,value", "y", NULL);
    check_model(&m, s, nine, EXPECT(1, 2, 3, 7, 7));
}

static void reductions(void **state)
{
    (void)state;
    sl_shape s = SHAPE(2, 3);
    const float x[] = {1, 2, 3, 4, 5, 6};
    check_node(11, "ReduceMean", "axes=[1] keepdims=0", s, x, EXPECT(2, 5));
    check_node(11, "ReduceMean", "axes=[-1]", s, x, EXPECT(2, 5));
    check_node(11, "ReduceSum", "axes=[0]", s, x, EXPECT(5, 7, 9));
    check_node(11, "ReduceMax", NULL, s, x, EXPECT(6));
    check_node(11, "ReduceL2", "axes=[1]", s, x, EXPECT(sqrtf(14), sqrtf(77)));
    check_node(11, "ReduceSumSquare", "axes=[1]", s, x, EXPECT(14, 77));
    check_node(11, "LpNormalization", "axis=1 p=2", SHAPE(2, 2), FLOATS(3, 4, 0, 2), EXPECT(0.6f, 0.8f, 0, 1));
    onnx_model m = model_of(13, s);
    onnx_ints(&m, "axes", 1);
    onnx_node(&m, "ReduceSum", "x,axes", "y", NULL);
    check_model(&m, s, x, EXPECT(6, 15));
    m = model_of(13, s);
    onnx_node(&m, "ReduceSum", "x", "y", "noop_with_empty_axes=1");
    check_model(&m, s, x, x, 6);
}

/* Adds the constant c of this type to x, which is four zeros. */
static void check_constant(wire tensor, const float *expected)
{
    static const float zeros[4];
    onnx_model m = model_of(13, SHAPE(1, 4));
    wire_message(&m.graph, 5, tensor);
    onnx_node(&m, "Cast", "c", "f", "to=1");
    onnx_node(&m, "Add", "x,f", "y", NULL);
    check_model(&m, SHAPE(1, 4), zeros, expected, 4);
}

static void element_types(void **state)
{
    (void)state;
    const double f64[] = {1, -2.5, 1e10, 0};
    const uint16_t f16[] = {0x3c00, 0xc100, 0x0001, 0x7bff}, bf16[] = {0x3f80, 0xc020, 0x4049, 0};
    const int32_t i32[] = {1, -2, 70000, 0};
    const int64_t i64[] = {1, -2, 1 << 24, 0};
    const int8_t i8[] = {1, -2, 127, -128};
    const uint8_t u8[] = {1, 254, 127, 0}, bools[] = {1, 0, 1, 1};
    check_constant(onnx_raw("c", ONNX_DOUBLE, DIMS(4), f64, sizeof f64), FLOATS(1, -2.5f, 1e10f, 0));
    check_constant(onnx_raw("c", ONNX_FLOAT16, DIMS(4), f16, sizeof f16), FLOATS(1, -2.5f, 0x1p-24f, 65504));
    check_constant(onnx_raw("c", ONNX_BFLOAT16, DIMS(4), bf16, sizeof bf16), FLOATS(1, -2.5f, 3.140625f, 0));
    check_constant(onnx_raw("c", ONNX_INT32, DIMS(4), i32, sizeof i32), FLOATS(1, -2, 70000, 0));
    check_constant(onnx_raw("c", ONNX_INT64, DIMS(4), i64, sizeof i64), FLOATS(1, -2, 1 << 24, 0));
    check_constant(onnx_raw("c", ONNX_INT8, DIMS(4), i8, sizeof i8), FLOATS(1, -2, 127, -128));
    check_constant(onnx_raw("c", ONNX_UINT8, DIMS(4), u8, sizeof u8), FLOATS(1, 254, 127, 0));
    check_constant(onnx_raw("c", ONNX_BOOL, DIMS(4), bools, sizeof bools), FLOATS(1, 0, 1, 1));

    wire t = {0}; /* typed lists instead of raw data: float_data packed, int32_data one by one */
    wire_int(&t, 1, 4);
    wire_int(&t, 2, ONNX_FLOAT);
    wire_text(&t, 8, "c");
    wire_data(&t, 4, nine, 16);
    check_constant(t, nine);
    t = (wire){0};
    wire_int(&t, 1, 4);
    wire_int(&t, 2, ONNX_FLOAT16);
    wire_text(&t, 8, "c");
    for (int i = 0; i < 4; i++)
        wire_int(&t, 5, f16[i]);
    check_constant(t, FLOATS(1, -2.5f, 0x1p-24f, 65504));
}

static void constants_in_their_places(void **state)
{
    (void)state;
    onnx_model m =
        model_of(13, SHAPE(1, 1, 1, 2)); /* weights through Identity, listed as inputs, nodes out of order */
    onnx_input(&m, "w", DIMS(1, 1, 1, 1));
    onnx_floats(&m, "w", DIMS(1, 1, 1, 1), FLOATS(3));
    onnx_node(&m, "Relu", "z", "y", NULL);
    onnx_node(&m, "Conv", "x,v", "z", NULL);
    onnx_node(&m, "Identity", "w", "v", NULL);
    check_model(&m, SHAPE(1, 1, 1, 2), FLOATS(-1, 2), EXPECT(0, 6));

    m = model_of(13, SHAPE(1, 2)); /* numbers as attributes of Constant */
    onnx_node(&m, "Constant", "", "a", "value_float=2.0");
    onnx_node(&m, "Constant", "", "b", "value_floats=[1.0,3.0]");
    onnx_node(&m, "Constant", "", "c", "value_ints=[1,2]");
    onnx_node(&m, "Constant", "", "d", "value_int=1");
    onnx_node(&m, "Cast", "d", "e", "to=1");
    onnx_node(&m, "Mul", "x,a", "p", NULL);
    onnx_node(&m, "Add", "p,b", "q", NULL);
    onnx_node(&m, "Sub", "q,e", "r", NULL);
    onnx_node(&m, "Reshape", "r,c", "y", NULL);
    check_model(&m, SHAPE(1, 2), FLOATS(5, 6), EXPECT(10, 14));

    m = (onnx_model){.opset = 13}; /* the input's names and shape are the file's; symbolic sizes are -1 */
    onnx_input(&m, "picture", DIMS(-1, 3, -1, -1));
    onnx_node(&m, "Relu", "picture", "out", NULL);
    onnx_output(&m, "out");
    sl_graph *g = import_model(&m);
    assert_int_equal(g->n_inputs, 1);
    const sl_tensor_info *input = &g->tensors[g->inputs[0]];
    assert_string_equal(input->name, "picture");
    assert_int_equal(input->shape.rank, 4);
    assert_int_equal(input->shape.dim[0], -1);
    assert_int_equal(input->shape.dim[1], 3);
    assert_int_equal(sl_graph_find(g, "out"), g->outputs[0]);
    assert_int_equal(sl_graph_find(g, "no such tensor"), -1);
    sl_graph_free(g);
}

/* Many nodes: names are found through a hash table and the order without recursion. */
static void long_chains(void **state)
{
    (void)state;
    enum { NODES = 60000 };
    onnx_model m = {.opset = 13};
    onnx_input(&m, "t0", DIMS(1, 2));
    for (int i = NODES; i > 0; i--) { /* backwards */
        char in[16], out[16];
        snprintf(in, sizeof in, "t%d", i - 1);
        snprintf(out, sizeof out, "t%d", i);
        onnx_node(&m, "Neg", in, out, NULL);
    }
    onnx_output(&m, "t60000");
    sl_graph *g = import_model(&m);
    assert_int_equal(g->n_nodes, NODES);
    for (int i = 0; i < NODES; i++)
        assert_true(g->tensors[g->nodes[i].inputs[0]].producer < i);
    sl_graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conv_pads_and_groups),
        cmocka_unit_test(batchnorm_and_prelu),
        cmocka_unit_test(gemm),
        cmocka_unit_test(unary_functions),
        cmocka_unit_test(clip_in_both_forms),
        cmocka_unit_test(binary_and_variadic),
        cmocka_unit_test(softmax_before_and_after_opset_13),
        cmocka_unit_test(pools),
        cmocka_unit_test(resizing),
        cmocka_unit_test(reshaping_for_any_batch),
        cmocka_unit_test(moving_axes),
        cmocka_unit_test(padding),
        cmocka_unit_test(reductions),
        cmocka_unit_test(element_types),
        cmocka_unit_test(constants_in_their_places),
        cmocka_unit_test(long_chains),
        cmocka_unit_test(what_came_later),
        cmocka_unit_test(quantised_and_back),
        cmocka_unit_test(quantised_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
