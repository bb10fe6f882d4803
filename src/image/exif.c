/* EXIF orientation: finding it, and turning the picture upright. */
#include "image/codec.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Both byte orders of TIFF. */
static uint32_t get16(const uint8_t *p, bool little)
{
    return little ? (uint32_t)p[1] << 8 | p[0] : sl_be16(p);
}

static uint32_t get32(const uint8_t *p, bool little)
{
    return little ? get16(p + 2, true) << 16 | get16(p, true) : sl_be32(p);
}

int sl_exif_orientation(const uint8_t *tiff, size_t size)
{
    enum { TAG_ORIENTATION = 0x0112, TYPE_SHORT = 3, ENTRY_BYTES = 12 };
    if (size < 8 || (memcmp(tiff, "II*\0", 4) != 0 && memcmp(tiff, "MM\0*", 4) != 0))
        return 1;
    bool little = tiff[0] == 'I';
    size_t at = get32(tiff + 4, little);
    if (at > size - 2)
        return 1;
    size_t entries = get16(tiff + at, little);
    at += 2;
    for (; entries > 0 && size - at >= ENTRY_BYTES; entries--, at += ENTRY_BYTES) {
        const uint8_t *entry = tiff + at; /* tag, type, count, value */
        if (get16(entry, little) != TAG_ORIENTATION)
            continue;
        uint32_t value = get16(entry + 8, little);
        bool sound = get16(entry + 2, little) == TYPE_SHORT && get32(entry + 4, little) == 1;
        return sound && value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}

/* out(x, y) = in(x, y) with, in this order, x and y exchanged, x counted from the right, y from the bottom. */
static void turn(const sl_image *in, bool exchange, bool from_right, bool from_bottom, sl_image *out)
{
    enum { TILE = 64 }; /* keeps both pictures' lines in the cache when they are exchanged */
    ptrdiff_t c = in->channels, row = c * in->width;
    ptrdiff_t across = from_right ? -c : c, down = from_bottom ? -row : row;
    const uint8_t *origin = in->pixels + (from_right ? row - c : 0) + (from_bottom ? row * (in->height - 1) : 0);
    ptrdiff_t step_x = exchange ? down : across, step_y = exchange ? across : down;
    for (int ty = 0; ty < out->height; ty += TILE)
        for (int tx = 0; tx < out->width; tx += TILE)
            for (int y = ty; y < out->height && y < ty + TILE; y++) {
                uint8_t *to = out->pixels + ((ptrdiff_t)y * out->width + tx) * c;
                const uint8_t *from = origin + y * step_y + tx * step_x;
                for (int x = tx; x < out->width && x < tx + TILE; x++, to += c, from += step_x)
                    for (int i = 0; i < c; i++)
                        to[i] = from[i];
            }
}

sl_status sl_image_orient(sl_image *image, int orientation, sl_error *err)
{
    if (orientation <= 1 || orientation > 8)
        return SL_OK;
    bool exchange = orientation >= 5;
    bool from_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    bool from_bottom = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    sl_image upright;
    sl_status status = sl_image_new(exchange ? image->height : image->width,
                                    exchange ? image->width : image->height, image->channels, &upright, err);
    if (status == SL_OK)
        turn(image, exchange, from_right, from_bottom, &upright);
    sl_image_free(image);
    *image = upright;
    return status;
}
