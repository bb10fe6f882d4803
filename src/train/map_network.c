#include "train/map_network.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sha256.h"
#include "model/arch/arch_all.h"
#include "model/head/head.h"

/* Names of the network behind another. */
#define PREFIX "h1."

/* ---- its size ---- */

static const sl_arch *row_of(sl_train_task task)
{
    switch (task) {
    case SL_TRAIN_H1: return &sl_arch_h1_head;
    case SL_TRAIN_H2: return &sl_arch_h2;
    case SL_TRAIN_H2L: return &sl_arch_h2l;
    default: return NULL;
    }
}

static int form_of(const char *name, sl_vit_form usual)
{
    for (int i = 0; name && i < SL_MANIFEST_FORMS; i++)
        if (strcmp(name, sl_manifest_forms[i]) == 0)
            return i;
    return name ? -1 : (int)usual;
}

static sl_status set_size(const sl_train_options *o, const sl_recogniser *below, sl_map_network *h, sl_error *err)
{
    sl_transformer *t = &h->arch.transformer;
    const int photos = o->task == SL_TRAIN_H1 ? 1 : 2, form = form_of(o->form, t->form);
    if (form < 0)
        return sl_fail(err, SL_ERR_ARGUMENT, "a transformer has the form %s, %s or %s, not \"%.40s\"",
                       sl_manifest_forms[0], sl_manifest_forms[1], sl_manifest_forms[2], o->form);
    t->form = (sl_vit_form)form;
    t->depth = o->depth ? o->depth : t->depth;
    t->heads = o->heads ? o->heads : t->heads;
    t->cells = below->rows * below->cols;
    t->width = below->channels;
    t->positions = o->no_positions ? 0 : photos * (t->cells + 1);
    t->single = o->single != 0;
    if (o->task == SL_TRAIN_H1)
        h->arch.dim = t->width;
    else if (o->task == SL_TRAIN_H2L && o->features)
        h->arch.dim = o->features;
    return SL_OK;
}

/* ---- where it begins ---- */

static sl_status go_on_from(const sl_train_options *o, const sl_recogniser *below, sl_map_network *h, sl_error *err)
{
    char hex[65];
    if (o->task == SL_TRAIN_H1)
        return sl_fail(err, SL_ERR_UNSUPPORTED, "h1 begins at random: a model of it has its network inside, and goes "
                       "on with `train finetune`");
    SL_TRY(sl_network_open(o->models_dir, o->start, SL_MODEL_LOOK, &h->network, err));
    const sl_manifest *m = h->network.manifest;
    sl_hex32(below->fingerprint, hex);
    if (!m->arch || strcmp(m->arch, h->arch.name) != 0)
        return sl_fail(err, SL_ERR_ARGUMENT, "%s is no %s", m->name, h->arch.name);
    if (strcmp(m->backbone_fingerprint, hex) != 0)
        return sl_fail(err, SL_ERR_MISMATCH, "%s reads maps of %s (%.12s), these are of another model (%.12s)", m->name,
                       m->backbone, m->backbone_fingerprint, hex);
    if (m->form >= 0)
        h->arch.transformer.form = (sl_vit_form)m->form;
    h->arch.transformer.cells = below->rows * below->cols;
    h->arch = sl_arch_fit(&h->arch, &h->network.weights);
    return SL_OK;
}

/* Numbers of a weight that was drawn. */
static float *drawn(const sl_map_network *h, const char *name, size_t *count)
{
    const sl_weight *w = sl_state_dict_find(&h->drawn, name);
    *count = w ? (size_t)sl_shape_elements(&w->shape) : 0;
    return w ? (float *)w->data : NULL;
}

/* Layers that add nothing, and tokens that are the patches as they are. */
static void silence_layers(const sl_map_network *h)
{
    static const char *const last[] = {"0.fn.fn.to_out.0", "1.fn.fn.net.3"};
    char name[96];
    size_t n;
    for (int layer = 0; layer < h->arch.transformer.depth; layer++)
        for (int i = 0; i < 2; i++) {
            snprintf(name, sizeof name, "transformer.layers.%d.%s.weight", layer, last[i]);
            float *w = drawn(h, name, &n);
            memset(w, 0, n * sizeof *w);
        }
    float *positions = drawn(h, "pos_embedding", &n);
    if (positions)
        memset(positions, 0, n * sizeof *positions);
}

/* fc.weight [D, cells * C] is the linear head. */
static void copy_head(const sl_map_network *h, const char *fc, const sl_head *head)
{
    char name[32];
    size_t n;
    snprintf(name, sizeof name, "%s.weight", fc);
    float *w = drawn(h, name, &n);
    for (int d = 0; d < head->dim; d++)
        for (int p = 0; p < head->cells; p++)
            for (int c = 0; c < head->channels; c++)
                *w++ = sl_head_weights(head, d / SL_HEAD_COLUMNS, p, c)[d % SL_HEAD_COLUMNS];
    snprintf(name, sizeof name, "%s.bias", fc);
    float *bias = drawn(h, name, &n);
    memcpy(bias, head->bias, n * sizeof *bias);
}

/* Each photo's feature begins as its embedding, and training adds what the other photo tells. */
static sl_status begin_at_embedding(const sl_train_options *o, const sl_recogniser *below, sl_map_network *h,
                                    sl_error *err)
{
    sl_head head = {0};
    if (o->task != SL_TRAIN_H2L || h->arch.transformer.form == SL_VIT_TEXT)
        return sl_fail(err, SL_ERR_ARGUMENT, "only h2l begins at the embedding, and not in the text's form, whose "
                       "attention replaces what it reads");
    sl_status status = sl_head_of_recogniser(below, o->threads, &head, err);
    if (status != SL_OK)
        return sl_fail_in(err, status, "h2l cannot begin at the embedding of %s", below->network.manifest->name);
    h->arch.dim = head.dim;
    status = sl_arch_draw(&h->arch, o->seed, &h->drawn, err);
    if (status == SL_OK) {
        silence_layers(h);
        copy_head(h, h->arch.transformer.single ? "fc" : "fc1", &head);
        if (!h->arch.transformer.single)
            copy_head(h, "fc2", &head);
    }
    sl_head_free(&head);
    return status;
}

const sl_state_dict *sl_map_network_weights(const sl_map_network *h)
{
    return h->network.graph ? &h->network.weights : &h->drawn;
}

static sl_status open_map_network(const sl_train_options *o, const sl_recogniser *below, sl_map_network *h,
                                  sl_error *err)
{
    h->arch = *row_of(o->task);
    if (o->start) {
        SL_TRY(go_on_from(o, below, h, err));
    } else {
        SL_TRY(set_size(o, below, h, err));
        SL_TRY(o->begin_at_embedding ? begin_at_embedding(o, below, h, err)
                                     : sl_arch_draw(&h->arch, o->seed, &h->drawn, err));
    }
    return sl_arch_build(&h->arch, sl_map_network_weights(h), &h->net, err);
}

sl_status sl_map_network_open(const sl_train_options *options, const sl_recogniser *below, sl_map_network *out,
                              sl_error *err)
{
    *out = (sl_map_network){0};
    sl_status status = open_map_network(options, below, out, err);
    if (status != SL_OK)
        sl_map_network_close(out);
    return status;
}

void sl_map_network_close(sl_map_network *h)
{
    sl_graph_free(h->net);
    sl_state_dict_free(&h->drawn);
    sl_network_close(&h->network);
    *h = (sl_map_network){0};
}

/* ---- graphs ---- */

sl_status sl_map_network_part(const sl_map_network *h, const sl_train_options *o, sl_graph **out, sl_error *err)
{
    sl_arch learning = h->arch;
    learning.transformer.dropout = (float)o->dropout;
    learning.transformer.embedding_dropout = (float)o->embedding_dropout;
    return sl_arch_build(&learning, sl_map_network_weights(h), out, err);
}

/* The map [N, C, rows, cols] as the head reads it: [N, cells, C]. */
static sl_status turn_map(sl_graph *g, sl_tensor map, const sl_transformer *t, sl_tensor *out, sl_error *err)
{
    const sl_attr turn = {.perm = {0, 2, 3, 1}};
    const sl_shape unknown = {.rank = -1}, three = {1, {3}};
    static const char *const names[] = {PREFIX "turned", PREFIX "map"};
    sl_tensor turned, shape;
    int64_t *flat = malloc(3 * sizeof *flat);
    if (!flat)
        return sl_no_memory(err, "for a network behind another");
    flat[0] = -1, flat[1] = t->cells, flat[2] = t->width;
    SL_TRY(sl_graph_add_const(g, PREFIX "map shape", SL_TYPE_I64, &three, flat, true, &shape, err));
    SL_TRY(sl_graph_add_tensor(g, names[0], SL_TYPE_F32, &unknown, &turned, err));
    SL_TRY(sl_graph_add_node(g, SL_OP_TRANSPOSE, names[0], &turn, &map, 1, &turned, 1, err));
    SL_TRY(sl_graph_add_tensor(g, names[1], SL_TYPE_F32, &unknown, out, err));
    return sl_graph_add_node(g, SL_OP_RESHAPE, names[1], NULL, (sl_tensor[]){turned, shape}, 2, out, 1, err);
}

static sl_status join(sl_graph *g, const sl_graph *below, const char *patch_map, const sl_map_network *h,
                      const sl_graph *above, sl_error *err)
{
    sl_tensor map;
    SL_TRY(sl_graph_copy(below, NULL, g, err));
    SL_TRY(turn_map(g, sl_graph_find(g, patch_map), &h->arch.transformer, &map, err));
    SL_TRY(sl_graph_append(g, above, PREFIX, &map, err));
    g->n_outputs = 0;
    SL_TRY(sl_graph_add_output(g, sl_graph_find(g, PREFIX SL_ARCH_EMBEDDING), err));
    return sl_graph_add_output(g, sl_graph_find(g, patch_map), err);
}

sl_status sl_map_network_above(const sl_graph *below, const char *patch_map, const sl_map_network *head,
                               const sl_graph *above, sl_graph **out, const char **embedding, sl_error *err)
{
    *embedding = PREFIX SL_ARCH_EMBEDDING;
    *out = sl_graph_new();
    if (!*out)
        return sl_no_memory(err, "for a network behind another");
    sl_status status = join(*out, below, patch_map, head, above, err);
    if (status != SL_OK) {
        sl_graph_free(*out);
        *out = NULL;
    }
    return status;
}
