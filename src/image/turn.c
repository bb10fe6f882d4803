/* Turning pictures by quarters: as EXIF says that they were stored, or as they are found to stand. */
#include "image/codec.h"

#include <stdbool.h>
#include <stddef.h>

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

/* The upright copy of a picture of this orientation, 1 .. 8. */
static sl_status upright_copy(const sl_image *image, int orientation, sl_image *out, sl_error *err)
{
    bool exchange = orientation >= 5;
    bool from_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    bool from_bottom = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    SL_TRY(sl_image_new(exchange ? image->height : image->width, exchange ? image->width : image->height,
                        image->channels, out, err));
    turn(image, exchange, from_right, from_bottom, out);
    return SL_OK;
}

sl_status sl_image_orient(sl_image *image, int orientation, sl_error *err)
{
    if (orientation <= 1 || orientation > 8)
        return SL_OK;
    sl_image upright;
    sl_status status = upright_copy(image, orientation, &upright, err);
    sl_image_free(image);
    *image = upright;
    return status;
}

sl_status sl_image_righted(const sl_image *photo, int turned, sl_image *out, sl_error *err)
{
    static const int orientation_of_quarter[4] = {1, 8, 3, 6};
    return upright_copy(photo, orientation_of_quarter[turned / 90 % 4], out, err);
}

void sl_points_of_righted(const sl_image *photo, int turned, sl_point *points, int count)
{
    float right = (float)(photo->width - 1), bottom = (float)(photo->height - 1);
    for (int i = 0; i < count; i++) {
        const sl_point p = points[i];
        if (turned == 90)
            points[i] = (sl_point){right - p.y, p.x};
        else if (turned == 180)
            points[i] = (sl_point){right - p.x, bottom - p.y};
        else if (turned == 270)
            points[i] = (sl_point){p.y, bottom - p.x};
    }
}
