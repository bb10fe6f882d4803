/* Pictures that are drawn once and learned from again and again: what the front made of them is kept, so that a step
 * runs nothing but the part that learns.
 *
 *     picture p of the pool --> front --> [cut, covered embedding] kept      once, at the start
 *     step: p by a walk of its own --> learner's inputs                      every time
 */
#ifndef SL_TRAIN_DRAWN_POOL_H
#define SL_TRAIN_DRAWN_POOL_H

#include "train/student.h"

typedef struct {
    size_t count; /* pictures; 0: there is no pool */
    int parts;
    size_t each[SL_MAX_CUT + 1]; /* numbers of a picture */
    float *kept[SL_MAX_CUT + 1]; /* [count, each] */
} sl_pool;

/* For `count` pictures; each [parts]: how many numbers of a picture are kept. SL_ERR_MEMORY. */
sl_status sl_pool_open(size_t count, const size_t *each, int parts, sl_pool *out, sl_error *err);
void sl_pool_close(sl_pool *p);

/* Part `part` of picture `at`, to be written or read. */
static inline float *sl_pool_at(const sl_pool *p, int part, size_t at)
{
    return p->kept[part] + at * p->each[part];
}

/* Which picture of the pool is number t of all: each once a round, rounds in orders of their own. */
size_t sl_pool_turn(const sl_pool *p, uint64_t seed, uint64_t t);

#endif
