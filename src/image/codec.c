/* Picture files: which format it is, by content, and reading and writing by name. */
#include "image/codec.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"

#define MAX_FILE_BYTES ((size_t)1 << 30)

typedef struct {
    const char *name;
    size_t at;
    const char *magic;
    size_t length;
} signature;

/* Formats that people have and this library does not read. */
static const signature others[] = {
    {"a GIF", 0, "GIF8", 4},
    {"a WebP", 8, "WEBP", 4},
    {"a BMP", 0, "BM", 2},
    {"a TIFF", 0, "II*\0", 4},
    {"a TIFF", 0, "MM\0*", 4},
    {"a BigTIFF", 0, "II+\0", 4},
    {"a BigTIFF", 0, "MM\0+", 4},
    {"a HEIC", 4, "ftyphei", 7},
    {"a HEIC", 4, "ftyphev", 7},
    {"a HEIF", 4, "ftypmif1", 8},
    {"a HEIF", 4, "ftypmsf1", 8},
    {"an AVIF", 4, "ftypavi", 7},
    {"a video", 4, "ftyp", 4},
    {"a JPEG XL", 0, "\xff\x0a", 2},
    {"a JPEG XL", 4, "JXL \r\n\x87\n", 8},
    {"a JPEG 2000", 4, "jP  \r\n\x87\n", 8},
    {"a PDF", 0, "%PDF", 4},
};

static bool has_magic(const uint8_t *data, size_t size, size_t at, const char *magic, size_t length)
{
    return size >= at + length && memcmp(data + at, magic, length) == 0;
}

static sl_status decode_grey_png(const void *data, size_t size, sl_image *out, sl_error *err)
{
    sl_image rgb;
    SL_TRY(sl_decode_png(data, size, &rgb, err));
    sl_status status = sl_image_to_grey(&rgb, out, err);
    sl_image_free(&rgb);
    return status;
}

static sl_status decode(const void *data, size_t size, bool grey, sl_image *out, sl_error *err)
{
    *out = (sl_image){0};
    sl_warn(err, "%s", ""); /* what is left there on success is a warning */
    if (!data || size == 0)
        return sl_fail(err, SL_ERR_FORMAT, "is empty (0 bytes); a JPEG or PNG was expected");
    if (has_magic(data, size, 0, "\xff\xd8\xff", 3))
        return sl_decode_jpeg(data, size, grey, out, err);
    if (has_magic(data, size, 0, "\x89PNG\r\n\x1a\n", 8))
        return grey ? decode_grey_png(data, size, out, err) : sl_decode_png(data, size, out, err);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (has_magic(data, size, others[i].at, others[i].magic, others[i].length))
            return sl_fail(err, SL_ERR_UNSUPPORTED,
                           "is %s file, which is not read here; convert it to JPEG or PNG", others[i].name);
    return sl_fail(err, SL_ERR_FORMAT, "is no JPEG or PNG (by its first bytes)");
}

sl_status sl_image_decode(const void *data, size_t size, sl_image *out, sl_error *err)
{
    return decode(data, size, false, out, err);
}

sl_status sl_image_decode_grey(const void *data, size_t size, sl_image *out, sl_error *err)
{
    return decode(data, size, true, out, err);
}

sl_status sl_image_load(const char *path, uint8_t **data, size_t *size, sl_error *err)
{
    *data = NULL;
    *size = 0;
    if (!path)
        return sl_fail(err, SL_ERR_ARGUMENT, "no picture's path was given");
    return sl_read_file(path, MAX_FILE_BYTES, data, size, err);
}

static sl_status read_picture(const char *path, bool grey, sl_image *out, sl_error *err)
{
    uint8_t *data;
    size_t size;
    *out = (sl_image){0};
    SL_TRY(sl_image_load(path, &data, &size, err));
    sl_status status = decode(data, size, grey, out, err);
    free(data);
    return status == SL_OK && !(err && *err->text) ? SL_OK : sl_fail_in(err, status, "%s", path);
}

sl_status sl_image_read(const char *path, sl_image *out, sl_error *err) { return read_picture(path, false, out, err); }
sl_status sl_image_read_grey(const char *path, sl_image *out, sl_error *err)
{
    return read_picture(path, true, out, err);
}

sl_status sl_image_write(const char *path, const sl_image *image, sl_error *err)
{
    uint8_t *data;
    size_t size;
    if (!path)
        return sl_fail(err, SL_ERR_ARGUMENT, "no path was given to write the picture to");
    const char *slash = strrchr(path, '/'), *ending = strrchr(slash ? slash : path, '.');
    sl_status status;
    if (ending && strcasecmp(ending, ".png") == 0)
        status = sl_image_encode_png(image, &data, &size, err);
    else if (ending && (strcasecmp(ending, ".jpg") == 0 || strcasecmp(ending, ".jpeg") == 0))
        status = sl_image_encode_jpeg(image, 95, &data, &size, err);
    else
        return sl_fail(err, SL_ERR_ARGUMENT, "%s: a picture's name must end in .png, .jpg or .jpeg", path);
    if (status != SL_OK)
        return sl_fail_in(err, status, "%s", path);
    status = sl_write_file(path, data, size, err);
    free(data);
    return status;
}
