/* A model as an ONNX file for other runtimes: its network, and in the metadata what its manifest says. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "model/network.h"

/* A tensor that the manifest names as a recogniser's output becomes one of the file's. */
static sl_status add_named_output(const sl_manifest *m, sl_graph *g, const char *name, sl_error *err)
{
    sl_tensor t = sl_graph_find(g, name);
    if (t < 0)
        return sl_fail(err, SL_ERR_FORMAT, "model %s: the network has no tensor \"%s\"", m->name, name);
    for (int i = 0; i < g->n_outputs; i++)
        if (g->outputs[i] == t)
            return SL_OK;
    return sl_graph_add_output(g, t, err);
}

/* Elements of all outputs for this many pictures; -1 when the network does not take them. */
static int64_t output_elements(const sl_graph *g, int64_t batch)
{
    sl_shape input = g->tensors[g->inputs[0]].shape;
    sl_graph *special;
    int64_t sum = 0;
    input.dim[0] = batch;
    if (sl_graph_specialize(g, &input, NULL, 0, &special, NULL) != SL_OK)
        return -1;
    for (int i = 0; i < special->n_outputs; i++)
        sum += sl_shape_elements(&special->tensors[special->outputs[i]].shape);
    sl_graph_free(special);
    return sum;
}

/* Many files name the batch they were made with, though any would do: then it is left open. */
static void open_batch(sl_graph *g)
{
    sl_shape *input = &g->tensors[g->inputs[0]].shape;
    if (g->n_inputs != 1 || input->rank != 4 || input->dim[0] < 0)
        return;
    int64_t one = output_elements(g, 1);
    if (one > 0 && output_elements(g, 2) == 2 * one)
        input->dim[0] = -1;
}

static void list_numbers(char text[96], const float v[3])
{
    char number[3][32];
    snprintf(text, 96, "%s %s %s", sl_fixed(number[0], (double)v[0], 6), sl_fixed(number[1], (double)v[1], 6),
             sl_fixed(number[2], (double)v[2], 6));
}

static sl_status write_onnx(const sl_manifest *m, const sl_graph *g, const char *file, sl_error *err)
{
    char mean[96], std[96];
    list_numbers(mean, m->mean);
    list_numbers(std, m->std);
    const char *const said[][2] = {{"name", m->name},
                                   {"licence", m->licence},
                                   {"provenance", m->provenance},
                                   {"source", m->source},
                                   {"colour", sl_colour_names[m->colour]},
                                   {"mean", mean},
                                   {"std", std},
                                   {"alignment", m->alignment},
                                   {"embedding", m->embedding},
                                   {"patch_map", m->patch_map}};
    uint8_t *data;
    size_t size, count = m->kind == SL_MODEL_RECOGNISER ? sizeof said / sizeof *said : 4;
    SL_TRY(sl_export_onnx(g, said, count, &data, &size, err));
    sl_status status = sl_write_file(file, data, size, err);
    free(data);
    return status;
}

static sl_status export_network(const char *models_dir, const char *name, sl_model_kind kind, const char *file,
                                sl_error *err)
{
    sl_network n;
    SL_TRY(sl_network_open(models_dir, name, kind, &n, err));
    const sl_manifest *m = n.manifest;
    sl_status status = SL_OK;
    if (kind == SL_MODEL_RECOGNISER)
        status = add_named_output(m, n.graph, m->embedding, err);
    if (status == SL_OK && kind == SL_MODEL_RECOGNISER)
        status = add_named_output(m, n.graph, m->patch_map, err);
    if (status == SL_OK)
        open_batch(n.graph);
    if (status == SL_OK)
        status = write_onnx(m, n.graph, file, err);
    sl_network_close(&n);
    return status;
}

sl_status sl_model_export(const char *models_dir, const char *name, const char *file, sl_error *err)
{
    sl_manifest *m;
    char *path;
    SL_TRY(sl_catalogue_find(models_dir, name, &m, &path, err));
    sl_model_kind kind = m->kind;
    const bool over_itself = sl_is_same_file(path, file);
    sl_manifest_free(m);
    free(path);
    if (over_itself)
        return sl_fail(err, SL_ERR_ARGUMENT, "%s: is the file of model %s itself: choose another name", file, name);
    if (kind == SL_MODEL_ENCODER)
        return sl_fail(err, SL_ERR_UNSUPPORTED,
                       "%s is a query encoder, a difference to the weights of a network: it cannot be written as ONNX",
                       name);
    if (kind == SL_MODEL_LANDMARKS)
        return sl_fail(err, SL_ERR_UNSUPPORTED,
                       "%s is a forest of regression trees, not a network: it cannot be written as ONNX",
                       name);
    return export_network(models_dir, name, kind, file, err);
}
