#include "model/derived.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "model/place.h"
#include "net/import/weights/safetensors.h"

typedef struct {
    const sl_manifest *from;
    const sl_derived *o;
    const char *name;
    char *folder, *manifest, *weights; /* paths */
    char sha256[65];
    uint64_t bytes;
} deriving;

/* ---- the weights ---- */

static sl_status write_state_dict(const sl_recogniser *from, const sl_graph *g, const char *path, sl_error *err)
{
    const sl_state_dict *old = &from->network.weights;
    const char *const said[][2] = {{"architecture", from->network.manifest->arch}, {"format", "pt"}};
    sl_state_dict dict = {0};
    sl_status status = SL_OK;
    for (size_t i = 0; status == SL_OK && i < old->count; i++) {
        const sl_weight *w = &old->weights[i];
        const sl_tensor t = sl_graph_find(g, w->name);
        const bool in_graph = t >= 0 && g->tensors[t].data;
        status = sl_state_dict_add(&dict, w->name, &w->shape, in_graph ? g->tensors[t].data : w->data, false, err);
    }
    if (status == SL_OK)
        status = sl_safetensors_write(path, &dict, said, 2, err);
    sl_state_dict_free(&dict);
    return status;
}

static sl_status write_network(const sl_recogniser *from, const sl_graph *g, const char *path, sl_error *err)
{
    const sl_manifest *m = from->network.manifest;
    const char *const said[][2] = {{"embedding", m->embedding}, {"patch_map", m->patch_map}};
    uint8_t *data;
    size_t size;
    SL_TRY(sl_export_onnx(g, said, 2, &data, &size, err));
    sl_status status = sl_write_file(path, data, size, err);
    free(data);
    return status;
}

static sl_status write_weights(deriving *d, const sl_recogniser *from, const sl_graph *g, sl_error *err)
{
    SL_TRY((d->from->arch ? write_state_dict : write_network)(from, g, d->weights, err));
    return sl_model_measure(d->weights, d->sha256, &d->bytes, err);
}

/* ---- the manifest ---- */

static json_t *numbers(const float v[3])
{
    return json_pack("[f, f, f]", (double)v[0], (double)v[1], (double)v[2]);
}

static json_t *manifest_json(const deriving *d)
{
    const sl_manifest *m = d->from;
    const char *file = strrchr(d->weights, '/');
    json_t *input =
        json_pack("{s:i, s:i, s:s, s:o, s:o}", "width", m->input_width, "height", m->input_height, "colour",
                  sl_colour_names[m->colour], "mean", numbers(m->mean), "std", numbers(m->std));
    json_t *root = json_pack("{s:s, s:s, s:{s:s}, s:s, s:s, s:s, s:s, s:I, s:s, s:o, s:s, s:s, s:s}", "name",
                             d->name, "kind", sl_model_kind_names[m->kind], "source", "text", d->o->provenance,
                             "licence", d->o->licence ? d->o->licence : m->licence, "provenance", d->o->provenance,
                             "format", m->arch ? "safetensors" : "onnx", "file", file ? file + 1 : d->weights,
                             "bytes", (json_int_t)d->bytes, "sha256", d->sha256, "input", input, "alignment",
                             m->alignment, "embedding", m->embedding, "patch_map", m->patch_map);
    if (root && m->arch)
        json_object_set_new(root, "arch", json_string(m->arch));
    return root;
}

static sl_status write_manifest(const deriving *d, sl_error *err)
{
    json_t *root = manifest_json(d);
    char *text = root ? json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(root);
    if (!text)
        return sl_fail(err, SL_ERR_ARGUMENT, "the licence of %s is not UTF-8, or there is no memory", d->name);
    sl_status status = sl_write_file(d->manifest, text, strlen(text), err);
    free(text);
    return status;
}

/* ---- the whole ---- */

static sl_status name_files(deriving *d, sl_error *err)
{
    SL_TRY(sl_model_place(d->o->models_dir, d->o->output, &d->folder, &d->name, err));
    return sl_model_paths(d->folder, d->name, d->from->arch ? "safetensors" : "onnx", &d->manifest, &d->weights, err);
}

static sl_status derive(deriving *d, const sl_recogniser *from, const sl_graph *g, sl_error *err)
{
    sl_recogniser made;
    SL_TRY(name_files(d, err));
    if (!d->o->replace)
        SL_TRY(sl_model_refuse_existing(d->o->models_dir, d->o->output, d->name, d->manifest, err));
    SL_TRY(sl_make_dirs(d->folder, err));
    SL_TRY(write_weights(d, from, g, err));
    SL_TRY(write_manifest(d, err));
    SL_TRY(sl_recogniser_open(d->o->models_dir, d->manifest, &made, err));
    sl_recogniser_close(&made);
    return SL_OK;
}

sl_status sl_derive_recogniser(const sl_recogniser *from, const sl_graph *g, const sl_derived *options,
                               sl_error *err)
{
    deriving d = {.from = from->network.manifest, .o = options};
    sl_status status = derive(&d, from, g, err);
    free(d.folder);
    free(d.manifest);
    free(d.weights);
    return status;
}
