/* Which photos to enrol: a folder per person, or a list of path,label lines. */
#define _GNU_SOURCE
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/mem.h"
#include "pipeline/photos.h"

enum { MAX_DEPTH = 16 };

static void free_photo(sl_photo *photo)
{
    free(photo->path);
    free(photo->image);
    free(photo->label);
}

void sl_photos_free(sl_photo *photos, size_t count)
{
    for (size_t i = 0; photos && i < count; i++)
        free_photo(&photos[i]);
    free(photos);
}

typedef struct {
    sl_photo *photos;
    size_t count, capacity;
    size_t *lines; /* of a list's photos, for messages; NULL for folders */
} photo_list;

/* Takes over the three strings, which may be NULL when there was no memory. */
static sl_status append(photo_list *list, char *path, char *image, char *label, sl_error *err)
{
    sl_photo photo = {path, image, label};
    if (path && image && label && list->count == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 256;
        sl_photo *grown = sl_realloc_array(list->photos, capacity, sizeof *grown);
        if (grown) {
            list->photos = grown;
            list->capacity = capacity;
        }
    }
    if (!path || !image || !label || list->count == list->capacity) {
        free_photo(&photo);
        return sl_fail(err, SL_ERR_MEMORY, "no memory for the list of photos");
    }
    list->photos[list->count++] = photo;
    return SL_OK;
}

static bool is_picture(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && dot != name && (!strcasecmp(dot, ".jpg") || !strcasecmp(dot, ".jpeg") || !strcasecmp(dot, ".png"));
}

/* The person: the folder that holds the photo, or for photos directly in the enrolled folder their own name. */
static char *label_of(const char *image)
{
    const char *last = strrchr(image, '/');
    if (!last)
        return strndup(image, (size_t)(strrchr(image, '.') - image));
    const char *from = last;
    while (from > image && from[-1] != '/')
        from--;
    return strndup(from, (size_t)(last - from));
}

/* Adds the pictures below `dir`; `prefix` is the way to it from the enrolled folder ("" or "a/b/"). */
static sl_status walk(photo_list *list, const char *dir, const char *prefix, int depth, sl_error *err)
{
    struct dirent **names;
    if (depth > MAX_DEPTH)
        return sl_fail(err, SL_ERR_LIMIT, "%s: more than %d folders deep", dir, MAX_DEPTH);
    int n = scandir(dir, &names, NULL, alphasort);
    if (n < 0)
        return sl_fail(err, SL_ERR_IO, "%s: can not read the folder: %m", dir);
    sl_status status = SL_OK;
    for (int i = 0; i < n; i++) {
        const char *name = names[i]->d_name;
        char *path = NULL, *image = NULL;
        struct stat st;
        if (status == SL_OK && name[0] != '.') {
            path = sl_path_join(dir, name);
            if (!path || asprintf(&image, "%s%s", prefix, name) < 0)
                status = sl_fail(err, SL_ERR_MEMORY, "no memory for the list of photos");
            else if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
                char *below = NULL;
                status = asprintf(&below, "%s/", image) < 0 ? sl_fail(err, SL_ERR_MEMORY, "no memory")
                                                            : walk(list, path, below, depth + 1, err);
                free(below);
            } else if (is_picture(name)) {
                status = append(list, path, image, label_of(image), err);
                path = image = NULL;
            }
        }
        free(path);
        free(image);
        free(names[i]);
    }
    free(names);
    return status;
}

static sl_status finish(photo_list *list, sl_status status, sl_photo **out, size_t *count)
{
    *out = NULL;
    *count = 0;
    free(list->lines);
    if (status != SL_OK) {
        sl_photos_free(list->photos, list->count);
        return status;
    }
    *out = list->photos;
    *count = list->count;
    return SL_OK;
}

sl_status sl_photos_in_folder(const char *dir, sl_photo **out, size_t *count, sl_error *err)
{
    photo_list list = {0};
    return finish(&list, walk(&list, dir, "", 0, err), out, count);
}

/* ---- lists ---- */

/* One line of `length` bytes: path,label with the last comma between; blank lines are passed over. */
static sl_status read_line(photo_list *list, const char *base, const char *line, size_t length, const char *file,
                           size_t number, sl_error *err)
{
    if (length && line[length - 1] == '\r')
        length--;
    size_t blank = 0;
    while (blank < length && (line[blank] == ' ' || line[blank] == '\t'))
        blank++;
    if (blank == length)
        return SL_OK;
    if (length > 4096)
        return sl_fail(err, SL_ERR_LIMIT, "%s, line %zu: longer than 4096 bytes", file, number);
    if (memchr(line, '\0', length))
        return sl_fail(err, SL_ERR_FORMAT, "%s, line %zu: holds a NUL byte", file, number);
    const char *comma = memrchr(line, ',', length), *end = line + length;
    if (!comma || comma == line || comma + 1 == end)
        return sl_fail(err, SL_ERR_FORMAT, "%s, line %zu: expected path,label", file, number);
    char *image = strndup(line, (size_t)(comma - line)), *label = strndup(comma + 1, (size_t)(end - comma - 1));
    char *path = !image ? NULL : image[0] == '/' ? sl_strdup(image) : sl_path_join(base, image);
    SL_TRY(append(list, path, image, label, err));
    size_t *lines = sl_realloc_array(list->lines, list->capacity, sizeof *lines);
    if (!lines)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for the list of photos");
    list->lines = lines;
    list->lines[list->count - 1] = number;
    return SL_OK;
}

typedef struct {
    const sl_photo *photo;
    size_t line;
} listed;

static int by_image(const void *a, const void *b)
{
    const listed *x = a, *y = b;
    int order = strcmp(x->photo->image, y->photo->image);
    return order ? order : x->line < y->line ? -1 : x->line > y->line;
}

/* The same photo twice: with one label it is a slip to be told, with two a contradiction. */
static sl_status check_unique(const photo_list *list, const char *file, sl_error *err)
{
    listed *sorted = sl_calloc_aligned(list->count + 1, sizeof *sorted);
    if (!sorted)
        return sl_fail(err, SL_ERR_MEMORY, "%s: no memory to check it", file);
    for (size_t i = 0; i < list->count; i++)
        sorted[i] = (listed){&list->photos[i], list->lines[i]};
    qsort(sorted, list->count, sizeof *sorted, by_image);
    sl_status status = SL_OK;
    for (size_t i = 1; i < list->count && status == SL_OK; i++) {
        const sl_photo *a = sorted[i - 1].photo, *b = sorted[i].photo;
        if (strcmp(a->image, b->image) != 0)
            continue;
        status = strcmp(a->label, b->label) == 0
                     ? sl_fail(err, SL_ERR_FORMAT, "%s, line %zu: %s is listed twice, first on line %zu", file,
                               sorted[i].line, a->image, sorted[i - 1].line)
                     : sl_fail(err, SL_ERR_FORMAT,
                               "%s, line %zu: %s has two labels, \"%s\" (line %zu) and \"%s\"", file, sorted[i].line,
                               a->image, a->label, sorted[i - 1].line, b->label);
    }
    free(sorted);
    return status;
}

sl_status sl_photos_parse(const char *text, size_t size, const char *file, const char *base, sl_photo **out,
                          size_t *count, sl_error *err)
{
    photo_list list = {0};
    sl_status status = SL_OK;
    const char *at = text, *stop = text + size;
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        at += 3; /* a byte order mark, as spreadsheets write it */
    for (size_t number = 1; at < stop && status == SL_OK; number++) {
        const char *end = memchr(at, '\n', (size_t)(stop - at));
        if (!end)
            end = stop;
        status = read_line(&list, base, at, (size_t)(end - at), file, number, err);
        at = end + 1;
    }
    if (status == SL_OK)
        status = check_unique(&list, file, err);
    return finish(&list, status, out, count);
}

sl_status sl_photos_in_list(const char *file, sl_photo **out, size_t *count, sl_error *err)
{
    uint8_t *text;
    size_t size;
    *out = NULL;
    *count = 0;
    SL_TRY(sl_read_file(file, (size_t)1 << 30, &text, &size, err));
    const char *slash = strrchr(file, '/');
    char *base = slash ? strndup(file, (size_t)(slash - file) + 1) : sl_strdup(".");
    sl_status status = base ? sl_photos_parse((const char *)text, size, file, base, out, count, err)
                            : sl_fail(err, SL_ERR_MEMORY, "no memory to read %s", file);
    free(base);
    free(text);
    return status;
}
