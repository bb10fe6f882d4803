/* The manifest of an imported model: what its architecture says of pictures and outputs, and where the weights are
 * from. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/import/import.h"

json_t *sl_import_lines(const sl_text *text)
{
    json_t *list = json_array();
    for (const char *line = text->data, *end; line && (end = strchr(line, '\n')); line = end + 1)
        json_array_append_new(list, json_stringn(line, (size_t)(end - line)));
    return list;
}

/* One number for all channels, or one for each. */
static json_t *channels_json(const float v[3])
{
    if (v[0] == v[1] && v[0] == v[2])
        return json_pack("[f]", (double)v[0]);
    return json_pack("[f, f, f]", (double)v[0], (double)v[1], (double)v[2]);
}

/* The architecture's, or none where the network normalises its pixels itself. */
static sl_pixel_scale pixel_scale(const sl_import *m, bool corrected)
{
    const sl_pixel_scale usual = corrected ? m->arch->corrected : m->arch->published;
    float mean, std;
    if (!m->preamble.normalises || sl_preamble_suits(&m->preamble, usual.mean, usual.std) ||
        !sl_preamble_suggest(&m->preamble, &mean, &std))
        return usual;
    return (sl_pixel_scale){.mean = {mean, mean, mean}, .std = {std, std, std}};
}

static void add_recogniser(json_t *root, const sl_import *m, const sl_import_options *o)
{
    const sl_arch *arch = m->arch;
    const sl_pixel_scale scale = pixel_scale(m, o->corrected_scale);
    json_object_set_new(root, "input",
                        json_pack("{s:i, s:i, s:s, s:o, s:o}", "width", arch->width, "height", arch->height,
                                  "colour", sl_colour_names[arch->colour], "mean", channels_json(scale.mean), "std",
                                  channels_json(scale.std)));
    if (arch->float_crops)
        json_object_set_new(json_object_get(root, "input"), "resize", json_string("float"));
    json_object_set_new(root, "alignment", json_string(arch->alignment));
    json_object_set_new(root, "embedding", json_string(m->embedding ? m->embedding : SL_ARCH_EMBEDDING));
    json_object_set_new(root, "patch_map", json_string(o->patch_map  ? o->patch_map
                                                       : m->patch_map ? m->patch_map
                                                                      : SL_ARCH_PATCH_MAP));
    json_object_set_new(root, "embedding_dim", json_integer(arch->dim));
    if (o->patch_map)
        return;
    json_object_set_new(root, "patch_grid", json_pack("[i, i, i]", arch->rows, arch->cols, arch->patch_channels));
}

static void add_detector(json_t *root, const sl_import *m)
{
    const sl_detector_kind *kind = m->arch->detector;
    json_object_set_new(root, "detector", json_string(kind->name));
    if (!m->stages[0])
        return;
    json_object_set_new(root, "stages", json_pack("[s, s]", m->stages[0], m->stages[1]));
    json_object_set_new(root, "score_threshold", json_real((double)kind->threshold));
}

static void add_look(json_t *root, const sl_import *m)
{
    json_object_set_new(root, "backbone", json_string(m->backbone));
    json_object_set_new(root, "backbone_fingerprint", json_string(m->fingerprint));
    json_object_set_new(root, "patch_grid", json_pack("[i, i, i]", m->grid[0], m->grid[1], m->grid[2]));
}

/* What a reader may want to know of the weights, and must be if it is stated. */
static void add_transformer(json_t *root, const sl_transformer *t)
{
    json_object_set_new(root, "depth", json_integer(t->depth));
    json_object_set_new(root, "heads", json_integer(t->heads));
    json_object_set_new(root, "form", json_string(sl_manifest_forms[t->form]));
}

/* The checkpoint's own name, without its folder: that may tell about its owner. */
static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

sl_status sl_import_manifest(const sl_import *m, const sl_import_options *o, char **json, sl_error *err)
{
    char *source;
    *json = NULL;
    bool whole = m->network.data != NULL;
    if (asprintf(&source, "%s %s, sha256 %s", whole ? "network" : "checkpoint", base_name(m->file),
                 m->checkpoint_sha256) < 0)
        return sl_no_memory(err, "for a manifest");
    json_t *root = json_pack("{s:s, s:s, s:{s:s}, s:s, s:s+, s:s, s:s, s:I, s:s}", "name", m->name, "kind",
                             sl_model_kind_names[m->arch->kind], "source", "text", source, "licence",
                             o->licence ? o->licence : "not stated", "provenance", m->arch->title, "; imported.",
                             "format", m->format, "file", base_name(m->weights), "bytes", (json_int_t)m->bytes,
                             "sha256", m->sha256);
    free(source);
    if (root && !whole)
        json_object_set_new(root, "arch", json_string(m->arch->name));
    if (root && m->arch->kind == SL_MODEL_RECOGNISER)
        add_recogniser(root, m, o);
    else if (root && m->arch->kind == SL_MODEL_LOOK)
        add_look(root, m);
    else if (root && m->arch->kind == SL_MODEL_DETECTOR)
        add_detector(root, m);
    if (root && m->arch->transformer.depth)
        add_transformer(root, &m->arch->transformer);
    *json = root ? json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(7)) : NULL;
    json_decref(root);
    return *json ? SL_OK
                 : sl_fail(err, SL_ERR_ARGUMENT, "%s: its name or licence is not UTF-8, or there is no memory",
                           m->file);
}
