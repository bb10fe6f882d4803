#include "base/memory_files.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct sl_model_files {
    struct sl_model_files *next;
    char place[40]; /* "memory:N" */
    sl_model_file *files; /* [count] names are ours, bytes the caller's */
    size_t count;
    size_t mapped; /* mappings that were not given back */
    bool closed;   /* nobody finds it; it goes with the last mapping */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static sl_model_files *sets;

static void destroy(sl_model_files *set)
{
    for (size_t i = 0; set->files && i < set->count; i++)
        free((char *)set->files[i].name);
    free(set->files);
    free(set);
}

/* Takes it out of the list; `lock` is held. */
static void forget(sl_model_files *set)
{
    sl_model_files **at = &sets;
    while (*at != set)
        at = &(*at)->next;
    *at = set->next;
    destroy(set);
}

/* ---- of the library's users ---- */

static sl_status check_file(const sl_model_file *f, sl_error *err)
{
    if (!f->name || !*f->name || strchr(f->name, '/'))
        return sl_fail(err, SL_ERR_ARGUMENT, "a file in memory needs a name without folders");
    return f->data || !f->size ? SL_OK
                               : sl_fail(err, SL_ERR_ARGUMENT, "%s: a file in memory without its bytes", f->name);
}

sl_status sl_model_files_open(const sl_model_file *files, size_t count, sl_model_files **out, sl_error *err)
{
    static unsigned long last;
    *out = NULL;
    for (size_t i = 0; i < count; i++)
        SL_TRY(check_file(&files[i], err));
    sl_model_files *set = calloc(1, sizeof *set);
    bool whole = set && (set->files = sl_calloc_aligned(count + 1, sizeof *set->files)) != NULL;
    for (size_t i = 0; whole && i < count; i++) {
        set->files[i] = (sl_model_file){sl_strdup(files[i].name), files[i].data, files[i].size};
        set->count = i + 1;
        whole = set->files[i].name != NULL;
    }
    if (!whole) {
        if (set)
            destroy(set);
        return sl_fail(err, SL_ERR_MEMORY, "no memory for %zu files in memory", count);
    }
    pthread_mutex_lock(&lock);
    snprintf(set->place, sizeof set->place, "memory:%lu", ++last);
    set->next = sets;
    sets = set;
    pthread_mutex_unlock(&lock);
    *out = set;
    return SL_OK;
}

const char *sl_model_files_dir(const sl_model_files *files) { return files->place; }

void sl_model_files_close(sl_model_files *files)
{
    if (!files)
        return;
    pthread_mutex_lock(&lock);
    files->closed = true;
    if (!files->mapped)
        forget(files);
    pthread_mutex_unlock(&lock);
}

/* ---- paths ---- */

bool sl_is_memory_path(const char *path) { return strncmp(path, "memory:", 7) == 0; }

/* `lock` is held. */
static const sl_model_file *find(const char *path, sl_model_files **of)
{
    const char *slash = strchr(path, '/');
    const size_t length = slash ? (size_t)(slash - path) : 0;
    for (sl_model_files *set = sets; slash && set; set = set->next)
        for (size_t i = 0; !set->closed && i < set->count; i++)
            if (strlen(set->place) == length && !strncmp(set->place, path, length) &&
                !strcmp(set->files[i].name, slash + 1)) {
                *of = set;
                return &set->files[i];
            }
    return NULL;
}

bool sl_memory_file_there(const char *path)
{
    sl_model_files *set;
    if (!sl_is_memory_path(path))
        return false;
    pthread_mutex_lock(&lock);
    const bool there = find(path, &set) != NULL;
    pthread_mutex_unlock(&lock);
    return there;
}

sl_status sl_memory_map(const char *path, size_t max_bytes, sl_mapping *out, sl_error *err)
{
    sl_model_files *set;
    *out = (sl_mapping){0};
    pthread_mutex_lock(&lock);
    const sl_model_file *file = find(path, &set);
    if (file && file->size <= max_bytes) {
        *out = (sl_mapping){.data = file->size ? file->data : NULL, .size = file->size};
        set->mapped += file->size > 0;
    }
    const size_t size = file ? file->size : 0;
    pthread_mutex_unlock(&lock);
    if (!file)
        return sl_fail(err, SL_ERR_NOT_FOUND, "%s: no such file is in memory", path);
    return size <= max_bytes ? SL_OK
                             : sl_fail(err, SL_ERR_LIMIT, "%s: has %zu bytes, at most %zu are accepted", path, size,
                                       max_bytes);
}

bool sl_memory_unmap(const sl_mapping *mapping)
{
    sl_model_files *of = NULL;
    pthread_mutex_lock(&lock);
    for (sl_model_files *set = sets; !of && set; set = set->next)
        for (size_t i = 0; !of && set->mapped && i < set->count; i++)
            of = set->files[i].size && set->files[i].data == mapping->data ? set : NULL;
    if (of && --of->mapped == 0 && of->closed)
        forget(of);
    pthread_mutex_unlock(&lock);
    return of != NULL;
}
