/* Pictures for the tests of the command line.
 *     make_picture KIND WIDTH HEIGHT OUT    without people; KIND: grey (one colour), noise, stripes
 *     make_picture smaller N IN OUT         a photo whose sides are an Nth: each pixel is the mean of N x N */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "secondlook.h"

static uint8_t value(const char *kind, size_t x, size_t y, uint32_t *noise)
{
    *noise = *noise * 1664525u + 1013904223u;
    return !strcmp(kind, "noise") ? (uint8_t)(*noise >> 24) : !strcmp(kind, "stripes") ? (uint8_t)(x * 7 + y) : 128;
}

static sl_status draw(const char *kind, int width, int height, const char *out, sl_error *err)
{
    sl_image image = {.width = width, .height = height, .channels = 3};
    size_t across = (size_t)width, bytes = across * (size_t)height * 3;
    uint32_t noise = 1;
    image.pixels = malloc(bytes);
    if (!image.pixels)
        return err->status = SL_ERR_MEMORY;
    for (size_t i = 0; i < bytes; i++)
        image.pixels[i] = value(kind, i / 3 % across, i / 3 / across, &noise);
    sl_status status = sl_image_write(out, &image, err);
    free(image.pixels);
    return status;
}

static uint8_t mean_of(const sl_image *image, int n, int x, int y, int channel)
{
    int sum = 0;
    for (int i = 0; i < n * n; i++)
        sum += image->pixels[((size_t)(y * n + i / n) * (size_t)image->width + (size_t)(x * n + i % n)) *
                                 (size_t)image->channels + (size_t)channel];
    return (uint8_t)((sum + n * n / 2) / (n * n));
}

static sl_status shrink(int n, const char *in, const char *out, sl_error *err)
{
    sl_image image;
    sl_status status = n < 1 ? SL_ERR_ARGUMENT : sl_image_read(in, &image, err);
    if (status)
        return status;
    sl_image small = {.width = image.width / n, .height = image.height / n, .channels = image.channels};
    /* in place: what is written lies before what is still to be read */
    small.pixels = image.pixels;
    uint8_t *to = small.pixels;
    for (int y = 0; y < small.height; y++)
        for (int x = 0; x < small.width; x++)
            for (int c = 0; c < small.channels; c++)
                *to++ = mean_of(&image, n, x, y, c);
    status = sl_image_write(out, &small, err);
    sl_image_free(&image);
    return status;
}

int main(int argc, char **argv)
{
    sl_error err = {.text = ""};
    if (argc != 5)
        return 2;
    sl_status status = !strcmp(argv[1], "smaller") ? shrink(atoi(argv[2]), argv[3], argv[4], &err)
                                                   : draw(argv[1], atoi(argv[2]), atoi(argv[3]), argv[4], &err);
    if (status)
        fprintf(stderr, "make_picture: %s\n", err.text);
    return status ? 1 : 0;
}
