/* A recogniser that learns from aligned crops.
 *
 *     lesson: pictures --> front --> learner
 *                            |          ^
 *        targets, of the start, or labels
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/derived.h"
#include "train/classes.h"
#include "train/judge.h"
#include "train/loss.h"
#include "train/student.h"

typedef struct {
    sl_student student;
    sl_lesson lesson;
    sl_plan *front;    /* NULL: the cut is the pictures, and no teacher is asked */
    bool front_embeds; /* its output 0 is the teacher's embedding of what came in */
    float *targets;    /* [learned, dim] unit embeddings at the start; NULL: not needed */
    size_t *which;     /* [batch] */
} picture_work;

/* ---- opening ---- */

/* Unit embeddings by the network of the start of all that is learned from. */
static sl_status embed_all(sl_trainer *t, sl_plan *teacher, sl_progress_fn progress, void *context, sl_error *err)
{
    picture_work *w = t->work;
    const int dim = sl_student_dim(&w->student);
    const size_t n = sl_source_size(t->learned);
    sl_ticker ticker = {.fn = progress, .context = context, .total = n};
    w->targets = sl_calloc_aligned(n * (size_t)dim + 1, sizeof *w->targets);
    if (!w->targets)
        return sl_no_memory(err, "for the embeddings of all pictures");
    return sl_embed_pictures(&w->lesson, t->learned, n, false, teacher, dim, &ticker, w->targets, err);
}

/* Vectors of a run that is resumed come from its checkpoint. */
static bool begins_at_means(const sl_trainer *t)
{
    return sl_loss_has_classes(t->o.loss) && !t->o.random_classes && !t->o.resume;
}

static sl_status look_at_all(sl_trainer *t, sl_progress_fn progress, void *context, sl_error *err)
{
    const picture_work *w = t->work;
    const sl_plan_options options = sl_trainer_plan(t);
    sl_plan *teacher;
    double flop;
    if (t->o.loss != SL_LOSS_DISTILL && !begins_at_means(t))
        return SL_OK;
    SL_TRY(sl_student_front(&w->student, true, &options, &teacher, &flop, err));
    sl_status status = embed_all(t, teacher, progress, context, err);
    sl_plan_free(teacher);
    return status;
}

static sl_status open_pictures(sl_trainer *t, const sl_train_data *data, sl_progress_fn progress, void *context,
                               sl_error *err)
{
    picture_work *w = t->work = calloc(1, sizeof *w);
    if (!w)
        return sl_no_memory(err, "for a trainer");
    SL_TRY(sl_student_open(&t->o, &w->student, err));
    SL_TRY(sl_lesson_open(data, &w->student.recogniser, &t->o, &w->lesson, err));
    w->which = calloc((size_t)t->o.batch, sizeof *w->which);
    if (!w->which)
        return sl_no_memory(err, "for a trainer");
    t->net = w->student.net;
    t->learning = w->student.learning;
    t->n_learning = w->student.n_learning;
    t->learned = w->lesson.learned;
    t->judged = w->lesson.judged;
    t->judging = sl_lesson_judged(&w->lesson);
    memcpy(t->fingerprint, w->student.recogniser.fingerprint, sizeof t->fingerprint);
    return look_at_all(t, progress, context, err);
}

static void close_pictures(sl_trainer *t)
{
    picture_work *w = t->work;
    if (!w)
        return;
    sl_plan_free(w->front);
    sl_lesson_close(&w->lesson);
    sl_student_close(&w->student);
    free(w->targets);
    free(w->which);
    free(w);
}

/* ---- the part that learns ---- */

/* Its inputs: the cut, the counter of dropout, then what the loss reads. */
static sl_status picture_part(sl_trainer *t, sl_shape shapes[SL_MAX_PART_INPUTS], sl_error *err)
{
    const picture_work *w = t->work;
    const sl_student *s = &w->student;
    const int dim = sl_student_dim(s);
    sl_tensor embedding;
    int n = 0;
    SL_TRY(sl_classes_begin(t, dim, begins_at_means(t) ? w->targets : NULL, err));
    SL_TRY(sl_student_part(s, &t->part, &embedding, err));
    SL_TRY(sl_loss_append(t->part, embedding, t->o.batch, dim, &t->o, t->classes, sl_source_people(t->learned), err));
    for (; n < s->n_cut; n++)
        shapes[n] = s->cut_shapes[n];
    if (s->dropping)
        shapes[n++] = (sl_shape){1, {SL_DROPOUT_COUNTER}};
    shapes[n] = t->o.loss == SL_LOSS_DISTILL ? (sl_shape){2, {t->o.batch, dim}} : (sl_shape){1, {t->o.batch}};
    return SL_OK;
}

static sl_status open_front(sl_trainer *t, sl_error *err)
{
    picture_work *w = t->work;
    const sl_plan_options options = sl_trainer_plan(t);
    double flop;
    w->front_embeds = t->o.loss == SL_LOSS_DISTILL && t->o.target_covered > 0;
    SL_TRY(sl_student_front(&w->student, w->front_embeds, &options, &w->front, &flop, err));
    t->flop += flop;
    return SL_OK;
}

/* ---- a batch ---- */

/* Hands what front made over to the learner. */
static sl_status pass_on(const sl_trainer *t, sl_error *err)
{
    const picture_work *w = t->work;
    int output = w->front_embeds;
    if (!w->front)
        return SL_OK;
    SL_TRY(sl_plan_run(w->front, err));
    for (int i = 0; i < w->student.n_cut; i++) {
        const float *from = sl_student_cut_is_picture(&w->student, i) ? sl_plan_input(w->front, 0, NULL)
                                                                      : sl_plan_output(w->front, output++, NULL);
        memcpy(sl_plan_input(t->learner.plan, i, NULL), from,
               (size_t)sl_shape_elements(&w->student.cut_shapes[i]) * sizeof *from);
    }
    return SL_OK;
}

/* target [dim]: unit embedding at the start of the untouched picture, and by its weight that of the covered one. */
static void set_target(const sl_trainer *t, int row, float *target)
{
    const picture_work *w = t->work;
    const int dim = sl_student_dim(&w->student);
    memcpy(target, w->targets + w->which[row] * (size_t)dim, (size_t)dim * sizeof *target);
    if (!w->front_embeds)
        return;
    const float *covered = sl_plan_output(w->front, 0, NULL) + (size_t)row * (size_t)dim;
    double sum = 0;
    for (int d = 0; d < dim; d++)
        sum += (double)covered[d] * covered[d];
    const float by = (float)(t->o.target_covered / fmax(sqrt(sum), 1e-12));
    for (int d = 0; d < dim; d++)
        target[d] += by * covered[d];
}

static void set_wanted(const sl_trainer *t)
{
    const picture_work *w = t->work;
    float *wanted = sl_plan_input(t->learner.plan, t->part->n_inputs - 1, NULL);
    for (int i = 0; i < t->o.batch; i++) {
        if (t->o.loss == SL_LOSS_DISTILL)
            set_target(t, i, wanted + (size_t)i * (size_t)sl_student_dim(&w->student));
        else
            wanted[i] = (float)sl_source_person(t->learned, w->which[i]);
    }
}

static sl_status fill_pictures(sl_trainer *t, uint64_t run, sl_error *err)
{
    picture_work *w = t->work;
    sl_plan *first = w->front ? w->front : t->learner.plan;
    SL_TRY(sl_lesson_batch(&w->lesson, run * (uint64_t)t->o.batch, t->o.batch, w->which, sl_plan_input(first, 0, NULL),
                           err));
    SL_TRY(pass_on(t, err));
    set_wanted(t);
    return SL_OK;
}

/* ---- judging, saving ---- */

static sl_status measure(const sl_trainer *t, sl_plan *plan, float *clean, float *covered, sl_train_judgement *out,
                         sl_error *err)
{
    const picture_work *w = t->work;
    const int dim = sl_student_dim(&w->student);
    const size_t n = t->judging;
    SL_TRY(sl_embed_pictures(&w->lesson, t->judged, n, false, plan, dim, NULL, clean, err));
    SL_TRY(sl_embed_pictures(&w->lesson, t->judged, n, true, plan, dim, NULL, covered, err));
    const sl_vectors untouched = {clean, n, dim}, queries = {covered, n, dim};
    SL_TRY(sl_judge_precision(t->judged, &untouched, &untouched, t->o.threads, &out->clean, err));
    return sl_judge_precision(t->judged, &queries, &untouched, t->o.threads, &out->covered, err);
}

static sl_status judge_pictures(const sl_trainer *t, const sl_weights_of *weights, int count, sl_train_judgement *out,
                                sl_error *err)
{
    const picture_work *w = t->work;
    const sl_plan_options options = sl_trainer_plan(t);
    const size_t numbers = t->judging * (size_t)sl_student_dim(&w->student);
    float *embeddings = sl_calloc_aligned(2 * numbers, sizeof *embeddings);
    sl_plan *plan = NULL;
    sl_status status = embeddings ? sl_student_compile(&w->student, weights, count, &options, &plan, err)
                                  : sl_no_memory(err, "for judging");
    if (status == SL_OK)
        status = measure(t, plan, embeddings, embeddings + numbers, out, err);
    sl_plan_free(plan);
    free(embeddings);
    return status;
}

static sl_status save_encoder(const picture_work *w, const sl_weights_of *weights, int count, const sl_derived *made,
                              sl_error *err)
{
    static const float covered[2] = SL_ENCODER_COVERED;
    return sl_derive_encoder(&w->student.recogniser, weights, count, covered, SL_ENCODER_SHARE, made, err);
}

/* A whole network's fused graph has a batch of its own: the same for one picture, with the same names. */
static sl_status save_recogniser(const picture_work *w, const sl_weights_of *weights, int count, const sl_derived *made,
                                 sl_error *err)
{
    const sl_recogniser *r = &w->student.recogniser;
    sl_graph *single = NULL, *g = NULL;
    const sl_graph *base;
    sl_status status = sl_encoder_base(r, 1, &single, &base, err);
    if (status == SL_OK)
        status = sl_graph_reweighed(base, weights, count, &g, err);
    if (status == SL_OK)
        status = sl_derive_recogniser(r, g, made, err);
    sl_graph_free(g);
    sl_graph_free(single);
    return status;
}

static sl_status save_pictures(const sl_trainer *t, const sl_weights_of *weights, int count, const char *how,
                               const sl_train_output *o, sl_error *err)
{
    const picture_work *w = t->work;
    sl_text provenance = {0};
    sl_text_add(&provenance, "%s, %s %s.", w->student.recogniser.network.manifest->name,
                t->o.loss == SL_LOSS_DISTILL ? "distilled from itself on covered faces" : "finetuned", how);
    const sl_derived made = {.models_dir = t->o.models_dir,
                             .output = o->output,
                             .licence = o->licence,
                             .provenance = provenance.data,
                             .replace = o->replace};
    sl_status status = provenance.failed ? sl_no_memory(err, "for a manifest") : SL_OK;
    if (status == SL_OK)
        status = (o->encoder ? save_encoder : save_recogniser)(w, weights, count, &made, err);
    free(provenance.data);
    return status;
}

const sl_task sl_task_pictures = {
    .open = open_pictures,
    .part = picture_part,
    .ready = open_front,
    .fill = fill_pictures,
    .judge = judge_pictures,
    .save = save_pictures,
    .close = close_pictures,
};
