/* TIFF by libtiff: the first picture of it, of whatever layout libtiff makes RGB of. */
#include "image/codec.h"

#include <stdlib.h>
#include <string.h>
#include <tiffio.h>

/* The file in memory, as libtiff reads it, and what it complained of first. */
typedef struct {
    const uint8_t *data;
    toff_t size, at;
    char message[200];
} source;

static tmsize_t read_some(thandle_t handle, void *out, tmsize_t count)
{
    source *s = handle;
    toff_t left = s->at < s->size ? s->size - s->at : 0, n = count < 0              ? 0
                                                             : (toff_t)count < left ? (toff_t)count
                                                                                    : left;
    memcpy(out, s->data + (left ? s->at : 0), n);
    s->at += n;
    return (tmsize_t)n;
}

static tmsize_t write_none(thandle_t handle, void *data, tmsize_t count)
{
    (void)handle, (void)data, (void)count;
    return 0;
}

static toff_t seek(thandle_t handle, toff_t to, int whence)
{
    source *s = handle;
    s->at = to + (whence == SEEK_CUR ? s->at : whence == SEEK_END ? s->size : 0);
    return s->at;
}

static int close_none(thandle_t handle)
{
    (void)handle;
    return 0;
}

static toff_t size_of(thandle_t handle) { return ((source *)handle)->size; }

static int on_error(TIFF *tiff, void *context, const char *module, const char *format, va_list args)
{
    (void)tiff, (void)module;
    source *s = context;
    if (!*s->message)
        vsnprintf(s->message, sizeof s->message, format, args);
    return 1; /* told: not to stderr */
}

static int on_warning(TIFF *tiff, void *context, const char *module, const char *format, va_list args)
{
    (void)tiff, (void)context, (void)module, (void)format, (void)args;
    return 1;
}

static TIFF *open_tiff(source *s)
{
    TIFFOpenOptions *o = TIFFOpenOptionsAlloc();
    if (!o)
        return NULL;
    TIFFOpenOptionsSetMaxSingleMemAlloc(o, (tmsize_t)4 * SL_MAX_PIXELS + (1 << 20));
    TIFFOpenOptionsSetErrorHandlerExtR(o, on_error, s);
    TIFFOpenOptionsSetWarningHandlerExtR(o, on_warning, s);
    TIFF *tiff = TIFFClientOpenExt("TIFF", "rm", s, read_some, write_none, seek, close_none, size_of, NULL, NULL, o);
    TIFFOpenOptionsFree(o);
    return tiff;
}

/* Cameras' raw files are TIFFs whose first picture is a thumbnail. */
static sl_status check_kind(TIFF *tiff, uint32_t most, uint32_t *width, uint32_t *height, sl_error *err)
{
    char why[1024] = "";
    uint32_t kind = 0;
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SUBFILETYPE, &kind);
    if (kind & FILETYPE_REDUCEDIMAGE)
        return sl_fail(err, SL_ERR_UNSUPPORTED, "is a camera's raw file, which is not read here; convert it to JPEG");
    if (!TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, width) || !TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, height))
        return sl_fail(err, SL_ERR_FORMAT, "TIFF without its size: it is damaged");
    SL_TRY(sl_image_check_size("TIFF", *width, *height, 65535, most, err));
    if (!TIFFRGBAImageOK(tiff, why))
        return sl_fail(err, SL_ERR_UNSUPPORTED, "TIFF of a kind that is not read here (%s)", why);
    return SL_OK;
}

/* [count] A B G R, each colour times its alpha, to [count, 3] RGB on white, in place. */
static void to_rgb(uint32_t *pixels, size_t count)
{
    uint8_t *to = (uint8_t *)pixels;
    for (size_t i = 0; i < count; i++, to += 3) {
        uint32_t p = pixels[i];
        int rest = 255 - (int)TIFFGetA(p), r = (int)TIFFGetR(p), g = (int)TIFFGetG(p), b = (int)TIFFGetB(p);
        to[0] = (uint8_t)(r + rest > 255 ? 255 : r + rest);
        to[1] = (uint8_t)(g + rest > 255 ? 255 : g + rest);
        to[2] = (uint8_t)(b + rest > 255 ? 255 : b + rest);
    }
}

static sl_status decode(TIFF *tiff, const source *s, uint32_t most, sl_image *out, sl_icc *icc, sl_error *err)
{
    uint32_t width, height, profile_size;
    uint16_t orientation = 1;
    const void *profile;
    SL_TRY(check_kind(tiff, most, &width, &height, err));
    TIFFGetFieldDefaulted(tiff, TIFFTAG_ORIENTATION, &orientation);
    orientation = orientation >= 1 && orientation <= 8 ? orientation : 1;
    size_t count = (size_t)width * height;
    uint32_t *pixels = calloc(count, sizeof *pixels);
    if (!pixels)
        return sl_no_memory(err, "for a TIFF");
    if (!TIFFReadRGBAImageOriented(tiff, width, height, pixels, orientation, 1)) {
        free(pixels);
        return sl_fail(err, SL_ERR_FORMAT, "TIFF of %u x %u pixels that was truncated or is damaged (%s)", width,
                       height, s->message);
    }
    to_rgb(pixels, count);
    uint8_t *shrunk = realloc(pixels, 3 * count);
    *out = (sl_image){.width = (int)width, .height = (int)height, .channels = 3,
                      .pixels = shrunk ? shrunk : (uint8_t *)pixels};
    if (TIFFGetField(tiff, TIFFTAG_ICCPROFILE, &profile_size, &profile))
        SL_TRY(sl_icc_copy(profile, profile_size, icc, err));
    return sl_image_orient(out, orientation, err);
}

sl_status sl_decode_tiff(const uint8_t *data, size_t size, const sl_decode_how *how, sl_image *out, sl_icc *icc,
                         sl_error *err)
{
    source s = {.data = data, .size = size};
    TIFF *tiff = open_tiff(&s);
    if (!tiff)
        return sl_fail(err, SL_ERR_FORMAT, "TIFF that was truncated or is damaged (%s)", s.message);
    sl_status status = decode(tiff, &s, how->most, out, icc, err);
    TIFFClose(tiff);
    return status;
}
