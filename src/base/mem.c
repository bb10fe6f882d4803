/* Allocation that refuses sizes which overflow. */
#include "base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *sl_alloc_aligned(size_t bytes)
{
    size_t rounded;
    if (!sl_add_size(bytes, 63, &rounded))
        return NULL;
    rounded &= ~(size_t)63;
    return aligned_alloc(64, rounded ? rounded : 64);
}

void *sl_calloc_aligned(size_t count, size_t size)
{
    size_t bytes;
    if (!sl_mul_size(count, size, &bytes))
        return NULL;
    void *p = sl_alloc_aligned(bytes);
    if (p)
        memset(p, 0, bytes);
    return p;
}

void *sl_realloc_array(void *p, size_t count, size_t size)
{
    size_t bytes;
    if (!sl_mul_size(count, size, &bytes))
        return NULL;
    return realloc(p, bytes ? bytes : 1);
}

void *sl_with_room(void *array, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return array;
    size_t larger = *capacity ? 2 * *capacity : 64;
    void *moved = sl_realloc_array(array, larger, size);
    if (moved)
        *capacity = larger;
    return moved;
}

char *sl_strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = malloc(size);
    if (copy)
        memcpy(copy, text, size);
    return copy;
}

size_t sl_memory_available(void)
{
    char line[128];
    unsigned long long kib = 0;
    FILE *file = fopen("/proc/meminfo", "re");
    bool found = false;
    while (file && !found && fgets(line, sizeof line, file))
        found = sscanf(line, "MemAvailable: %llu", &kib) == 1;
    if (file)
        fclose(file);
    return found && kib < SIZE_MAX / 1024 ? (size_t)kib * 1024 : SIZE_MAX;
}
