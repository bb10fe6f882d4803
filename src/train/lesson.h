/* What comes when: the pictures that are learned from, drawn on anew each time, and those that judge. */
#ifndef SL_TRAIN_LESSON_H
#define SL_TRAIN_LESSON_H

#include "model/recogniser.h"
#include "secondlook_train.h"
#include "train/data/augment.h"
#include "train/data/source.h"

typedef struct {
    sl_source *learned; /* people who are learned from: person p is class p */
    sl_source *judged;  /* people held out who have two photos and more; NULL: nobody judges */
    const sl_recogniser *recogniser;
    const sl_augmentation *mix;
    uint64_t seed;
    int threads;
} sl_lesson;

/* Parts the people of `data`. SL_ERR_ARGUMENT where there are too few. */
sl_status sl_lesson_open(const sl_train_data *data, const sl_recogniser *recogniser,
                         const sl_train_options *options, sl_lesson *out, sl_error *err);
void sl_lesson_close(sl_lesson *lesson);

/* How many pictures judge: some thousand are enough. */
size_t sl_lesson_judged(const sl_lesson *lesson);

/* The number in `learned` of picture `number` of the endless walk. */
size_t sl_lesson_turn(const sl_lesson *lesson, uint64_t number);

/* Pictures number first .. first + count - 1 of the endless walk, as the network takes them: out [count, channels,
 * height, width], covered; which [count]: their numbers in `learned`. */
sl_status sl_lesson_batch(const sl_lesson *lesson, uint64_t first, int count, size_t *which, float *out,
                          sl_error *err);

/* Pictures first .. first + count - 1 of a source: untouched, or covered, always in the same way. */
sl_status sl_lesson_pictures(const sl_lesson *lesson, const sl_source *source, size_t first, int count,
                             bool covered, float *out, sl_error *err);

#endif
