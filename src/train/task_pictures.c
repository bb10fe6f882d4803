/* A recogniser that learns from aligned crops.
 *
 *     lesson: pictures --> front -[pool]-> learner
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
#include "train/drawn_pool.h"
#include "train/student.h"

typedef struct {
    sl_student student;
    sl_lesson lesson;
    sl_plan *front;    /* NULL: the cut is the pictures, and no teacher is asked */
    bool front_embeds; /* its output 0 is the teacher's embedding of what came in */
    float *targets;    /* [learned, dim] unit embeddings at the start; NULL: not needed */
    sl_pool pool;      /* what front made, the teacher's embeddings last; of no pictures: each is drawn anew */
    size_t *which;     /* [batch] */
    float *covered;    /* [batch, dim] unit embeddings at the start of the covered pictures, where front embeds */
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
    if (w->targets || (t->o.loss != SL_LOSS_DISTILL && !begins_at_means(t)))
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
    w->covered = sl_calloc_aligned((size_t)t->o.batch * (size_t)sl_student_dim(&w->student), sizeof *w->covered);
    if (!w->which || !w->covered)
        return sl_no_memory(err, "for a trainer");
    t->net = w->student.net;
    t->learning = w->student.learning;
    t->n_learning = w->student.n_learning;
    t->learned = w->lesson.learned;
    t->judged = w->lesson.judged;
    t->judging = sl_lesson_judged(&w->lesson);
    memcpy(t->fingerprint, w->student.recogniser.fingerprint, sizeof t->fingerprint);
    return t->o.resume ? SL_OK : look_at_all(t, progress, context, err); /* else once it is known that it has to go on */
}

static void close_pictures(sl_trainer *t)
{
    picture_work *w = t->work;
    if (!w)
        return;
    sl_plan_free(w->front);
    sl_lesson_close(&w->lesson);
    sl_student_close(&w->student);
    sl_pool_close(&w->pool);
    free(w->targets);
    free(w->which);
    free(w->covered);
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

static sl_status compile_front(sl_trainer *t, sl_error *err)
{
    picture_work *w = t->work;
    const sl_plan_options options = sl_trainer_plan(t);
    double flop;
    w->front_embeds = t->o.loss == SL_LOSS_DISTILL && t->o.target_covered > 0;
    SL_TRY(sl_student_front(&w->student, w->front_embeds, &options, &w->front, &flop, err));
    if (!t->o.pool)
        t->flop += flop;
    return SL_OK;
}

/* ---- pictures, drawn ---- */

/* Draws pictures first .. first + batch - 1 of all, and runs what does not learn. */
static sl_status draw_batch(sl_trainer *t, uint64_t first, sl_error *err)
{
    picture_work *w = t->work;
    sl_plan *reader = w->front ? w->front : t->learner.plan;
    SL_TRY(sl_lesson_batch(&w->lesson, first, t->o.batch, w->which, sl_plan_input(reader, 0, NULL), err));
    return w->front ? sl_plan_run(w->front, err) : SL_OK;
}

/* What front has for cut i. */
static const float *cut_of(const picture_work *w, int i)
{
    int output = w->front_embeds;
    if (sl_student_cut_is_picture(&w->student, i))
        return sl_plan_input(w->front, 0, NULL);
    for (int k = 0; k < i; k++)
        output += !sl_student_cut_is_picture(&w->student, k);
    return sl_plan_output(w->front, output, NULL);
}

/* The teacher's embedding of the picture in this row, made one of unit length. */
static void take_covered(const picture_work *w, int row, float *out)
{
    const int dim = sl_student_dim(&w->student);
    const float *covered = sl_plan_output(w->front, 0, NULL) + (size_t)row * (size_t)dim;
    double sum = 0;
    for (int d = 0; d < dim; d++)
        sum += (double)covered[d] * covered[d];
    const float by = (float)(1 / fmax(sqrt(sum), 1e-12));
    for (int d = 0; d < dim; d++)
        out[d] = by * covered[d];
}

/* ---- the pool ---- */

static size_t numbers_of_cut(const picture_work *w, int i)
{
    const sl_shape *shape = &w->student.cut_shapes[i];
    return (size_t)(sl_shape_elements(shape) / shape->dim[0]);
}

static sl_status keep_batch(sl_trainer *t, size_t first, sl_error *err)
{
    picture_work *w = t->work;
    const int cuts = w->student.n_cut;
    SL_TRY(draw_batch(t, first, err));
    for (int row = 0; row < t->o.batch && first + (size_t)row < w->pool.count; row++) {
        for (int i = 0; i < cuts; i++)
            memcpy(sl_pool_at(&w->pool, i, first + (size_t)row), cut_of(w, i) + (size_t)row * w->pool.each[i],
                   w->pool.each[i] * sizeof(float));
        if (w->front_embeds)
            take_covered(w, row, sl_pool_at(&w->pool, cuts, first + (size_t)row));
    }
    return SL_OK;
}

static sl_status open_pool(sl_trainer *t, sl_error *err)
{
    picture_work *w = t->work;
    size_t each[SL_MAX_CUT + 1];
    if (!w->front)
        return sl_fail(err, SL_ERR_ARGUMENT, "a pool keeps what lies before the weights that learn, and there is "
                       "nothing: choose fewer weights (learn), or no pool");
    for (int i = 0; i < w->student.n_cut; i++) {
        if (w->student.cut_shapes[i].dim[0] != t->o.batch)
            return sl_fail(err, SL_ERR_UNSUPPORTED, "a pool keeps pictures one by one, and this network's do not lie "
                           "one by one before what learns");
        each[i] = numbers_of_cut(w, i);
    }
    each[w->student.n_cut] = (size_t)sl_student_dim(&w->student);
    return sl_pool_open((size_t)t->o.pool, each, w->student.n_cut + w->front_embeds, &w->pool, err);
}

static sl_status fill_pool(sl_trainer *t, sl_ticker *ticker, sl_error *err)
{
    const size_t batch = (size_t)t->o.batch;
    for (size_t first = 0; first < ticker->total; first += batch) {
        const size_t left = ticker->total - first;
        SL_TRY(keep_batch(t, first, err));
        SL_TRY(sl_tick(ticker, first + (left < batch ? left : batch), err));
    }
    return SL_OK;
}

static sl_status begin_pictures(sl_trainer *t, sl_progress_fn progress, void *context, sl_error *err)
{
    const picture_work *w = t->work;
    sl_ticker ticker = {.fn = progress, .context = context, .total = w->pool.count};
    SL_TRY(look_at_all(t, progress, context, err));
    return fill_pool(t, &ticker, err);
}

static sl_status open_front(sl_trainer *t, sl_error *err)
{
    SL_TRY(compile_front(t, err));
    return t->o.pool ? open_pool(t, err) : SL_OK;
}

/* ---- a batch ---- */

/* Hands what front made over to the learner. */
static void pass_on(const sl_trainer *t)
{
    const picture_work *w = t->work;
    for (int i = 0; w->front && i < w->student.n_cut; i++)
        memcpy(sl_plan_input(t->learner.plan, i, NULL), cut_of(w, i),
               (size_t)sl_shape_elements(&w->student.cut_shapes[i]) * sizeof(float));
    for (int row = 0; w->front_embeds && row < t->o.batch; row++)
        take_covered(w, row, w->covered + (size_t)row * (size_t)sl_student_dim(&w->student));
}

/* The same out of the pool, for row `row` of the batch. */
static void pass_on_kept(const sl_trainer *t, int row, size_t kept)
{
    const picture_work *w = t->work;
    const int cuts = w->student.n_cut, dim = sl_student_dim(&w->student);
    for (int i = 0; i < cuts; i++)
        memcpy(sl_plan_input(t->learner.plan, i, NULL) + (size_t)row * w->pool.each[i], sl_pool_at(&w->pool, i, kept),
               w->pool.each[i] * sizeof(float));
    if (w->front_embeds)
        memcpy(w->covered + (size_t)row * (size_t)dim, sl_pool_at(&w->pool, cuts, kept), (size_t)dim * sizeof(float));
    w->which[row] = sl_lesson_turn(&w->lesson, kept);
}

/* target [dim]: unit embedding at the start of the untouched picture, and by its weight that of the covered one. */
static void set_target(const sl_trainer *t, int row, float *target)
{
    const picture_work *w = t->work;
    const int dim = sl_student_dim(&w->student);
    const float *covered = w->covered + (size_t)row * (size_t)dim;
    memcpy(target, w->targets + w->which[row] * (size_t)dim, (size_t)dim * sizeof *target);
    for (int d = 0; w->front_embeds && d < dim; d++)
        target[d] += (float)t->o.target_covered * covered[d];
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
    const picture_work *w = t->work;
    const uint64_t first = run * (uint64_t)t->o.batch;
    if (w->pool.count) {
        for (int row = 0; row < t->o.batch; row++)
            pass_on_kept(t, row, sl_pool_turn(&w->pool, t->o.seed, first + (uint64_t)row));
    } else {
        SL_TRY(draw_batch(t, first, err));
        pass_on(t);
    }
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
    .begin = begin_pictures,
    .fill = fill_pictures,
    .judge = judge_pictures,
    .save = save_pictures,
    .close = close_pictures,
};
