/* What all converters use: attributes with their kinds checked, constants, and appending nodes. */
#include "net/import/onnx/onnx.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "net/import/const_budget.h"

void sl_onnx_fail(sl_onnx *o, sl_status status, const char *format, ...)
{
    if (o->status != SL_OK)
        return;
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    o->status = sl_fail(o->err, status, "node %.200s (%.60s): %s", o->name, o->node->op_type, text);
}

/* ---- attributes ---- */

static const Onnx__AttributeProto *find_attribute(const sl_onnx *o, const char *name)
{
    for (size_t i = 0; i < o->node->n_attribute; i++)
        if (o->node->attribute[i]->name && strcmp(o->node->attribute[i]->name, name) == 0)
            return o->node->attribute[i];
    return NULL;
}

/* The attribute when it is of this kind; files older than IR version 2 do not write the kind. */
static const Onnx__AttributeProto *find_typed(sl_onnx *o, const char *name, int type, const char *kind)
{
    const Onnx__AttributeProto *a = find_attribute(o, name);
    if (a && a->ref_attr_name && a->ref_attr_name[0]) {
        sl_onnx_fail(o, SL_ERR_UNSUPPORTED, "attribute %s refers to a function's attribute", name);
        return NULL;
    }
    if (a && a->has_type && a->type != ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__UNDEFINED && (int)a->type != type) {
        sl_onnx_fail(o, SL_ERR_FORMAT, "attribute %s is not %s", name, kind);
        return NULL;
    }
    return a;
}

bool sl_onnx_has(const sl_onnx *o, const char *attribute) { return find_attribute(o, attribute) != NULL; }

int64_t sl_onnx_int(sl_onnx *o, const char *attribute, int64_t otherwise)
{
    const Onnx__AttributeProto *a =
        find_typed(o, attribute, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT, "an integer");
    return a ? a->i : otherwise;
}

int sl_onnx_int_within(sl_onnx *o, const char *attribute, int64_t otherwise, int low, int high)
{
    int64_t value = sl_onnx_int(o, attribute, otherwise);
    if (value >= low && value <= high)
        return (int)value;
    sl_onnx_fail(o, SL_ERR_FORMAT, "attribute %s is %lld, expected %d to %d", attribute, (long long)value, low,
                 high);
    return low;
}

float sl_onnx_float(sl_onnx *o, const char *attribute, float otherwise)
{
    const Onnx__AttributeProto *a =
        find_typed(o, attribute, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT, "a number with a fraction");
    return a ? a->f : otherwise;
}

bool sl_onnx_string_is(sl_onnx *o, const char *attribute, const char *otherwise, const char *text)
{
    const Onnx__AttributeProto *a =
        find_typed(o, attribute, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING, "a text");
    if (!a)
        return strcmp(otherwise, text) == 0;
    return a->s.len == strlen(text) && (a->s.len == 0 || memcmp(a->s.data, text, a->s.len) == 0);
}

const int64_t *sl_onnx_ints(sl_onnx *o, const char *attribute, size_t *count)
{
    const Onnx__AttributeProto *a =
        find_typed(o, attribute, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS, "a list of integers");
    *count = a ? a->n_ints : 0;
    return a ? a->ints : NULL;
}

const float *sl_onnx_floats(sl_onnx *o, const char *attribute, size_t *count)
{
    const Onnx__AttributeProto *a =
        find_typed(o, attribute, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS, "a list of numbers");
    *count = a ? a->n_floats : 0;
    return a ? a->floats : NULL;
}

const Onnx__TensorProto *sl_onnx_tensor_attribute(sl_onnx *o, const char *attribute)
{
    const Onnx__AttributeProto *a =
        find_typed(o, attribute, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR, "a tensor");
    return a ? a->t : NULL;
}

/* ---- inputs and constants ---- */

sl_tensor sl_onnx_input(const sl_onnx *o, int i) { return i < o->n_inputs ? o->inputs[i] : -1; }

static const void *const_of(const sl_onnx *o, sl_tensor t, sl_type type, int64_t *count)
{
    *count = 0;
    if (t < 0 || !o->g->tensors[t].data || o->g->tensors[t].type != type)
        return NULL;
    *count = sl_shape_elements(&o->g->tensors[t].shape);
    return o->g->tensors[t].data;
}

const float *sl_onnx_const_f32(const sl_onnx *o, sl_tensor t, int64_t *count)
{
    return const_of(o, t, SL_TYPE_F32, count);
}

const int64_t *sl_onnx_const_i64(const sl_onnx *o, sl_tensor t, int64_t *count)
{
    return const_of(o, t, SL_TYPE_I64, count);
}

/* A name nobody has: the node's and a number. */
static void make_onnx_name(sl_onnx *o, char *name, size_t size)
{
    do
        snprintf(name, size, "%.200s/%d", o->name, o->made_up++);
    while (sl_graph_find(o->g, name) >= 0);
}

float *sl_onnx_new_floats(sl_onnx *o, int64_t count)
{
    void *data;
    sl_error why;
    if (o->status != SL_OK)
        return NULL;
    sl_status status = sl_const_alloc(&o->budget, (size_t)count * sizeof(float), &data, &why);
    if (status != SL_OK) /* count is within SL_MAX_ELEMENTS */
        sl_onnx_fail(o, status, "%s", why.text);
    return data;
}

/* Takes `data` over when `owned`. */
static sl_tensor add_onnx_const(sl_onnx *o, sl_type type, const sl_shape *shape, const void *data, bool owned)
{
    char name[240];
    sl_tensor t = -1;
    if (o->status != SL_OK || !data) {
        if (owned)
            free((void *)data);
        return -1;
    }
    make_onnx_name(o, name, sizeof name);
    o->status = sl_graph_add_const(o->g, name, type, shape, data, owned, &t, o->err);
    return t;
}

sl_tensor sl_onnx_make_i64(sl_onnx *o, const int64_t *values, size_t count)
{
    int64_t *data = sl_calloc_aligned(count, sizeof *data);
    if (!data)
        sl_onnx_fail(o, SL_ERR_MEMORY, "no memory for %zu integers", count);
    else if (count)
        memcpy(data, values, count * sizeof *data);
    return add_onnx_const(o, SL_TYPE_I64, &(sl_shape){.rank = 1, .dim = {(int64_t)count}}, data, true);
}

sl_tensor sl_onnx_make_f32(sl_onnx *o, float *data, const sl_shape *shape)
{
    return add_onnx_const(o, SL_TYPE_F32, shape, data, true);
}

sl_tensor sl_onnx_view(sl_onnx *o, sl_tensor t, const sl_shape *shape)
{
    return add_onnx_const(o, o->g->tensors[t].type, shape, o->g->tensors[t].data, false);
}

sl_tensor sl_onnx_make_scalar(sl_onnx *o, float value)
{
    float *data = sl_onnx_new_floats(o, 1);
    if (data)
        *data = value;
    return sl_onnx_make_f32(o, data, &(sl_shape){.rank = 0});
}

sl_tensor sl_onnx_ints_or_input(sl_onnx *o, const char *attribute, int i)
{
    if (!sl_onnx_has(o, attribute))
        return sl_onnx_input(o, i);
    size_t count;
    const int64_t *values = sl_onnx_ints(o, attribute, &count);
    return sl_onnx_make_i64(o, values, count);
}

/* ---- nodes ---- */

static sl_type onnx_output_type(const sl_onnx *o, sl_op op, const sl_attr *attr, const sl_tensor *inputs, int n_inputs)
{
    if (op == SL_OP_SHAPE)
        return SL_TYPE_I64;
    if (op == SL_OP_CAST || op == SL_OP_FILL)
        return attr->type;
    return n_inputs > 0 && inputs[0] >= 0 ? o->g->tensors[inputs[0]].type : SL_TYPE_F32;
}

/* Adds the tensor a node computes; an empty name is made up. */
static sl_tensor add_onnx_output(sl_onnx *o, const char *name, sl_type type)
{
    char made_up[240];
    sl_tensor t = -1;
    if (!name || !name[0]) {
        make_onnx_name(o, made_up, sizeof made_up);
        name = made_up;
    }
    if (o->status == SL_OK)
        o->status = sl_graph_add_tensor(o->g, name, type, &(sl_shape){.rank = -1}, &t, o->err);
    return t;
}

static void add_onnx_node(sl_onnx *o, sl_op op, const sl_attr *attr, const sl_tensor *inputs, int n_inputs,
                          const sl_tensor *outputs, int n_outputs)
{
    if (o->status == SL_OK)
        o->status = sl_graph_add_node(o->g, op, o->name, attr, inputs, n_inputs, outputs, n_outputs, o->err);
}

sl_tensor sl_onnx_emit(sl_onnx *o, sl_op op, const sl_attr *attr, const sl_tensor *inputs, int n_inputs)
{
    if (o->status != SL_OK)
        return -1;
    sl_tensor t = add_onnx_output(o, NULL, onnx_output_type(o, op, attr, inputs, n_inputs));
    add_onnx_node(o, op, attr, inputs, n_inputs, &t, 1);
    return o->status == SL_OK ? t : -1;
}

void sl_onnx_finish(sl_onnx *o, sl_op op, const sl_attr *attr, const sl_tensor *inputs, int n_inputs)
{
    if (o->status != SL_OK)
        return;
    sl_tensor outputs[SL_MAX_NODE_INPUTS];
    /* What other operators have as further outputs (a mask, indices, running means) is for training. */
    size_t count = op == SL_OP_SPLIT ? o->node->n_output : 1;
    sl_type type = onnx_output_type(o, op, attr, inputs, n_inputs);
    for (size_t i = 0; i < count && o->status == SL_OK; i++)
        outputs[i] = add_onnx_output(o, o->node->output[i], type);
    add_onnx_node(o, op, attr, inputs, n_inputs, outputs, (int)count);
}

void sl_onnx_finish_same(sl_onnx *o, sl_tensor t)
{
    sl_tensor alias;
    if (o->status != SL_OK)
        return;
    const sl_tensor_info info = o->g->tensors[t];
    if (info.data) /* stays a constant, so that it may be a weight */
        o->status = sl_graph_add_const(o->g, o->node->output[0], info.type, &info.shape, info.data, false, &alias,
                                       o->err);
    else
        sl_onnx_finish(o, SL_OP_UNARY, &(sl_attr){.fn = SL_FN_IDENTITY}, &t, 1);
}
