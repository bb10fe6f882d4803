/* Graphs to ONNX files, opset 14: what is computed stays as the graph has it, the batch stays open. */
#include <stdlib.h>
#include <string.h>

#include "net/export/onnx_write.h"

enum { IR_VERSION = 7, OPSET = 14 };                 /* of 2021: what reads ONNX today reads these */
static const size_t max_file_size = (size_t)1 << 30; /* what sl_import_onnx reads; protobuf itself ends at 2 GiB */

/* ---- inputs and outputs ---- */

/* The graph for one picture of the input's own size, NULL where that is open: it knows the outputs' shapes. */
static sl_graph *with_shapes(const sl_graph *g)
{
    sl_shape inputs[SL_MAX_NODE_INPUTS];
    sl_graph *out = NULL;
    if (g->n_inputs > SL_MAX_NODE_INPUTS)
        return NULL;
    for (int i = 0; i < g->n_inputs; i++) {
        inputs[i] = g->tensors[g->inputs[i]].shape;
        if (inputs[i].rank > 0 && inputs[i].dim[0] < 0)
            inputs[i].dim[0] = 1;
        if (sl_shape_elements(&inputs[i]) < 0)
            return NULL;
    }
    return sl_graph_specialize(g, inputs, NULL, 0, &out, NULL) == SL_OK ? out : NULL;
}

static Onnx__TensorShapeProto__Dimension *dimension(sl_onnx_writer *w, int64_t size, int axis)
{
    static const char *const names[SL_MAX_RANK] = {"batch", "axis1", "height", "width", "axis4", "axis5"};
    Onnx__TensorShapeProto__Dimension *d = sl_put_memory(w, 1, sizeof *d);
    if (!d)
        return NULL;
    onnx__tensor_shape_proto__dimension__init(d);
    d->value_case = size < 0 ? ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM
                             : ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
    if (size < 0)
        d->dim_param = (char *)names[axis];
    else
        d->dim_value = size;
    return d;
}

static Onnx__TensorShapeProto *shape_message(sl_onnx_writer *w, const sl_shape *shape)
{
    Onnx__TensorShapeProto *message = sl_put_memory(w, 1, sizeof *message);
    Onnx__TensorShapeProto__Dimension **dims = sl_put_memory(w, SL_MAX_RANK, sizeof(void *));
    if (!message || !dims)
        return NULL;
    onnx__tensor_shape_proto__init(message);
    message->dim = dims;
    for (int i = 0; i < shape->rank; i++)
        message->dim[message->n_dim++] = dimension(w, shape->dim[i], i);
    return message;
}

/* A rank of -1: nothing is said of the shape. */
static Onnx__ValueInfoProto *value_info(sl_onnx_writer *w, const sl_tensor_info *t, const sl_shape *shape)
{
    Onnx__ValueInfoProto *info = sl_put_memory(w, 1, sizeof *info);
    Onnx__TypeProto *type = sl_put_memory(w, 1, sizeof *type);
    Onnx__TypeProto__Tensor *tensor = sl_put_memory(w, 1, sizeof *tensor);
    if (!info || !type || !tensor)
        return NULL;
    onnx__value_info_proto__init(info);
    onnx__type_proto__init(type);
    onnx__type_proto__tensor__init(tensor);
    tensor->has_elem_type = 1;
    tensor->elem_type =
        t->type == SL_TYPE_F32 ? ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT : ONNX__TENSOR_PROTO__DATA_TYPE__INT64;
    tensor->shape = shape->rank < 0 ? NULL : shape_message(w, shape);
    type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    type->tensor_type = tensor;
    info->name = t->name;
    info->type = type;
    return info;
}

static void put_inputs(sl_onnx_writer *w, Onnx__GraphProto *graph)
{
    const sl_graph *g = w->g;
    graph->input = sl_put_memory(w, (size_t)g->n_inputs, sizeof *graph->input);
    for (int i = 0; graph->input && i < g->n_inputs; i++) {
        const sl_tensor_info *t = &g->tensors[g->inputs[i]];
        graph->input[graph->n_input++] = value_info(w, t, &t->shape);
    }
}

static void put_outputs(sl_onnx_writer *w, Onnx__GraphProto *graph)
{
    const sl_graph *g = w->g;
    sl_graph *known = with_shapes(g);
    graph->output = sl_put_memory(w, (size_t)g->n_outputs, sizeof *graph->output);
    for (int i = 0; graph->output && i < g->n_outputs; i++) {
        sl_shape shape = known ? known->tensors[known->outputs[i]].shape : g->tensors[g->outputs[i]].shape;
        if (known && shape.rank > 0 && shape.dim[0] == 1 && g->tensors[g->inputs[0]].shape.dim[0] < 0)
            shape.dim[0] = -1;
        graph->output[graph->n_output++] = value_info(w, &g->tensors[g->outputs[i]], &shape);
    }
    sl_graph_free(known);
}

/* ---- the file ---- */

/* The graph's constants that the nodes written so far read, each once. */
static void put_constants(sl_onnx_writer *w)
{
    const sl_graph *g = w->g;
    bool *written = sl_put_memory(w, (size_t)g->n_tensors, sizeof *written);
    for (size_t n = 0; written && n < w->n_nodes; n++)
        for (size_t i = 0; i < w->nodes[n]->n_input; i++) {
            sl_tensor t = sl_graph_find(g, w->nodes[n]->input[i]);
            if (t < 0 || !g->tensors[t].data || written[t])
                continue;
            const sl_tensor_info *info = &g->tensors[t];
            sl_put_initializer(w, sl_put_tensor(w, info->name, info->type, &info->shape, info->data));
            written[t] = true;
        }
}

static void put_metadata(sl_onnx_writer *w, const char *const (*metadata)[2], size_t count,
                         Onnx__ModelProto *model)
{
    model->metadata_props = sl_put_memory(w, count, sizeof *model->metadata_props);
    for (size_t i = 0; model->metadata_props && i < count; i++) {
        Onnx__StringStringEntryProto *entry = sl_put_memory(w, 1, sizeof *entry);
        if (!entry)
            return;
        onnx__string_string_entry_proto__init(entry);
        entry->key = (char *)metadata[i][0];
        entry->value = (char *)metadata[i][1];
        model->metadata_props[model->n_metadata_props++] = entry;
    }
}

static sl_status pack_onnx(const Onnx__ModelProto *model, uint8_t **data, size_t *size, sl_error *err)
{
    *size = onnx__model_proto__get_packed_size(model);
    if (*size > max_file_size)
        return sl_fail(err, SL_ERR_LIMIT, "the network takes %zu bytes as ONNX, at most 1 GiB is written", *size);
    *data = malloc(*size);
    if (!*data)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for %zu bytes of ONNX", *size);
    onnx__model_proto__pack(model, *data);
    return SL_OK;
}

sl_status sl_export_onnx(const sl_graph *g, const char *const (*metadata)[2], size_t metadata_count,
                         uint8_t **data, size_t *size, sl_error *err)
{
    sl_onnx_writer w = {.g = g};
    Onnx__OperatorSetIdProto opset = ONNX__OPERATOR_SET_ID_PROTO__INIT, *const opsets[] = {&opset};
    Onnx__GraphProto graph = ONNX__GRAPH_PROTO__INIT;
    Onnx__ModelProto model = ONNX__MODEL_PROTO__INIT;
    *data = NULL;
    *size = 0;
    for (int i = 0; i < g->n_nodes; i++)
        if (!sl_in_onnx(g, &g->nodes[i]))
            return sl_fail(err, SL_ERR_UNSUPPORTED, "node %.200s (%s): ONNX (opset %d) has no such operator",
                           g->nodes[i].name, sl_op_name(g->nodes[i].op), OPSET);
    opset.domain = "";
    opset.has_version = 1;
    opset.version = OPSET;
    put_inputs(&w, &graph);
    for (int i = 0; i < g->n_nodes; i++)
        sl_put_graph_node(&w, &g->nodes[i]);
    put_constants(&w);
    put_outputs(&w, &graph);
    put_metadata(&w, metadata, metadata_count, &model);
    graph.name = "secondlook";
    graph.node = w.nodes;
    graph.n_node = w.n_nodes;
    graph.initializer = w.tensors;
    graph.n_initializer = w.n_tensors;
    model.has_ir_version = 1;
    model.ir_version = IR_VERSION;
    model.opset_import = (Onnx__OperatorSetIdProto **)opsets;
    model.n_opset_import = 1;
    model.producer_name = "secondlook";
    model.producer_version = (char *)sl_version();
    model.graph = &graph;
    sl_status status = w.failed ? sl_no_memory(err, "for the network as ONNX")
                                : pack_onnx(&model, data, size, err);
    sl_put_free(&w);
    return status;
}
