/* A part of a picture at any scale. A warp reads four pixels for each it writes: where many come to one it would skip
 * most of them and alias. Then the part that is wanted is shrunk by a whole factor first, and the warp reads that.
 *
 *     photo 6000 x 4000    part under the crop, 1800 x 1800    shrunk by 16     crop 112 x 112
 *     +------------+
 *     |    +---+   |   ->  +-----------+                   ->  +---+       ->   +--+   turned by the rest
 *     |    +---+   |       +-----------+                       +---+            +--+
 *     +------------+
 */
#include "image/image.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* The part of the picture under what is taken, its sides rounded up to multiples of `step`; false when there is
 * none. */
static bool find_part(const sl_image *image, const sl_affine *map, int width, int height, int step, sl_taking *out)
{
    double x0 = INFINITY, y0 = INFINITY, x1 = -INFINITY, y1 = -INFINITY;
    for (int i = 0; i < 4; i++) {
        sl_point p = sl_affine_apply(map, (sl_point){i & 1 ? (float)width : -1, i & 2 ? (float)height : -1});
        x0 = fmin(x0, p.x), x1 = fmax(x1, p.x);
        y0 = fmin(y0, p.y), y1 = fmax(y1, p.y);
    }
    x0 = fmax(floor(x0), 0), y0 = fmax(floor(y0), 0);
    x1 = fmin(ceil(x1), image->width - 1), y1 = fmin(ceil(y1), image->height - 1);
    if (!(x0 <= x1 && y0 <= y1))
        return false;
    *out =
        (sl_taking){.x = (int)x0, .y = (int)y0, .width = (int)x1 - (int)x0 + 1, .height = (int)y1 - (int)y0 + 1};
    out->width = (out->width + step - 1) / step * step;
    out->height = (out->height + step - 1) / step * step;
    return (int64_t)out->width * out->height <= SL_MAX_PIXELS;
}

bool sl_taking_of(const sl_image *image, const sl_affine *map, int width, int height, sl_taking *out)
{
    enum { MAX_STEP = 64 };
    const int step = (int)fmax(fmin(hypot(map->m[0], map->m[3]) + 1e-3, MAX_STEP), 1);
    if (!find_part(image, map, width, height, step, out))
        return false;
    out->step = step;
    out->map = *map;
    for (int i = 0; i < 6; i++)
        out->map.m[i] /= step;
    out->map.m[2] += (.5 - out->x) / step - .5;
    out->map.m[5] += (.5 - out->y) / step - .5;
    return true;
}

/* The mean of the channels of `step` pixels each way, of an image whose sides are multiples of `step`. */
static void shrink(const sl_image *part, int step, uint32_t *sum, sl_image *out)
{
    const int channels = part->channels, stride = part->width * channels;
    const float each = 1 / (float)(step * step);
    uint8_t *to = out->pixels;
    for (int y = 0; y < out->height; y++) {
        const uint8_t *row = part->pixels + (size_t)y * (size_t)step * (size_t)stride;
        memset(sum, 0, (size_t)stride * sizeof *sum);
        for (int k = 0; k < step; k++, row += stride)
            for (int i = 0; i < stride; i++)
                sum[i] += row[i];
        for (int x = 0; x < out->width; x++)
            for (int c = 0; c < channels; c++) {
                const uint32_t *first = sum + x * step * channels + c;
                uint32_t all = 0;
                for (int k = 0; k < step; k++)
                    all += first[k * channels];
                *to++ = (uint8_t)(int)((float)all * each + .5f);
            }
    }
}

static sl_status shrink_part(const sl_image *image, const sl_taking *t, sl_image *out, sl_error *err)
{
    sl_image part;
    SL_TRY(sl_image_crop(image, t->x, t->y, t->width, t->height, &part, err));
    sl_status status = sl_image_new(t->width / t->step, t->height / t->step, image->channels, out, err);
    uint32_t *sum = malloc((size_t)(t->width * image->channels) * sizeof *sum);
    if (status == SL_OK && sum)
        shrink(&part, t->step, sum, out);
    else if (status == SL_OK)
        status = sl_no_memory(err, "for a part of a photo");
    free(sum);
    sl_image_free(&part);
    return status;
}

/* Shrinks the part and warps that. */
static sl_status warp_shrunk(const sl_image *image, const sl_taking *t, int width, int height, sl_image *out,
                             sl_error *err)
{
    sl_image small = {0};
    sl_status status = shrink_part(image, t, &small, err);
    if (status == SL_OK)
        status = sl_image_warp(&small, &t->map, width, height, out, err);
    sl_image_free(&small);
    return status;
}

sl_status sl_image_take(const sl_image *image, const sl_affine *map, int width, int height, sl_image *out,
                        sl_error *err)
{
    sl_taking t;
    if (sl_taking_of(image, map, width, height, &t) && t.step >= 2)
        return warp_shrunk(image, &t, width, height, out, err);
    return sl_image_warp(image, map, width, height, out, err);
}
