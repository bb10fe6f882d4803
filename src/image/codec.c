/* Picture files: which format it is, by content, and reading and writing by name. */
#include "image/codec.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"

#define MAX_FILE_BYTES ((size_t)1 << 30)

/* Formats whose library was not there when this was built are named, but not read. */
#ifdef SL_WITH_WEBP
#define WEBP sl_decode_webp
#define WEBP_NAME ", WebP"
#else
#define WEBP NULL
#define WEBP_NAME ""
#endif
#ifdef SL_WITH_HEIF
#define HEIF sl_decode_heif
#define HEIF_NAME ", HEIC, AVIF"
#else
#define HEIF NULL
#define HEIF_NAME ""
#endif
#ifdef SL_WITH_TIFF
#define TIFF sl_decode_tiff
#define TIFF_NAME ", TIFF"
#else
#define TIFF NULL
#define TIFF_NAME ""
#endif
#ifdef SL_WITH_GIF
#define GIF sl_decode_gif
#define GIF_NAME ", GIF"
#else
#define GIF NULL
#define GIF_NAME ""
#endif

typedef struct {
    const char *name;
    size_t at;
    const char *magic;
    size_t length;
    sl_decoder *decode; /* NULL: people have them, and they are not read */
    bool vague;         /* files of other kinds begin like this too: a name must say what it is */
} format;

static const format formats[] = {
    {"a JPEG", 0, "\xff\xd8\xff", 3, sl_decode_jpeg, false},
    {"a PNG", 0, "\x89PNG\r\n\x1a\n", 8, sl_decode_png, false},
    {"a WebP", 8, "WEBP", 4, WEBP, false},
    {"a GIF", 0, "GIF8", 4, GIF, false},
    {"a BMP", 0, "BM", 2, sl_decode_bmp, true},
    {"a TIFF", 0, "II*\0", 4, TIFF, true}, /* cameras' raw files are TIFFs */
    {"a TIFF", 0, "MM\0*", 4, TIFF, true},
    {"a BigTIFF", 0, "II+\0", 4, TIFF, true},
    {"a BigTIFF", 0, "MM\0+", 4, TIFF, true},
    {"a HEIC", 4, "ftyphei", 7, HEIF, false},
    {"a HEIC", 4, "ftyphev", 7, HEIF, false},
    {"a HEIF", 4, "ftypmif1", 8, HEIF, false},
    {"a HEIF", 4, "ftypmsf1", 8, HEIF, false},
    {"an AVIF", 4, "ftypavi", 7, HEIF, false},
    {"a video", 4, "ftyp", 4, NULL, false},
    {"a JPEG XL", 0, "\xff\x0a", 2, NULL, false},
    {"a JPEG XL", 4, "JXL \r\n\x87\n", 8, NULL, false},
    {"a JPEG 2000", 4, "jP  \r\n\x87\n", 8, NULL, false},
    {"a PDF", 0, "%PDF", 4, NULL, false},
};

const char *sl_image_formats(void) { return "JPEG, PNG, BMP" WEBP_NAME HEIF_NAME TIFF_NAME GIF_NAME; }

static const format *format_of(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        const format *f = &formats[i];
        if (size >= f->at + f->length && memcmp(data + f->at, f->magic, f->length) == 0)
            return f;
    }
    return NULL;
}

bool sl_image_begins_one(const void *data, size_t size)
{
    const format *f = format_of(data, size);
    return f && f->decode && !f->vague;
}

/* Decodes, and makes sRGB of the file's own colours. A luma plane has none to convert: then RGB is decoded. */
static sl_status decode_srgb(const format *f, const uint8_t *data, size_t size, const sl_decode_how *how, sl_image *out,
                             sl_error *err)
{
    sl_icc icc = {0};
    sl_status status = f->decode(data, size, how, out, &icc, err);
    if (status == SL_OK && out->channels == 1 && !sl_icc_is_srgb(&icc)) {
        sl_image_free(out);
        sl_icc_free(&icc);
        status = f->decode(data, size, &(sl_decode_how){.most = how->most}, out, &icc, err);
    }
    if (status == SL_OK && out->channels == 3)
        status = sl_icc_to_srgb(&icc, out, err);
    sl_icc_free(&icc);
    return status;
}

static sl_status decode(const void *data, size_t size, const sl_decode_how *how, sl_image *out, sl_error *err)
{
    *out = (sl_image){0};
    sl_warn(err, "%s", ""); /* what is left there on success is a warning */
    if (!data || size == 0)
        return sl_fail(err, SL_ERR_FORMAT, "is empty (0 bytes); a picture was expected");
    const format *f = format_of(data, size);
    if (!f)
        return sl_fail(err, SL_ERR_FORMAT, "is no picture that is read here (by its first bytes): %s are",
                       sl_image_formats());
    if (!f->decode)
        return sl_fail(err, SL_ERR_UNSUPPORTED, "is %s file, which is not read here; convert it to JPEG or PNG",
                       f->name);
    sl_status status = decode_srgb(f, data, size, how, out, err);
    sl_image rgb = *out;
    if (status == SL_OK && how->grey && rgb.channels == 3) {
        status = sl_image_to_grey(&rgb, out, err);
        sl_image_free(&rgb);
    }
    if (status != SL_OK)
        sl_image_free(out);
    return status;
}

sl_status sl_image_decode(const void *data, size_t size, sl_image *out, sl_error *err)
{
    return decode(data, size, &(sl_decode_how){.most = SL_MAX_PIXELS}, out, err);
}

sl_status sl_image_decode_within(const void *data, size_t size, uint32_t most, sl_image *out, sl_error *err)
{
    return decode(data, size, &(sl_decode_how){.most = most < SL_MAX_PIXELS ? most : SL_MAX_PIXELS}, out, err);
}

sl_status sl_image_decode_grey(const void *data, size_t size, sl_image *out, sl_error *err)
{
    return decode(data, size, &(sl_decode_how){.grey = true, .most = SL_MAX_PIXELS}, out, err);
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
    sl_status status = (grey ? sl_image_decode_grey : sl_image_decode)(data, size, out, err);
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
