/* Open addressing, at most half full; nothing is ever taken out one by one. */
#include "gallery/table.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"

/* Folds a 128-bit product of two 64-bit words. */
static uint64_t mix(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint32_t sl_table_hash(const sl_table *t, const char *text, size_t size)
{
    uint64_t h = mix(t->seed ^ size, 0x9e3779b97f4a7c15u), word;
    for (; size > 8; text += 8, size -= 8)
        h = mix(h ^ sl_get_u64(text), t->seed | 1);
    word = 0;
    memcpy(&word, text, size);
    h = mix(h ^ word, t->seed | 1);
    return (uint32_t)(h ^ h >> 32);
}

uint32_t sl_table_find(const sl_table *t, const char *text, size_t size, sl_table_equal equal, const void *context)
{
    if (t->capacity == 0)
        return SL_TABLE_NONE;
    uint32_t hash = sl_table_hash(t, text, size);
    for (size_t i = hash & (t->capacity - 1); t->slots[i].number != SL_TABLE_NONE; i = (i + 1) & (t->capacity - 1))
        if (t->slots[i].hash == hash && equal(context, t->slots[i].number, text, size))
            return t->slots[i].number;
    return SL_TABLE_NONE;
}

static void put(sl_table *t, sl_table_slot entry)
{
    size_t i = entry.hash & (t->capacity - 1);
    while (t->slots[i].number != SL_TABLE_NONE)
        i = (i + 1) & (t->capacity - 1);
    t->slots[i] = entry;
}

bool sl_table_reserve(sl_table *t)
{
    if ((t->used + 1) * 2 <= t->capacity)
        return true;
    sl_table old = *t;
    t->capacity = old.capacity ? old.capacity * 2 : 64;
    t->slots = sl_realloc_array(NULL, t->capacity, sizeof *t->slots);
    if (!t->slots) {
        *t = old;
        return false;
    }
    memset(t->slots, 0xff, t->capacity * sizeof *t->slots);
    for (size_t i = 0; i < old.capacity; i++)
        if (old.slots[i].number != SL_TABLE_NONE)
            put(t, old.slots[i]);
    free(old.slots);
    return true;
}

void sl_table_insert(sl_table *t, const char *text, size_t size, uint32_t number)
{
    put(t, (sl_table_slot){.hash = sl_table_hash(t, text, size), .number = number});
    t->used++;
}

void sl_table_clear(sl_table *t)
{
    if (t->capacity)
        memset(t->slots, 0xff, t->capacity * sizeof *t->slots);
    t->used = 0;
}

void sl_table_free(sl_table *t)
{
    free(t->slots);
    *t = (sl_table){0};
}
