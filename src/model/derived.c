#include "model/derived.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/sha256.h"
#include "model/delta.h"
#include "model/place.h"
#include "net/import/weights/safetensors.h"

/* A model on its way out. One of the two writes its weights. */
typedef struct {
    const sl_derived *o;
    const sl_recogniser *from;
    const sl_graph *g;         /* .. as ONNX */
    const sl_state_dict *dict; /* .. as safetensors, for .. */
    const sl_arch *arch;       /* NULL: an encoder's difference, and which of it is bytes */
    const bool *as_bytes;
    const float *covered; /* [2] */
    float share;
    const char *embedding;

    const char *name;
    char *folder, *manifest, *weights; /* paths */
    char sha256[65];
    uint64_t bytes;
} deriving;

static bool is_look(const deriving *d)
{
    return d->arch && d->arch->kind == SL_MODEL_LOOK;
}

static sl_model_kind kind_of(const deriving *d)
{
    return d->arch ? d->arch->kind : d->as_bytes ? SL_MODEL_ENCODER : SL_MODEL_RECOGNISER;
}

/* ---- the weights ---- */

/* The state dict that `from` came with, with g's numbers. */
static sl_status collect_weights(const sl_recogniser *from, const sl_graph *g, sl_state_dict *out, sl_error *err)
{
    const sl_state_dict *old = &from->network.weights;
    for (size_t i = 0; i < old->count; i++) {
        const sl_weight *w = &old->weights[i];
        const sl_tensor t = sl_graph_find(g, w->name);
        const bool in_graph = t >= 0 && g->tensors[t].data;
        SL_TRY(sl_state_dict_add(out, w->name, &w->shape, in_graph ? g->tensors[t].data : w->data, false, err));
    }
    return SL_OK;
}

static sl_status write_network(const deriving *d, sl_error *err)
{
    const char *const said[][2] = {{"embedding", d->embedding}, {"patch_map", d->from->network.manifest->patch_map}};
    uint8_t *data;
    size_t size;
    SL_TRY(sl_export_onnx(d->g, said, 2, &data, &size, err));
    sl_status status = sl_write_file(d->weights, data, size, err);
    free(data);
    return status;
}

static sl_status write_weights(deriving *d, sl_error *err)
{
    if (d->as_bytes) {
        SL_TRY(sl_safetensors_write_bytes(d->weights, d->dict, d->as_bytes, NULL, 0, err));
    } else if (d->dict) {
        const char *const said[][2] = {{"architecture", d->arch->name}, {"format", "pt"}};
        SL_TRY(sl_safetensors_write(d->weights, d->dict, said, 2, err));
    } else {
        SL_TRY(write_network(d, err));
    }
    return sl_model_measure(d->weights, d->sha256, &d->bytes, err);
}

/* ---- the manifest ---- */

static json_t *numbers(const float v[3])
{
    return json_pack("[f, f, f]", (double)v[0], (double)v[1], (double)v[2]);
}

static void add_recogniser(json_t *root, const deriving *d)
{
    const sl_manifest *m = d->from->network.manifest;
    json_object_set_new(root, "input",
                        json_pack("{s:i, s:i, s:s, s:o, s:o}", "width", m->input_width, "height", m->input_height,
                                  "colour", sl_colour_names[m->colour], "mean", numbers(m->mean), "std",
                                  numbers(m->std)));
    json_object_set_new(root, "alignment", json_string(m->alignment));
    json_object_set_new(root, "embedding", json_string(d->embedding));
    json_object_set_new(root, "patch_map", json_string(m->patch_map));
    if (d->arch && m->form >= 0)
        json_object_set_new(root, "form", json_string(sl_manifest_forms[m->form]));
}

static void add_backbone(json_t *root, const sl_recogniser *r)
{
    char fingerprint[65];
    sl_hex32(r->fingerprint, fingerprint);
    json_object_set_new(root, "backbone", json_string(r->network.manifest->name));
    json_object_set_new(root, "backbone_fingerprint", json_string(fingerprint));
}

static void add_encoder(json_t *root, const deriving *d)
{
    add_backbone(root, d->from);
    json_object_set_new(root, "covered", json_pack("[f, f]", (double)d->covered[0], (double)d->covered[1]));
    json_object_set_new(root, "share", json_real((double)d->share));
    if (d->o->eyes)
        json_object_set_new(root, "eyes", json_string(d->o->eyes));
}

static void add_look(json_t *root, const deriving *d)
{
    const sl_recogniser *r = d->from;
    const sl_transformer *t = &d->arch->transformer;
    add_backbone(root, r);
    json_object_set_new(root, "patch_grid", json_pack("[i, i, i]", r->rows, r->cols, r->channels));
    json_object_set_new(root, "depth", json_integer(t->depth));
    json_object_set_new(root, "heads", json_integer(t->heads));
    json_object_set_new(root, "form", json_string(sl_manifest_forms[t->form]));
}

static const char *licence_of(const deriving *d)
{
    if (d->o->licence)
        return d->o->licence;
    return d->from ? d->from->network.manifest->licence : "not stated";
}

static json_t *manifest_json(const deriving *d)
{
    const char *file = strrchr(d->weights, '/');
    json_t *root = json_pack("{s:s, s:s, s:{s:s}, s:s, s:s, s:s, s:s, s:I, s:s}", "name", d->name, "kind",
                             sl_model_kind_names[kind_of(d)], "source", "text",
                             d->o->provenance, "licence", licence_of(d), "provenance",
                             d->o->provenance, "format", d->dict ? "safetensors" : "onnx", "file",
                             file ? file + 1 : d->weights, "bytes", (json_int_t)d->bytes, "sha256", d->sha256);
    if (!root)
        return NULL;
    if (d->arch)
        json_object_set_new(root, "arch", json_string(d->arch->name));
    if (d->as_bytes)
        add_encoder(root, d);
    else if (d->from)
        (is_look(d) ? add_look : add_recogniser)(root, d);
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
    SL_TRY(sl_model_paths(d->folder, d->name, d->dict ? "safetensors" : "onnx", &d->manifest, &d->weights, err));
    if (!d->o->replace)
        SL_TRY(sl_model_refuse_existing(d->o->models_dir, d->o->output, d->name, d->manifest, err));
    return sl_make_dirs(d->folder, err);
}

static sl_status open_once(const deriving *d, sl_error *err)
{
    sl_recogniser recogniser;
    sl_network other;
    sl_encoder encoder;
    if (d->as_bytes) {
        SL_TRY(sl_encoder_open(d->o->models_dir, d->manifest, d->from, &encoder, err));
        sl_encoder_close(&encoder);
        return SL_OK;
    }
    if (kind_of(d) != SL_MODEL_RECOGNISER) {
        SL_TRY(sl_network_open(d->o->models_dir, d->manifest, kind_of(d), &other, err));
        sl_network_close(&other);
        return SL_OK;
    }
    SL_TRY(sl_recogniser_open(d->o->models_dir, d->manifest, &recogniser, err));
    sl_recogniser_close(&recogniser);
    return SL_OK;
}

static sl_status derive(deriving *d, sl_error *err)
{
    sl_status status = name_files(d, err);
    if (status == SL_OK)
        status = write_weights(d, err);
    if (status == SL_OK)
        status = write_manifest(d, err);
    if (status == SL_OK)
        status = open_once(d, err);
    free(d->folder);
    free(d->manifest);
    free(d->weights);
    return status;
}

sl_status sl_derive_recogniser(const sl_recogniser *from, const sl_graph *g, const sl_derived *options,
                               sl_error *err)
{
    const sl_manifest *m = from->network.manifest;
    sl_state_dict dict = {0};
    deriving d = {.o = options, .from = from, .g = g, .embedding = m->embedding};
    sl_status status = SL_OK;
    if (m->arch) {
        d.arch = sl_arch_find(m->arch);
        d.dict = &dict;
        status = collect_weights(from, g, &dict, err);
    }
    if (status == SL_OK)
        status = derive(&d, err);
    sl_state_dict_free(&dict);
    return status;
}

sl_status sl_derive_above(const sl_recogniser *from, const sl_graph *g, const char *embedding,
                          const sl_derived *options, sl_error *err)
{
    deriving d = {.o = options, .from = from, .g = g, .embedding = embedding};
    return derive(&d, err);
}

sl_status sl_derive_look(const sl_recogniser *backbone, const sl_arch *arch, const sl_state_dict *dict,
                         const sl_derived *options, sl_error *err)
{
    deriving d = {.o = options, .from = backbone, .arch = arch, .dict = dict};
    return derive(&d, err);
}

sl_status sl_derive_points(const sl_arch *arch, const sl_state_dict *dict, const sl_derived *options, sl_error *err)
{
    deriving d = {.o = options, .arch = arch, .dict = dict};
    return derive(&d, err);
}

sl_status sl_derive_encoder(const sl_recogniser *from, const sl_weights_of *weights, int count, const float covered[2],
                            float share, const sl_derived *options, sl_error *err)
{
    sl_state_dict delta = {0};
    sl_graph *made = NULL;
    const sl_graph *base;
    bool *bytes = calloc(2 * (size_t)count + 1, sizeof *bytes);
    sl_status status = bytes ? sl_encoder_base(from, 1, &made, &base, err) : sl_no_memory(err, "for an encoder");
    if (status == SL_OK)
        status = sl_delta_make(base, weights, count, &delta, bytes, err);
    if (status == SL_OK) {
        deriving d = {.o = options,
                      .from = from,
                      .dict = &delta,
                      .as_bytes = bytes,
                      .covered = covered,
                      .share = share};
        status = derive(&d, err);
    }
    sl_state_dict_free(&delta);
    sl_graph_free(made);
    free(bytes);
    return status;
}
