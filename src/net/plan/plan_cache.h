/* The plans that ran last, for a network that meets inputs of many sizes. A plan belongs to one size and takes
 * milliseconds to compile: the sizes of the pictures at hand stay, the one not used for longest makes room.
 *
 *     clock 7:  | A, used at 7 | B, used at 4 | C, used at 6 |      D is asked for: B makes room
 *     clock 8:  | A, used at 7 | D, used at 8 | C, used at 6 |
 */
#ifndef SL_NET_PLAN_CACHE_H
#define SL_NET_PLAN_CACHE_H

#include "net/plan/plan.h"

enum { SL_PLAN_CACHE_MOST = 32 };

/* What a plan was compiled for: the input's size, and which of the network's outputs where that varies. */
typedef struct {
    int width, height, outputs;
} sl_plan_key;

/* Starts as {.capacity = n}, n at most SL_PLAN_CACHE_MOST. One thread's. */
typedef struct {
    int capacity;
    uint64_t clock;
    struct {
        sl_plan_key key;
        sl_plan *plan; /* NULL: free */
        uint64_t used; /* the clock when it was last asked for */
    } slots[SL_PLAN_CACHE_MOST];
} sl_plan_cache;

/* Compiles the plan for a key; the cache owns it from then on. */
typedef sl_status (*sl_plan_compiler)(void *context, const sl_plan_key *key, sl_plan **out, sl_error *err);

/* The plan for `key`, kept or compiled now; it is valid until the next call. When compiling fails, nothing is kept. */
sl_status sl_plan_cache_get(sl_plan_cache *cache, const sl_plan_key *key, sl_plan_compiler compile, void *context,
                            sl_plan **out, sl_error *err);
void sl_plan_cache_clear(sl_plan_cache *cache);

#endif
