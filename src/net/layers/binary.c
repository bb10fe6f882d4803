/* Functions of two numbers with numpy's broadcasting; on f32, and on i64 for shape arithmetic. */
#include "net/layers/backward.h"

#include <math.h>

static float real(sl_fn fn, float a, float b)
{
    switch (fn) {
    case SL_FN_ADD: return a + b;
    case SL_FN_SUB: return a - b;
    case SL_FN_MUL: return a * b;
    case SL_FN_DIV: return a / b;
    case SL_FN_POW: return (float)pow(a, b);
    case SL_FN_MAX: return isnan(a) || a > b ? a : b;
    default: return isnan(a) || a < b ? a : b; /* MIN */
    }
}

/* False on overflow. b >= 0. */
static bool power(int64_t a, int64_t b, int64_t *out)
{
    int64_t y = 1;
    if (b > 63 && a != 0 && a != 1 && a != -1)
        return false;
    if (b > 63)
        b = 62 + b % 2;
    for (; b > 0; b--)
        if (__builtin_mul_overflow(y, a, &y))
            return false;
    *out = y;
    return true;
}

/* False when the result is no 64-bit integer. */
static bool integer(sl_fn fn, int64_t a, int64_t b, int64_t *out)
{
    switch (fn) {
    case SL_FN_ADD: return !__builtin_add_overflow(a, b, out);
    case SL_FN_SUB: return !__builtin_sub_overflow(a, b, out);
    case SL_FN_MUL: return !__builtin_mul_overflow(a, b, out);
    case SL_FN_DIV:
        if (b == 0 || (b == -1 && a == INT64_MIN))
            return false;
        *out = a / b;
        return true;
    case SL_FN_POW: return b >= 0 && power(a, b, out);
    case SL_FN_MAX: *out = a > b ? a : b; return true;
    default: *out = a < b ? a : b; return true; /* MIN */
    }
}

sl_status sl_binary_infer(const sl_call *c, sl_error *err)
{
    sl_fn fn = c->node->attr.fn;
    if (fn < SL_FN_ADD || fn > SL_FN_MIN)
        return sl_layer_fail(c, err, SL_ERR_ARGUMENT, "%d is no function of two numbers", (int)fn);
    if (c->in[0]->type != c->in[1]->type)
        return sl_layer_fail(c, err, SL_ERR_FORMAT, "one input is of integers, the other is not");
    if (!sl_broadcast(&c->in[0]->shape, &c->in[1]->shape, &c->out[0].shape))
        return sl_layer_fail(c, err, SL_ERR_FORMAT, "the two inputs' shapes do not broadcast");
    c->out[0].type = c->in[0]->type;
    return SL_OK;
}

sl_status sl_binary_forward(const sl_call *c, sl_error *err)
{
    const sl_shape *shape = &c->out[0].shape;
    sl_fn fn = c->node->attr.fn;
    sl_walk w;
    sl_walk_start(&w, shape);
    w.n = 2;
    sl_broadcast_strides(&c->in[0]->shape, shape, w.stride[0]);
    sl_broadcast_strides(&c->in[1]->shape, shape, w.stride[1]);
    const void *a = c->in[0]->data, *b = c->in[1]->data;
    for (int64_t i = 0, n = sl_shape_elements(shape); i < n; i++, sl_walk_next(&w)) {
        if (c->out[0].type == SL_TYPE_F32) {
            ((float *)c->out[0].data)[i] =
                real(fn, ((const float *)a)[w.offset[0]], ((const float *)b)[w.offset[1]]);
            continue;
        }
        int64_t p = ((const int64_t *)a)[w.offset[0]], q = ((const int64_t *)b)[w.offset[1]];
        if (!integer(fn, p, q, (int64_t *)c->out[0].data + i))
            return sl_layer_fail(
                c, err, SL_ERR_FORMAT,
                "integer arithmetic on %lld and %lld: division by zero, or the result is too large", (long long)p,
                (long long)q);
    }
    return SL_OK;
}

/* ---- gradient ---- */

/* Gradients of both inputs as if neither was broadcast; [1] is -1 where it is not wanted. */
static void both_gradients(sl_backward *b, sl_tensor gy, sl_tensor out[2])
{
    sl_tensor p = b->node.inputs[0], q = b->node.inputs[1], y = b->node.outputs[0];
    bool first = sl_back_wants(b, 0), second = sl_back_wants(b, 1);
    switch (b->node.attr.fn) {
    case SL_FN_ADD: out[0] = out[1] = gy; break;
    case SL_FN_SUB:
        out[0] = gy;
        out[1] = second ? sl_back_unary(b, SL_FN_NEG, gy) : -1;
        break;
    case SL_FN_MUL:
        out[0] = first ? sl_back_binary(b, SL_FN_MUL, gy, q) : -1;
        out[1] = second ? sl_back_binary(b, SL_FN_MUL, gy, p) : -1;
        break;
    case SL_FN_DIV: /* gp = gy / q, gq = -gp y */
        out[0] = sl_back_binary(b, SL_FN_DIV, gy, q);
        out[1] = second ? sl_back_unary(b, SL_FN_NEG, sl_back_binary(b, SL_FN_MUL, out[0], y)) : -1;
        break;
    case SL_FN_POW: { /* gp = gy q p^(q-1), gq = gy y log p */
        sl_tensor less = first ? sl_back_binary(b, SL_FN_SUB, q, sl_back_number(b, 1)) : -1;
        sl_tensor slope = first ? sl_back_binary(b, SL_FN_MUL, q, sl_back_binary(b, SL_FN_POW, p, less)) : -1;
        out[0] = first ? sl_back_binary(b, SL_FN_MUL, gy, slope) : -1;
        slope = second ? sl_back_binary(b, SL_FN_MUL, y, sl_back_unary(b, SL_FN_LOG, p)) : -1;
        out[1] = second ? sl_back_binary(b, SL_FN_MUL, gy, slope) : -1;
        break;
    }
    default: { /* the larger gets all, the other nothing: relu(p - q) + q is the maximum */
        bool max = b->node.attr.fn == SL_FN_MAX;
        sl_tensor ahead = sl_back_binary(b, SL_FN_SUB, max ? p : q, max ? q : p);
        out[0] = sl_back_node(b, SL_OP_UNARY_BACK, &(sl_attr){.fn = SL_FN_RELU}, SL_BACK_INPUTS(ahead, gy));
        out[1] = second ? sl_back_binary(b, SL_FN_SUB, gy, out[0]) : -1;
        break;
    }
    }
}

void sl_binary_gradient(sl_backward *b)
{
    sl_tensor grads[2];
    both_gradients(b, sl_back_grad(b, 0), grads);
    for (int i = 0; i < 2; i++) {
        if (!sl_back_wants(b, i))
            continue;
        const sl_shape shape = sl_back_in_shape(b, i);
        sl_back_give(b, i, sl_back_fit(b, grads[i], &shape));
    }
}
