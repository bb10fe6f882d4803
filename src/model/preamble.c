/* The preamble read off a graph, and judged beside what a manifest says. */
#include "model/preamble.h"

#include <math.h>
#include <stdio.h>

/* ---- reading ---- */

/* Where the walk is. */
typedef struct {
    const sl_graph *g;
    sl_tensor at;
    int axis; /* the channels' */
    sl_preamble *p;
} walk;

/* The only node that reads a tensor; NULL when there are more, or none. */
static const sl_node *only_reader(const sl_graph *g, sl_tensor t)
{
    const sl_node *found = NULL;
    for (int i = 0; i < g->n_nodes; i++)
        for (int k = 0; k < g->nodes[i].n_inputs; k++)
            if (g->nodes[i].inputs[k] == t) {
                if (found)
                    return NULL;
                found = &g->nodes[i];
            }
    return found;
}

/* A constant that has one number, or one for each channel along its own axis (-1: wherever that is). */
static bool constant_per_channel(const walk *w, sl_tensor t, int axis, double out[3])
{
    const sl_tensor_info *info = t >= 0 ? &w->g->tensors[t] : NULL;
    if (!info || !info->data || info->type != SL_TYPE_F32)
        return false;
    int64_t count = sl_shape_elements(&info->shape);
    int along = axis < 0 ? -1 : axis - (4 - info->shape.rank); /* broadcasting counts axes from the end */
    bool own = count == w->p->channels && (axis < 0 || (along >= 0 && info->shape.dim[along] == count));
    if (count != 1 && !own)
        return false;
    for (int c = 0; c < w->p->channels; c++)
        out[c] = (double)((const float *)info->data)[count == 1 ? 0 : c];
    return true;
}

/* Applies x -> scale x + shift. */
static void apply_scale(walk *w, const double scale[3], const double shift[3])
{
    for (int c = 0; c < w->p->channels; c++) {
        w->p->scale[c] *= scale[c];
        w->p->shift[c] = w->p->shift[c] * scale[c] + shift[c];
    }
}

static bool apply_binary(walk *w, const sl_node *n)
{
    double v[3], scale[3] = {1, 1, 1}, shift[3] = {0};
    bool second = n->inputs[0] == w->at; /* the picture stands first, the constant second */
    if (!constant_per_channel(w, n->inputs[second ? 1 : 0], w->axis, v) || (n->attr.fn == SL_FN_DIV && !second))
        return false;
    for (int c = 0; c < w->p->channels; c++)
        switch (n->attr.fn) {
        case SL_FN_ADD: shift[c] = v[c]; break;
        case SL_FN_SUB:
            shift[c] = second ? -v[c] : v[c];
            scale[c] = second ? 1 : -1;
            break;
        case SL_FN_MUL: scale[c] = v[c]; break;
        case SL_FN_DIV: scale[c] = 1 / v[c]; break;
        default: return false;
        }
    apply_scale(w, scale, shift);
    return true;
}

/* Of a batch norm what makes it a normalisation: the mean and variance of what it met. Its gain and bias were
 * learned. */
static bool apply_batchnorm(walk *w, const sl_node *n)
{
    double mean[3], variance[3], scale[3], shift[3];
    if (w->axis != 1 || !constant_per_channel(w, n->inputs[3], -1, mean) ||
        !constant_per_channel(w, n->inputs[4], -1, variance))
        return false;
    for (int c = 0; c < w->p->channels; c++) {
        scale[c] = 1 / sqrt(variance[c] + (double)n->attr.a);
        shift[c] = -mean[c] * scale[c];
    }
    apply_scale(w, scale, shift);
    return true;
}

/* A depthwise convolution of one pixel is a batch norm that was folded. */
static bool apply_pointwise(walk *w, const sl_node *n)
{
    const sl_shape *x = &w->g->tensors[n->inputs[0]].shape, *y = &w->g->tensors[n->outputs[0]].shape;
    double scale[3], shift[3] = {0};
    bool same = n->inputs[0] == w->at && n->attr.groups == w->p->channels && sl_shape_equal(x, y);
    if (!same || w->axis != 1 || !constant_per_channel(w, n->inputs[1], -1, scale) ||
        (n->n_inputs > 2 && n->inputs[2] >= 0 && !constant_per_channel(w, n->inputs[2], -1, shift)))
        return false;
    apply_scale(w, scale, shift);
    return true;
}

static bool apply_transpose(walk *w, const sl_node *n)
{
    const int *perm = n->attr.perm;
    if (w->at == w->g->inputs[0])
        w->p->channels_last = perm[0] == 0 && perm[1] == 2 && perm[2] == 3 && perm[3] == 1;
    for (int i = 0; i < 4; i++)
        if (perm[i] == w->axis) {
            w->axis = i;
            return true;
        }
    return false;
}

static bool apply_node(walk *w, const sl_node *n)
{
    static const double minus[3] = {-1, -1, -1}, nothing[3];
    switch (n->op) {
    case SL_OP_BINARY: return apply_binary(w, n);
    case SL_OP_BATCHNORM: return apply_batchnorm(w, n);
    case SL_OP_CONV: return apply_pointwise(w, n);
    case SL_OP_TRANSPOSE: return apply_transpose(w, n);
    case SL_OP_CAST: return n->attr.type == SL_TYPE_F32;
    case SL_OP_UNARY:
        if (n->attr.fn == SL_FN_NEG)
            apply_scale(w, minus, nothing);
        return n->attr.fn == SL_FN_NEG || n->attr.fn == SL_FN_IDENTITY;
    default: return false;
    }
}

sl_preamble sl_preamble_of(const sl_graph *g)
{
    sl_preamble p = {.scale = {1, 1, 1}};
    const sl_shape *picture = g->n_inputs == 1 ? &g->tensors[g->inputs[0]].shape : NULL;
    if (!picture || picture->rank != 4 || (picture->dim[1] != 1 && picture->dim[1] != 3))
        return p;
    p.channels = (int)picture->dim[1];
    walk w = {g, g->inputs[0], 1, &p};
    for (const sl_node *n;
         (n = only_reader(g, w.at)) && g->tensors[n->outputs[0]].shape.rank == 4 && apply_node(&w, n);)
        w.at = n->outputs[0];
    for (int c = 0; c < p.channels; c++)
        p.normalises = p.normalises || !(fabs(p.scale[c] - 1) < 1e-6) || !(fabs(p.shift[c]) < 1e-6);
    return p;
}

/* ---- judging ---- */

/* What black and white of channel c are when they reach the first layer. */
static void reach(const sl_preamble *p, int c, float mean, float std, double *black, double *white)
{
    *black = (0 - (double)mean) / (double)std * p->scale[c] + p->shift[c];
    *white = (255 - (double)mean) / (double)std * p->scale[c] + p->shift[c];
}

/* The usual forms lie in here: x / 255 (spread 1), (x - 127.5) / 128 (2), ImageNet's (4.4), x itself or less a
 * mean (255). A second normalisation takes the spread away or blows it up; a second mean leaves all of it on the
 * dark side. */
bool sl_preamble_suits(const sl_preamble *p, const float mean[3], const float std[3])
{
    for (int c = 0; c < p->channels; c++) {
        double black, white;
        reach(p, c, mean[c], std[c], &black, &white);
        double spread = fabs(white - black), middle = (black + white) / 2;
        bool usual = (spread >= .5 && spread <= 8) || (spread >= 100 && spread <= 300);
        if (!usual || !(middle >= -.15 * spread && middle <= .6 * spread))
            return false;
    }
    return true;
}

bool sl_preamble_suggest(const sl_preamble *p, float *mean, float *std)
{
    static const float none[3], usual[2] = {1, 255};
    for (int i = 0; i < 2; i++) {
        const float all[3] = {usual[i], usual[i], usual[i]};
        *mean = 0;
        *std = usual[i];
        if (sl_preamble_suits(p, none, all))
            return true;
    }
    return false;
}

/* ---- saying ---- */

void sl_preamble_text(const sl_preamble *p, char text[160])
{
    bool same = true;
    text[0] = '\0';
    for (int c = 1; c < p->channels; c++)
        same = same && p->scale[c] == p->scale[0] && p->shift[c] == p->shift[0];
    size_t used = 0;
    for (int c = 0; c < (same ? 1 : p->channels) && used < 160; c++)
        used += (size_t)snprintf(text + used, 160 - used, "%s(x - %.6g) / %.6g", c ? ", " : "",
                                 0 - p->shift[c] / p->scale[c], 1 / p->scale[c]);
}

sl_status sl_preamble_check(const sl_preamble *p, const sl_manifest *m, sl_error *err)
{
    char text[160], fix[80] = "\"mean\" and \"std\" must be what it was trained with";
    float mean, std;
    double black, white;
    if (!p->normalises || sl_preamble_suits(p, m->mean, m->std))
        return SL_OK;
    if (sl_preamble_suggest(p, &mean, &std))
        snprintf(fix, sizeof fix, "write \"mean\": [%g], \"std\": [%g]", (double)mean, (double)std);
    sl_preamble_text(p, text);
    reach(p, 0, m->mean[0], m->std[0], &black, &white);
    return sl_fail(
        err, SL_ERR_MISMATCH,
        "model %s: the network itself makes %s of its pixels, and its manifest makes (x - %g) / %g of them "
        "before, so that black and white reach the first layer as %.4g and %.4g: %s",
        m->name, text, (double)m->mean[0], (double)m->std[0], black, white, fix);
}
