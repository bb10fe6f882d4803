/* The plans that ran last: found by their key, the one not used for longest in the way of a new one. */
#include "net/plan/plan_cache.h"

#include <stdbool.h>

static bool is_same_key(const sl_plan_key *a, const sl_plan_key *b)
{
    return a->width == b->width && a->height == b->height && a->outputs == b->outputs;
}

/* The slot that holds the key's plan, else the one that gives way: free slots were used at 0. */
static int find_slot(const sl_plan_cache *cache, const sl_plan_key *key)
{
    int oldest = 0;
    for (int i = 0; i < cache->capacity; i++) {
        if (cache->slots[i].plan && is_same_key(&cache->slots[i].key, key))
            return i;
        if (cache->slots[i].used < cache->slots[oldest].used)
            oldest = i;
    }
    return oldest;
}

static void empty_slot(sl_plan_cache *cache, int i)
{
    sl_plan_free(cache->slots[i].plan);
    cache->slots[i].plan = NULL;
    cache->slots[i].used = 0;
}

sl_status sl_plan_cache_get(sl_plan_cache *cache, const sl_plan_key *key, sl_plan_compiler compile, void *context,
                            sl_plan **out, sl_error *err)
{
    const int i = find_slot(cache, key);
    cache->clock++;
    if (!cache->slots[i].plan || !is_same_key(&cache->slots[i].key, key)) {
        empty_slot(cache, i); /* first, so that there is never memory for more than `capacity` plans */
        SL_TRY(compile(context, key, &cache->slots[i].plan, err));
        cache->slots[i].key = *key;
    }
    cache->slots[i].used = cache->clock;
    *out = cache->slots[i].plan;
    return SL_OK;
}

void sl_plan_cache_clear(sl_plan_cache *cache)
{
    for (int i = 0; i < cache->capacity; i++)
        empty_slot(cache, i);
}
