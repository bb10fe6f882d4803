/* The margin of ArcFace and CosFace: logits = a * cosine, of the row's own label less:
 *     angle:  cos(angle + b), and where that would rise again (angle + b beyond pi) cosine - b sin(pi - b)
 *     cosine: cosine - b
 * Labels are whole numbers as floats; one outside the columns is no label: its row gets no margin. */
#include "net/layers/backward.h"

#include <math.h>

sl_status sl_margin_infer(const sl_call *c, sl_error *err)
{
    const sl_shape *x = &c->in[0]->shape, *labels = &c->in[1]->shape;
    if (c->node->attr.fn != SL_FN_ANGLE && c->node->attr.fn != SL_FN_COSINE)
        return sl_layer_fail(c, err, SL_ERR_ARGUMENT, "%d is no margin", (int)c->node->attr.fn);
    if (x->rank != 2 || labels->rank != 1 || labels->dim[0] != x->dim[0])
        return sl_layer_fail(c, err, SL_ERR_FORMAT, "cosines of %d axes and labels of %d do not fit", x->rank,
                             labels->rank);
    c->out[0].type = SL_TYPE_F32;
    c->out[0].shape = *x;
    return SL_OK;
}

/* A cosine of the row's own label, and the slope there. Rounding may bring it beyond 1: the square root is clamped. */
static double with_margin(const sl_attr *attr, double cosine, double *slope)
{
    double margin = attr->b;
    *slope = 1;
    if (attr->fn == SL_FN_COSINE)
        return cosine - margin;
    if (!(cosine > cos(M_PI - margin)))
        return cosine - margin * sin(M_PI - margin);
    double sine = sqrt(fmax(1 - cosine * cosine, 1e-12));
    *slope = cos(margin) + cosine / sine * sin(margin);
    return cosine * cos(margin) - sine * sin(margin);
}

sl_status sl_margin_forward(const sl_call *c, sl_error *err)
{
    (void)err;
    const float *x = c->in[0]->data, *labels = c->in[1]->data;
    float *out = c->out[0].data;
    double slope;
    int64_t columns = c->in[0]->shape.dim[1];
    for (int64_t n = 0; n < c->in[0]->shape.dim[0]; n++)
        for (int64_t k = 0; k < columns; k++, x++)
            *out++ = (float)(c->node->attr.a *
                             (labels[n] == (float)k ? with_margin(&c->node->attr, *x, &slope) : *x));
    return SL_OK;
}

/* ---- gradient ---- */

sl_status sl_margin_back_infer(const sl_call *c, sl_error *err)
{
    if (!sl_shape_equal(&c->in[0]->shape, &c->in[2]->shape))
        return sl_layer_fail(c, err, SL_ERR_FORMAT, "the logits' gradient does not fit the cosines");
    return sl_margin_infer(c, err);
}

sl_status sl_margin_back_forward(const sl_call *c, sl_error *err)
{
    (void)err;
    const float *x = c->in[0]->data, *labels = c->in[1]->data, *gy = c->in[2]->data;
    float *out = c->out[0].data;
    int64_t columns = c->in[0]->shape.dim[1];
    for (int64_t n = 0; n < c->in[0]->shape.dim[0]; n++)
        for (int64_t k = 0; k < columns; k++, x++, gy++) {
            double slope = 1;
            if (labels[n] == (float)k)
                with_margin(&c->node->attr, *x, &slope);
            *out++ = (float)(c->node->attr.a * slope * *gy);
        }
    return SL_OK;
}

void sl_margin_gradient(sl_backward *b)
{
    if (sl_back_wants(b, 1))
        sl_back_fail(b, SL_ERR_UNSUPPORTED, "labels have none");
    sl_back_give(b, 0, sl_back_node(b, SL_OP_MARGIN_BACK, &b->node.attr,
                                    SL_BACK_INPUTS(b->node.inputs[0], b->node.inputs[1], sl_back_grad(b, 0))));
}
