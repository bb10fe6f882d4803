/* One arena for all buffers of a plan. A buffer is in use from the first step that touches it to the last. Walking the
 * steps in order, each buffer takes the smallest gap between those in use at that moment that it fits in, and leaves it
 * after its last step. Inputs, outputs and the scratch of oneDNN's primitives stay for good.
 *
 *     offset      step 0   step 1   step 2   step 3
 *          0     +-----------------------------------+
 *                | x: an input, there for good       |
 *                +-----------------+-----------------+
 *                | a               | c               |     a is read last in step 1, c is written first in step 2
 *                +--------+--------+--------+--------+
 *                         | b               | y      |     y, an output, takes the place that b has left
 *       size              +-----------------+--------+
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "net/plan/plan_build.h"

enum { ALIGN = 64 };
#define MOST_BYTES ((size_t)1 << 34)

static size_t rounded(size_t bytes)
{
    return (bytes + ALIGN - 1) / ALIGN * ALIGN;
}

typedef struct {
    sl_buffer *buffers;
    int *active; /* buffers in use, by offset */
    int n_active;
    size_t size; /* of the arena */
} arena;

static void retire(arena *a, int step)
{
    int kept = 0;
    for (int i = 0; i < a->n_active; i++)
        if (a->buffers[a->active[i]].last >= step)
            a->active[kept++] = a->active[i];
    a->n_active = kept;
}

static void place_buffer(arena *a, int buffer)
{
    size_t need = rounded(a->buffers[buffer].bytes), end = 0, best_gap = SIZE_MAX, best = 0;
    int at = a->n_active;
    for (int i = 0; i < a->n_active; i++) {
        const sl_buffer *x = &a->buffers[a->active[i]];
        size_t gap = x->offset - end;
        if (gap >= need && gap < best_gap) {
            best_gap = gap;
            best = end;
            at = i;
        }
        end = x->offset + rounded(x->bytes);
    }
    if (best_gap == SIZE_MAX)
        best = end;
    a->buffers[buffer].offset = best;
    if (best + need > a->size)
        a->size = best + need;
    memmove(&a->active[at + 1], &a->active[at], (size_t)(a->n_active - at) * sizeof *a->active);
    a->active[at] = buffer;
    a->n_active++;
}

static int by_first(const void *a, const void *b)
{
    const sl_buffer *const *x = a, *const *y = b;
    if ((*x)->first != (*y)->first)
        return (*x)->first < (*y)->first ? -1 : 1;
    return *x < *y ? -1 : *x > *y;
}

/* Sets data of every buffer, then of every step. */
static void bind_all(sl_plan *plan)
{
    for (int i = 0; i < plan->n_buffers; i++)
        if (!plan->buffers[i].constant)
            plan->buffers[i].data = (char *)plan->arena + plan->buffers[i].offset;
    for (int i = 0; i < plan->n_steps; i++) {
        sl_step *s = &plan->steps[i];
        for (int k = 0; k < s->n_buffers; k++)
            s->data[k] = plan->buffers[s->buffers[k]].data;
        if (s->bind)
            s->bind(s);
    }
}

sl_status sl_place_buffers(sl_plan *plan, sl_error *err)
{
    size_t count = (size_t)plan->n_buffers + 1;
    sl_buffer **order = sl_realloc_array(NULL, count, sizeof *order);
    arena a = {.buffers = plan->buffers, .active = sl_realloc_array(NULL, count, sizeof *a.active)};
    if (!order || !a.active) {
        free(order);
        free(a.active);
        return sl_build_no_memory(err);
    }
    int n = 0;
    for (int i = 0; i < plan->n_buffers; i++)
        if (!plan->buffers[i].constant && plan->buffers[i].last >= 0)
            order[n++] = &plan->buffers[i];
    qsort(order, (size_t)n, sizeof *order, by_first);
    for (int i = 0; i < n; i++) {
        retire(&a, order[i]->first);
        place_buffer(&a, (int)(order[i] - plan->buffers));
    }
    free(order);
    free(a.active);
    if (a.size > MOST_BYTES)
        return sl_fail(err, SL_ERR_LIMIT, "the network needs %zu MiB of memory, at most %zu are allowed",
                       a.size >> 20, MOST_BYTES >> 20);
    const size_t available = sl_memory_available();
    if (a.size > available)
        return sl_fail(err, SL_ERR_MEMORY, "the network needs %zu MiB of memory, %zu are free", a.size >> 20,
                       available >> 20);
    plan->arena = sl_calloc_aligned(a.size ? a.size : 1, 1);
    if (!plan->arena)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for the network's %zu MiB", a.size >> 20);
    bind_all(plan);
    return SL_OK;
}
