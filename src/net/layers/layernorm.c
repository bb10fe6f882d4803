/* Layer norm: y = (x - mean) / sqrt(variance + epsilon) * scale + bias; the statistics are of the axes from `axis` on,
 * which scale and bias have too. */
#include "net/layers/backward.h"

#include <math.h>
#include <string.h>

static sl_status check(const sl_call *c, int *axis, sl_error *err)
{
    const sl_shape *x = &c->in[0]->shape;
    SL_TRY(sl_layer_axis(c, c->node->attr.axis, x->rank, axis, err));
    sl_shape own = {.rank = x->rank - *axis};
    memcpy(own.dim, x->dim + *axis, (size_t)own.rank * sizeof *own.dim);
    if (sl_shape_elements(&own) < 1 || !sl_shape_equal(&c->in[1]->shape, &own))
        return sl_layer_fail(c, err, SL_ERR_FORMAT, "the scale has not the shape of the axes from %d on", *axis);
    return SL_OK;
}

sl_status sl_layernorm_infer(const sl_call *c, sl_error *err)
{
    int axis;
    SL_TRY(check(c, &axis, err));
    if (!sl_shape_equal(&c->in[1]->shape, &c->in[2]->shape))
        return sl_layer_fail(c, err, SL_ERR_FORMAT, "scale and bias have two shapes");
    c->out[0].type = SL_TYPE_F32;
    c->out[0].shape = c->in[0]->shape;
    return SL_OK;
}

/* Of one row: its mean, and one over its deviation. */
static void statistics(const float *x, int64_t count, double epsilon, double *mean, double *narrow)
{
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < count; i++)
        sum += x[i];
    *mean = sum / (double)count;
    for (int64_t i = 0; i < count; i++)
        squares += (x[i] - *mean) * (x[i] - *mean);
    *narrow = 1 / sqrt(squares / (double)count + epsilon);
}

sl_status sl_layernorm_forward(const sl_call *c, sl_error *err)
{
    (void)err;
    const float *x = c->in[0]->data, *scale = c->in[1]->data, *bias = c->in[2]->data;
    float *out = c->out[0].data;
    int64_t count = sl_shape_elements(&c->in[1]->shape);
    for (int64_t rows = sl_shape_elements(&c->in[0]->shape) / count; rows > 0; rows--, x += count, out += count) {
        double mean, narrow;
        statistics(x, count, c->node->attr.a, &mean, &narrow);
        for (int64_t i = 0; i < count; i++)
            out[i] = (float)((x[i] - mean) * narrow * scale[i] + bias[i]);
    }
    return SL_OK;
}

/* ---- gradient, with x^ = (x - mean) * narrow and g = gy scale:
 *          gx = narrow (g - average of g - x^ average of (g x^)), gscale = sum of gy x^, gbias = sum of gy ---- */

sl_status sl_layernorm_back_infer(const sl_call *c, sl_error *err)
{
    int axis;
    SL_TRY(check(c, &axis, err));
    if (c->node->n_outputs != 3 || !sl_shape_equal(&c->in[0]->shape, &c->in[2]->shape))
        return sl_layer_fail(c, err, SL_ERR_FORMAT, "the output's gradient does not fit the input");
    for (int i = 0; i < 3; i++) {
        c->out[i].type = SL_TYPE_F32;
        c->out[i].shape = i == 0 ? c->in[0]->shape : c->in[1]->shape;
    }
    return SL_OK;
}

static void row_back(const float *x, const float *scale, const float *gy, int64_t count, double epsilon, float *out)
{
    double mean, narrow, sum = 0, along = 0;
    statistics(x, count, epsilon, &mean, &narrow);
    for (int64_t i = 0; i < count; i++) {
        double g = (double)gy[i] * scale[i];
        sum += g;
        along += g * (x[i] - mean) * narrow;
    }
    for (int64_t i = 0; i < count; i++) {
        double normal = (x[i] - mean) * narrow;
        out[i] = (float)(narrow * ((double)gy[i] * scale[i] - (sum + normal * along) / (double)count));
    }
}

sl_status sl_layernorm_back_forward(const sl_call *c, sl_error *err)
{
    (void)err;
    const float *x = c->in[0]->data, *scale = c->in[1]->data, *gy = c->in[2]->data;
    float *out = c->out[0].data, *by_scale = c->out[1].data, *by_bias = c->out[2].data;
    int64_t count = sl_shape_elements(&c->in[1]->shape);
    memset(by_scale, 0, (size_t)count * sizeof *by_scale);
    memset(by_bias, 0, (size_t)count * sizeof *by_bias);
    for (int64_t rows = sl_shape_elements(&c->in[0]->shape) / count; rows > 0; rows--) {
        double mean, narrow;
        row_back(x, scale, gy, count, c->node->attr.a, out);
        statistics(x, count, c->node->attr.a, &mean, &narrow);
        for (int64_t i = 0; i < count; i++) {
            by_scale[i] += (float)(gy[i] * (x[i] - mean) * narrow);
            by_bias[i] += gy[i];
        }
        x += count, gy += count, out += count;
    }
    return SL_OK;
}

void sl_layernorm_gradient(sl_backward *b)
{
    sl_tensor out[3];
    sl_back_nodes(b, SL_OP_LAYERNORM_BACK, &b->node.attr,
                  SL_BACK_INPUTS(b->node.inputs[0], b->node.inputs[1], sl_back_grad(b, 0)), out, 3);
    for (int i = 0; i < 3; i++)
        if (sl_back_wants(b, i))
            sl_back_give(b, i, out[i]);
}
