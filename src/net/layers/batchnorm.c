/* Batch norm with fixed statistics: y = (x - mean) / sqrt(variance + epsilon) * scale + bias, per channel (axis
 * 1). */
#include "net/layers/layers.h"

#include <math.h>

sl_status sl_batchnorm_infer(const sl_call *c, sl_error *err)
{
    const sl_shape *x = &c->in[0]->shape;
    if (x->rank < 2)
        return sl_layer_fail(c, err, SL_ERR_FORMAT, "input of %d axes has no channels", x->rank);
    for (int i = 1; i < 5; i++)
        if (c->in[i]->shape.rank != 1 || c->in[i]->shape.dim[0] != x->dim[1])
            return sl_layer_fail(c, err, SL_ERR_FORMAT, "input %d is not [%lld]", i, (long long)x->dim[1]);
    c->out[0].type = SL_TYPE_F32;
    c->out[0].shape = *x;
    return SL_OK;
}

void sl_batchnorm_affine(const sl_call *c, int64_t channel, double *scale, double *shift)
{
    const float *gamma = c->in[1]->data, *beta = c->in[2]->data, *mean = c->in[3]->data,
                *variance = c->in[4]->data;
    *scale = gamma[channel] / sqrt((double)variance[channel] + c->node->attr.a);
    *shift = beta[channel] - mean[channel] * *scale;
}

sl_status sl_batchnorm_forward(const sl_call *c, sl_error *err)
{
    (void)err;
    const sl_shape *x = &c->in[0]->shape;
    const float *in = c->in[0]->data;
    float *out = c->out[0].data;
    int64_t plane = sl_shape_span(x, 2, x->rank);
    for (int64_t n = 0; n < x->dim[0]; n++)
        for (int64_t ch = 0; ch < x->dim[1]; ch++) {
            double scale, shift;
            sl_batchnorm_affine(c, ch, &scale, &shift);
            for (int64_t i = 0; i < plane; i++)
                *out++ = (float)(*in++ * scale + shift);
        }
    return SL_OK;
}
