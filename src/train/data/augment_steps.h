/* The steps of an augmentation. Each draws what it needs from the generator, and changes an RGB picture in place. */
#ifndef SL_TRAIN_AUGMENT_STEPS_H
#define SL_TRAIN_AUGMENT_STEPS_H

#include <stdbool.h>

#include "base/rng.h"
#include "occlude/soft.h"
#include "train/data/augment.h"

/* A pixel of a crop 112 wide, in pixels of this one. */
static inline double sl_crop_unit(const sl_image *image)
{
    return image->width / 112.;
}

static inline uint8_t sl_byte_of(float v)
{
    return v <= 0 ? 0 : v >= 255 ? 255 : (uint8_t)(v + .5f);
}

/* ---- cover_shapes.c ---- */

/* One to three shapes, or a band, of a cover from SL_COVER_RECTANGLES on. other: a picture to cut from; NULL only where
 * the cover is not SL_COVER_FACE. */
void sl_cover_shapes(sl_image *image, sl_cover cover, const sl_image *other, sl_rng *r);

/* ---- outfits.c ---- */

/* SL_COVER_WORN. other: to cut cloth from; NULL: none. */
void sl_dress(sl_image *image, const sl_face_axes *axes, const sl_image *other, sl_rng *r);

/* ---- misalign.c ---- */

void sl_mirror(sl_image *image);

/* Turned, scaled and shifted by the deviations of `a`; what comes in at the edges repeats the edge. */
sl_status sl_misalign(sl_image *image, const sl_augmentation *a, sl_rng *r, sl_error *err);

/* ---- relight.c ---- */

void sl_relight(sl_image *image, sl_rng *r);

/* ---- worse_camera.c ---- */

sl_status sl_blur(sl_image *image, double sigma, sl_error *err);
sl_status sl_few_pixels(sl_image *image, sl_rng *r, sl_error *err);
void sl_add_noise(sl_image *image, double deviation, sl_rng *r);
sl_status sl_as_jpeg(sl_image *image, int quality, sl_error *err);

#endif
