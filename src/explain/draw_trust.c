/* What the occlusion-aware second look believed: a face that is dark where it was ignored. */
#include "explain/explain.h"

#include <stdlib.h>

#include "base/mem.h"
#include "template/template.h"
#include "image/image.h"

#define DARKEST 0.08f

static void darken(const float *light, int rows, int cols, sl_image *picture)
{
    uint8_t *p = picture->pixels;
    for (int y = 0; y < picture->height; y++)
        for (int x = 0; x < picture->width; x++) {
            float lit = sl_cell_value(light, rows, cols, picture->width, picture->height, x, y);
            float factor = DARKEST + (1 - DARKEST) * lit;
            for (int c = 0; c < 3; c++, p++)
                *p = (uint8_t)((float)*p * factor + 0.5f);
        }
}

sl_status sl_trust_picture(const float *trust, int rows, int cols, const sl_image *crop, int width, int height,
                           sl_image *out, sl_error *err)
{
    *out = (sl_image){0};
    size_t cells = (size_t)rows * (size_t)cols;
    float most = 0, *light = sl_calloc_aligned(cells, sizeof *light);
    if (!light)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for a picture of trust");
    for (size_t p = 0; p < cells; p++)
        most = trust[p] > most ? trust[p] : most;
    for (size_t p = 0; p < cells; p++)
        light[p] = most > 0 ? trust[p] / most : 1;
    sl_status status = sl_tile(crop, width, height, out, err);
    if (status == SL_OK)
        darken(light, rows, cols, out);
    free(light);
    return status;
}

sl_status sl_draw_trust(const sl_oae *oae, const sl_template *face, const sl_image *crop, int side, sl_image *out,
                        sl_error *err)
{
    int width, height;
    *out = (sl_image){0};
    if (!face)
        return sl_fail(err, SL_ERR_ARGUMENT, "trust is read from a template");
    if (side < 8 || side > 4096)
        return sl_fail(err, SL_ERR_ARGUMENT, "a picture's side of %d pixels is not in 8 .. 4096", side);
    if (crop)
        SL_TRY(sl_image_check(crop, err));
    float *trust = sl_calloc_aligned((size_t)face->shape.rows * (size_t)face->shape.cols, sizeof *trust);
    if (!trust)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for a picture of trust");
    sl_tile_size(crop, side, &width, &height);
    sl_status status = sl_oae_trust(oae, face, trust, err);
    if (status == SL_OK)
        status = sl_trust_picture(trust, face->shape.rows, face->shape.cols, crop, width, height, out, err);
    free(trust);
    return status;
}
