/* PNG by libpng: any depth and colour type to 8-bit RGB on white. */
#include "image/codec.h"

#include <png.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

/* All that outlives a longjmp lies here, in the frame above. */
typedef struct {
    const uint8_t *data;
    size_t size, at;
    size_t pixels_end; /* behind the last IDAT chunk; 0: it is not whole */
    bool rows_done;
    png_structp png;
    png_infop info;
    uint32_t width, height;
    int channels;    /* 3, or 4 with alpha */
    uint8_t *pixels; /* [height, width, channels] */
    sl_status status;
    char message[200];
} png_reader;

/* libpng's errors are copied and end in read_picture. */
static void on_error(png_structp png, png_const_charp message)
{
    png_reader *r = png_get_error_ptr(png);
    strncpy(r->message, message, sizeof r->message - 1);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message)
{
    (void)png, (void)message;
}

static void on_read(png_structp png, png_bytep out, size_t count)
{
    png_reader *r = png_get_io_ptr(png);
    if (count > r->size - r->at)
        png_error(png, "the file ends before its picture does");
    memcpy(out, r->data + r->at, count);
    r->at += count;
}

static bool refuse(png_reader *r, sl_status status, const char *message)
{
    r->status = status;
    strncpy(r->message, message, sizeof r->message - 1);
    return false;
}

static bool read_picture(png_reader *r)
{
    png_structp png = r->png;
    if (setjmp(png_jmpbuf(png)))
        return false;
    png_set_read_fn(png, r, on_read);
    png_set_user_limits(png, r->width, r->height); /* those that were checked */
    png_set_chunk_cache_max(png, 100);
    png_set_chunk_malloc_max(png, 1 << 20);
    png_set_benign_errors(png, 1);
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1); /* no text */
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_AS_DEFAULT, (png_const_bytep) "iCCP", 1);
    png_read_info(png, r->info);
    /* Deflate makes at most 1032 bytes of one. */
    if (png_get_rowbytes(png, r->info) * r->height / 1040 > r->size)
        return refuse(r, SL_ERR_FORMAT, "too few bytes for its size");
    png_set_expand(png); /* palette to RGB, less than 8 bits to 8, tRNS to alpha */
    png_set_scale_16(png);
    png_set_gray_to_rgb(png);
    int passes = png_set_interlace_handling(png);
    png_read_update_info(png, r->info);
    r->channels = png_get_channels(png, r->info);
    size_t stride = png_get_rowbytes(png, r->info);
    if ((r->channels != 3 && r->channels != 4) || stride != (size_t)r->width * (size_t)r->channels)
        return refuse(r, SL_ERR_UNSUPPORTED, "an unknown colour layout");
    r->pixels = calloc(r->height, stride);
    if (!r->pixels)
        return refuse(r, SL_ERR_MEMORY, "no memory for its pixels");
    for (int pass = 0; pass < passes; pass++)
        for (uint32_t y = 0; y < r->height; y++)
            png_read_row(png, r->pixels + y * stride, NULL);
    r->rows_done = true;
    png_read_end(png, NULL);
    return true;
}

/* Whether what went wrong lies behind the pixels, whose checksums are right. */
static bool only_end_is_damaged(const png_reader *r)
{
    return r->rows_done && r->pixels_end && r->at >= r->pixels_end && !strstr(r->message, "IDAT");
}

/* The profile that libpng has read, if any. */
static sl_status take_profile(png_reader *r, sl_icc *icc, sl_error *err)
{
    png_charp name;
    png_bytep profile;
    png_uint_32 size;
    int compression;
    if (!r->info || !png_get_iCCP(r->png, r->info, &name, &compression, &profile, &size))
        return SL_OK;
    return sl_icc_copy(profile, size, icc, err);
}

/* The chunks that libpng is not asked about: the header, EXIF, animation. */
static sl_status look_at_chunks(png_reader *r, uint32_t most, int *orientation, sl_error *err)
{
    const uint8_t *p = r->data;
    if (r->size < 33 || memcmp(p + 12, "IHDR", 4) != 0)
        return sl_fail(err, SL_ERR_FORMAT, "PNG without its header: it was truncated or is damaged");
    r->width = sl_get_be32(p + 16);
    r->height = sl_get_be32(p + 20);
    SL_TRY(sl_image_check_size("PNG", r->width, r->height, 65535, most, err));
    bool before_picture = true;
    for (size_t at = 8; r->size - at >= 12;) {
        size_t length = sl_get_be32(p + at);
        const uint8_t *type = p + at + 4, *body = p + at + 8;
        bool pixels = memcmp(type, "IDAT", 4) == 0;
        if (length > r->size - at - 12) {
            r->pixels_end = pixels ? 0 : r->pixels_end;
            break;
        }
        if (pixels)
            r->pixels_end = at + length + 12;
        if (memcmp(type, "acTL", 4) == 0 && before_picture)
            return sl_fail(err, SL_ERR_UNSUPPORTED, "is an animated PNG; save one picture of it as PNG or JPEG");
        if (memcmp(type, "eXIf", 4) == 0)
            *orientation = sl_exif_orientation(body, length);
        before_picture &= !pixels;
        if (memcmp(type, "IEND", 4) == 0)
            break;
        at += length + 12;
    }
    return SL_OK;
}

sl_status sl_decode_png(const uint8_t *data, size_t size, const sl_decode_how *how, sl_image *out, sl_icc *icc,
                        sl_error *err)
{
    png_reader r = {.data = data, .size = size, .status = SL_ERR_FORMAT};
    int orientation = 1;
    SL_TRY(look_at_chunks(&r, how->most, &orientation, err));
    r.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &r, on_error, on_warning);
    r.info = r.png ? png_create_info_struct(r.png) : NULL;
    bool decoded = r.info ? read_picture(&r) : refuse(&r, SL_ERR_MEMORY, "no memory for the decoder");
    sl_status status = take_profile(&r, icc, err);
    png_destroy_read_struct(&r.png, &r.info, NULL);
    if (!decoded && only_end_is_damaged(&r))
        sl_warn(err, "the PNG's end is missing or damaged; its whole picture is there");
    else if (!decoded) {
        free(r.pixels);
        return sl_fail(err, r.status, "PNG of %u x %u pixels cannot be read (%s)", r.width, r.height, r.message);
    }
    if (r.channels == 4)
        sl_image_take_rgba(r.pixels, (int)r.width, (int)r.height, out);
    else
        *out = (sl_image){.width = (int)r.width, .height = (int)r.height, .channels = 3, .pixels = r.pixels};
    SL_TRY(status);
    return sl_image_orient(out, orientation, err);
}
