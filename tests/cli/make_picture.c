/* make_picture KIND WIDTH HEIGHT OUT: pictures without people, for the tests of the command line.
 * KIND: grey (one colour), noise, stripes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "secondlook.h"

static uint8_t value(const char *kind, size_t x, size_t y, uint32_t *noise)
{
    *noise = *noise * 1664525u + 1013904223u;
    return !strcmp(kind, "noise") ? (uint8_t)(*noise >> 24) : !strcmp(kind, "stripes") ? (uint8_t)(x * 7 + y) : 128;
}

int main(int argc, char **argv)
{
    sl_error err;
    if (argc != 5)
        return 2;
    sl_image image = {.width = atoi(argv[2]), .height = atoi(argv[3]), .channels = 3};
    size_t width = (size_t)image.width, height = (size_t)image.height;
    uint32_t noise = 1;
    image.pixels = malloc(width * height * 3);
    if (!image.pixels)
        return 1;
    for (size_t i = 0; i < width * height * 3; i++)
        image.pixels[i] = value(argv[1], i / 3 % width, i / 3 / width, &noise);
    sl_status status = sl_image_write(argv[4], &image, &err);
    if (status)
        fprintf(stderr, "%s\n", err.text);
    free(image.pixels);
    return status ? 1 : 0;
}
