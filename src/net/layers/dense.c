/* Dense: y = x w^T + b; x [N,K], w [O,K], b [O] -> [N,O]. */
#include "net/layers/backward.h"

sl_status sl_dense_infer(const sl_call *c, sl_error *err)
{
    const sl_shape *x = &c->in[0]->shape, *w = &c->in[1]->shape;
    const sl_value *bias = sl_layer_in(c, 2);
    if (x->rank != 2 || w->rank != 2 || x->dim[1] != w->dim[1] || x->dim[1] < 1)
        return sl_layer_fail(c, err, SL_ERR_FORMAT,
                             "input of %d axes with %lld columns and weights of %lld do not fit", x->rank,
                             (long long)(x->rank > 1 ? x->dim[1] : 0), (long long)(w->rank > 1 ? w->dim[1] : 0));
    if (bias && (bias->shape.rank != 1 || bias->shape.dim[0] != w->dim[0]))
        return sl_layer_fail(c, err, SL_ERR_FORMAT, "the bias is not [%lld]", (long long)w->dim[0]);
    c->out[0].type = SL_TYPE_F32;
    c->out[0].shape = (sl_shape){2, {x->dim[0], w->dim[0]}};
    return SL_OK;
}

sl_status sl_dense_forward(const sl_call *c, sl_error *err)
{
    (void)err;
    const float *x = c->in[0]->data, *w = c->in[1]->data;
    const float *bias = sl_layer_in(c, 2) ? c->in[2]->data : NULL;
    float *out = c->out[0].data;
    int64_t rows = c->in[0]->shape.dim[0], depth = c->in[0]->shape.dim[1], outputs = c->in[1]->shape.dim[0];
    for (int64_t n = 0; n < rows; n++)
        for (int64_t o = 0; o < outputs; o++) {
            double sum = bias ? bias[o] : 0;
            for (int64_t k = 0; k < depth; k++)
                sum += (double)x[n * depth + k] * w[o * depth + k];
            *out++ = (float)sum;
        }
    return SL_OK;
}

void sl_dense_gradient(sl_backward *b)
{
    sl_tensor gy = sl_back_grad(b, 0), x = b->node.inputs[0], w = b->node.inputs[1];
    if (sl_back_wants(b, 0))
        sl_back_give(b, 0, sl_back_matmul(b, gy, false, w, false));
    if (sl_back_wants(b, 1))
        sl_back_give(b, 1, sl_back_matmul(b, gy, true, x, false));
    if (sl_back_wants(b, 2)) {
        const sl_shape bias = sl_back_in_shape(b, 2);
        sl_back_give(b, 2, sl_back_fit(b, gy, &bias));
    }
}
