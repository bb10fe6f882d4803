/* Allocation with overflow checks; tensors are 64-byte aligned so that kernels may use full vectors. */
#ifndef SL_BASE_MEM_H
#define SL_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>

/* True, and *out = a * b, when the product fits in size_t. */
static inline bool sl_mul_size(size_t a, size_t b, size_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

static inline bool sl_add_size(size_t a, size_t b, size_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}

/* `bytes` bytes, 64-byte aligned, uninitialised; NULL when there is no memory. Freed by free(). */
void *sl_alloc_aligned(size_t bytes);

/* count * size bytes, 64-byte aligned and zeroed; NULL on overflow or when there is no memory. */
void *sl_calloc_aligned(size_t count, size_t size);

/* realloc(p, count * size) that refuses an overflow. */
void *sl_realloc_array(void *p, size_t count, size_t size);

/* `array` with room for one more element of `size` bytes behind its first `count`: as it is, or moved to twice its
 * capacity (64 at first). NULL when there is no memory; the array is then as it was. */
void *sl_with_room(void *array, size_t count, size_t *capacity, size_t size);

/* Bytes that this process can have still: without swapping, as the system tells, and within its limit of addresses.
 * SIZE_MAX where neither is known. */
size_t sl_memory_available(void);

/* A copy of `text`, freed by free(); NULL when there is no memory. */
char *sl_strdup(const char *text);

#endif
