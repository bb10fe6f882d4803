/* The graph's operators in ONNX's (opset 14): most are one of the same meaning. */
#include "net/export/onnx_write.h"

#include <math.h>
#include <string.h>

/* A node on its way: its names, and the message for those that are one operator. */
typedef struct {
    sl_onnx_writer *w;
    const sl_node *node;
    const sl_attr *attr;
    const char *inputs[SL_MAX_NODE_INPUTS], *outputs[SL_MAX_NODE_INPUTS];
} call;

/* The operator that takes the node's first `n_inputs` inputs to its outputs. */
static Onnx__NodeProto *put_operator(call *c, const char *op, int n_inputs)
{
    return sl_put_node(c->w, op, c->inputs, n_inputs, c->outputs, c->node->n_outputs);
}

static void put_plain(call *c, const char *op)
{
    put_operator(c, op, c->node->n_inputs);
}

static void put_axis(call *c, const char *op)
{
    sl_put_int(c->w, put_operator(c, op, c->node->n_inputs), "axis", c->attr->axis);
}

/* ---- windows ---- */

/* The graph leaves 0 where a stride or dilation is 1. */
static void put_steps(call *c, Onnx__NodeProto *node, const char *name, const int steps[2])
{
    const int at_least_one[2] = {steps[0] ? steps[0] : 1, steps[1] ? steps[1] : 1};
    sl_put_ints(c->w, node, name, at_least_one, 2);
}

static void put_window(call *c, Onnx__NodeProto *node)
{
    static const char *const names[] = {
        [SL_PAD_SAME_UPPER] = "SAME_UPPER", [SL_PAD_SAME_LOWER] = "SAME_LOWER", [SL_PAD_VALID] = "VALID"};
    if (c->attr->kernel[0])
        sl_put_ints(c->w, node, "kernel_shape", c->attr->kernel, 2);
    put_steps(c, node, "strides", c->attr->stride);
    if (c->attr->auto_pad == SL_PAD_EXPLICIT)
        sl_put_ints(c->w, node, "pads", c->attr->pad, 4);
    else
        sl_put_text(c->w, node, "auto_pad", names[c->attr->auto_pad]);
}

static void put_conv(call *c, const char *op)
{
    Onnx__NodeProto *node = put_operator(c, op, 3);
    put_window(c, node);
    put_steps(c, node, "dilations", c->attr->dilation);
    sl_put_int(c->w, node, "group", c->attr->groups ? c->attr->groups : 1);
}

static void put_pool(call *c, const char *op)
{
    (void)op;
    bool average = c->attr->fn == SL_FN_AVERAGE;
    Onnx__NodeProto *node = put_operator(c, average ? "AveragePool" : "MaxPool", 1);
    put_window(c, node);
    sl_put_int(c->w, node, "ceil_mode", c->attr->ceil_mode);
    if (average)
        sl_put_int(c->w, node, "count_include_pad", c->attr->count_include_pad);
}

static void put_global_pool(call *c, const char *op)
{
    (void)op;
    put_operator(c, c->attr->fn == SL_FN_AVERAGE ? "GlobalAveragePool" : "GlobalMaxPool", 1);
}

/* ---- layers with parameters ---- */

static void put_dense(call *c, const char *op)
{
    sl_put_int(c->w, put_operator(c, op, 3), "transB", 1);
}

static void put_batchnorm(call *c, const char *op)
{
    sl_put_float(c->w, put_operator(c, op, 5), "epsilon", c->attr->a);
}

/* ONNX lines slopes up with the last axis: those of channels get axes for height and width. */
static void put_prelu(call *c, const char *op)
{
    const sl_tensor_info *x = &c->w->g->tensors[c->node->inputs[0]],
                         *slope = &c->w->g->tensors[c->node->inputs[1]];
    if (slope->data && slope->shape.rank == 1 && slope->shape.dim[0] > 1 && x->shape.rank == 4) {
        const sl_shape shape = {.rank = 3, .dim = {slope->shape.dim[0], 1, 1}};
        c->inputs[1] = sl_put_name(c->w, slope->name);
        sl_put_initializer(c->w, sl_put_tensor(c->w, c->inputs[1], slope->type, &shape, slope->data));
    }
    put_operator(c, op, 2);
}

/* A product whose operands are read transposed where the node says so. */
static void put_matmul(call *c, const char *op)
{
    for (int i = 0; i < 2; i++) {
        const int rank = c->w->g->tensors[c->node->inputs[i]].shape.rank;
        int perm[SL_MAX_RANK];
        if (!c->attr->transposed[i])
            continue;
        for (int k = 0; k < rank; k++)
            perm[k] = k < rank - 2 ? k : 2 * rank - 3 - k;
        const char *turned = sl_put_name(c->w, c->node->name);
        sl_put_ints(c->w, sl_put_node(c->w, "Transpose", &c->inputs[i], 1, &turned, 1), "perm", perm, rank);
        c->inputs[i] = turned;
    }
    put_operator(c, op, 2);
}

/* One operator of one output with a name of its own, which is returned. */
static const char *put_step(call *c, const char *op, const char *a, const char *b)
{
    const char *const inputs[2] = {a, b};
    const char *out = sl_put_name(c->w, c->node->name);
    sl_put_node(c->w, op, inputs, b ? 2 : 1, &out, 1);
    return out;
}

static const char *put_last_mean(call *c, const char *x)
{
    static const int last = -1;
    const char *out = sl_put_name(c->w, c->node->name);
    Onnx__NodeProto *mean = sl_put_node(c->w, "ReduceMean", &x, 1, &out, 1);
    sl_put_ints(c->w, mean, "axes", &last, 1);
    sl_put_int(c->w, mean, "keepdims", 1);
    return out;
}

/* Opset 14 has no layer norm: (x - mean) / sqrt(mean of squares + epsilon) * scale + bias, over the last axis. */
static void put_layernorm(call *c, const char *op)
{
    (void)op;
    const char *x = put_step(c, "Sub", c->inputs[0], put_last_mean(c, c->inputs[0])),
               *variance = put_last_mean(c, put_step(c, "Mul", x, x)),
               *epsilon = sl_put_scalar(c->w, c->node->name, c->attr->a);
    x = put_step(c, "Div", x, put_step(c, "Sqrt", put_step(c, "Add", variance, epsilon), NULL));
    const char *const last[2] = {put_step(c, "Mul", x, c->inputs[1]), c->inputs[2]};
    sl_put_node(c->w, "Add", last, 2, c->outputs, 1);
}

/* Nor a GELU: x (1 + erf(x / sqrt 2)) / 2. */
static void put_gelu(call *c)
{
    const char *name = c->node->name;
    const char *y =
        put_step(c, "Erf", put_step(c, "Mul", c->inputs[0], sl_put_scalar(c->w, name, (float)M_SQRT1_2)), NULL);
    y = put_step(c, "Add", y, sl_put_scalar(c->w, name, 1));
    const char *const last[2] = {put_step(c, "Mul", c->inputs[0], y), sl_put_scalar(c->w, name, .5f)};
    sl_put_node(c->w, "Mul", last, 2, c->outputs, 1);
}

/* ---- element by element ---- */

static void put_unary(call *c, const char *op)
{
    static const char *const names[] = {[SL_FN_RELU] = "Relu",
                                        [SL_FN_LEAKY_RELU] = "LeakyRelu",
                                        [SL_FN_CLIP] = "Clip",
                                        [SL_FN_SIGMOID] = "Sigmoid",
                                        [SL_FN_TANH] = "Tanh",
                                        [SL_FN_EXP] = "Exp",
                                        [SL_FN_LOG] = "Log",
                                        [SL_FN_SQRT] = "Sqrt",
                                        [SL_FN_ABS] = "Abs",
                                        [SL_FN_NEG] = "Neg",
                                        [SL_FN_RECIPROCAL] = "Reciprocal",
                                        [SL_FN_IDENTITY] = "Identity",
                                        [SL_FN_ERF] = "Erf",
                                        [SL_FN_ELU] = "Elu",
                                        [SL_FN_HARD_SIGMOID] = "HardSigmoid",
                                        [SL_FN_HARD_SWISH] = "HardSwish",
                                        [SL_FN_SOFTPLUS] = "Softplus",
                                        [SL_FN_FLOOR] = "Floor",
                                        [SL_FN_CEIL] = "Ceil",
                                        [SL_FN_ROUND] = "Round"};
    (void)op;
    sl_fn fn = c->attr->fn;
    if (fn == SL_FN_GELU) {
        put_gelu(c);
        return;
    }
    if (fn == SL_FN_CLIP) {
        c->inputs[1] = sl_put_scalar(c->w, c->node->name, c->attr->a);
        c->inputs[2] = sl_put_scalar(c->w, c->node->name, c->attr->b);
    }
    Onnx__NodeProto *node = put_operator(c, names[fn], fn == SL_FN_CLIP ? 3 : 1);
    if (fn == SL_FN_LEAKY_RELU || fn == SL_FN_ELU || fn == SL_FN_HARD_SIGMOID)
        sl_put_float(c->w, node, "alpha", c->attr->a);
    if (fn == SL_FN_HARD_SIGMOID)
        sl_put_float(c->w, node, "beta", c->attr->b);
}

static void put_binary(call *c, const char *op)
{
    static const char *const names[] = {
        [SL_FN_ADD] = "Add", [SL_FN_SUB] = "Sub", [SL_FN_MUL] = "Mul", [SL_FN_DIV] = "Div",
        [SL_FN_POW] = "Pow", [SL_FN_MAX] = "Max", [SL_FN_MIN] = "Min"};
    (void)op;
    put_operator(c, names[c->attr->fn], 2);
}

static void put_cast(call *c, const char *op)
{
    sl_put_int(c->w, put_operator(c, op, 1), "to",
               c->attr->type == SL_TYPE_F32 ? ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT
                                            : ONNX__TENSOR_PROTO__DATA_TYPE__INT64);
}

/* ---- along axes ---- */

/* The axes of a reduction, from its attribute or a constant input; none: all of them. */
static int axes_of(const call *c, int axes[SL_MAX_RANK])
{
    const sl_tensor_info *given =
        c->node->n_inputs > 1 && c->node->inputs[1] >= 0 ? &c->w->g->tensors[c->node->inputs[1]] : NULL;
    int64_t count = given && given->data ? sl_shape_elements(&given->shape) : 0;
    memcpy(axes, c->attr->axes, SL_MAX_RANK * sizeof *axes);
    for (int i = 0; i < count && i < SL_MAX_RANK; i++)
        axes[i] = (int)((const int64_t *)given->data)[i];
    return count ? (int)count : c->attr->n_axes;
}

static void put_reduce(call *c, const char *op)
{
    static const char *const names[] = {
        [SL_FN_AVERAGE] = "ReduceMean", [SL_FN_SUM] = "ReduceSum", [SL_FN_MAX] = "ReduceMax",
        [SL_FN_MIN] = "ReduceMin",      [SL_FN_L2] = "ReduceL2",   [SL_FN_SUM_SQUARE] = "ReduceSumSquare"};
    (void)op;
    int axes[SL_MAX_RANK], count = axes_of(c, axes);
    bool sum = c->attr->fn == SL_FN_SUM; /* has its axes as an input since opset 13, the others since 18 */
    if (sum && count)
        c->inputs[1] = sl_put_list(c->w, c->node->name, axes, count);
    Onnx__NodeProto *node = put_operator(c, names[c->attr->fn], sum && count ? 2 : 1);
    if (!sum && count)
        sl_put_ints(c->w, node, "axes", axes, count);
    sl_put_int(c->w, node, "keepdims", c->attr->keepdims);
}

/* x / max(|x|, floor) along the axis. */
static void put_l2norm(call *c, const char *op)
{
    (void)op;
    const char *name = c->node->name, *norm = sl_put_name(c->w, name), *floored = sl_put_name(c->w, name);
    Onnx__NodeProto *reduce = sl_put_node(c->w, "ReduceL2", c->inputs, 1, &norm, 1);
    sl_put_ints(c->w, reduce, "axes", &c->attr->axis, 1);
    sl_put_int(c->w, reduce, "keepdims", 1);
    const char *const clip[2] = {norm, sl_put_scalar(c->w, name, c->attr->a)};
    sl_put_node(c->w, "Clip", clip, 2, &floored, 1);
    const char *const div[2] = {c->inputs[0], floored};
    sl_put_node(c->w, "Div", div, 2, c->outputs, 1);
}

/* ---- shapes ---- */

static void put_resize(call *c, const char *op)
{
    static const char *const coords[] = {[SL_COORD_HALF_PIXEL] = "half_pixel",
                                         [SL_COORD_ASYMMETRIC] = "asymmetric",
                                         [SL_COORD_ALIGN_CORNERS] = "align_corners",
                                         [SL_COORD_PYTORCH_HALF_PIXEL] = "pytorch_half_pixel"};
    static const char *const rounds[] = {[SL_ROUND_PREFER_FLOOR] = "round_prefer_floor",
                                         [SL_ROUND_PREFER_CEIL] = "round_prefer_ceil",
                                         [SL_ROUND_FLOOR] = "floor",
                                         [SL_ROUND_CEIL] = "ceil"};
    const char *target = c->inputs[1];
    bool sizes = c->w->g->tensors[c->node->inputs[1]].type == SL_TYPE_I64;
    c->inputs[1] = NULL; /* the region of interest, which these modes do not have */
    c->inputs[2] = sizes ? NULL : target;
    c->inputs[3] = sizes ? target : NULL;
    Onnx__NodeProto *node = put_operator(c, op, 4);
    sl_put_text(c->w, node, "mode", c->attr->fn == SL_FN_NEAREST ? "nearest" : "linear");
    sl_put_text(c->w, node, "coordinate_transformation_mode", coords[c->attr->coord]);
    if (c->attr->fn == SL_FN_NEAREST)
        sl_put_text(c->w, node, "nearest_mode", rounds[c->attr->round]);
}

static void put_reshape(call *c, const char *op)
{
    Onnx__NodeProto *node = put_operator(c, op, 2);
    if (c->attr->allow_zero)
        sl_put_int(c->w, node, "allowzero", 1);
}

/* perm has as many entries as the input has axes; the graph keeps room for more. */
static int axes_of_perm(const call *c)
{
    const sl_shape *x = &c->w->g->tensors[c->node->inputs[0]].shape;
    if (x->rank >= 0)
        return x->rank;
    int count = 0;
    for (int i = 0; i < SL_MAX_RANK; i++) /* the largest axis named is the last one: the rest is zero */
        if (c->attr->perm[i] >= count)
            count = c->attr->perm[i] + 1;
    return count;
}

static void put_transpose(call *c, const char *op)
{
    sl_put_ints(c->w, put_operator(c, op, 1), "perm", c->attr->perm, axes_of_perm(c));
}

static void put_pad(call *c, const char *op)
{
    bool constant = c->attr->fn == SL_FN_CONSTANT;
    if (constant)
        c->inputs[2] = sl_put_scalar(c->w, c->node->name, c->attr->a);
    Onnx__NodeProto *node = put_operator(c, op, constant ? 3 : 2);
    sl_put_text(c->w, node, "mode", constant ? "constant" : c->attr->fn == SL_FN_EDGE ? "edge" : "reflect");
}

static void put_fill(call *c, const char *op)
{
    const sl_shape one = {.rank = 1, .dim = {1}};
    float *f32 = sl_put_memory(c->w, 1, sizeof *f32);
    int64_t *i64 = sl_put_memory(c->w, 1, sizeof *i64);
    if (!f32 || !i64)
        return;
    *f32 = c->attr->a;
    *i64 = (int64_t)c->attr->a;
    const void *data = c->attr->type == SL_TYPE_F32 ? (const void *)f32 : i64;
    sl_put_tensor_attribute(c->w, put_operator(c, op, 1), "value", sl_put_tensor(c->w, "", c->attr->type, &one, data));
}

/* ---- all ---- */

static const struct {
    const char *op;
    void (*put)(call *c, const char *op);
} operators[SL_OP_COUNT] = {
    [SL_OP_CONV] = {"Conv", put_conv},
    [SL_OP_DENSE] = {"Gemm", put_dense},
    [SL_OP_MATMUL] = {"MatMul", put_matmul},
    [SL_OP_BATCHNORM] = {"BatchNormalization", put_batchnorm},
    [SL_OP_PRELU] = {"PRelu", put_prelu},
    [SL_OP_UNARY] = {NULL, put_unary},
    [SL_OP_BINARY] = {NULL, put_binary},
    [SL_OP_POOL] = {NULL, put_pool},
    [SL_OP_GLOBAL_POOL] = {NULL, put_global_pool},
    [SL_OP_REDUCE] = {NULL, put_reduce},
    [SL_OP_SOFTMAX] = {"Softmax", put_axis},
    [SL_OP_CONCAT] = {"Concat", put_axis},
    [SL_OP_RESIZE] = {"Resize", put_resize},
    [SL_OP_RESHAPE] = {"Reshape", put_reshape},
    [SL_OP_FLATTEN] = {"Flatten", put_axis},
    [SL_OP_TRANSPOSE] = {"Transpose", put_transpose},
    [SL_OP_SLICE] = {"Slice", put_plain},
    [SL_OP_SPLIT] = {"Split", put_axis},
    [SL_OP_SQUEEZE] = {"Squeeze", put_plain},
    [SL_OP_UNSQUEEZE] = {"Unsqueeze", put_plain},
    [SL_OP_PAD] = {"Pad", put_pad},
    [SL_OP_GATHER] = {"Gather", put_axis},
    [SL_OP_SHAPE] = {"Shape", put_plain},
    [SL_OP_CAST] = {"Cast", put_cast},
    [SL_OP_EXPAND] = {"Expand", put_plain},
    [SL_OP_FILL] = {"ConstantOfShape", put_fill},
    [SL_OP_L2NORM] = {NULL, put_l2norm},
    [SL_OP_LAYERNORM] = {NULL, put_layernorm},
};

/* A transposed operand has its axes named, a layer norm is over the last axis alone. */
static bool is_spelled_out(const sl_graph *g, const sl_node *node)
{
    const sl_attr *a = &node->attr;
    for (int i = 0; i < 2 && node->op == SL_OP_MATMUL; i++)
        if (a->transposed[i] && g->tensors[node->inputs[i]].shape.rank < 2)
            return false;
    return node->op != SL_OP_LAYERNORM || g->tensors[node->inputs[1]].shape.rank == 1;
}

bool sl_in_onnx(const sl_graph *g, const sl_node *node)
{
    return operators[node->op].put && node->attr.stats == SL_STATS_FIXED && is_spelled_out(g, node);
}

void sl_put_graph_node(sl_onnx_writer *w, const sl_node *node)
{
    call c = {.w = w, .node = node, .attr = &node->attr};
    for (int i = 0; i < node->n_inputs; i++)
        c.inputs[i] = node->inputs[i] < 0 ? NULL : w->g->tensors[node->inputs[i]].name;
    for (int i = 0; i < node->n_outputs; i++)
        c.outputs[i] = w->g->tensors[node->outputs[i]].name;
    operators[node->op].put(&c, operators[node->op].op);
}
