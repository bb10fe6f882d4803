/* TFLite files to graphs: float models of face networks. The batch they were exported for is freed. */
#include "net/import/tflite/tflite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/import/batch.h"
#include "net/import/const_budget.h"

enum { MODEL_OPERATOR_CODES = 1, MODEL_SUBGRAPHS = 2, MODEL_BUFFERS = 4 };
enum { SUBGRAPH_TENSORS = 0, SUBGRAPH_INPUTS = 1, SUBGRAPH_OUTPUTS = 2, SUBGRAPH_OPERATORS = 3 };
enum { CODE_DEPRECATED = 0, CODE_BUILTIN = 3 };
enum { OPERATOR_CODE_INDEX = 0, OPERATOR_INPUTS = 1, OPERATOR_OUTPUTS = 2, OPERATOR_OPTIONS = 4 };

static sl_status damaged_tflite(sl_error *err)
{
    return sl_fail(err, SL_ERR_FORMAT, "the TFLite file is damaged: an offset leads out of it");
}

/* Every element of a list of tensors must be one; -1 only where `optional`. */
static sl_status check_indices(sl_tflite *t, sl_flat_vector v, bool optional)
{
    for (uint32_t i = 0; i < v.count; i++) {
        int32_t index = sl_flat_i32_in(&t->flat, v, i);
        if (index >= (int64_t)t->tensors.count || index < (optional ? -1 : 0))
            return sl_fail(t->err, SL_ERR_FORMAT, "the TFLite file is damaged: it refers to tensor %d of %u",
                           (int)index, t->tensors.count);
    }
    return SL_OK;
}

/* ---- inputs and outputs ---- */

/* Images as [N, C, H, W]. */
static sl_status add_tflite_input(sl_tflite *t, int index)
{
    char name[240];
    sl_tensor added;
    sl_tflite_name(t, index, name, sizeof name);
    snprintf(t->name, sizeof t->name, "%s", name);
    t->op_name = "input";
    sl_shape file = sl_tflite_shape(t, index), shape = file;
    if (sl_flat_u8(&t->flat, sl_flat_table_in(&t->flat, t->tensors, (uint32_t)index), 1, 0) != 0)
        sl_tflite_fail(t, SL_ERR_UNSUPPORTED, "it is not of floats; quantised models are not supported");
    if (sl_tflite_is_const(t, index) || t->computed[index] >= 0)
        sl_tflite_fail(t, SL_ERR_FORMAT, "the input is defined elsewhere too");
    if (t->status != SL_OK)
        return t->status;
    for (int i = 0; i < file.rank; i++)
        shape.dim[sl_tflite_axis(t, i, file.rank)] = file.dim[i] ? file.dim[i] : -1;
    SL_TRY(sl_graph_add_tensor(t->g, name, SL_TYPE_F32, &shape, &added, t->err));
    t->computed[index] = added;
    return sl_graph_add_input(t->g, added, t->err);
}

static sl_status add_inputs(sl_tflite *t, sl_flat_vector inputs)
{
    SL_TRY(check_indices(t, inputs, false));
    for (uint32_t i = 0; i < inputs.count; i++)
        SL_TRY(add_tflite_input(t, sl_flat_i32_in(&t->flat, inputs, i)));
    return inputs.count ? SL_OK : sl_fail(t->err, SL_ERR_FORMAT, "the model has no input");
}

static sl_status add_tflite_outputs(sl_tflite *t, sl_flat_vector outputs)
{
    SL_TRY(check_indices(t, outputs, false));
    for (uint32_t i = 0; i < outputs.count; i++) {
        int index = sl_flat_i32_in(&t->flat, outputs, i);
        if (t->computed[index] < 0)
            return sl_fail(t->err, SL_ERR_FORMAT, "output %u is computed by no operator", i);
        SL_TRY(sl_graph_add_output(t->g, t->computed[index], t->err));
    }
    return outputs.count ? SL_OK : sl_fail(t->err, SL_ERR_FORMAT, "the model has no output");
}

/* ---- operators ---- */

static sl_status find_code(sl_tflite *t, sl_flat_vector codes, sl_flat_at op, int *code)
{
    uint32_t i = (uint32_t)sl_flat_i32(&t->flat, op, OPERATOR_CODE_INDEX, 0);
    if (i >= codes.count)
        return sl_fail(t->err, SL_ERR_FORMAT, "the TFLite file is damaged: operator code %u of %u", i,
                       codes.count);
    sl_flat_at entry = sl_flat_table_in(&t->flat, codes, i);
    int old = (int8_t)sl_flat_u8(&t->flat, entry, CODE_DEPRECATED, 0); /* all a file of before 2020 has */
    int recent = sl_flat_i32(&t->flat, entry, CODE_BUILTIN, 0);
    *code = recent > old ? recent : old;
    return SL_OK;
}

static sl_status convert_operator(sl_tflite *t, sl_flat_vector codes, sl_flat_at op)
{
    int code = 0;
    SL_TRY(find_code(t, codes, op, &code));
    t->inputs = sl_flat_vector_of(&t->flat, op, OPERATOR_INPUTS, 4);
    t->outputs = sl_flat_vector_of(&t->flat, op, OPERATOR_OUTPUTS, 4);
    t->options = sl_flat_table(&t->flat, op, OPERATOR_OPTIONS);
    if (t->flat.failed)
        return damaged_tflite(t->err);
    SL_TRY(check_indices(t, t->inputs, true));
    SL_TRY(check_indices(t, t->outputs, false));
    if (t->outputs.count == 0)
        return sl_fail(t->err, SL_ERR_FORMAT, "an operator has no output");
    sl_tflite_name(t, sl_flat_i32_in(&t->flat, t->outputs, 0), t->name, sizeof t->name);
    const sl_tflite_operator *known = sl_tflite_find_operator(code);
    if (!known)
        return sl_fail(t->err, SL_ERR_UNSUPPORTED, "node %s: TFLite operator %d is not supported", t->name, code);
    t->op_name = known->name;
    if (t->inputs.count < known->min_inputs || t->inputs.count > known->max_inputs || t->outputs.count != 1)
        sl_tflite_fail(t, SL_ERR_FORMAT, "it has %u inputs and %u outputs", t->inputs.count, t->outputs.count);
    else
        known->convert(t, known->fn);
    return t->status;
}

static sl_status convert_all(sl_tflite *t, sl_flat_vector codes, sl_flat_vector operators)
{
    if (operators.count > SL_MAX_NODES)
        return sl_fail(t->err, SL_ERR_LIMIT, "the model has %u operators, at most %d are supported",
                       operators.count, SL_MAX_NODES);
    for (uint32_t i = 0; i < operators.count; i++)
        SL_TRY(convert_operator(t, codes, sl_flat_table_in(&t->flat, operators, i)));
    return SL_OK;
}

/* ---- the file ---- */

/* What a batch of one or two was frozen into becomes free. */
static sl_status free_batch(sl_tflite *t)
{
    SL_TRY(sl_free_batch(t->g, t->err));
    for (int i = 0; i < t->g->n_inputs; i++) {
        sl_shape *shape = &t->g->tensors[t->g->inputs[i]].shape;
        if (shape->rank == 4)
            shape->dim[0] = -1;
    }
    return SL_OK;
}

static sl_status build_tflite(sl_tflite *t)
{
    sl_flat_at model = sl_flat_root(&t->flat);
    sl_flat_vector codes = sl_flat_vector_of(&t->flat, model, MODEL_OPERATOR_CODES, 4);
    sl_flat_vector subgraphs = sl_flat_vector_of(&t->flat, model, MODEL_SUBGRAPHS, 4);
    t->buffers = sl_flat_vector_of(&t->flat, model, MODEL_BUFFERS, 4);
    if (t->flat.failed)
        return damaged_tflite(t->err);
    if (subgraphs.count != 1)
        return sl_fail(t->err, SL_ERR_UNSUPPORTED, "the model has %u subgraphs, one is supported",
                       subgraphs.count);
    sl_flat_at graph = sl_flat_table_in(&t->flat, subgraphs, 0);
    t->tensors = sl_flat_vector_of(&t->flat, graph, SUBGRAPH_TENSORS, 4);
    sl_flat_vector inputs = sl_flat_vector_of(&t->flat, graph, SUBGRAPH_INPUTS, 4);
    sl_flat_vector outputs = sl_flat_vector_of(&t->flat, graph, SUBGRAPH_OUTPUTS, 4);
    sl_flat_vector operators = sl_flat_vector_of(&t->flat, graph, SUBGRAPH_OPERATORS, 4);
    if (t->flat.failed)
        return damaged_tflite(t->err);
    t->computed = malloc(((size_t)t->tensors.count + 1) * sizeof *t->computed);
    t->stands_for = malloc(((size_t)t->tensors.count + 1) * sizeof *t->stands_for);
    if (!t->computed || !t->stands_for)
        return sl_fail(t->err, SL_ERR_MEMORY, "no memory for %u tensors", t->tensors.count);
    for (uint32_t i = 0; i < t->tensors.count; i++) {
        t->computed[i] = -1;
        t->stands_for[i] = (int)i;
    }
    SL_TRY(add_inputs(t, inputs));
    SL_TRY(convert_all(t, codes, operators));
    SL_TRY(add_tflite_outputs(t, outputs));
    return t->flat.failed ? damaged_tflite(t->err) : free_batch(t);
}

sl_status sl_import_tflite(const void *data, size_t size, sl_graph **out, sl_error *err)
{
    *out = NULL;
    if (size > (size_t)1 << 30)
        return sl_fail(err, SL_ERR_LIMIT, "the TFLite file has %zu bytes, at most 1 GiB is read", size);
    if (size < 8 || memcmp((const char *)data + 4, "TFL3", 4) != 0)
        return sl_fail(err, SL_ERR_FORMAT, "not a TFLite file");
    sl_tflite t = {.flat = {.data = data, .size = size}, .g = sl_graph_new(), .err = err, .op_name = "file"};
    t.budget = sl_const_budget(size);
    sl_status status = t.g ? build_tflite(&t) : sl_no_memory(err, "for the network's graph");
    free(t.computed);
    free(t.stands_for);
    if (status == SL_OK)
        *out = t.g;
    else
        sl_graph_free(t.g);
    return status;
}
