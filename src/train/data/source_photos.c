/* Crops in files to learn from: they have a name, a person and pixels, and nothing else. */
#define _GNU_SOURCE
#include "train/data/source_photos.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/mem.h"
#include "image/image.h"
#include "pipeline/photos.h"
#include "train/data/source_kind.h"

typedef struct {
    sl_photo *photos;
    size_t count;
    char *file; /* the list */
} listed;

/* ---- the kind ---- */

static const char *image_of(const void *self, size_t row)
{
    return ((const listed *)self)->photos[row].image;
}

static const char *label_of(const void *self, size_t row)
{
    return ((const listed *)self)->photos[row].label;
}

static const uint8_t *photo_of(const void *self, size_t row)
{
    (void)self, (void)row;
    return NULL; /* that would be to read every file */
}

static unsigned lacks(const void *self, size_t row, unsigned needs)
{
    (void)self, (void)row;
    return needs & ~(unsigned)SL_NEED_CROPS;
}

static sl_status refuse(const void *self, unsigned needs, sl_error *err)
{
    (void)needs;
    return sl_fail(err, SL_ERR_UNSUPPORTED, "%s: a list of crops has neither patch maps nor landmarks: enrol it into a "
                   "gallery (enroll --aligned --keep-crops --patches f32)", ((const listed *)self)->file);
}

static sl_status crop_of(const void *self, size_t row, sl_image *out, sl_point landmarks[68], bool *has_landmarks,
                         sl_error *err)
{
    sl_image crop;
    (void)landmarks;
    *has_landmarks = false;
    SL_TRY(sl_image_read(((const listed *)self)->photos[row].path, &crop, err));
    sl_status status = sl_image_to_rgb(&crop, out, err);
    sl_image_free(&crop);
    return status;
}

static sl_status no_templates(const void *self, size_t row, float *out, sl_error *err)
{
    (void)row, (void)out;
    return refuse(self, SL_NEED_MAPS, err);
}

static void close_list(void *self)
{
    listed *l = self;
    sl_photos_free(l->photos, l->count);
    free(l->file);
    free(l);
}

static const sl_source_kind photos_kind = {.image = image_of,
                                           .label = label_of,
                                           .photo = photo_of,
                                           .lacks = lacks,
                                           .refuse = refuse,
                                           .crop = crop_of,
                                           .map = no_templates,
                                           .embedding = no_templates,
                                           .close = close_list};

/* ---- opening ---- */

static bool is_below(const char *path)
{
    if (*path == '/')
        return false;
    for (const char *part = path; part; part = strchr(part, '/')) {
        part += *part == '/';
        if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == '\0'))
            return false;
    }
    return true;
}

sl_status sl_photos_check_below(const char *file, const sl_photo *photos, size_t count, sl_error *err)
{
    for (size_t i = 0; i < count; i++)
        if (!is_below(photos[i].image))
            return sl_fail(err, SL_ERR_FORMAT, "%s: '%s' leads out of the folder of the crops: write paths below it, "
                           "without '..'", file, photos[i].image);
    return SL_OK;
}

static sl_status check_files(const char *file, const sl_photo *photos, size_t count, sl_error *err)
{
    const sl_photo *first = NULL;
    size_t missing = 0;
    struct stat s;
    for (size_t i = 0; i < count; i++)
        if (stat(photos[i].path, &s) != 0 || !S_ISREG(s.st_mode)) {
            first = first ? first : &photos[i];
            missing++;
        }
    return missing ? sl_fail(err, SL_ERR_NOT_FOUND, "%s: %zu of its %zu pictures are not there, first %s: is it "
                             "another folder that its paths begin at?", file, missing, count, first->path)
                   : SL_OK;
}

sl_status sl_source_of_photos(const char *file, sl_photo *photos, size_t count, const sl_source_filter *filter,
                              sl_source **out, sl_error *err)
{
    listed *self = calloc(1, sizeof *self);
    char *name = sl_strdup(file);
    *out = NULL;
    sl_status status = self && name ? check_files(file, photos, count, err) : sl_no_memory(err, "for a list of crops");
    if (status != SL_OK) {
        sl_photos_free(photos, count);
        free(self);
        free(name);
        return status;
    }
    *self = (listed){photos, count, name};
    const sl_source_rows rows = {.kind = &photos_kind, .self = self, .count = count, .name = name};
    return sl_source_make(&rows, filter, out, err);
}

char *sl_list_root(const char *file, const char *root)
{
    const char *slash = strrchr(file, '/');
    return root ? sl_strdup(root) : slash ? strndup(file, (size_t)(slash - file) + 1) : sl_strdup(".");
}

sl_status sl_source_of_list(const char *path, const char *root, const sl_source_filter *filter, sl_source **out,
                            sl_error *err)
{
    uint8_t *text;
    size_t size, count = 0;
    sl_photo *photos = NULL;
    *out = NULL;
    SL_TRY(sl_read_file(path, (size_t)1 << 30, &text, &size, err));
    char *base = sl_list_root(path, root);
    sl_status status = base ? sl_photos_parse((const char *)text, size, path, base, &photos, &count, err)
                            : sl_no_memory(err, "for a list of crops");
    free(base);
    free(text);
    SL_TRY(status);
    status = count ? sl_photos_check_below(path, photos, count, err)
                   : sl_fail(err, SL_ERR_FORMAT, "%s: lists no picture: expected path,label lines", path);
    if (status == SL_OK)
        return sl_source_of_photos(path, photos, count, filter, out, err);
    sl_photos_free(photos, count);
    return status;
}
