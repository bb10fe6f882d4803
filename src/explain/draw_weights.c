/* How much each patch counted, as a heat map over its own face (the published program swaps the faces). */
#include "explain/explain.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "image/image.h"

/* Pixel i of `pixels` on a row of `cells` values whose ends lie on the picture's ends. */
static float cell_at(int i, int pixels, int cells, int *first, int *second)
{
    float at = pixels > 1 ? (float)i * (float)(cells - 1) / (float)(pixels - 1) : 0;
    *first = (int)at;
    if (*first > cells - 1)
        *first = cells - 1;
    *second = *first < cells - 1 ? *first + 1 : *first;
    return at - *first;
}

static float known(float weight) { return isfinite(weight) ? weight : 0; }

void sl_weights_heat(const float *weights, int rows, int cols, int width, int height, float *heat)
{
    for (int y = 0; y < height; y++) {
        int top, bottom, left, right;
        float fy = cell_at(y, height, rows, &top, &bottom);
        for (int x = 0; x < width; x++) {
            float fx = cell_at(x, width, cols, &left, &right);
            float a = known(weights[top * cols + left]) * (1 - fx) + known(weights[top * cols + right]) * fx;
            float b = known(weights[bottom * cols + left]) * (1 - fx) + known(weights[bottom * cols + right]) * fx;
            heat[(size_t)y * width + x] = a * (1 - fy) + b * fy;
        }
    }
    sl_stretch(heat, width * height, .5f);
}

/* One pixel [3] under a heat of h. */
static void blend(uint8_t *p, float h)
{
    const sl_colour c = sl_colour_jet(h);
    p[0] = (uint8_t)((p[0] + c.r + 1) / 2);
    p[1] = (uint8_t)((p[1] + c.g + 1) / 2);
    p[2] = (uint8_t)((p[2] + c.b + 1) / 2);
}

static void dim(uint8_t *p, float h)
{
    for (int c = 0; c < 3; c++)
        p[c] = (uint8_t)lrintf((float)p[c] * h);
}

sl_status sl_heat_picture(const float *weights, int rows, int cols, const sl_image *crop, sl_heat_style style,
                          int width, int height, sl_image *out, sl_error *err)
{
    SL_TRY(sl_tile(crop, width, height, out, err));
    float *heat = sl_calloc_aligned((size_t)width * height, sizeof(float));
    if (!heat) {
        sl_image_free(out);
        return sl_fail(err, SL_ERR_MEMORY, "no memory for a heat map of %d x %d", width, height);
    }
    sl_weights_heat(weights, rows, cols, width, height, heat);
    void (*const draw)(uint8_t *p, float h) = style == SL_HEAT_BRIGHT ? dim : blend;
    for (size_t i = 0; i < (size_t)width * height; i++)
        draw(out->pixels + 3 * i, heat[i]);
    free(heat);
    return SL_OK;
}

sl_status sl_weights_picture(const float *weights, int rows, int cols, const sl_image *crop, int width, int height,
                             sl_image *out, sl_error *err)
{
    return sl_heat_picture(weights, rows, cols, crop, SL_HEAT_JET, width, height, out, err);
}

sl_status sl_draw_heat(const float *heat, int rows, int cols, const sl_image *crop, sl_heat_style style, int side,
                       sl_image *out, sl_error *err)
{
    int width, height;
    *out = (sl_image){0};
    if (!heat || rows < 1 || cols < 1 || rows > SL_MATCH_MAX_PATCHES || cols > SL_MATCH_MAX_PATCHES)
        return sl_fail(err, SL_ERR_ARGUMENT, "a heat map is drawn of rows x columns of numbers, not of %d x %d", rows,
                       cols);
    if (side < 8 || side > 4096)
        return sl_fail(err, SL_ERR_ARGUMENT, "a picture's side of %d pixels is not in 8 .. 4096", side);
    if (crop)
        SL_TRY(sl_image_check(crop, err));
    sl_tile_size(crop, side, &width, &height);
    return sl_heat_picture(heat, rows, cols, crop, style, width, height, out, err);
}
