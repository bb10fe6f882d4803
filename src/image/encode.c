/* Pictures to PNG and JPEG bytes. */
#include "image/image.h"

#include <png.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

/* All that outlives a longjmp lies here, in the frame above. */
typedef struct {
    png_structp png;
    png_infop info;
    uint8_t *data;
    size_t size, capacity;
    char message[200];
} png_writer;

static void on_error(png_structp png, png_const_charp message)
{
    png_writer *w = png_get_error_ptr(png);
    strncpy(w->message, message, sizeof w->message - 1);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message)
{
    (void)png, (void)message;
}

static void on_write(png_structp png, png_bytep bytes, size_t count)
{
    png_writer *w = png_get_io_ptr(png);
    if (count > w->capacity - w->size) {
        size_t capacity = 2 * (w->size + count);
        uint8_t *grown = realloc(w->data, capacity);
        if (!grown)
            png_error(png, "no memory");
        w->data = grown;
        w->capacity = capacity;
    }
    memcpy(w->data + w->size, bytes, count);
    w->size += count;
}

static void on_flush(png_structp png)
{
    (void)png;
}

static void write_notes(png_writer *w, const char *const (*notes)[2], size_t count)
{
    enum { MOST = 8 };
    png_text texts[MOST] = {0};
    for (size_t i = 0; i < count && i < MOST; i++) {
        texts[i].compression = PNG_ITXT_COMPRESSION_NONE;
        texts[i].key = (png_charp)notes[i][0];
        texts[i].text = (png_charp)notes[i][1];
        texts[i].lang = texts[i].lang_key = (png_charp) "";
    }
    png_set_text(w->png, w->info, texts, (int)(count < MOST ? count : MOST)); /* keeps copies */
}

static bool write_picture(png_writer *w, const sl_image *image, const char *const (*notes)[2], size_t count)
{
    if (setjmp(png_jmpbuf(w->png)))
        return false;
    png_set_write_fn(w->png, w, on_write, on_flush);
    png_set_IHDR(w->png, w->info, (png_uint_32)image->width, (png_uint_32)image->height, 8,
                 image->channels == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    if (count)
        write_notes(w, notes, count);
    png_write_info(w->png, w->info);
    size_t stride = (size_t)image->width * (size_t)image->channels;
    for (int y = 0; y < image->height; y++)
        png_write_row(w->png, image->pixels + (size_t)y * stride);
    png_write_end(w->png, NULL);
    return true;
}

sl_status sl_image_encode_noted(const sl_image *image, const char *const (*notes)[2], size_t count, uint8_t **data,
                                size_t *size, sl_error *err)
{
    png_writer w = {.message = "no memory"};
    *data = NULL;
    *size = 0;
    SL_TRY(sl_image_check(image, err));
    w.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &w, on_error, on_warning);
    w.info = w.png ? png_create_info_struct(w.png) : NULL;
    bool written = w.info && write_picture(&w, image, notes, count);
    png_destroy_write_struct(&w.png, &w.info);
    if (!written) {
        free(w.data);
        return sl_fail(err, SL_ERR_MEMORY, "a picture of %d x %d pixels cannot be written as PNG (%s)",
                       image->width, image->height, w.message);
    }
    *data = w.data;
    *size = w.size;
    return SL_OK;
}

sl_status sl_image_encode_png(const sl_image *image, uint8_t **data, size_t *size, sl_error *err)
{
    return sl_image_encode_noted(image, NULL, 0, data, size, err);
}

sl_status sl_image_encode_jpeg(const sl_image *image, int quality, uint8_t **data, size_t *size, sl_error *err)
{
    *data = NULL;
    *size = 0;
    SL_TRY(sl_image_check(image, err));
    if (quality < 1 || quality > 100)
        return sl_fail(err, SL_ERR_ARGUMENT, "JPEG quality %d: must be 1 to 100", quality);
    tjhandle handle = tjInitCompress();
    if (!handle)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for the JPEG encoder");
    bool colour = image->channels == 3;
    unsigned char *bytes = NULL; /* turbojpeg's own memory */
    unsigned long count = 0;
    sl_status status = SL_OK;
    if (tjCompress2(handle, image->pixels, image->width, 0, image->height, colour ? TJPF_RGB : TJPF_GRAY, &bytes,
                    &count, colour ? TJSAMP_444 : TJSAMP_GRAY, quality, TJFLAG_ACCURATEDCT) != 0)
        status = sl_fail(err, image->width > 65500 || image->height > 65500 ? SL_ERR_LIMIT : SL_ERR_MEMORY,
                         "a picture of %d x %d pixels cannot be written as JPEG (%s)", image->width,
                         image->height, tjGetErrorStr2(handle));
    else if (!(*data = malloc(count)))
        status = sl_fail(err, SL_ERR_MEMORY, "no memory for a JPEG of %lu bytes", count);
    else {
        memcpy(*data, bytes, count);
        *size = count;
    }
    tjFree(bytes);
    tjDestroy(handle);
    return status;
}
