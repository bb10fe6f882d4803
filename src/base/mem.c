/* Allocation that refuses sizes which overflow. */
#define _GNU_SOURCE
#include "base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

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

/* The first number behind `format` in a file of /proc; false where there is none. */
static bool number_in(const char *path, const char *format, unsigned long long *number)
{
    char line[128];
    FILE *file = fopen(path, "re");
    bool found = false;
    while (file && !found && fgets(line, sizeof line, file))
        found = sscanf(line, format, number) == 1;
    if (file)
        fclose(file);
    return found;
}

/* What is left of the addresses that this process may have (ulimit -v), but for those that malloc takes in passing
 * where a thread has its first piece of memory. */
static size_t addresses_left(void)
{
    const unsigned long long passing = 128 << 20;
    struct rlimit limit;
    unsigned long long pages;
    if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY ||
        !number_in("/proc/self/statm", "%llu", &pages))
        return SIZE_MAX;
    const unsigned long long used = pages * (unsigned long long)sysconf(_SC_PAGESIZE);
    return used + passing < limit.rlim_cur ? (size_t)(limit.rlim_cur - used - passing) : 0;
}

size_t sl_memory_available(void)
{
    unsigned long long kib;
    const bool found = number_in("/proc/meminfo", "MemAvailable: %llu", &kib) && kib < SIZE_MAX / 1024;
    const size_t free_bytes = found ? (size_t)kib * 1024 : SIZE_MAX, left = addresses_left();
    return left < free_bytes ? left : free_bytes;
}
