/* Softmax cross-entropy: the mean over rows n of w_n (log sum_k exp(x_nk) - x_n,label); with row weights w, divided by
 * their sum. With a focal exponent a > 0 that mean L becomes (1 - exp(-L))^a L, as ArcFace's training code has it.
 * Labels are whole numbers as floats. */
#include "net/layers/backward.h"

#include <math.h>

static sl_status check(const sl_call *c, const sl_value *weights, sl_error *err)
{
    const sl_shape *x = &c->in[0]->shape, *labels = &c->in[1]->shape;
    if (x->rank != 2 || labels->rank != 1 || labels->dim[0] != x->dim[0] || x->dim[0] < 1 || x->dim[1] < 1)
        return sl_layer_fail(c, err, SL_ERR_FORMAT, "logits of %d axes and labels of %d do not fit", x->rank,
                             labels->rank);
    if (weights && !sl_shape_equal(&weights->shape, labels))
        return sl_layer_fail(c, err, SL_ERR_FORMAT, "there is not one weight for each label");
    if (!(c->node->attr.a >= 0))
        return sl_layer_fail(c, err, SL_ERR_ARGUMENT, "a focal exponent of %g", (double)c->node->attr.a);
    return SL_OK;
}

sl_status sl_cross_entropy_infer(const sl_call *c, sl_error *err)
{
    SL_TRY(check(c, sl_layer_in(c, 2), err));
    c->out[0].type = SL_TYPE_F32;
    c->out[0].shape = (sl_shape){1, {1}};
    return SL_OK;
}

static double log_sum(const float *x, int64_t count)
{
    double largest = -INFINITY, sum = 0;
    for (int64_t k = 0; k < count; k++)
        largest = fmax(largest, x[k]);
    for (int64_t k = 0; k < count; k++)
        sum += exp(x[k] - largest);
    return largest + log(sum);
}

/* The mean, and what the weights sum up to. A label that is no column is an error of the caller's: NaN tells. */
static double mean_loss(const sl_call *c, const float *weights, double *all)
{
    const float *x = c->in[0]->data, *labels = c->in[1]->data;
    int64_t columns = c->in[0]->shape.dim[1];
    double sum = 0;
    *all = 0;
    for (int64_t n = 0; n < c->in[0]->shape.dim[0]; n++, x += columns) {
        double w = weights ? weights[n] : 1;
        bool good = labels[n] >= 0 && labels[n] < (float)columns;
        sum += w * (good ? log_sum(x, columns) - x[(int64_t)labels[n]] : (double)NAN);
        *all += w;
    }
    return sum / *all;
}

/* The focal form of the mean, and its slope. */
static double focal(double exponent, double loss, double *slope)
{
    double missed = -expm1(-loss); /* 1 - exp(-loss) */
    *slope = 1;
    if (exponent == 0)
        return loss;
    *slope = pow(missed, exponent) + (loss > 0 ? exponent * pow(missed, exponent - 1) * exp(-loss) * loss : 0);
    return pow(missed, exponent) * loss;
}

sl_status sl_cross_entropy_forward(const sl_call *c, sl_error *err)
{
    (void)err;
    double all, slope, mean = mean_loss(c, sl_layer_in(c, 2) ? c->in[2]->data : NULL, &all);
    *(float *)c->out[0].data = (float)focal(c->node->attr.a, mean, &slope);
    return SL_OK;
}

/* ---- gradient: (softmax - 1 at the label) w / sum of w ---- */

sl_status sl_cross_entropy_back_infer(const sl_call *c, sl_error *err)
{
    SL_TRY(check(c, sl_layer_in(c, 3), err));
    if (sl_shape_elements(&c->in[2]->shape) != 1)
        return sl_layer_fail(c, err, SL_ERR_FORMAT, "the loss's gradient is not one number");
    c->out[0].type = SL_TYPE_F32;
    c->out[0].shape = c->in[0]->shape;
    return SL_OK;
}

sl_status sl_cross_entropy_back_forward(const sl_call *c, sl_error *err)
{
    (void)err;
    const float *x = c->in[0]->data, *labels = c->in[1]->data;
    const float *weights = sl_layer_in(c, 3) ? c->in[3]->data : NULL;
    float *out = c->out[0].data;
    int64_t columns = c->in[0]->shape.dim[1];
    double all, slope, mean = mean_loss(c, weights, &all);
    focal(c->node->attr.a, mean, &slope);
    for (int64_t n = 0; n < c->in[0]->shape.dim[0]; n++, x += columns) {
        double factor = slope * *(const float *)c->in[2]->data * (weights ? weights[n] : 1) / all;
        double bottom = log_sum(x, columns);
        for (int64_t k = 0; k < columns; k++)
            *out++ = (float)((exp(x[k] - bottom) - (labels[n] == (float)k)) * factor);
    }
    return SL_OK;
}

void sl_cross_entropy_gradient(sl_backward *b)
{
    const sl_tensor inputs[4] = {b->node.inputs[0], b->node.inputs[1], sl_back_grad(b, 0),
                                 b->node.n_inputs > 2 ? b->node.inputs[2] : -1};
    if (sl_back_wants(b, 1) || sl_back_wants(b, 2))
        sl_back_fail(b, SL_ERR_UNSUPPORTED, "labels and weights have none");
    sl_back_give(b, 0, sl_back_node(b, SL_OP_CROSS_ENTROPY_BACK, &b->node.attr, inputs, 4));
}
