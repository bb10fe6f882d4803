/* The gradients of a convolution, by its input and by its weights. Both run through the windows as the convolution
 * itself does: y [n, o, oy, ox] was made of x [n, i, oy * stride - pad + ky * dilation, ...] * w [o, i, ky, kx]. */
#include "net/layers/layers.h"

typedef struct {
    sl_window window;
    int64_t batch, channels, outputs, groups, per_in, per_out; /* per_*: channels and outputs of a group */
} conv;

static sl_status conv_of(const sl_call *c, const sl_shape *x, const sl_shape *k, conv *out, sl_error *err)
{
    const sl_shape *y = &c->in[0]->shape;
    int64_t groups = c->node->attr.groups ? c->node->attr.groups : 1;
    if (x->rank != 4 || k->rank != 4 || y->rank != 4 || groups < 1 || k->dim[0] < groups || k->dim[0] % groups ||
        k->dim[1] < 1 || x->dim[1] != k->dim[1] * groups || y->dim[0] != x->dim[0] || y->dim[1] != k->dim[0])
        return sl_layer_fail(c, err, SL_ERR_FORMAT, "the shapes of input, weights and output do not fit");
    const int64_t kernel[2] = {k->dim[2], k->dim[3]};
    *out = (conv){.batch = x->dim[0], .channels = x->dim[1], .outputs = k->dim[0], .groups = groups,
                  .per_in = k->dim[1], .per_out = k->dim[0] / groups};
    SL_TRY(sl_window_of(c, x, kernel, &out->window, err));
    if (y->dim[2] != out->window.out[0] || y->dim[3] != out->window.out[1])
        return sl_layer_fail(c, err, SL_ERR_FORMAT, "the output is not of this convolution");
    return SL_OK;
}

static sl_status named_shape(const sl_call *c, sl_shape *out, sl_error *err)
{
    return sl_layer_ints(c, 2, out->dim, SL_MAX_RANK, &out->rank, err);
}

/* The output along `axis` whose window's cell `k` lies at `at`, or -1. */
static int64_t output_at(const sl_window *w, int axis, int64_t at, int64_t k)
{
    int64_t from = at + w->pad[axis] - k * w->dilation[axis];
    return from < 0 || from % w->stride[axis] || from / w->stride[axis] >= w->out[axis] ? -1 : from / w->stride[axis];
}

/* ---- by the input ---- */

sl_status sl_conv_back_data_infer(const sl_call *c, sl_error *err)
{
    sl_shape x;
    conv v;
    SL_TRY(named_shape(c, &x, err));
    SL_TRY(conv_of(c, &x, &c->in[1]->shape, &v, err));
    c->out[0].type = SL_TYPE_F32;
    c->out[0].shape = x;
    return SL_OK;
}

/* At (y, x): all outputs of the group that saw this cell. gy, k: of the image and the group; k at the channel. */
static double data_sum(const conv *v, const float *gy, const float *k, int64_t y, int64_t x)
{
    const sl_window *w = &v->window;
    int64_t area = w->kernel[0] * w->kernel[1];
    double sum = 0;
    for (int64_t ky = 0; ky < w->kernel[0]; ky++)
        for (int64_t kx = 0; kx < w->kernel[1]; kx++) {
            int64_t oy = output_at(w, 0, y, ky), ox = output_at(w, 1, x, kx);
            for (int64_t o = 0; oy >= 0 && ox >= 0 && o < v->per_out; o++)
                sum += (double)gy[(o * w->out[0] + oy) * w->out[1] + ox] *
                       k[o * v->per_in * area + ky * w->kernel[1] + kx];
        }
    return sum;
}

sl_status sl_conv_back_data_forward(const sl_call *c, sl_error *err)
{
    conv v;
    SL_TRY(conv_of(c, &c->out[0].shape, &c->in[1]->shape, &v, err));
    const sl_window *w = &v.window;
    const float *gy = c->in[0]->data, *weights = c->in[1]->data;
    float *out = c->out[0].data;
    int64_t plane = w->out[0] * w->out[1], area = w->kernel[0] * w->kernel[1];
    for (int64_t n = 0; n < v.batch; n++)
        for (int64_t i = 0; i < v.channels; i++) {
            int64_t group = i / v.per_in;
            const float *of_group = gy + (n * v.outputs + group * v.per_out) * plane;
            const float *k = weights + (group * v.per_out * v.per_in + i % v.per_in) * area;
            for (int64_t y = 0; y < w->in[0]; y++)
                for (int64_t x = 0; x < w->in[1]; x++)
                    *out++ = (float)data_sum(&v, of_group, k, y, x);
        }
    return SL_OK;
}

/* ---- by the weights ---- */

sl_status sl_conv_back_weights_infer(const sl_call *c, sl_error *err)
{
    sl_shape k;
    conv v;
    SL_TRY(named_shape(c, &k, err));
    SL_TRY(conv_of(c, &c->in[1]->shape, &k, &v, err));
    for (int i = 0; i < c->node->n_outputs; i++) {
        c->out[i].type = SL_TYPE_F32;
        c->out[i].shape = i == 0 ? k : (sl_shape){1, {k.dim[0]}};
    }
    return SL_OK;
}

/* One weight, output o and channel i of the picture: over all images and windows. */
static double weight_sum(const conv *v, const float *gy, const float *x, int64_t o, int64_t i, int64_t ky, int64_t kx)
{
    const sl_window *w = &v->window;
    double sum = 0;
    for (int64_t n = 0; n < v->batch; n++)
        for (int64_t oy = 0; oy < w->out[0]; oy++)
            for (int64_t ox = 0; ox < w->out[1]; ox++) {
                int64_t y = oy * w->stride[0] - w->pad[0] + ky * w->dilation[0];
                int64_t xx = ox * w->stride[1] - w->pad[1] + kx * w->dilation[1];
                if (y >= 0 && y < w->in[0] && xx >= 0 && xx < w->in[1])
                    sum += (double)gy[((n * v->outputs + o) * w->out[0] + oy) * w->out[1] + ox] *
                           x[((n * v->channels + i) * w->in[0] + y) * w->in[1] + xx];
            }
    return sum;
}

static void bias_sums(const conv *v, const float *gy, float *out)
{
    int64_t plane = v->window.out[0] * v->window.out[1];
    for (int64_t o = 0; o < v->outputs; o++) {
        double sum = 0;
        for (int64_t n = 0; n < v->batch; n++)
            for (int64_t i = 0; i < plane; i++)
                sum += gy[(n * v->outputs + o) * plane + i];
        out[o] = (float)sum;
    }
}

sl_status sl_conv_back_weights_forward(const sl_call *c, sl_error *err)
{
    conv v;
    SL_TRY(conv_of(c, &c->in[1]->shape, &c->out[0].shape, &v, err));
    const sl_window *w = &v.window;
    float *out = c->out[0].data;
    for (int64_t o = 0; o < v.outputs; o++)
        for (int64_t i = 0; i < v.per_in; i++)
            for (int64_t ky = 0; ky < w->kernel[0]; ky++)
                for (int64_t kx = 0; kx < w->kernel[1]; kx++)
                    *out++ = (float)weight_sum(&v, c->in[0]->data, c->in[1]->data, o, o / v.per_out * v.per_in + i, ky,
                                               kx);
    if (c->node->n_outputs > 1)
        bias_sums(&v, c->in[0]->data, c->out[1].data);
    return SL_OK;
}
