/* Batch norm: y = (x - mean) / sqrt(variance + epsilon) * scale + bias, per channel (axis 1). The statistics are those
 * given, or in training the batch's own. */
#include "net/layers/backward.h"

#include <math.h>

sl_status sl_batchnorm_infer(const sl_call *c, sl_error *err)
{
    const sl_shape *x = &c->in[0]->shape;
    if (x->rank < 2)
        return sl_layer_fail(c, err, SL_ERR_FORMAT, "input of %d axes has no channels", x->rank);
    for (int i = 1; i < 5; i++)
        if (c->in[i]->shape.rank != 1 || c->in[i]->shape.dim[0] != x->dim[1])
            return sl_layer_fail(c, err, SL_ERR_FORMAT, "input %d is not [%lld]", i, (long long)x->dim[1]);
    if (c->node->n_outputs == 2 || (c->node->n_outputs == 3) != (c->node->attr.stats != SL_STATS_FIXED))
        return sl_layer_fail(c, err, SL_ERR_FORMAT, "%d outputs: the batch's statistics are told where they are "
                             "worked out", c->node->n_outputs);
    for (int i = 0; i < c->node->n_outputs; i++) {
        c->out[i].type = SL_TYPE_F32;
        c->out[i].shape = i == 0 ? *x : (sl_shape){1, {x->dim[1]}};
    }
    return SL_OK;
}

void sl_batchnorm_affine(const sl_call *c, int64_t channel, double *scale, double *shift)
{
    const float *gamma = c->in[1]->data, *beta = c->in[2]->data, *mean = c->in[3]->data,
                *variance = c->in[4]->data;
    *scale = gamma[channel] / sqrt((double)variance[channel] + c->node->attr.a);
    *shift = beta[channel] - mean[channel] * *scale;
}

/* The elements of a channel: [batch] runs of [plane], `step` apart. */
typedef struct {
    int64_t batch, channels, plane, step;
} channel_of;

static channel_of channels_of(const sl_shape *x)
{
    int64_t plane = sl_shape_span(x, 2, x->rank);
    return (channel_of){x->dim[0], x->dim[1], plane, x->dim[1] * plane};
}

/* Sum of (a - shift) (b - b_shift); b NULL: of a - shift. */
static double channel_sum(const channel_of *c, const float *a, double shift, const float *b, double b_shift)
{
    double sum = 0;
    for (int64_t n = 0; n < c->batch; n++)
        for (int64_t i = n * c->step; i < n * c->step + c->plane; i++)
            sum += (a[i] - shift) * (b ? b[i] - b_shift : 1);
    return sum;
}

static void batch_statistics(const sl_call *c)
{
    const channel_of of = channels_of(&c->in[0]->shape);
    const double count = (double)(of.batch * of.plane);
    for (int64_t ch = 0; ch < of.channels; ch++) {
        const float *x = (const float *)c->in[0]->data + ch * of.plane;
        double mean = channel_sum(&of, x, 0, NULL, 0) / count;
        ((float *)c->out[1].data)[ch] = (float)mean;
        ((float *)c->out[2].data)[ch] = (float)(channel_sum(&of, x, mean, x, mean) / count);
    }
}

sl_status sl_batchnorm_forward(const sl_call *c, sl_error *err)
{
    (void)err;
    const channel_of of = channels_of(&c->in[0]->shape);
    const float *in = c->in[0]->data;
    float *out = c->out[0].data;
    bool batch = c->node->attr.stats == SL_STATS_BATCH;
    const sl_value *own[5] = {c->in[0], c->in[1], c->in[2], batch ? &c->out[1] : c->in[3],
                              batch ? &c->out[2] : c->in[4]};
    const sl_call by = {c->node, own, c->out};
    if (c->node->attr.stats != SL_STATS_FIXED)
        batch_statistics(c);
    for (int64_t n = 0; n < of.batch; n++)
        for (int64_t ch = 0; ch < of.channels; ch++) {
            double scale, shift;
            sl_batchnorm_affine(&by, ch, &scale, &shift);
            for (int64_t i = 0; i < of.plane; i++)
                *out++ = (float)(*in++ * scale + shift);
        }
    return SL_OK;
}

/* ---- gradient, with x^ = (x - mean) / sqrt(variance + epsilon):
 *          gbias = sum gy, gscale = sum gy x^, gx = scale / sqrt(variance + epsilon) gy
 * and where mean and variance are the batch's, less what goes through them: gy - (gbias + x^ gscale) / count ---- */

sl_status sl_batchnorm_back_infer(const sl_call *c, sl_error *err)
{
    const sl_shape *x = &c->in[0]->shape;
    if (x->rank < 2 || !sl_shape_equal(x, &c->in[4]->shape))
        return sl_layer_fail(c, err, SL_ERR_FORMAT, "the output's gradient does not fit the input");
    for (int i = 1; i < 4; i++)
        if (c->in[i]->shape.rank != 1 || c->in[i]->shape.dim[0] != x->dim[1])
            return sl_layer_fail(c, err, SL_ERR_FORMAT, "input %d is not [%lld]", i, (long long)x->dim[1]);
    if (c->node->n_outputs != 3)
        return sl_layer_fail(c, err, SL_ERR_FORMAT, "%d outputs, expected 3", c->node->n_outputs);
    for (int i = 0; i < 3; i++) {
        c->out[i].type = SL_TYPE_F32;
        c->out[i].shape = i == 0 ? *x : (sl_shape){1, {x->dim[1]}};
    }
    return SL_OK;
}

sl_status sl_batchnorm_back_forward(const sl_call *c, sl_error *err)
{
    (void)err;
    const channel_of of = channels_of(&c->in[0]->shape);
    const bool batch = c->node->attr.stats == SL_STATS_BATCH;
    for (int64_t ch = 0; ch < of.channels; ch++) {
        const float *x = (const float *)c->in[0]->data + ch * of.plane;
        const float *gy = (const float *)c->in[4]->data + ch * of.plane;
        float *out = (float *)c->out[0].data + ch * of.plane;
        double mean = ((const float *)c->in[2]->data)[ch], count = (double)(of.batch * of.plane);
        double narrow = 1 / sqrt(((const float *)c->in[3]->data)[ch] + (double)c->node->attr.a);
        double bias = channel_sum(&of, gy, 0, NULL, 0), scale = channel_sum(&of, x, mean, gy, 0) * narrow;
        double factor = ((const float *)c->in[1]->data)[ch] * narrow;
        for (int64_t n = 0; n < of.batch; n++)
            for (int64_t i = n * of.step; i < n * of.step + of.plane; i++) {
                double through = batch ? (bias + (x[i] - mean) * narrow * scale) / count : 0;
                out[i] = (float)(factor * (gy[i] - through));
            }
        ((float *)c->out[1].data)[ch] = (float)scale;
        ((float *)c->out[2].data)[ch] = (float)bias;
    }
    return SL_OK;
}

void sl_batchnorm_gradient(sl_backward *b)
{
    const bool batch = b->node.attr.stats == SL_STATS_BATCH;
    const sl_tensor *in = b->node.inputs, *by = batch ? b->node.outputs + 1 : in + 3;
    sl_tensor out[3];
    if (sl_back_grad(b, 1) >= 0 || sl_back_grad(b, 2) >= 0 || sl_back_wants(b, 3) || sl_back_wants(b, 4))
        sl_back_fail(b, SL_ERR_UNSUPPORTED, "statistics have none");
    const sl_attr attr = {.a = b->node.attr.a, .stats = batch ? SL_STATS_BATCH : SL_STATS_FIXED};
    sl_back_nodes(b, SL_OP_BATCHNORM_BACK, &attr, SL_BACK_INPUTS(in[0], in[1], by[0], by[1], sl_back_grad(b, 0)), out,
                  3);
    for (int i = 0; i < 3; i++)
        if (sl_back_wants(b, i))
            sl_back_give(b, i, out[i]);
}
