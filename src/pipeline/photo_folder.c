/* The pictures below a folder. What cannot be taken is passed over and told; only a lack of memory ends the walk.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/mem.h"
#include "image/image.h"
#include "pipeline/photos.h"

enum { MAX_DEPTH = 64 };

/* A folder on the way down. */
typedef struct folder {
    const struct folder *up;   /* NULL: the one given */
    const char *path, *prefix; /* prefix: the way from the one given, "" or "a/b/" */
    dev_t device;
    ino_t inode;
    int depth;
} folder;

typedef struct {
    const sl_photos_options *options; /* may be NULL */
    sl_label_rule rule;
    sl_photo_list list;
} walk;

/* Kept by systems and programs beside people's pictures; what they hold may look like pictures (thumbnails). */
static bool is_system_name(const char *name)
{
    static const char *const names[] = {"@eaDir",
                                        "@Recycle",
                                        "@Recently-Snapshot",
                                        "#recycle",
                                        "#snapshot",
                                        "__MACOSX",
                                        "$RECYCLE.BIN",
                                        "RECYCLER",
                                        "lost+found",
                                        "Thumbs.db",
                                        "ehthumbs.db",
                                        "desktop.ini",
                                        "Picasa.ini",
                                        "System Volume Information"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcasecmp(name, names[i]))
            return true;
    return name[0] == '.';
}

/* By its name, whatever it holds: then it is read or refused by name. */
static bool is_named_picture(const char *name)
{
    static const char *const endings[] = {".jpg",  ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".heic", ".heif",
                                          ".hif",  ".avif", ".bmp", ".dib",  ".tif", ".tiff", ".gif"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && dot != name && i < sizeof endings / sizeof *endings; i++)
        if (!strcasecmp(dot, endings[i]))
            return true;
    return false;
}

/* By its content, whatever its name. One that cannot be read is none. */
static bool holds_picture(const char *path)
{
    char head[32];
    FILE *file = fopen(path, "rb");
    size_t size = file ? fread(head, 1, sizeof head, file) : 0;
    if (file)
        fclose(file);
    return sl_image_begins_one(head, size);
}

static void pass_over(const walk *w, sl_passed kind, const char *path, const sl_error *why)
{
    if (w->options && w->options->passed_over)
        w->options->passed_over(w->options->context, kind, path, why);
}

static void fail_over(const walk *w, const char *path, sl_status status, const char *what)
{
    sl_error why;
    sl_fail(&why, status, "%s", what);
    pass_over(w, SL_PASSED_FAILED, path, &why);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_entry(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static sl_status walk_folder(walk *w, const folder *at, sl_error *err);

static sl_status go_down(walk *w, const folder *from, const char *path, const char *image, const struct stat *st,
                         sl_error *err)
{
    char *prefix;
    for (const folder *f = from; f; f = f->up)
        if (f->device == st->st_dev && f->inode == st->st_ino) {
            fail_over(w, path, SL_ERR_LIMIT, "is a link back to a folder that it lies in");
            return SL_OK;
        }
    if (from->depth == MAX_DEPTH) {
        fail_over(w, path, SL_ERR_LIMIT, "lies more than 64 folders deep");
        return SL_OK;
    }
    if (asprintf(&prefix, "%s/", image) < 0)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for the list of photos");
    const folder below = {from, path, prefix, st->st_dev, st->st_ino, from->depth + 1};
    sl_status status = walk_folder(w, &below, err);
    free(prefix);
    return status;
}

static sl_status take_picture(walk *w, const char *path, const char *image, sl_error *err)
{
    sl_error why = {0};
    sl_status status = sl_photo_list_add_by(&w->list, &w->rule, sl_strdup(path), image, &why);
    if (status == SL_ERR_MEMORY)
        return sl_fail(err, status, "%s", why.text);
    if (status == SL_ERR_FORMAT)
        fail_over(w, path, status, "its name is not UTF-8: rename it (convmv does it for whole trees)");
    else if (status != SL_OK)
        pass_over(w, SL_PASSED_FAILED, path, &why);
    return SL_OK;
}

static sl_status take_entry(walk *w, const folder *at, const char *name, sl_error *err)
{
    struct stat st;
    char *image = NULL, *path = sl_path_join(at->path, name);
    sl_status status = SL_OK;
    if (!path || asprintf(&image, "%s%s", at->prefix, name) < 0) {
        free(path);
        return sl_fail(err, SL_ERR_MEMORY, "no memory for the list of photos");
    }
    if (is_system_name(name))
        pass_over(w, SL_PASSED_SYSTEM, path, NULL);
    else if (stat(path, &st) != 0)
        fail_over(w, path, SL_ERR_IO, errno == ENOENT ? "is a link to what is not there" : strerror(errno));
    else if (S_ISDIR(st.st_mode))
        status = go_down(w, at, path, image, &st, err);
    else if (!is_named_picture(name) && !(S_ISREG(st.st_mode) && holds_picture(path)))
        pass_over(w, SL_PASSED_NO_PICTURE, path, NULL);
    else if (!S_ISREG(st.st_mode))
        fail_over(w, path, SL_ERR_ARGUMENT, "is no regular file");
    else
        status = take_picture(w, path, image, err);
    free(path);
    free(image);
    return status;
}

static sl_status walk_folder(walk *w, const folder *at, sl_error *err)
{
    struct dirent **names;
    int n = scandir(at->path, &names, is_entry, by_name);
    if (n < 0 && errno == ENOMEM)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for the list of photos");
    if (n < 0 && !at->up)
        return sl_fail(err, SL_ERR_IO, "%s: cannot read the folder: %m", at->path);
    if (n < 0) {
        fail_over(w, at->path, SL_ERR_IO, strerror(errno));
        return SL_OK;
    }
    sl_status status = SL_OK;
    for (int i = 0; i < n; i++) {
        if (status == SL_OK)
            status = take_entry(w, at, names[i]->d_name, err);
        free(names[i]);
    }
    free(names);
    return status;
}

sl_status sl_photos_in_folder(const char *dir, const sl_photos_options *options, sl_photo **out, size_t *count,
                              sl_error *err)
{
    walk w = {.options = options};
    struct stat st;
    *out = NULL;
    *count = 0;
    if (!dir)
        return sl_fail(err, SL_ERR_ARGUMENT, "no folder was given");
    if (stat(dir, &st) != 0)
        return sl_fail(err, errno == ENOENT ? SL_ERR_NOT_FOUND : SL_ERR_IO, "%s: cannot read the folder: %m",
                       dir);
    SL_TRY(sl_label_rule_make(options, &w.rule, err));
    const folder root = {NULL, dir, "", st.st_dev, st.st_ino, 0};
    sl_status status = walk_folder(&w, &root, err);
    sl_label_rule_free(&w.rule);
    return sl_photo_list_finish(&w.list, status, out, count);
}
