#include "model/encoder.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/sha256.h"
#include "model/delta.h"
#include "net/import/weights/safetensors.h"

/* ---- its file ---- */

/* The hash of weights, mix and views, cut; a cut that is 0 counts as 1. */
static uint64_t id_of(const sl_encoder *e, const uint8_t *weights, size_t size)
{
    const sl_manifest *m = e->manifest;
    const float mix[4] = {m->covered[0], m->covered[1], m->share, SL_ENCODER_VIEWS};
    uint8_t digest[32];
    uint64_t id = 0;
    sl_sha256 hash;
    sl_sha256_init(&hash);
    sl_sha256_update(&hash, weights, size);
    sl_sha256_update(&hash, mix, sizeof mix);
    if (e->eyes)
        sl_sha256_update(&hash, &e->eyes->id, sizeof e->eyes->id);
    sl_sha256_final(&hash, digest);
    for (int i = 0; i < 8; i++)
        id = id << 8 | digest[i];
    return id ? id : 1;
}

/* From the models folder; what came with the library needs none. */
static sl_status read_weights(sl_encoder *e, const char *path, sl_error *err)
{
    uint8_t digest[32];
    const sl_builtin_file *own = sl_catalogue_builtin(e->manifest);
    if (!own)
        SL_TRY(sl_catalogue_map(e->manifest, path, &e->map, digest, err));
    const uint8_t *data = own ? own->data : e->map.data;
    const size_t size = own ? own->size : e->map.size;
    e->id = id_of(e, data, size);
    return sl_safetensors_parse(data, size, &e->delta, err);
}

/* ---- where it begins ---- */

static void forget_from(sl_encoder *e)
{
    for (int i = 0; i < e->n_from; i++)
        free(e->from[i]);
    e->n_from = 0;
}

/* A tensor that the recogniser can be asked for, of one face. */
static sl_status add_from(sl_encoder *e, const sl_recogniser *r, const sl_graph *shaped, sl_tensor t, bool *known,
                          sl_error *err)
{
    const sl_tensor_info *info = &shaped->tensors[t];
    *known = sl_graph_find(r->network.graph, info->name) >= 0 && info->shape.rank > 0 && info->shape.dim[0] == 1;
    if (!*known)
        return SL_OK;
    e->from[e->n_from] = strdup(info->name);
    if (!e->from[e->n_from])
        return sl_no_memory(err, "for a query encoder");
    e->from_shapes[e->n_from++] = info->shape;
    return SL_OK;
}

/* The constants that the difference changes. */
static void mark_changed(const sl_state_dict *delta, const sl_graph *g, bool *changed)
{
    for (size_t i = 0; i < delta->count; i++) {
        const sl_tensor t = sl_graph_find(g, delta->weights[i].name);
        if (t >= 0)
            changed[t] = true;
    }
}

/* Whole, from the crop, where weights differ from the first layer on, or are spread. */
static sl_status list_from(sl_encoder *e, const sl_recogniser *r, const sl_graph *base, const sl_graph *shaped,
                           bool *changed, sl_error *err)
{
    sl_tensor from[SL_ENCODER_FROM];
    int count;
    bool known = true;
    mark_changed(&e->delta, base, changed);
    SL_TRY(sl_graph_boundary(base, changed, from, SL_ENCODER_FROM, &count, err));
    for (int i = 0; known && i < count && count <= SL_ENCODER_FROM; i++) {
        const sl_tensor t = sl_graph_find(shaped, base->tensors[from[i]].name);
        known = t >= 0 && from[i] != base->inputs[0];
        if (known)
            SL_TRY(add_from(e, r, shaped, t, &known, err));
    }
    if (!known)
        forget_from(e);
    return SL_OK;
}

static sl_status find_from(sl_encoder *e, const sl_recogniser *r, const sl_graph *base, sl_error *err)
{
    const char *const embedding = r->network.manifest->embedding;
    const sl_shape picture = {4, {1, r->channels_in, r->height, r->width}};
    sl_graph *shaped;
    SL_TRY(sl_graph_infer(base, &picture, &embedding, 1, &shaped, err));
    bool *changed = calloc((size_t)base->n_tensors + 1, sizeof *changed);
    sl_status status = changed ? list_from(e, r, base, shaped, changed, err) : sl_no_memory(err, "for a query encoder");
    free(changed);
    sl_graph_free(shaped);
    return status;
}

static sl_status check_encoder(sl_encoder *e, const sl_recogniser *r, sl_error *err)
{
    sl_graph *made = NULL;
    const sl_graph *base;
    SL_TRY(sl_encoder_base(r, 1, &made, &base, err));
    sl_status status = sl_delta_check(&e->delta, base, err);
    if (status == SL_OK)
        status = find_from(e, r, base, err);
    sl_graph_free(made);
    return status;
}

/* ---- opening ---- */

static sl_status open_one(const char *models_dir, const char *name, const sl_recogniser *r, bool may_have_eyes,
                          sl_encoder *out, sl_error *err);

/* An encoder's eyes have none of their own. */
static sl_status open_eyes(const char *models_dir, const sl_recogniser *r, sl_encoder *e, sl_error *err)
{
    e->eyes = calloc(1, sizeof *e->eyes);
    if (!e->eyes)
        return sl_no_memory(err, "for a query encoder");
    return open_one(models_dir, e->manifest->eyes, r, false, e->eyes, err);
}

static sl_status open_parts(const char *models_dir, const char *name, const sl_recogniser *r, bool may_have_eyes,
                            sl_encoder *e, char **path, sl_error *err)
{
    char hex[65];
    SL_TRY(sl_catalogue_find(models_dir, name, &e->manifest, path, err));
    const sl_manifest *m = e->manifest;
    if (m->kind != SL_MODEL_ENCODER)
        return sl_fail(err, SL_ERR_ARGUMENT, "model %s is no query encoder but of kind \"%s\"", m->name,
                       sl_model_kind_names[m->kind]);
    sl_hex32(r->fingerprint, hex);
    if (strcmp(m->backbone_fingerprint, hex) != 0)
        return sl_fail(err, SL_ERR_MISMATCH, "the query encoder %s is of the recogniser %s (fingerprint %.12s..), not "
                       "of %s (%.12s..)", m->name, m->backbone, m->backbone_fingerprint, r->network.manifest->name,
                       hex);
    if (m->eyes && !may_have_eyes)
        return sl_fail(err, SL_ERR_FORMAT, "the query encoder %s is named as another's \"eyes\" and names \"eyes\" "
                       "itself", m->name);
    sl_status status = m->eyes ? open_eyes(models_dir, r, e, err) : SL_OK;
    if (status == SL_OK)
        status = read_weights(e, *path, err);
    if (status == SL_OK)
        status = check_encoder(e, r, err);
    return status == SL_OK ? SL_OK : sl_fail_in(err, status, "query encoder %s", m->name);
}

static sl_status open_one(const char *models_dir, const char *name, const sl_recogniser *r, bool may_have_eyes,
                          sl_encoder *out, sl_error *err)
{
    char *path = NULL;
    *out = (sl_encoder){0};
    sl_status status = open_parts(models_dir, name, r, may_have_eyes, out, &path, err);
    free(path);
    if (status != SL_OK)
        sl_encoder_close(out);
    return status;
}

sl_status sl_encoder_open(const char *models_dir, const char *name, const sl_recogniser *r, sl_encoder *out,
                          sl_error *err)
{
    return open_one(models_dir, name, r, true, out, err);
}

void sl_encoder_close(sl_encoder *e)
{
    if (e->eyes)
        sl_encoder_close(e->eyes);
    free(e->eyes);
    forget_from(e);
    sl_state_dict_free(&e->delta);
    sl_unmap_file(&e->map);
    sl_manifest_free(e->manifest);
    *e = (sl_encoder){0};
}

/* The first of the recogniser's built-in encoders that has eyes, or, where `with_eyes` is false, the first. */
static sl_status find_builtin(const char hex[65], bool with_eyes, char **out, sl_error *err)
{
    for (const char *const *text = sl_builtin_manifests; *text && !*out; text++) {
        sl_manifest *m;
        SL_TRY(sl_manifest_parse(*text, strlen(*text), "(built in)", &m, err));
        if (m->kind == SL_MODEL_ENCODER && strcmp(m->backbone_fingerprint, hex) == 0 && (m->eyes || !with_eyes)) {
            *out = m->name;
            m->name = NULL;
        }
        sl_manifest_free(m);
    }
    return SL_OK;
}

sl_status sl_encoder_builtin(const sl_recogniser *r, char **out, sl_error *err)
{
    char hex[65];
    sl_hex32(r->fingerprint, hex);
    *out = NULL;
    SL_TRY(find_builtin(hex, true, out, err));
    return *out ? SL_OK : find_builtin(hex, false, out, err);
}

sl_status sl_encoder_choose(const char *models_dir, const char *option, const sl_recogniser *r, sl_encoder *out,
                            sl_error *err)
{
    char *own = NULL;
    const char *name = option;
    *out = (sl_encoder){0};
    if (option && strcmp(option, "auto") == 0) {
        SL_TRY(sl_encoder_builtin(r, &own, err));
        name = own;
    }
    sl_status status = SL_OK;
    if (name && strcmp(name, "none") != 0)
        status = sl_encoder_open(models_dir, name, r, out, err);
    free(own);
    return status;
}

/* ---- its network ---- */

sl_status sl_encoder_base(const sl_recogniser *r, int batch, sl_graph **made, const sl_graph **out, sl_error *err)
{
    *made = NULL;
    if (!r->network.manifest->arch)
        SL_TRY(sl_recogniser_graph(r, batch, made, err));
    *out = *made ? *made : r->network.graph;
    return SL_OK;
}

sl_status sl_encoder_graph(const sl_encoder *e, const sl_recogniser *r, int batch, sl_encoder_parts *parts,
                           sl_graph **out, sl_error *err)
{
    const sl_graph *base;
    sl_weights_of *weights = NULL;
    int count;
    *parts = (sl_encoder_parts){0};
    SL_TRY(sl_encoder_base(r, batch, &parts->base, &base, err));
    sl_status status = sl_delta_weights(&e->delta, base, &weights, &count, &parts->weights, err);
    if (status == SL_OK)
        status = sl_graph_reweighed(base, weights, count, out, err);
    free(weights);
    if (status != SL_OK)
        sl_encoder_parts_free(parts);
    return status;
}

void sl_encoder_parts_free(sl_encoder_parts *parts)
{
    sl_graph_free(parts->base);
    free(parts->weights);
    *parts = (sl_encoder_parts){0};
}

/* What of g comes after e->from. */
static sl_status cut(const sl_encoder *e, const sl_recogniser *r, const sl_graph *g, sl_graph **out, sl_error *err)
{
    sl_tensor from[SL_ENCODER_FROM];
    const sl_tensor embedding = sl_graph_find(g, r->network.manifest->embedding);
    for (int i = 0; i < e->n_from; i++)
        from[i] = sl_graph_find(g, e->from[i]);
    return sl_graph_cut(g, from, e->from_shapes, e->n_from, &embedding, 1, out, err);
}

static sl_status compile(const sl_graph *g, const sl_shape *inputs, const char *embedding,
                         const sl_plan_options *options, sl_plan **out, sl_error *err)
{
    sl_graph *special;
    SL_TRY(sl_graph_specialize(g, inputs, &embedding, 1, &special, err));
    sl_status status = sl_plan_compile_as(special, options, out, err);
    sl_graph_free(special);
    return status;
}

sl_status sl_encoder_compile(const sl_encoder *e, const sl_recogniser *r, bool whole, const sl_plan_options *options,
                             sl_plan **out, sl_error *err)
{
    const sl_shape picture = {4, {1, r->channels_in, r->height, r->width}};
    const bool part = e->n_from && !whole;
    sl_encoder_parts parts;
    sl_graph *g, *behind = NULL;
    SL_TRY(sl_encoder_graph(e, r, 1, &parts, &g, err));
    sl_status status = part ? cut(e, r, g, &behind, err) : SL_OK;
    if (status == SL_OK)
        status = compile(part ? behind : g, part ? e->from_shapes : &picture, r->network.manifest->embedding, options,
                         out, err);
    sl_graph_free(behind);
    sl_graph_free(g);
    sl_encoder_parts_free(&parts);
    return status;
}

int sl_encoder_inner(const sl_encoder *e, char *inner[SL_MOST_INNER])
{
    int count = 0;
    for (const sl_encoder *of = e; of; of = of->eyes)
        for (int i = 0; i < of->n_from; i++) {
            bool there = false;
            for (int k = 0; k < count; k++)
                there |= strcmp(inner[k], of->from[i]) == 0;
            if (!there)
                inner[count++] = of->from[i];
        }
    return count;
}

/* ---- how much it counts ---- */

/* Eyes alone are hidden from here on: how much more of them than of the mouth. In between both encoders count. */
static const float eyes_alone[2] = {0, .15f};

/* 0 up to the first, 1 from the second on. */
static float rise(const float from_to[2], float x)
{
    const float width = from_to[1] - from_to[0];
    return fminf(fmaxf(width > 0 ? (x - from_to[0]) / width : x >= from_to[0], 0), 1);
}

sl_encoder_shares sl_encoder_shares_of(const sl_encoder *e, float eyes_hidden, float mouth_hidden)
{
    const sl_manifest *m = e->manifest, *of_eyes = e->eyes ? e->eyes->manifest : NULL;
    if (isnan(eyes_hidden) || isnan(mouth_hidden))
        return (sl_encoder_shares){.own = m->share};
    const float most = fmaxf(eyes_hidden, mouth_hidden);
    const float eyes = of_eyes ? rise(eyes_alone, eyes_hidden - mouth_hidden) : 0;
    return (sl_encoder_shares){.own = (1 - eyes) * m->share * rise(m->covered, most),
                               .eyes = eyes > 0 ? eyes * of_eyes->share * rise(of_eyes->covered, most) : 0};
}
