/* A transformer that learns from stored patch maps: no network runs in a step.
 *
 *     h1         map -------------> embedding --> margin loss over people
 *     h2l  pair of maps --> feature of each ----> the same, each feature its own photo's person
 *     h2   pair of maps --> one person, or two -> cross entropy
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/sha256.h"
#include "base/threads.h"
#include "model/arch/arch_all.h"
#include "model/derived.h"
#include "train/classes.h"
#include "train/data/sampler.h"
#include "train/map_network.h"
#include "train/judge.h"
#include "train/loss.h"

enum { MOST_JUDGED_PAIRS = 2000, MOST_JUDGED_MAPS = 4000 };

typedef struct {
    sl_map_network network;
    sl_recogniser backbone;
    sl_source *learned, *judged;
    sl_pairs_walk *walk, *judging; /* NULL: h1 */
    bool *learns;                  /* [tensors of net] */
    const char **learning;
    size_t *which; /* [batch] of h1 */
} map_work;

static bool pairs(const sl_trainer *t)
{
    return t->o.task != SL_TRAIN_H1;
}

/* Inputs that are maps: the first ones. */
static int maps_of(const sl_trainer *t)
{
    return pairs(t) ? 2 : 1;
}

/* ---- opening ---- */

/* What the maps are of: the gallery's model, or that of options.model, which must be the same. */
static sl_status open_backbone(sl_trainer *t, const sl_train_data *data, sl_error *err)
{
    map_work *w = t->work;
    sl_gallery_info info;
    char own[65], theirs[65];
    sl_gallery_get_info(data->gallery, &info);
    SL_TRY(sl_recogniser_open(t->o.models_dir, t->o.model ? t->o.model : info.model, &w->backbone, err));
    const uint8_t *read = sl_source_shape(w->learned)->fingerprint;
    if (memcmp(w->backbone.fingerprint, read, sizeof w->backbone.fingerprint) == 0)
        return SL_OK;
    sl_hex32(w->backbone.fingerprint, own);
    sl_hex32(read, theirs);
    return sl_fail(err, SL_ERR_MISMATCH, "%s (%.12s) is not the model whose maps the gallery has (%s, %.12s)",
                   w->backbone.network.manifest->name, own, info.model, theirs);
}

static sl_status open_data(sl_trainer *t, const sl_train_data *data, sl_error *err)
{
    map_work *w = t->work;
    const sl_source_filter learned = {.needs = SL_NEED_MAPS,
                                      .people = t->o.people,
                                      .held_out = t->o.held_out,
                                      .part = SL_PART_TRAINING,
                                      .most_people = t->o.most_people,
                                      .min_people = 2};
    sl_source_filter judged = learned;
    judged.part = SL_PART_VALIDATION;
    judged.min_photos = 2;
    judged.most_people = 0;
    if (!data->gallery)
        return sl_fail(err, SL_ERR_ARGUMENT, "%s learns from stored maps: it needs a gallery, enrolled with --patches "
                       "f32 or int8", sl_train_task_name((unsigned)t->o.task));
    SL_TRY(sl_source_of_gallery(data->gallery, &learned, &w->learned, err));
    return t->o.held_out > 0 ? sl_source_of_gallery(data->gallery, &judged, &w->judged, err) : SL_OK;
}

static sl_status open_pairs(sl_trainer *t, sl_error *err)
{
    map_work *w = t->work;
    const sl_pairs_options learned = {.seed = t->o.seed,
                                      .batch = t->o.replicas ? (size_t)t->o.batch : 0,
                                      .replicas = (size_t)t->o.replicas},
                           judged = {.seed = 1};
    SL_TRY(sl_pairs_walk_open(w->learned, &learned, &w->walk, err));
    return w->judged ? sl_pairs_walk_open(w->judged, &judged, &w->judging, err) : SL_OK;
}

static size_t count_judging(const sl_trainer *t)
{
    const map_work *w = t->work;
    const size_t n = w->judged ? sl_source_size(w->judged) : 0;
    if (pairs(t))
        return w->judged ? MOST_JUDGED_PAIRS : 0;
    return n < MOST_JUDGED_MAPS ? n : MOST_JUDGED_MAPS;
}

static sl_status find_learning(sl_trainer *t, sl_error *err)
{
    map_work *w = t->work;
    const sl_graph *net = w->network.net;
    w->learns = calloc((size_t)net->n_tensors + 1, sizeof *w->learns);
    w->learning = calloc((size_t)net->n_tensors + 1, sizeof *w->learning);
    w->which = calloc((size_t)t->o.batch, sizeof *w->which);
    if (!w->learns || !w->learning || !w->which)
        return sl_no_memory(err, "for a trainer");
    return sl_learning_weights(net, sl_map_network_weights(&w->network), t->o.learn, w->network.arch.name, w->learns,
                               w->learning, &t->n_learning, err);
}

static sl_status open_maps(sl_trainer *t, const sl_train_data *data, sl_progress_fn progress, void *context,
                           sl_error *err)
{
    (void)progress, (void)context;
    map_work *w = t->work = calloc(1, sizeof *w);
    if (!w)
        return sl_no_memory(err, "for a trainer");
    SL_TRY(open_data(t, data, err));
    SL_TRY(open_backbone(t, data, err));
    SL_TRY(sl_map_network_open(&t->o, &w->backbone, &w->network, err));
    if (pairs(t))
        SL_TRY(open_pairs(t, err));
    SL_TRY(find_learning(t, err));
    t->net = w->network.net;
    t->learning = w->learning;
    t->learned = w->learned;
    t->judged = w->judged;
    t->judging = count_judging(t);
    memcpy(t->fingerprint, w->backbone.fingerprint, sizeof t->fingerprint);
    return SL_OK;
}

static void close_maps(sl_trainer *t)
{
    map_work *w = t->work;
    if (!w)
        return;
    sl_pairs_walk_close(w->walk);
    sl_pairs_walk_close(w->judging);
    sl_source_close(w->learned);
    sl_source_close(w->judged);
    sl_map_network_close(&w->network);
    sl_recogniser_close(&w->backbone);
    free(w->learns);
    free(w->learning);
    free(w->which);
    free(w);
}

/* ---- the part that learns ---- */

/* The classes' vectors begin at people's mean embeddings where features begin as embeddings. */
static sl_status begin_at_means(sl_trainer *t, int dim, sl_error *err)
{
    const size_t n = sl_source_size(t->learned);
    float *all = sl_calloc_aligned(n * (size_t)dim, sizeof *all);
    sl_status status = all ? SL_OK : sl_no_memory(err, "for the embeddings of all pictures");
    for (size_t i = 0; status == SL_OK && i < n; i++)
        status = sl_source_embedding(t->learned, i, all + i * (size_t)dim, err);
    if (status == SL_OK)
        status = sl_classes_begin(t, dim, all, err);
    free(all);
    return status;
}

static sl_status begin_classes(sl_trainer *t, int dim, sl_error *err)
{
    return t->o.begin_at_embedding && !t->o.random_classes ? begin_at_means(t, dim, err)
                                                           : sl_classes_begin(t, dim, NULL, err);
}

static sl_status append_loss(sl_trainer *t, sl_error *err)
{
    const map_work *w = t->work;
    const int people = sl_source_people(t->learned), dim = w->network.arch.dim, features = maps_of(t) * t->o.batch;
    if (t->o.task == SL_TRAIN_H2)
        return sl_loss_append_logits(t->part, sl_graph_find(t->part, SL_LOOK_LOGITS), t->o.batch, &t->o, err);
    SL_TRY(begin_classes(t, dim, err));
    const sl_tensor embedding = sl_graph_find(t->part, pairs(t) ? SL_LOOK_FEATURES : SL_ARCH_EMBEDDING);
    return sl_loss_append(t->part, embedding, features, dim, &t->o, t->classes, people, err);
}

static sl_status map_part(sl_trainer *t, sl_shape shapes[SL_MAX_PART_INPUTS], sl_error *err)
{
    const map_work *w = t->work;
    const sl_transformer *size = &w->network.arch.transformer;
    int n = 0;
    SL_TRY(sl_map_network_part(&w->network, &t->o, &t->part, err));
    SL_TRY(append_loss(t, err));
    while (n < maps_of(t))
        shapes[n++] = (sl_shape){3, {t->o.batch, size->cells, size->width}};
    if (t->o.dropout > 0 || t->o.embedding_dropout > 0)
        shapes[n++] = (sl_shape){1, {SL_DROPOUT_COUNTER}};
    shapes[n] = (sl_shape){1, {t->o.task == SL_TRAIN_H2L ? 2 * t->o.batch : t->o.batch}};
    return SL_OK;
}

/* ---- a batch ---- */

/* Maps on their way into a plan: of the photos `which`, or of pairs. */
typedef struct {
    const sl_source *source;
    const sl_pairs_walk *walk; /* NULL: photos */
    const size_t *which;       /* NULL: photo first + i */
    uint64_t first;
    float *out[2];
    size_t each; /* floats of a map */
} reading;

static sl_status read_maps(void *context, size_t item, int worker, sl_error *err)
{
    const reading *r = context;
    (void)worker;
    if (!r->walk)
        return sl_source_map(r->source, r->which ? r->which[item] : (size_t)r->first + item,
                             r->out[0] + item * r->each, err);
    const sl_training_pair pair = sl_pairs_walk_at(r->walk, r->first + item);
    SL_TRY(sl_source_map(r->source, pair.first, r->out[0] + item * r->each, err));
    return sl_source_map(r->source, pair.second, r->out[1] + item * r->each, err);
}

static sl_status read_batch(const sl_trainer *t, reading *r, sl_plan *plan, size_t count, sl_error *err)
{
    const map_work *w = t->work;
    const sl_transformer *size = &w->network.arch.transformer;
    r->each = (size_t)size->cells * (size_t)size->width;
    for (int i = 0; i < maps_of(t); i++)
        r->out[i] = sl_plan_input(plan, i, NULL);
    return sl_parallel_try(t->o.threads, count, read_maps, r, err);
}

/* labels [batch]: people, or one and the same; of H2L [2 batch], those of the first photos, then of the second. */
static void set_labels(const sl_trainer *t, uint64_t first, float *labels)
{
    const map_work *w = t->work;
    for (int i = 0; i < t->o.batch; i++) {
        if (!pairs(t)) {
            labels[i] = (float)sl_source_person(t->learned, w->which[i]);
            continue;
        }
        const sl_training_pair pair = sl_pairs_walk_at(w->walk, first + (uint64_t)i);
        labels[i] = t->o.task == SL_TRAIN_H2 ? (float)pair.same : (float)sl_source_person(t->learned, pair.first);
        if (t->o.task == SL_TRAIN_H2L)
            labels[t->o.batch + i] = (float)sl_source_person(t->learned, pair.second);
    }
}

static sl_status fill_maps(sl_trainer *t, uint64_t run, sl_error *err)
{
    map_work *w = t->work;
    const uint64_t first = run * (uint64_t)t->o.batch;
    reading r = {.source = t->learned, .walk = w->walk, .which = w->which, .first = first};
    for (int i = 0; !pairs(t) && i < t->o.batch; i++)
        w->which[i] = sl_shuffled(t->o.seed, first + (uint64_t)i, sl_source_size(t->learned));
    SL_TRY(read_batch(t, &r, t->learner.plan, (size_t)t->o.batch, err));
    set_labels(t, first, sl_plan_input(t->learner.plan, t->part->n_inputs - 1, NULL));
    return SL_OK;
}

/* ---- judging ---- */

static sl_status compile_now(const sl_trainer *t, const sl_weights_of *weights, int count, sl_plan **plan,
                             sl_error *err)
{
    const map_work *w = t->work;
    const sl_transformer *size = &w->network.arch.transformer;
    const sl_plan_options options = sl_trainer_plan(t);
    const sl_shape map = {3, {t->o.batch, size->cells, size->width}}, shapes[2] = {map, map};
    const char *output = pairs(t) ? SL_LOOK_SCORE : SL_ARCH_EMBEDDING;
    sl_graph *g, *special = NULL;
    *plan = NULL;
    SL_TRY(sl_graph_reweighed(t->net, weights, count, &g, err));
    sl_status status = sl_graph_specialize(g, shapes, &output, 1, &special, err);
    if (status == SL_OK)
        status = sl_plan_compile_as(special, &options, plan, err);
    sl_graph_free(special);
    sl_graph_free(g);
    return status;
}

/* What the plan says of all that judge: out [judging] scores, or [judging, dim] embeddings at unit length. */
static sl_status ask_all(const sl_trainer *t, sl_plan *plan, float *out, sl_error *err)
{
    const map_work *w = t->work;
    const size_t n = t->judging, batch = (size_t)t->o.batch, dim = pairs(t) ? 1 : (size_t)w->network.arch.dim;
    for (size_t from = 0; from < n; from += batch) {
        const size_t count = n - from < batch ? n - from : batch;
        reading r = {.source = t->judged, .walk = w->judging, .first = from};
        SL_TRY(read_batch(t, &r, plan, count, err));
        SL_TRY(sl_plan_run(plan, err));
        const float *made = sl_plan_output(plan, 0, NULL);
        if (pairs(t))
            memcpy(out + from, made, count * sizeof *out);
        else
            SL_TRY(sl_unit_embeddings(made, count, (int)dim, out + from * dim, err));
    }
    return SL_OK;
}

static sl_status judge_scores(const sl_trainer *t, const float *scores, double *out, sl_error *err)
{
    const map_work *w = t->work;
    bool *same = calloc(t->judging, sizeof *same);
    if (!same)
        return sl_no_memory(err, "for judging");
    for (size_t i = 0; i < t->judging; i++)
        same[i] = sl_pairs_walk_at(w->judging, i).same;
    sl_status status = sl_judge_pairs(scores, same, t->judging, out, err);
    free(same);
    return status;
}

static sl_status measure(const sl_trainer *t, sl_plan *plan, float *made, sl_train_judgement *out, sl_error *err)
{
    const map_work *w = t->work;
    SL_TRY(ask_all(t, plan, made, err));
    if (pairs(t))
        return judge_scores(t, made, &out->clean, err);
    const sl_vectors all = {made, t->judging, w->network.arch.dim};
    return sl_judge_precision(t->judged, &all, &all, t->o.threads, &out->clean, err);
}

static sl_status judge_maps(const sl_trainer *t, const sl_weights_of *weights, int count, sl_train_judgement *out,
                            sl_error *err)
{
    const map_work *w = t->work;
    const size_t each = pairs(t) ? 1 : (size_t)w->network.arch.dim;
    float *made = sl_calloc_aligned(t->judging * each, sizeof *made);
    sl_plan *plan = NULL;
    sl_status status = made ? compile_now(t, weights, count, &plan, err) : sl_no_memory(err, "for judging");
    if (status == SL_OK)
        status = measure(t, plan, made, out, err);
    sl_plan_free(plan);
    free(made);
    return status;
}

/* ---- saving ---- */

static sl_status save_look(const sl_trainer *t, const sl_weights_of *weights, int count, const sl_derived *made,
                           sl_error *err)
{
    const map_work *w = t->work;
    const sl_state_dict *start = sl_map_network_weights(&w->network);
    sl_state_dict now = {0};
    sl_status status = SL_OK;
    for (size_t i = 0; status == SL_OK && i < start->count; i++) {
        const sl_weight *old = &start->weights[i];
        const float *value = old->data;
        for (int k = 0; k < count; k++)
            if (strcmp(weights[k].name, old->name) == 0)
                value = weights[k].value;
        status = sl_state_dict_add(&now, old->name, &old->shape, value, false, err);
    }
    if (status == SL_OK)
        status = sl_derive_look(&w->backbone, &w->network.arch, &now, made, err);
    sl_state_dict_free(&now);
    return status;
}

/* H1 with the network below it, as one. */
static sl_status save_recogniser(const sl_trainer *t, const sl_weights_of *weights, int count, const sl_derived *made,
                                 sl_error *err)
{
    const map_work *w = t->work;
    const sl_network *below = &w->backbone.network;
    const char *embedding;
    sl_graph *above, *g = NULL;
    SL_TRY(sl_graph_reweighed(t->net, weights, count, &above, err));
    sl_status status =
        sl_map_network_above(below->graph, below->manifest->patch_map, &w->network, above, &g, &embedding, err);
    if (status == SL_OK)
        status = sl_derive_above(&w->backbone, g, embedding, made, err);
    sl_graph_free(g);
    sl_graph_free(above);
    return status;
}

static sl_status save_maps(const sl_trainer *t, const sl_weights_of *weights, int count, const char *how,
                           const sl_train_output *o, sl_error *err)
{
    const map_work *w = t->work;
    sl_text provenance = {0};
    sl_text_add(&provenance, "%s over the patch maps of %s, trained %s.", w->network.arch.name,
                w->backbone.network.manifest->name, how);
    if (provenance.failed) {
        free(provenance.data);
        return sl_no_memory(err, "for a manifest");
    }
    const sl_derived made = {.models_dir = t->o.models_dir,
                             .output = o->output,
                             .licence = o->licence,
                             .provenance = provenance.data,
                             .replace = o->replace};
    sl_status status = (pairs(t) ? save_look : save_recogniser)(t, weights, count, &made, err);
    free(provenance.data);
    return status;
}

const sl_task sl_task_maps = {
    .open = open_maps,
    .part = map_part,
    .fill = fill_maps,
    .judge = judge_maps,
    .save = save_maps,
    .close = close_maps,
};

/* ---- the pairs, for others ---- */

sl_status sl_trainer_write_pairs(const sl_trainer *t, size_t count, const char *path, sl_error *err)
{
    const map_work *w = t->task == &sl_task_maps ? t->work : NULL;
    if (!w || !w->walk)
        return sl_fail(err, SL_ERR_ARGUMENT, "h2 and h2l learn from pairs, nothing else does");
    return sl_pairs_walk_write(w->walk, count, path, err);
}
