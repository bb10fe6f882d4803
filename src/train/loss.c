#include "train/loss.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/names.h"

static const char *const names[] = {"distill", "arcface", "cosface", "softmax"};

const char *sl_train_loss_name(unsigned loss)
{
    return sl_name_of(names, 4, loss);
}
int sl_train_loss_named(const char *name)
{
    return sl_named(names, 4, name);
}

bool sl_loss_has_classes(sl_train_loss loss)
{
    return loss != SL_LOSS_DISTILL;
}

/* ---- nodes ---- */

typedef struct {
    sl_graph *g;
    sl_status status; /* the first failure */
    sl_error *err;
} appending;

static sl_tensor node(appending *a, sl_op op, const sl_attr *attr, const char *name, sl_tensor x, sl_tensor y)
{
    const sl_tensor inputs[] = {x, y};
    const sl_shape unknown = {.rank = -1};
    sl_tensor out = -1;
    if (a->status == SL_OK)
        a->status = sl_graph_add_tensor(a->g, name, SL_TYPE_F32, &unknown, &out, a->err);
    if (a->status == SL_OK)
        a->status = sl_graph_add_node(a->g, op, name, attr, inputs, y < 0 ? 1 : 2, &out, 1, a->err);
    return out;
}

static sl_tensor input(appending *a, const char *name, const sl_shape *shape)
{
    sl_tensor out = -1;
    if (a->status == SL_OK)
        a->status = sl_graph_add_tensor(a->g, name, SL_TYPE_F32, shape, &out, a->err);
    if (a->status == SL_OK)
        a->status = sl_graph_add_input(a->g, out, a->err);
    return out;
}

static sl_tensor constant(appending *a, const char *name, const sl_shape *shape, const void *data, bool owned)
{
    sl_tensor out = -1;
    if (a->status == SL_OK)
        a->status = sl_graph_add_const(a->g, name, SL_TYPE_F32, shape, data, owned, &out, a->err);
    else if (owned)
        free((void *)data);
    return out;
}

/* One number. */
static sl_tensor number(appending *a, const char *name, double value)
{
    float *data = malloc(sizeof *data);
    if (!data) {
        a->status = a->status == SL_OK ? sl_no_memory(a->err, "for a loss") : a->status;
        return -1;
    }
    *data = (float)value;
    return constant(a, name, &(sl_shape){1, {1}}, data, true);
}

static sl_tensor unit_length(appending *a, const char *name, sl_tensor x)
{
    const sl_attr attr = {.axis = 1, .a = 1e-12f};
    return node(a, SL_OP_L2NORM, &attr, name, x, -1);
}

/* ---- the losses ---- */

static void append_distill(appending *a, sl_tensor unit, const sl_shape *embedding, double offset)
{
    const sl_attr mul = {.fn = SL_FN_MUL}, sub = {.fn = SL_FN_SUB};
    const sl_attr sum = {.fn = SL_FN_SUM, .axes = {1}, .n_axes = 1},
                  mean = {.fn = SL_FN_AVERAGE, .axes = {0}, .n_axes = 1, .keepdims = true};
    sl_tensor target = input(a, "train:target", embedding);
    sl_tensor most = number(a, "train:most", offset);
    sl_tensor near = node(a, SL_OP_REDUCE, &sum, "train:nearness",
                          node(a, SL_OP_BINARY, &mul, "train:products", unit, target), -1);
    near = node(a, SL_OP_REDUCE, &mean, "train:mean", near, -1);
    node(a, SL_OP_BINARY, &sub, SL_LOSS_TENSOR, most, near);
}

static void append_margin(appending *a, sl_tensor unit, int batch, int dim, const sl_train_options *o,
                          const float *classes, int people)
{
    const sl_attr margin = {.fn = o->loss == SL_LOSS_COSFACE ? SL_FN_COSINE : SL_FN_ANGLE,
                            .a = (float)o->scale,
                            .b = o->loss == SL_LOSS_SOFTMAX ? 0 : (float)o->margin};
    const sl_attr focal = {.a = (float)o->focal};
    sl_tensor labels = input(a, "train:labels", &(sl_shape){1, {batch}});
    sl_tensor w = constant(a, SL_CLASS_VECTORS, &(sl_shape){2, {people, dim}}, classes, false);
    sl_tensor cosines = node(a, SL_OP_DENSE, NULL, "train:cosines", unit, unit_length(a, "train:unit classes", w));
    sl_tensor logits = node(a, SL_OP_MARGIN, &margin, "train:logits", cosines, labels);
    node(a, SL_OP_CROSS_ENTROPY, &focal, SL_LOSS_TENSOR, logits, labels);
}

sl_status sl_loss_append(sl_graph *g, sl_tensor embedding, int batch, int dim, const sl_train_options *o,
                         const float *classes, int people, sl_error *err)
{
    appending a = {.g = g, .err = err};
    sl_tensor unit = unit_length(&a, "train:unit", embedding);
    if (o->loss == SL_LOSS_DISTILL)
        append_distill(&a, unit, &(sl_shape){2, {batch, dim}}, 1 + o->target_covered);
    else
        append_margin(&a, unit, batch, dim, o, classes, people);
    return a.status;
}

sl_status sl_loss_append_logits(sl_graph *g, sl_tensor logits, int batch, const sl_train_options *o, sl_error *err)
{
    appending a = {.g = g, .err = err};
    const sl_attr focal = {.a = (float)o->focal};
    sl_tensor labels = input(&a, "train:labels", &(sl_shape){1, {batch}});
    node(&a, SL_OP_CROSS_ENTROPY, &focal, SL_LOSS_TENSOR, logits, labels);
    return a.status;
}

sl_status sl_loss_append_distance(sl_graph *g, sl_tensor told, int batch, int count, sl_error *err)
{
    static const double small = .03;
    const sl_attr add = {.fn = SL_FN_ADD}, sub = {.fn = SL_FN_SUB}, mul = {.fn = SL_FN_MUL}, root = {.fn = SL_FN_SQRT};
    const sl_attr mean = {.fn = SL_FN_AVERAGE, .axes = {0, 1}, .n_axes = 2, .keepdims = true};
    appending a = {.g = g, .err = err};
    sl_tensor wanted = input(&a, "train:told", &(sl_shape){2, {batch, count}});
    sl_tensor off = node(&a, SL_OP_BINARY, &sub, "train:off", told, wanted);
    off = node(&a, SL_OP_BINARY, &mul, "train:squares", off, off);
    off = node(&a, SL_OP_BINARY, &add, "train:above", off, number(&a, "train:small", small * small));
    off = node(&a, SL_OP_UNARY, &root, "train:distances", off, -1);
    off = node(&a, SL_OP_REDUCE, &mean, "train:mean", off, -1);
    node(&a, SL_OP_BINARY, &sub, SL_LOSS_TENSOR, off, number(&a, "train:least", small));
    return a.status;
}
