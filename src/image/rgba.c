/* Pictures with transparency, laid on white. */
#include "image/codec.h"

#include <stdlib.h>

/* [count, 4] RGBA to [count, 3] RGB, in place. */
static void lay_on_white(uint8_t *pixels, size_t count)
{
    const uint8_t *from = pixels;
    for (uint8_t *to = pixels; count > 0; count--, from += 4, to += 3) {
        int alpha = from[3];
        for (int i = 0; i < 3; i++)
            to[i] = (uint8_t)((from[i] * alpha + 255 * (255 - alpha) + 127) / 255);
    }
}

void sl_image_take_rgba(uint8_t *pixels, int width, int height, sl_image *out)
{
    size_t count = (size_t)width * (size_t)height;
    lay_on_white(pixels, count);
    uint8_t *shrunk = realloc(pixels, 3 * count);
    *out = (sl_image){.width = width, .height = height, .channels = 3, .pixels = shrunk ? shrunk : pixels};
}
