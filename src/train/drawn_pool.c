#include "train/drawn_pool.h"

#include <stdlib.h>

#include "base/mem.h"
#include "train/data/sampler.h"

/* Another walk than that of the pictures themselves. */
#define POOL_SEED UINT64_C(0x706f6f6c)

sl_status sl_pool_open(size_t count, const size_t *each, int parts, sl_pool *out, sl_error *err)
{
    *out = (sl_pool){.count = count, .parts = parts};
    for (int i = 0; i < parts; i++) {
        out->each[i] = each[i];
        out->kept[i] = sl_calloc_aligned(count * each[i], sizeof **out->kept);
        if (!out->kept[i]) {
            sl_pool_close(out);
            return sl_no_memory(err, "for a pool of drawn pictures: take a smaller one");
        }
    }
    return SL_OK;
}

void sl_pool_close(sl_pool *p)
{
    for (int i = 0; i < p->parts; i++)
        free(p->kept[i]);
    *p = (sl_pool){0};
}

size_t sl_pool_turn(const sl_pool *p, uint64_t seed, uint64_t t)
{
    return sl_shuffled(seed ^ POOL_SEED, t, p->count);
}
