/* Pictures in memory: made, checked, copied, and turned into grey or RGB. */
#include "image/image.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "image/codec.h"

static size_t bytes_of(const sl_image *image)
{
    return (size_t)image->width * (size_t)image->height * (size_t)image->channels;
}

sl_status sl_image_new(int width, int height, int channels, sl_image *out, sl_error *err)
{
    *out = (sl_image){0};
    if (width < 1 || height < 1 || width > 65535 || height > 65535 || (channels != 1 && channels != 3))
        return sl_fail(err, SL_ERR_ARGUMENT,
                       "picture of %d x %d pixels, %d channels: sides must be 1 to 65535, channels 1 or 3", width,
                       height, channels);
    if ((int64_t)width * height > SL_MAX_PIXELS)
        return sl_fail(err, SL_ERR_LIMIT, "picture of %d x %d pixels: at most %d pixels are accepted", width,
                       height, SL_MAX_PIXELS);
    sl_image image = {.width = width, .height = height, .channels = channels};
    image.pixels = calloc(bytes_of(&image), 1);
    if (!image.pixels)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for a picture of %d x %d pixels", width, height);
    *out = image;
    return SL_OK;
}

void sl_image_free(sl_image *image)
{
    if (!image)
        return;
    free(image->pixels);
    *image = (sl_image){0};
}

sl_status sl_image_check(const sl_image *image, sl_error *err)
{
    if (!image || !image->pixels)
        return sl_fail(err, SL_ERR_ARGUMENT, "no picture was given (its pixels are NULL)");
    if (image->width < 1 || image->height < 1 || image->width > 65535 || image->height > 65535 ||
        (int64_t)image->width * image->height > SL_MAX_PIXELS || (image->channels != 1 && image->channels != 3))
        return sl_fail(err, SL_ERR_ARGUMENT,
                       "picture of %d x %d pixels, %d channels: sides must be 1 to 65535, pixels at most %d, "
                       "channels 1 or 3",
                       image->width, image->height, image->channels, SL_MAX_PIXELS);
    return SL_OK;
}

sl_status sl_image_check_size(const char *format, uint32_t width, uint32_t height, uint32_t max_side, uint32_t most,
                              sl_error *err)
{
    if (width == 0 || height == 0)
        return sl_fail(err, SL_ERR_FORMAT, "%s of %u x %u pixels: the picture is empty", format, width, height);
    if (width > max_side || height > max_side || (uint64_t)width * height > most)
        return sl_fail(err, SL_ERR_LIMIT,
                       "%s of %u x %u pixels: at most %u pixels, and %u a side, are accepted; scale it down",
                       format, width, height, most, max_side);
    return SL_OK;
}

sl_status sl_image_step(const char *format, uint32_t width, uint32_t height, uint32_t max_side, uint32_t most,
                        int *step, sl_error *err)
{
    *step = 1;
    if (width > max_side || height > max_side || (uint64_t)width * height > SL_MAX_FILE_PIXELS)
        return sl_fail(err, SL_ERR_LIMIT,
                       "%s of %u x %u pixels: at most %d pixels, and %u a side, are accepted; scale it down", format,
                       width, height, SL_MAX_FILE_PIXELS, max_side);
    while (*step < 8 && (int64_t)sl_image_stepped(width, *step) * sl_image_stepped(height, *step) > most)
        *step *= 2;
    return sl_image_check_size(format, (uint32_t)sl_image_stepped(width, *step),
                               (uint32_t)sl_image_stepped(height, *step), max_side, most, err);
}

sl_status sl_image_warn_step(const char *format, uint32_t width, uint32_t height, int step, sl_error *err)
{
    if (step == 1)
        return SL_OK;
    return sl_warn(err, "%s of %u x %u pixels is read as one of %d x %d", format, width, height,
                   sl_image_stepped(width, step), sl_image_stepped(height, step));
}

sl_status sl_image_copy(const sl_image *image, sl_image *out, sl_error *err)
{
    *out = (sl_image){0};
    SL_TRY(sl_image_check(image, err));
    SL_TRY(sl_image_new(image->width, image->height, image->channels, out, err));
    memcpy(out->pixels, image->pixels, bytes_of(image));
    return SL_OK;
}

sl_status sl_image_to_grey(const sl_image *image, sl_image *out, sl_error *err)
{
    *out = (sl_image){0};
    SL_TRY(sl_image_check(image, err));
    if (image->channels == 1)
        return sl_image_copy(image, out, err);
    SL_TRY(sl_image_new(image->width, image->height, 1, out, err));
    const uint8_t *p = image->pixels;
    size_t count = bytes_of(out);
    for (size_t i = 0; i < count; i++, p += 3)
        out->pixels[i] = (uint8_t)((299 * p[0] + 587 * p[1] + 114 * p[2] + 500) / 1000);
    return SL_OK;
}

sl_status sl_image_to_rgb(const sl_image *image, sl_image *out, sl_error *err)
{
    *out = (sl_image){0};
    SL_TRY(sl_image_check(image, err));
    if (image->channels == 3)
        return sl_image_copy(image, out, err);
    SL_TRY(sl_image_new(image->width, image->height, 3, out, err));
    size_t count = bytes_of(image);
    for (size_t i = 0; i < count; i++)
        memset(out->pixels + 3 * i, image->pixels[i], 3);
    return SL_OK;
}
