/* Functions of one number, element by element. */
#include "net/layers/backward.h"

#include <math.h>
#include <string.h>

/* How much of the normal distribution lies below x. */
static double normal_below(double x)
{
    return 0.5 * erfc(-x * M_SQRT1_2);
}

/* NaN must stay NaN: comparisons are written so that it falls through to x. */
static double value(const sl_attr *attr, double x)
{
    switch (attr->fn) {
    case SL_FN_RELU: return x < 0 ? 0 : x;
    case SL_FN_LEAKY_RELU: return x < 0 ? x * attr->a : x;
    case SL_FN_CLIP: return x < attr->a ? attr->a : x > attr->b ? attr->b : x;
    case SL_FN_SIGMOID: return 1 / (1 + exp(-x));
    case SL_FN_TANH: return tanh(x);
    case SL_FN_EXP: return exp(x);
    case SL_FN_LOG: return log(x);
    case SL_FN_SQRT: return sqrt(x);
    case SL_FN_ABS: return fabs(x);
    case SL_FN_NEG: return -x;
    case SL_FN_RECIPROCAL: return 1 / x;
    case SL_FN_ERF: return erf(x);
    case SL_FN_ELU: return x < 0 ? attr->a * expm1(x) : x;
    case SL_FN_HARD_SIGMOID: {
        double y = attr->a * x + attr->b;
        return y < 0 ? 0 : y > 1 ? 1 : y;
    }
    case SL_FN_HARD_SWISH: {
        double y = x / 6 + 0.5;
        return x * (y < 0 ? 0 : y > 1 ? 1 : y);
    }
    case SL_FN_SOFTPLUS: return x > 30 ? x : log1p(exp(x));
    case SL_FN_GELU: return x * normal_below(x);
    case SL_FN_FLOOR: return floor(x);
    case SL_FN_CEIL: return ceil(x);
    case SL_FN_ROUND: return nearbyint(x);
    default: return x;
    }
}

float sl_unary_value(const sl_attr *attr, float x)
{
    return (float)value(attr, x);
}

static bool is_unary(sl_fn fn)
{
    return fn >= SL_FN_RELU && fn <= SL_FN_ROUND;
}

static bool integer_fn(sl_fn fn)
{
    return fn == SL_FN_IDENTITY || fn == SL_FN_NEG || fn == SL_FN_ABS || fn == SL_FN_FLOOR || fn == SL_FN_CEIL ||
           fn == SL_FN_ROUND;
}

sl_status sl_unary_infer(const sl_call *c, sl_error *err)
{
    sl_fn fn = c->node->attr.fn;
    if (!is_unary(fn))
        return sl_layer_fail(c, err, SL_ERR_ARGUMENT, "%d is no function of one number", (int)fn);
    if (c->in[0]->type == SL_TYPE_I64 && !integer_fn(fn))
        return sl_layer_fail(c, err, SL_ERR_UNSUPPORTED, "this function is not supported on integers");
    c->out[0].type = c->in[0]->type;
    c->out[0].shape = c->in[0]->shape;
    return SL_OK;
}

static void integers(sl_fn fn, const int64_t *in, int64_t *out, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        bool negate = fn == SL_FN_NEG || (fn == SL_FN_ABS && in[i] < 0);
        out[i] = negate ? (int64_t)(0 - (uint64_t)in[i]) : in[i];
    }
}

sl_status sl_unary_forward(const sl_call *c, sl_error *err)
{
    (void)err;
    int64_t n = sl_shape_elements(&c->out[0].shape);
    if (c->out[0].type == SL_TYPE_I64) {
        integers(c->node->attr.fn, c->in[0]->data, c->out[0].data, n);
        return SL_OK;
    }
    const float *in = c->in[0]->data;
    float *out = c->out[0].data;
    for (int64_t i = 0; i < n; i++)
        out[i] = sl_unary_value(&c->node->attr, in[i]);
    return SL_OK;
}

/* ---- gradient ---- */

/* The slope at x. Where there are two, at a corner, it is PyTorch's choice: that of the flat side. */
static double slope(const sl_attr *attr, double x)
{
    double y = value(attr, x);
    switch (attr->fn) {
    case SL_FN_RELU: return x > 0;
    case SL_FN_LEAKY_RELU: return x > 0 ? 1 : attr->a;
    case SL_FN_CLIP: return x > attr->a && x < attr->b;
    case SL_FN_SIGMOID: return y * (1 - y);
    case SL_FN_TANH: return 1 - y * y;
    case SL_FN_EXP: return y;
    case SL_FN_LOG: return 1 / x;
    case SL_FN_SQRT: return 0.5 / y;
    case SL_FN_ABS: return (x > 0) - (x < 0);
    case SL_FN_NEG: return -1;
    case SL_FN_RECIPROCAL: return -y * y;
    case SL_FN_ERF: return M_2_SQRTPI * exp(-x * x);
    case SL_FN_ELU: return x < 0 ? y + attr->a : 1;
    case SL_FN_HARD_SIGMOID: return y > 0 && y < 1 ? attr->a : 0;
    case SL_FN_HARD_SWISH: return x <= -3 ? 0 : x >= 3 ? 1 : x / 3 + 0.5;
    case SL_FN_SOFTPLUS: return 1 / (1 + exp(-x));
    case SL_FN_GELU: return normal_below(x) + x * exp(-x * x / 2) * 0.5 * M_2_SQRTPI * M_SQRT1_2;
    case SL_FN_FLOOR:
    case SL_FN_CEIL:
    case SL_FN_ROUND: return 0;
    default: return 1;
    }
}

float sl_unary_slope(const sl_attr *attr, float x)
{
    return (float)slope(attr, x);
}

sl_status sl_unary_back_infer(const sl_call *c, sl_error *err)
{
    if (!is_unary(c->node->attr.fn) || !sl_shape_equal(&c->in[0]->shape, &c->in[1]->shape))
        return sl_layer_fail(c, err, SL_ERR_FORMAT, "its inputs have two shapes, or it has no function");
    c->out[0].type = SL_TYPE_F32;
    c->out[0].shape = c->in[0]->shape;
    return SL_OK;
}

sl_status sl_unary_back_forward(const sl_call *c, sl_error *err)
{
    (void)err;
    const float *x = c->in[0]->data, *gy = c->in[1]->data;
    float *out = c->out[0].data;
    for (int64_t i = 0, n = sl_shape_elements(&c->out[0].shape); i < n; i++)
        out[i] = (float)(slope(&c->node->attr, x[i]) * gy[i]);
    return SL_OK;
}

void sl_unary_gradient(sl_backward *b)
{
    sl_fn fn = b->node.attr.fn;
    sl_tensor gy = sl_back_grad(b, 0), x = b->node.inputs[0];
    bool cut_off = fn == SL_FN_RELU || fn == SL_FN_CLIP;
    if (fn == SL_FN_IDENTITY || fn == SL_FN_NEG)
        sl_back_give(b, 0, fn == SL_FN_NEG ? sl_back_unary(b, SL_FN_NEG, gy) : gy);
    else /* y has the slope that x has where it is cut off: then x may be overwritten */
        sl_back_give(b, 0, sl_back_node(b, SL_OP_UNARY_BACK, &b->node.attr,
                                        SL_BACK_INPUTS(cut_off ? b->node.outputs[0] : x, gy)));
}
