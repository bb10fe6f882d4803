/* A hash table from strings to numbers. It keeps no strings: entries are numbers whose string the caller
 * knows how to compare. Keyed by a random seed, so that nobody can choose names that collide. */
#ifndef SL_GALLERY_TABLE_H
#define SL_GALLERY_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SL_TABLE_NONE UINT32_MAX

typedef struct {
    uint32_t hash, number; /* number: SL_TABLE_NONE where free */
} sl_table_slot;

typedef struct {
    sl_table_slot *slots;
    size_t capacity; /* a power of two, or 0 */
    size_t used;
    uint64_t seed;
} sl_table;

uint32_t sl_table_hash(const sl_table *t, const char *text, size_t size);

/* Is `number` the entry sought? */
typedef bool (*sl_table_equal)(const void *context, uint32_t number, const char *text, size_t size);

/* The number stored for `text`, or SL_TABLE_NONE. */
uint32_t sl_table_find(const sl_table *t, const char *text, size_t size, sl_table_equal equal,
                       const void *context);

/* Room for one more entry; false when there is no memory. */
bool sl_table_reserve(sl_table *t);

/* Adds an entry (there must be room); an older one of an equal string that `equal` no longer accepts stays. */
void sl_table_insert(sl_table *t, const char *text, size_t size, uint32_t number);

/* Takes all entries out and keeps the memory. */
void sl_table_clear(sl_table *t);

void sl_table_free(sl_table *t);

#endif
