/* The inputs that an ONNX file declares, pictures among them with their channels first or last. */
#include <stdio.h>

#include "net/import/onnx/onnx.h"

static sl_status input_shape(const Onnx__ValueInfoProto *input, sl_type *type, sl_shape *shape, sl_error *err)
{
    const Onnx__TypeProto *of = input->type;
    if (!of || of->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE || !of->tensor_type)
        return sl_fail(err, SL_ERR_UNSUPPORTED, "input %.200s is no tensor", input->name);
    if (!sl_onnx_type(of->tensor_type->elem_type, type))
        return sl_fail(err, SL_ERR_UNSUPPORTED, "input %.200s: element type %d is not supported", input->name,
                       (int)of->tensor_type->elem_type);
    const Onnx__TensorShapeProto *dims = of->tensor_type->shape;
    *shape = (sl_shape){.rank = dims ? (int)(dims->n_dim < 99 ? dims->n_dim : 99) : -1};
    for (int i = 0; i < shape->rank && i < SL_MAX_RANK; i++) {
        const Onnx__TensorShapeProto__Dimension *d = dims->dim[i];
        bool known = d->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE && d->dim_value != 0;
        if (known && d->dim_value < -1)
            return sl_fail(err, SL_ERR_FORMAT, "input %.200s: axis %d has the size %lld", input->name, i,
                           (long long)d->dim_value);
        shape->dim[i] = known ? d->dim_value : -1;
    }
    return SL_OK;
}

enum { LEAST_SIDE = 12 }; /* of a picture: MTCNN's first network's */

/* [N, H, W, C], as TensorFlow and Keras export pictures: one or three channels at the end behind two sides. */
static bool is_channels_last(const sl_shape *s)
{
    return s->rank == 4 && (s->dim[3] == 1 || s->dim[3] == 3) && (s->dim[1] == -1 || s->dim[1] >= LEAST_SIDE) &&
           (s->dim[2] == -1 || s->dim[2] >= LEAST_SIDE);
}

/* The graph's input is [N, C, H, W], like every picture here; a transpose makes what the file's nodes read of it.
 */
static sl_status add_channels_last(sl_onnx *o, const char *name, const sl_shape *file, sl_error *err)
{
    const sl_shape shape = {4, {file->dim[0], file->dim[3], file->dim[1], file->dim[2]}}, unknown = {.rank = -1};
    char picture[320];
    sl_tensor input, read;
    snprintf(picture, sizeof picture, "%.300s (channels first)", name);
    SL_TRY(sl_graph_add_tensor(o->g, picture, SL_TYPE_F32, &shape, &input, err));
    SL_TRY(sl_graph_add_input(o->g, input, err));
    SL_TRY(sl_graph_add_tensor(o->g, name, SL_TYPE_F32, &unknown, &read, err));
    return sl_graph_add_node(o->g, SL_OP_TRANSPOSE, picture, &(sl_attr){.perm = {0, 2, 3, 1}}, &input, 1, &read, 1,
                             err);
}

static sl_status add_onnx_input(sl_onnx *o, const char *name, sl_type type, const sl_shape *shape, sl_error *err)
{
    sl_tensor t;
    if (type == SL_TYPE_F32 && is_channels_last(shape))
        return add_channels_last(o, name, shape, err);
    SL_TRY(sl_graph_add_tensor(o->g, name, type, shape, &t, err));
    return sl_graph_add_input(o->g, t, err);
}

/* Old exports list the initializers among the inputs: those are constants. */
sl_status sl_onnx_add_inputs(sl_onnx *o, const Onnx__GraphProto *graph)
{
    for (size_t i = 0; i < graph->n_input; i++) {
        const Onnx__ValueInfoProto *input = graph->input[i];
        sl_type type;
        sl_shape shape;
        if (!input->name || !input->name[0])
            return sl_fail(o->err, SL_ERR_FORMAT, "input %zu has no name", i);
        sl_tensor known = sl_graph_find(o->g, input->name);
        if (known >= 0 && o->g->tensors[known].data)
            continue;
        SL_TRY(input_shape(input, &type, &shape, o->err));
        SL_TRY(add_onnx_input(o, input->name, type, &shape, o->err));
    }
    if (o->g->n_inputs == 0)
        return sl_fail(o->err, SL_ERR_FORMAT, "the model has no input");
    return SL_OK;
}
