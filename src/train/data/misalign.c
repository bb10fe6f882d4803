/* A crop's place: mirrored, and as a detector that missed would have cut it out. */
#include <math.h>
#include <string.h>

#include "image/image.h"
#include "train/data/augment_steps.h"

void sl_mirror(sl_image *image)
{
    const size_t width = (size_t)image->width;
    for (int y = 0; y < image->height; y++) {
        uint8_t *left = image->pixels + 3 * (size_t)y * width, *right = left + 3 * (width - 1);
        for (; left < right; left += 3, right -= 3) {
            uint8_t kept[3];
            memcpy(kept, left, 3);
            memcpy(left, right, 3);
            memcpy(right, kept, 3);
        }
    }
}

static int clamped(int v, int count)
{
    return v < 0 ? 0 : v >= count ? count - 1 : v;
}

/* With `margin` pixels more on every side, which repeat the edge. */
static sl_status with_margin(const sl_image *image, int margin, sl_image *out, sl_error *err)
{
    SL_TRY(sl_image_new(image->width + 2 * margin, image->height + 2 * margin, 3, out, err));
    for (int y = 0; y < out->height; y++) {
        const uint8_t *from = image->pixels + 3 * (size_t)image->width * (size_t)clamped(y - margin, image->height);
        uint8_t *to = out->pixels + 3 * (size_t)out->width * (size_t)y;
        memcpy(to + 3 * margin, from, 3 * (size_t)image->width);
        for (int x = 0; x < margin; x++) {
            memcpy(to + 3 * x, from, 3);
            memcpy(to + 3 * (margin + image->width + x), from + 3 * (image->width - 1), 3);
        }
    }
    return SL_OK;
}

sl_status sl_misalign(sl_image *image, const sl_augmentation *a, sl_rng *r, sl_error *err)
{
    const double unit = sl_crop_unit(image);
    const double turn = a->turn * M_PI / 180 * sl_rng_normal(r), scale = exp(-a->scale * sl_rng_normal(r));
    const double dx = a->shift * unit * sl_rng_normal(r), dy = a->shift * unit * sl_rng_normal(r);
    const int margin = image->width / 6 + 1;
    const double cx = (image->width - 1) / 2., cy = (image->height - 1) / 2.;
    const double c = scale * cos(turn), s = scale * sin(turn);
    const sl_affine map = {{c, -s, margin + cx - c * (cx + dx) + s * (cy + dy), /* what was in the middle goes to d */
                            s, c, margin + cy - s * (cx + dx) - c * (cy + dy)}};
    sl_image wide, out;
    SL_TRY(with_margin(image, margin, &wide, err));
    sl_status status = sl_image_warp(&wide, &map, image->width, image->height, &out, err);
    sl_image_free(&wide);
    SL_TRY(status);
    sl_image_free(image);
    *image = out;
    return SL_OK;
}
