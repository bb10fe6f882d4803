/* Occluded queries: a mask, sunglasses, or a part of the picture only. */
#include "face/occlude.h"

/* 70 % of each side at a random place, scaled back. */
static sl_status random_part(const sl_image *image, sl_rng *rng, sl_image *out, sl_error *err)
{
    int width = image->width * 7 / 10, height = image->height * 7 / 10;
    width = width < 1 ? 1 : width;
    height = height < 1 ? 1 : height;
    int x = (int)sl_rng_below(rng, (uint64_t)(image->width - width) + 1);
    int y = (int)sl_rng_below(rng, (uint64_t)(image->height - height) + 1);
    sl_image part;
    SL_TRY(sl_image_crop(image, x, y, width, height, &part, err));
    sl_status status = sl_image_resize(&part, image->width, image->height, out, err);
    sl_image_free(&part);
    return status;
}

sl_status sl_occlude(const sl_image *image, const sl_point landmarks[68], sl_occlusion kind, uint64_t seed,
                     sl_image *out, sl_error *err)
{
    *out = (sl_image){0};
    SL_TRY(sl_image_check(image, err));
    sl_rng rng = sl_rng_seed(seed);
    if (kind == SL_OCCLUDE_CROP)
        return random_part(image, &rng, out, err);
    if (kind != SL_OCCLUDE_MASK && kind != SL_OCCLUDE_SUNGLASSES)
        return sl_fail(err, SL_ERR_ARGUMENT, "occlusion: kind %d is not mask, sunglasses or crop", (int)kind);
    if (!landmarks)
        return sl_fail(err, SL_ERR_ARGUMENT, "occlusion: a mask and sunglasses need the face's 68 landmarks");
    SL_TRY(sl_image_to_rgb(image, out, err));
    sl_status status = kind == SL_OCCLUDE_MASK ? sl_draw_mask(out, landmarks, &rng, err)
                                               : sl_draw_sunglasses(out, landmarks, &rng, err);
    if (status != SL_OK)
        sl_image_free(out);
    return status;
}
