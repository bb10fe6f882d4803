/* Ids of photos from several roots. An id is the path below its root; one that two roots have gets the root's name
 * in front, on both sides, so that it does not depend on the order of the roots or on what the photos show. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/photo_paths.h"

typedef struct {
    char **roots; /* [count] real paths of the arguments' folders; equal ones are one root */
    size_t count;
    size_t tail; /* components of a root's path that tell all of them apart */
} root_names;

static void free_roots(root_names *names)
{
    for (size_t i = 0; names->roots && i < names->count; i++)
        free(names->roots[i]);
    free(names->roots);
}

/* The folder itself, or the one that a single photo lies in; the path as it is given where there is none. */
static char *root_of(const char *path)
{
    struct stat st;
    const char *slash = strrchr(path, '/');
    if (!stat(path, &st) && S_ISDIR(st.st_mode)) {
        char *real = realpath(path, NULL);
        return real ? real : strdup(path);
    }
    char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup("."), *real = NULL;
    if (folder)
        real = realpath(folder, NULL);
    if (!real)
        return folder;
    free(folder);
    return real;
}

/* The last `components` of a path. */
static const char *tail_of(const char *path, size_t components)
{
    const char *at = path + strlen(path);
    while (at > path && components) {
        at--;
        components -= at[0] == '/';
    }
    return *at == '/' ? at + 1 : at;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* sorted: the roots in order, each once. Room for their tails is behind them. */
static size_t telling_tail(const char **sorted, size_t count)
{
    const char **tails = sorted + count;
    for (size_t components = 1;; components++) {
        bool whole = true, apart = true;
        for (size_t i = 0; i < count; i++) {
            tails[i] = tail_of(sorted[i], components);
            whole = whole && tails[i] <= sorted[i] + 1;
        }
        qsort(tails, count, sizeof *tails, by_text);
        for (size_t i = 1; i < count && apart; i++)
            apart = strcmp(tails[i - 1], tails[i]) != 0;
        if (apart || whole)
            return components;
    }
}

static bool read_roots(const cli_list *paths, root_names *names)
{
    const char **sorted = calloc(2 * paths->count, sizeof *sorted);
    size_t distinct = 0;
    *names = (root_names){calloc(paths->count, sizeof *names->roots), paths->count, 1};
    bool read = sorted && names->roots;
    for (size_t i = 0; i < paths->count && read; i++)
        read = (names->roots[i] = root_of(paths->items[i])) != NULL;
    if (read) {
        memcpy(sorted, names->roots, paths->count * sizeof *sorted);
        qsort(sorted, paths->count, sizeof *sorted, by_text);
        for (size_t i = 0; i < paths->count; i++)
            if (!distinct || strcmp(sorted[distinct - 1], sorted[i]))
                sorted[distinct++] = sorted[i];
        names->tail = telling_tail(sorted, distinct);
    }
    free(sorted);
    return read;
}

/* ---- photos ---- */

typedef struct {
    sl_photo *photo;
    const char *root;
    size_t order;
} rooted;

static int by_id(const void *a, const void *b)
{
    const rooted *x = a, *y = b;
    int order = strcmp(x->photo->image, y->photo->image);
    if (!order)
        order = strcmp(x->root, y->root);
    return order ? order : x->order < y->order ? -1 : 1;
}

static bool put_in_front(sl_photo *photo, const char *name)
{
    char *image;
    if (asprintf(&image, "%s/%s", *name ? name : "root", photo->image) < 0)
        return false;
    free(photo->image);
    photo->image = image;
    return true;
}

/* Photos [from, to) of one id, by root. Those of one root are one photo, named twice. */
static bool part_ids(const rooted *all, size_t from, size_t to, size_t tail)
{
    if (!strcmp(all[from].root, all[to - 1].root))
        return true;
    for (size_t i = from; i < to; i++)
        if (!put_in_front(all[i].photo, tail_of(all[i].root, tail)))
            return false;
    return true;
}

static bool part_all(rooted *all, size_t count, size_t tail)
{
    qsort(all, count, sizeof *all, by_id);
    for (size_t from = 0, to; from < count; from = to) {
        for (to = from + 1; to < count && !strcmp(all[from].photo->image, all[to].photo->image);)
            to++;
        if (to > from + 1 && !part_ids(all, from, to, tail))
            return false;
    }
    return true;
}

bool cli_part_ids(const cli_list *paths, const size_t *ends, sl_photo *photos, size_t count)
{
    root_names names;
    if (paths->count < 2)
        return true;
    rooted *all = calloc(count + 1, sizeof *all);
    bool parted = read_roots(paths, &names) && all;
    for (size_t i = 0, root = 0; i < count && parted; i++) {
        while (i >= ends[root])
            root++;
        all[i] = (rooted){&photos[i], names.roots[root], i};
    }
    parted = parted && part_all(all, count, names.tail);
    free_roots(&names);
    free(all);
    return parted;
}
