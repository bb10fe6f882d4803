/* A network that tells where a face's five points are when something hides them. It learns from whole photos with
 * covers drawn on; what the detector says of the uncovered photo is the truth.
 *
 *     photo --detector--> wide face --covered, misplaced--> view --> told --> distance from the truth
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "base/threads.h"
#include "model/arch/arch_all.h"
#include "model/derived.h"
#include "train/data/hidden_views.h"
#include "train/data/sampler.h"
#include "train/loss.h"
#include "train/trainer.h"

enum { MOST_JUDGED = 1000, VIEW_NUMBERS = 3 * SL_POINTS_VIEW * SL_POINTS_VIEW };

/* Views that judge have numbers of their own, far from those that are learned from. */
#define JUDGED_SEED UINT64_C(0x706f696e74736565)

typedef struct {
    sl_wide_face *faces;
    size_t count;
} face_set;

typedef struct {
    sl_state_dict drawn; /* weights at random */
    sl_graph *net;
    bool *learns; /* [tensors of net] */
    const char **learning;
    sl_source *learned, *judged;
    face_set faces, judging;
    const sl_augmentation *mix;
} points_work;

/* ---- opening ---- */

static sl_status find_faces(const sl_trainer *t, const sl_source *photos, const sl_engine *engine, sl_ticker *ticker,
                            face_set *out, sl_error *err)
{
    ticker->total = sl_source_size(photos);
    return sl_wide_faces_find(photos, engine, t->o.threads, ticker, &out->faces, &out->count, err);
}

static sl_status open_faces(sl_trainer *t, sl_ticker *ticker, sl_error *err)
{
    points_work *w = t->work;
    const sl_engine_options options = {
        .models_dir = t->o.models_dir, .detector = t->o.model, .as_is = 1, .points = SL_POINTS_DETECTOR};
    sl_engine *engine;
    SL_TRY(sl_engine_open(&options, &engine, err));
    sl_status status = find_faces(t, w->learned, engine, ticker, &w->faces, err);
    if (status == SL_OK && w->judged)
        status = find_faces(t, w->judged, engine, ticker, &w->judging, err);
    sl_engine_close(engine);
    return status;
}

static sl_status open_photos(sl_trainer *t, const sl_train_data *data, sl_error *err)
{
    points_work *w = t->work;
    sl_source_filter filter = {
        .needs = SL_NEED_CROPS, .people = t->o.people, .held_out = t->o.held_out, .part = SL_PART_TRAINING};
    if (!data->list)
        return sl_fail(err, SL_ERR_ARGUMENT, "points are learned from whole photos: give a list of them");
    SL_TRY(sl_source_of_list(data->list, data->root, &filter, &w->learned, err));
    filter.part = SL_PART_VALIDATION;
    return t->o.held_out > 0 ? sl_source_of_list(data->list, data->root, &filter, &w->judged, err) : SL_OK;
}

static sl_status open_network(sl_trainer *t, sl_error *err)
{
    points_work *w = t->work;
    SL_TRY(sl_arch_draw(&sl_arch_points, t->o.seed, &w->drawn, err));
    SL_TRY(sl_arch_build(&sl_arch_points, &w->drawn, &w->net, err));
    w->learns = calloc((size_t)w->net->n_tensors + 1, sizeof *w->learns);
    w->learning = calloc((size_t)w->net->n_tensors + 1, sizeof *w->learning);
    if (!w->learns || !w->learning)
        return sl_no_memory(err, "for a trainer");
    return sl_learning_weights(w->net, &w->drawn, t->o.learn, sl_arch_points.name, w->learns, w->learning,
                               &t->n_learning, err);
}

static sl_status open_points(sl_trainer *t, const sl_train_data *data, sl_progress_fn progress, void *context,
                             sl_error *err)
{
    sl_ticker ticker = {.fn = progress, .context = context};
    points_work *w = t->work = calloc(1, sizeof *w);
    if (!w)
        return sl_no_memory(err, "for a trainer");
    SL_TRY(sl_augmentation_named(t->o.augmentation, &w->mix, err));
    SL_TRY(open_photos(t, data, err));
    SL_TRY(open_network(t, err));
    SL_TRY(open_faces(t, &ticker, err));
    t->net = w->net;
    t->learning = w->learning;
    t->learned = w->learned;
    t->judged = w->judged;
    t->judging = w->judging.count < MOST_JUDGED ? w->judging.count : MOST_JUDGED;
    return SL_OK;
}

static void close_points(sl_trainer *t)
{
    points_work *w = t->work;
    if (!w)
        return;
    sl_wide_faces_free(w->faces.faces, w->faces.count);
    sl_wide_faces_free(w->judging.faces, w->judging.count);
    sl_source_close(w->learned);
    sl_source_close(w->judged);
    sl_graph_free(w->net);
    sl_state_dict_free(&w->drawn);
    free(w->learns);
    free(w->learning);
    free(w);
}

static sl_status points_part(sl_trainer *t, sl_shape shapes[SL_MAX_PART_INPUTS], sl_error *err)
{
    const points_work *w = t->work;
    SL_TRY(sl_graph_reweighed(w->net, NULL, 0, &t->part, err));
    shapes[0] = (sl_shape){4, {t->o.batch, 3, SL_POINTS_VIEW, SL_POINTS_VIEW}};
    shapes[1] = (sl_shape){2, {t->o.batch, SL_POINTS_TOLD}};
    return sl_loss_append_distance(t->part, sl_graph_find(t->part, SL_ARCH_POINTS), t->o.batch, SL_POINTS_TOLD, err);
}

/* ---- views ---- */

/* Views first .. of faces in turn, or in the walk's order. */
typedef struct {
    const sl_augmentation *mix;
    const face_set *set;
    bool shuffled;
    uint64_t seed, first;
    float *views, *told;
} drawing;

static sl_status draw_view(void *context, size_t item, int worker, sl_error *err)
{
    const drawing *d = context;
    const uint64_t number = d->first + item;
    sl_rng r = sl_rng_seed(d->seed ^ number);
    const size_t which = d->shuffled ? sl_shuffled(d->seed, number, d->set->count) : (size_t)number % d->set->count;
    const size_t other = (size_t)sl_rng_below(&r, d->set->count);
    (void)worker;
    return sl_hidden_view(d->mix, &d->set->faces[which], &d->set->faces[other], d->seed, number,
                          d->views + item * VIEW_NUMBERS, d->told + item * SL_POINTS_TOLD, err);
}

static sl_status fill_points(sl_trainer *t, uint64_t run, sl_error *err)
{
    const points_work *w = t->work;
    drawing d = {.mix = w->mix,
                 .set = &w->faces,
                 .shuffled = true,
                 .seed = t->o.seed,
                 .first = run * (uint64_t)t->o.batch,
                 .views = sl_plan_input(t->learner.plan, 0, NULL),
                 .told = sl_plan_input(t->learner.plan, 1, NULL)};
    return sl_parallel_try(t->o.threads, (size_t)t->o.batch, draw_view, &d, err);
}

/* ---- judging ---- */

static sl_status compile_now(const sl_trainer *t, const sl_weights_of *weights, int count, sl_plan **plan,
                             sl_error *err)
{
    static const char *const name = SL_ARCH_POINTS;
    const sl_plan_options options = sl_trainer_plan(t);
    const sl_shape views = {4, {t->o.batch, 3, SL_POINTS_VIEW, SL_POINTS_VIEW}};
    sl_graph *g, *special = NULL;
    *plan = NULL;
    SL_TRY(sl_graph_reweighed(t->net, weights, count, &g, err));
    sl_status status = sl_graph_specialize(g, &views, &name, 1, &special, err);
    if (status == SL_OK)
        status = sl_plan_compile_as(special, &options, plan, err);
    sl_graph_free(special);
    sl_graph_free(g);
    return status;
}

/* Of `count` views' points those that are told to within a tenth of the eye distance. */
static size_t count_right(const float *said, const float *told, size_t count)
{
    sl_point mean[5];
    size_t right = 0;
    sl_points_of_view(mean);
    const float least = .1f * (mean[1].x - mean[0].x) / SL_POINTS_UNIT;
    for (size_t v = 0; v < count; v++, said += SL_POINTS_TOLD, told += SL_POINTS_TOLD)
        for (int i = 0; i < 5; i++)
            right += hypotf(said[2 * i] - told[2 * i], said[2 * i + 1] - told[2 * i + 1]) <= least;
    return right;
}

/* The part of the points that is told right, of views drawn by the mix. */
static sl_status judge_by(const sl_trainer *t, sl_plan *plan, const sl_augmentation *mix, float *told, double *out,
                          sl_error *err)
{
    const points_work *w = t->work;
    const size_t batch = (size_t)t->o.batch;
    drawing d = {
        .mix = mix, .set = &w->judging, .seed = JUDGED_SEED, .views = sl_plan_input(plan, 0, NULL), .told = told};
    size_t right = 0;
    for (; d.first < t->judging; d.first += batch) {
        const size_t left = t->judging - (size_t)d.first, now = left < batch ? left : batch;
        SL_TRY(sl_parallel_try(t->o.threads, now, draw_view, &d, err));
        SL_TRY(sl_plan_run(plan, err));
        right += count_right(sl_plan_output(plan, 0, NULL), told, now);
    }
    *out = (double)right / (5. * (double)t->judging);
    return SL_OK;
}

static sl_status judge_points(const sl_trainer *t, const sl_weights_of *weights, int count, sl_train_judgement *out,
                              sl_error *err)
{
    const points_work *w = t->work;
    float *told = calloc((size_t)t->o.batch * SL_POINTS_TOLD, sizeof *told);
    sl_plan *plan = NULL;
    sl_status status = told ? compile_now(t, weights, count, &plan, err) : sl_no_memory(err, "for judging");
    if (status == SL_OK)
        status = judge_by(t, plan, sl_augmentation_find("none"), told, &out->clean, err);
    if (status == SL_OK)
        status = judge_by(t, plan, w->mix, told, &out->covered, err);
    sl_plan_free(plan);
    free(told);
    return status;
}

/* ---- saving ---- */

static const float *learned_value(const sl_weights_of *weights, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (strcmp(weights[i].name, name) == 0)
            return weights[i].value;
    return NULL;
}

static sl_status save_points(const sl_trainer *t, const sl_weights_of *weights, int count, const char *how,
                             const sl_train_output *o, sl_error *err)
{
    const points_work *w = t->work;
    sl_state_dict dict = {0};
    sl_text provenance = {0};
    sl_status status = SL_OK;
    sl_text_add(&provenance,
                "Five points of covered faces, as %s has them uncovered: learned %s, with drawn covers (%s).",
                t->o.model ? t->o.model : SL_DEFAULT_DETECTOR, how, w->mix->name);
    for (size_t i = 0; status == SL_OK && i < w->drawn.count; i++) {
        const sl_weight *begun = &w->drawn.weights[i];
        const float *value = learned_value(weights, count, begun->name);
        status = sl_state_dict_add(&dict, begun->name, &begun->shape, value ? value : begun->data, false, err);
    }
    const sl_derived made = {.models_dir = t->o.models_dir,
                             .output = o->output,
                             .licence = o->licence,
                             .provenance = provenance.data,
                             .replace = o->replace};
    if (status == SL_OK)
        status = provenance.failed ? sl_no_memory(err, "for a manifest")
                                   : sl_derive_points(&sl_arch_points, &dict, &made, err);
    sl_state_dict_free(&dict);
    free(provenance.data);
    return status;
}

const sl_task sl_task_points = {
    .open = open_points,
    .part = points_part,
    .fill = fill_points,
    .judge = judge_points,
    .save = save_points,
    .close = close_points,
};
