/* What each cell of a face gives to a score, as colours over the face. */
#include "explain/explain.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "image/image.h"

#define DARKEST .15f /* of a cell that did not count */
#define MOST .85f    /* of a colour over the face */

/* The cells' middles on either side of pixel i of `pixels`, and how far it is from the first. */
static float between(int i, int pixels, int cells, int *first, int *second)
{
    float at = ((float)i + 0.5f) * (float)cells / (float)pixels - 0.5f;
    at = at < 0 ? 0 : at > (float)(cells - 1) ? (float)(cells - 1) : at;
    *first = (int)at;
    *second = *first + 1 < cells ? *first + 1 : *first;
    return at - (float)*first;
}

float sl_cell_value(const float *values, int rows, int cols, int width, int height, int x, int y)
{
    int top, bottom, left, right;
    float fy = between(y, height, rows, &top, &bottom), fx = between(x, width, cols, &left, &right);
    float a = values[top * cols + left] * (1 - fx) + values[top * cols + right] * fx;
    float b = values[bottom * cols + left] * (1 - fx) + values[bottom * cols + right] * fx;
    return a * (1 - fy) + b * fy;
}

float sl_largest_share(const float *shares, int count)
{
    float most = 0;
    for (int m = 0; m < count; m++)
        most = fmaxf(most, fabsf(shares[m]));
    return most;
}

sl_colour sl_share_colour(float part, float level)
{
    static const sl_colour supports = {30, 110, 235}, against = {245, 130, 20};
    const sl_colour c = part < 0 ? against : supports;
    const float a = MOST * fminf(fabsf(part), 1), grey = level * (1 - a);
    return (sl_colour){(uint8_t)lrintf(grey + a * c.r), (uint8_t)lrintf(grey + a * c.g),
                       (uint8_t)lrintf(grey + a * c.b)};
}

/* parts, light: [rows, cols] shares as parts of the scale, and how bright the cells are. */
static void colour_face(const float *parts, const float *light, int rows, int cols, sl_image *picture)
{
    uint8_t *p = picture->pixels;
    for (int y = 0; y < picture->height; y++)
        for (int x = 0; x < picture->width; x++, p += 3) {
            float part = sl_cell_value(parts, rows, cols, picture->width, picture->height, x, y);
            float lit = sl_cell_value(light, rows, cols, picture->width, picture->height, x, y);
            float grey = (.299f * p[0] + .587f * p[1] + .114f * p[2]) * (DARKEST + (1 - DARKEST) * lit);
            sl_colour c = sl_share_colour(part, grey);
            p[0] = c.r;
            p[1] = c.g;
            p[2] = c.b;
        }
}

sl_status sl_shares_picture(const sl_attribution *why, const float *weights, float scale, const sl_image *crop,
                            int width, int height, sl_image *out, sl_error *err)
{
    const float *shares = why->shares;
    const int cells = why->rows * why->cols;
    float most = 0, *parts = sl_calloc_aligned(2 * (size_t)cells, sizeof *parts), *light = parts + cells;
    *out = (sl_image){0};
    if (!parts)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for a picture of shares");
    scale = scale > 0 ? scale : sl_largest_share(shares, cells);
    for (int m = 0; m < cells; m++)
        most = fmaxf(most, weights[m]);
    for (int m = 0; m < cells; m++) {
        parts[m] = scale > 0 ? shares[m] / scale : 0;
        light[m] = most > 0 ? weights[m] / most : 1;
    }
    sl_status status = sl_tile(crop, width, height, out, err);
    if (status == SL_OK)
        colour_face(parts, light, why->rows, why->cols, out);
    free(parts);
    return status;
}

sl_status sl_draw_shares(const sl_attribution *why, const sl_image *crop, int side, sl_image *out, sl_error *err)
{
    int width, height;
    *out = (sl_image){0};
    if (!why || !why->rows)
        return sl_fail(err, SL_ERR_ARGUMENT, "this score cannot be told by cell");
    if (side < 8 || side > 4096)
        return sl_fail(err, SL_ERR_ARGUMENT, "a picture's side of %d pixels is not in 8 .. 4096", side);
    if (crop)
        SL_TRY(sl_image_check(crop, err));
    sl_tile_size(crop, side, &width, &height);
    return sl_shares_picture(why, why->query_weights, 0, crop, width, height, out, err);
}
