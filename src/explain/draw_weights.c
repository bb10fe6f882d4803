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

void sl_weights_heat(const float *weights, int rows, int cols, int width, int height, float *heat)
{
    for (int y = 0; y < height; y++) {
        int top, bottom, left, right;
        float fy = cell_at(y, height, rows, &top, &bottom);
        for (int x = 0; x < width; x++) {
            float fx = cell_at(x, width, cols, &left, &right);
            float a = weights[top * cols + left] * (1 - fx) + weights[top * cols + right] * fx;
            float b = weights[bottom * cols + left] * (1 - fx) + weights[bottom * cols + right] * fx;
            heat[(size_t)y * width + x] = a * (1 - fy) + b * fy;
        }
    }
    sl_stretch(heat, width * height, .5f);
}

sl_status sl_weights_picture(const float *weights, int rows, int cols, const sl_image *crop, int width, int height,
                             sl_image *out, sl_error *err)
{
    SL_TRY(sl_tile(crop, width, height, out, err));
    float *heat = sl_calloc_aligned((size_t)width * height, sizeof(float));
    if (!heat) {
        sl_image_free(out);
        return sl_fail(err, SL_ERR_MEMORY, "no memory for a heat map of %d x %d", width, height);
    }
    sl_weights_heat(weights, rows, cols, width, height, heat);
    uint8_t *p = out->pixels;
    for (size_t i = 0; i < (size_t)width * height; i++, p += 3) {
        sl_colour c = sl_colour_jet(heat[i]);
        p[0] = (uint8_t)((p[0] + c.r + 1) / 2);
        p[1] = (uint8_t)((p[1] + c.g + 1) / 2);
        p[2] = (uint8_t)((p[2] + c.b + 1) / 2);
    }
    free(heat);
    return SL_OK;
}
