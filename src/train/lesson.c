#include "train/lesson.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/threads.h"
#include "train/data/sampler.h"
#include "train/data/source_pictures.h"
#include "train/loss.h"

enum { MOST_JUDGED = 4000 };

/* Pictures that judge are covered the same way whatever is learned from, by numbers of their own, far from those
 * of the walk. */
#define JUDGED_MIX "covered"
#define JUDGED_SEED UINT64_C(0x6a756467656d656e)

/* ---- who learns, who judges ---- */

static sl_status open_source(const sl_train_data *data, const sl_source_filter *filter, sl_source **out,
                             sl_error *err)
{
    const int given = (data->gallery != NULL) + (data->list != NULL) + (data->crop != NULL);
    *out = NULL;
    if (given != 1)
        return sl_fail(err, SL_ERR_ARGUMENT, "training needs a gallery, a list, or pictures: one of the three");
    if (data->gallery)
        return sl_source_of_gallery(data->gallery, filter, out, err);
    if (data->list)
        return sl_source_of_list(data->list, data->root, filter, out, err);
    return sl_source_of_pictures(data, filter, out, err);
}

static sl_status open_lesson(const sl_train_data *data, const sl_train_options *o, sl_lesson *l, sl_error *err)
{
    const sl_source_filter learned = {.needs = SL_NEED_CROPS,
                                      .people = o->people,
                                      .held_out = o->held_out,
                                      .part = SL_PART_TRAINING,
                                      .min_people = sl_loss_has_classes(o->loss) ? 2 : 1};
    const sl_source_filter judged = {.needs = SL_NEED_CROPS,
                                     .people = o->people,
                                     .held_out = o->held_out,
                                     .part = SL_PART_VALIDATION,
                                     .min_photos = 2,
                                     .min_people = 2};
    SL_TRY(sl_augmentation_named(o->augmentation, &l->mix, err));
    SL_TRY(open_source(data, &learned, &l->learned, err));
    return o->held_out > 0 ? open_source(data, &judged, &l->judged, err) : SL_OK;
}

sl_status sl_lesson_open(const sl_train_data *data, const sl_recogniser *recogniser,
                         const sl_train_options *options, sl_lesson *out, sl_error *err)
{
    *out = (sl_lesson){.recogniser = recogniser, .seed = options->seed, .threads = options->threads};
    sl_status status = open_lesson(data, options, out, err);
    if (status != SL_OK)
        sl_lesson_close(out);
    return status;
}

void sl_lesson_close(sl_lesson *l)
{
    sl_source_close(l->learned);
    sl_source_close(l->judged);
    *l = (sl_lesson){0};
}

size_t sl_lesson_judged(const sl_lesson *l)
{
    const size_t n = l->judged ? sl_source_size(l->judged) : 0;
    return n < MOST_JUDGED ? n : MOST_JUDGED;
}

/* ---- pictures ---- */

/* How the pictures of a batch are made: picture i of the source from[i], or first + i; covered as number first +
 * i. */
typedef struct {
    const sl_lesson *lesson;
    const sl_source *source;
    const size_t *from; /* NULL: first + i */
    uint64_t first, seed;
    const sl_augmentation *mix; /* NULL: untouched */
    float *out;
    size_t each; /* floats of a picture */
} making;

/* Another picture, a part of which covers this one. */
static sl_status take_other(const making *m, uint64_t number, sl_image *out, sl_error *err)
{
    sl_point unused[68];
    bool none;
    sl_rng rng = sl_rng_seed(m->seed ^ number);
    const size_t whose = (size_t)sl_rng_below(&rng, sl_source_size(m->source));
    return sl_source_crop(m->source, whose, out, unused, &none, err);
}

static sl_status cover(const making *m, uint64_t number, const sl_image *crop, const sl_point *landmarks,
                       sl_image *out, sl_error *err)
{
    const sl_augmentation *mix = m->mix;
    sl_image other = {0};
    sl_status status = SL_OK;
    if (mix->share[SL_COVER_TEXTURES] + mix->share[SL_COVER_FACE] + mix->share[SL_COVER_WORN] > 0)
        status = take_other(m, number, &other, err);
    if (status == SL_OK)
        status = sl_augment(mix, crop, landmarks, other.pixels ? &other : NULL, m->seed, number, NULL, out, err);
    sl_image_free(&other);
    return status;
}

static sl_status make_picture(void *context, size_t item, int worker, sl_error *err)
{
    const making *m = context;
    const uint64_t number = m->first + item;
    sl_image crop = {0}, covered = {0};
    sl_point landmarks[68];
    bool has_landmarks = false;
    (void)worker;
    sl_status status =
        sl_source_crop(m->source, m->from ? m->from[item] : (size_t)number, &crop, landmarks, &has_landmarks, err);
    if (status == SL_OK && m->mix)
        status = cover(m, number, &crop, has_landmarks ? landmarks : NULL, &covered, err);
    if (status == SL_OK)
        status =
            sl_recogniser_prepare(m->lesson->recogniser, m->mix ? &covered : &crop, m->out + item * m->each, err);
    sl_image_free(&crop);
    sl_image_free(&covered);
    return status;
}

static sl_status make_all(making *m, int count, sl_error *err)
{
    const sl_recogniser *r = m->lesson->recogniser;
    m->each = (size_t)r->channels_in * (size_t)r->height * (size_t)r->width;
    return sl_parallel_try(m->lesson->threads, (size_t)count, make_picture, m, err);
}

size_t sl_lesson_turn(const sl_lesson *l, uint64_t number)
{
    return sl_shuffled(l->seed, number, sl_source_size(l->learned));
}

sl_status sl_lesson_batch(const sl_lesson *l, uint64_t first, int count, size_t *which, float *out, sl_error *err)
{
    making m = {.lesson = l,
                .source = l->learned,
                .from = which,
                .first = first,
                .seed = l->seed,
                .mix = l->mix,
                .out = out};
    for (int i = 0; i < count; i++)
        which[i] = sl_lesson_turn(l, first + (uint64_t)i);
    return make_all(&m, count, err);
}

sl_status sl_lesson_pictures(const sl_lesson *l, const sl_source *source, size_t first, int count, bool covered,
                             float *out, sl_error *err)
{
    making m = {.lesson = l,
                .source = source,
                .first = first,
                .seed = JUDGED_SEED,
                .mix = covered ? sl_augmentation_find(JUDGED_MIX) : NULL,
                .out = out};
    return make_all(&m, count, err);
}
