/* What sl_image_take does, as the linear map that it is but for rounding, and its transpose: from what a crop's numbers
 * are to a loss to what the photo's are. Both visit the same pixels with the same weights.
 *
 *     photo --mean over step x step--> small --four pixels, bilinear--> crop
 *     slope <---------- / step^2 ------ small <------- weights -------- slope of the crop
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "image/image.h"

/* The shrunk part, [height, width, 3]. */
typedef struct {
    int width, height;
    float *value;
} small_part;

static sl_status new_part(const sl_taking *t, small_part *out, sl_error *err)
{
    *out = (small_part){.width = t->width / t->step, .height = t->height / t->step};
    out->value = sl_calloc_aligned((size_t)out->width * (size_t)out->height, 3 * sizeof *out->value);
    return out->value ? SL_OK : sl_no_memory(err, "for a part of a photo");
}

/* Pixel (x, y) of the picture in a window; NULL outside. */
static float *pixel_of(const sl_numbers *n, int x, int y)
{
    x -= n->x, y -= n->y;
    if (x < 0 || y < 0 || x >= n->width || y >= n->height)
        return NULL;
    return n->value + 3 * ((size_t)y * (size_t)n->width + (size_t)x);
}

/* ---- shrinking ---- */

/* Each pixel of the part with the one of `small` that it goes into: to there, or back from there. */
static void shrink(const sl_numbers *window, const sl_taking *t, const small_part *small, bool back)
{
    const float weight = 1 / (float)(t->step * t->step);
    for (int y = 0; y < t->height; y++)
        for (int x = 0; x < t->width; x++) {
            float *big = pixel_of(window, t->x + x, t->y + y);
            float *one = small->value + 3 * ((size_t)(y / t->step) * (size_t)small->width + (size_t)(x / t->step));
            for (int c = 0; big && c < 3; c++)
                if (back)
                    big[c] += weight * one[c];
                else
                    one[c] += weight * big[c];
        }
}

/* ---- warping ---- */

typedef struct {
    float *pixel[4]; /* NULL: outside, black */
    float weight[4];
} four_pixels;

/* Around where the crop's (x, y) comes from. */
static four_pixels pixels_around(const small_part *small, const sl_affine *map, int x, int y)
{
    four_pixels out = {0};
    const double *m = map->m, px = m[0] * x + m[1] * y + m[2], py = m[3] * x + m[4] * y + m[5];
    if (!(px > -1 && px < small->width && py > -1 && py < small->height))
        return out;
    const int left = (int)floor(px), top = (int)floor(py);
    const float fx = (float)(px - left), fy = (float)(py - top);
    for (int k = 0; k < 4; k++) {
        const int at_x = left + (k & 1), at_y = top + (k >> 1);
        out.weight[k] = (k & 1 ? fx : 1 - fx) * (k >> 1 ? fy : 1 - fy);
        if (at_x >= 0 && at_x < small->width && at_y >= 0 && at_y < small->height)
            out.pixel[k] = small->value + 3 * ((size_t)at_y * (size_t)small->width + (size_t)at_x);
    }
    return out;
}

sl_status sl_numbers_take(const sl_numbers *from, const sl_taking *t, int out_width, int out_height, float *out,
                          sl_error *err)
{
    small_part small;
    SL_TRY(new_part(t, &small, err));
    shrink(from, t, &small, false);
    memset(out, 0, (size_t)out_width * (size_t)out_height * 3 * sizeof *out);
    for (int y = 0; y < out_height; y++)
        for (int x = 0; x < out_width; x++, out += 3) {
            const four_pixels four = pixels_around(&small, &t->map, x, y);
            for (int k = 0; k < 4; k++)
                for (int c = 0; four.pixel[k] && c < 3; c++)
                    out[c] += four.weight[k] * four.pixel[k][c];
        }
    free(small.value);
    return SL_OK;
}

sl_status sl_numbers_give_back(const float *slope, const sl_taking *t, int out_width, int out_height,
                               sl_numbers *to, sl_error *err)
{
    small_part small;
    SL_TRY(new_part(t, &small, err));
    for (int y = 0; y < out_height; y++)
        for (int x = 0; x < out_width; x++, slope += 3) {
            const four_pixels four = pixels_around(&small, &t->map, x, y);
            for (int k = 0; k < 4; k++)
                for (int c = 0; four.pixel[k] && c < 3; c++)
                    four.pixel[k][c] += four.weight[k] * slope[c];
        }
    shrink(to, t, &small, true);
    free(small.value);
    return SL_OK;
}
