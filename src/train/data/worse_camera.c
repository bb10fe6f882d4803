/* The same picture by a worse camera: out of focus, from afar, in the dark, sent as a small JPEG. */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "image/image.h"
#include "train/data/augment_steps.h"

/* ---- focus ---- */

enum { MAX_REACH = 32 };

/* One line of RGB pixels, `step` apart, through the kernel [reach + 1], of which 0 is the middle; edges repeat.
 * line: [count + 2 reach] pixels of scratch */
static void blur_line(uint8_t *at, int count, size_t step, const float *kernel, int reach, float *line)
{
    for (int i = -reach; i < count + reach; i++) {
        const uint8_t *from = at + step * (size_t)(i < 0 ? 0 : i >= count ? count - 1 : i);
        for (int c = 0; c < 3; c++)
            line[3 * (i + reach) + c] = from[c];
    }
    for (int i = 0; i < count; i++) {
        const float *middle = line + 3 * (i + reach);
        float sum[3] = {kernel[0] * middle[0], kernel[0] * middle[1], kernel[0] * middle[2]};
        for (int k = 1; k <= reach; k++)
            for (int c = 0; c < 3; c++)
                sum[c] += kernel[k] * (middle[c - 3 * k] + middle[c + 3 * k]);
        for (int c = 0; c < 3; c++)
            at[step * (size_t)i + (size_t)c] = sl_byte_of(sum[c]);
    }
}

/* Gauss's bell, whole in 2.5 deviations, of sum 1; returns its reach. */
static int make_kernel(double sigma, float kernel[MAX_REACH + 1])
{
    const int reach = (int)fmin(fmax(ceil(2.5 * sigma), 1), MAX_REACH);
    double sum = 0;
    for (int k = 0; k <= reach; k++) {
        kernel[k] = (float)exp(-.5 * k * k / (sigma * sigma));
        sum += (k ? 2 : 1) * (double)kernel[k];
    }
    for (int k = 0; k <= reach; k++)
        kernel[k] = (float)(kernel[k] / sum);
    return reach;
}

sl_status sl_blur(sl_image *image, double sigma, sl_error *err)
{
    float kernel[MAX_REACH + 1];
    const int reach = make_kernel(sigma, kernel), longest = image->width > image->height ? image->width : image->height;
    const size_t row = 3 * (size_t)image->width;
    float *line = sl_calloc_aligned((size_t)(longest + 2 * reach), 3 * sizeof *line);
    if (!line)
        return sl_no_memory(err, "to blur a picture");
    for (int y = 0; y < image->height; y++)
        blur_line(image->pixels + row * (size_t)y, image->width, 3, kernel, reach, line);
    for (int x = 0; x < image->width; x++)
        blur_line(image->pixels + 3 * x, image->height, row, kernel, reach, line);
    free(line);
    return SL_OK;
}

/* ---- pixels ---- */

/* 30 to 80 % of the sides, enlarged again. */
sl_status sl_few_pixels(sl_image *image, sl_rng *r, sl_error *err)
{
    const double share = sl_rng_range(r, .3, .8);
    const int width = (int)fmax(share * image->width, 1), height = (int)fmax(share * image->height, 1);
    sl_image small, out;
    SL_TRY(sl_image_shrink(image, width, height, &small, err));
    sl_status status = sl_image_resize(&small, image->width, image->height, &out, err);
    sl_image_free(&small);
    SL_TRY(status);
    sl_image_free(image);
    *image = out;
    return SL_OK;
}

/* Sums of four random bytes are near enough to a bell, and eight come of one draw. */
void sl_add_noise(sl_image *image, double deviation, sl_rng *r)
{
    const size_t count = 3 * (size_t)image->width * (size_t)image->height;
    const float scale = (float)(deviation / sqrt(4 * (256. * 256 - 1) / 12));
    uint8_t *p = image->pixels;
    for (size_t i = 0; i < count; i += 2) {
        uint64_t bits = sl_rng_next(r);
        for (size_t k = i; k < i + 2 && k < count; k++, bits >>= 32) {
            int sum = (int)((bits & 255) + (bits >> 8 & 255) + (bits >> 16 & 255) + (bits >> 24 & 255)) - 510;
            p[k] = sl_byte_of((float)p[k] + scale * (float)sum);
        }
    }
}

/* ---- the way it was sent ---- */

sl_status sl_as_jpeg(sl_image *image, int quality, sl_error *err)
{
    uint8_t *data;
    size_t size;
    sl_image out;
    SL_TRY(sl_image_encode_jpeg(image, quality, &data, &size, err));
    sl_status status = sl_image_decode(data, size, &out, err);
    free(data);
    SL_TRY(status);
    sl_image_free(image);
    *image = out;
    return SL_OK;
}
