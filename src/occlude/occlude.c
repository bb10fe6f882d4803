/* Occluded queries: something drawn before a face, or a part of the picture only. */
#include "occlude/occlude.h"

#include <string.h>

#include "occlude/soft.h"
#include "secondlook_draw.h"

/* What each kind is drawn by; the crop needs no face. */
static const struct {
    const char *const *styles; /* names; the default is number `usual` */
    int usual;
    sl_status (*draw)(sl_image *image, const sl_point landmarks[68], int style, sl_rng *rng, sl_error *err);
    /* .. or by the face's axes alone, cloth cut out of `other` */
    sl_soft_kind draw_soft;
} kinds[] = {
    [SL_OCCLUDE_MASK] = {sl_mask_styles, 7, sl_draw_mask},
    [SL_OCCLUDE_SUNGLASSES] = {sl_sunglasses_styles, 0, sl_draw_sunglasses},
    [SL_OCCLUDE_CROP] = {(const char *const[]){NULL}, 0, NULL},
    [SL_OCCLUDE_SCARF] = {sl_pattern_styles, SL_PATTERN_ANY, sl_draw_scarf},
    [SL_OCCLUDE_BLOCK] = {sl_pattern_styles, SL_PATTERN_ANY, sl_draw_block},
    [SL_OCCLUDE_WRAP] = {sl_cloth_styles, SL_CLOTH_ANY, NULL, sl_draw_wrap},
    [SL_OCCLUDE_HOOD] = {sl_cloth_styles, SL_CLOTH_ANY, NULL, sl_draw_hood},
    [SL_OCCLUDE_BEARD] = {sl_beard_styles, 2, NULL, sl_draw_beard},
    [SL_OCCLUDE_HELMET] = {sl_helmet_styles, 2, NULL, sl_draw_helmet},
    [SL_OCCLUDE_HAIR] = {sl_hair_styles, 2, NULL, sl_draw_hair},
    [SL_OCCLUDE_SIDE] = {sl_cloth_styles, SL_CLOTH_ANY, NULL, sl_draw_side},
    [SL_OCCLUDE_HAND] = {sl_hand_styles, 2, NULL, sl_draw_hand},
    [SL_OCCLUDE_GLASSES] = {sl_glasses_styles, SL_GLASSES_ANY, NULL, sl_draw_glasses},
};

static bool is_kind(sl_occlusion kind)
{
    return (unsigned)kind < sizeof kinds / sizeof *kinds;
}

const char *const *sl_occlusion_styles(sl_occlusion kind)
{
    return is_kind(kind) ? kinds[kind].styles : kinds[SL_OCCLUDE_CROP].styles;
}

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

static sl_status style_number(sl_occlusion kind, const char *name, int *number, sl_error *err)
{
    const char *const *names = kinds[kind].styles;
    *number = kinds[kind].usual;
    if (!name)
        return SL_OK;
    for (*number = 0; names[*number]; ++*number)
        if (strcmp(names[*number], name) == 0)
            return SL_OK;
    return sl_fail(err, SL_ERR_ARGUMENT, "occlusion: there is no style '%s' of this kind (the first one is '%s')", name,
                   names[0] ? names[0] : "none");
}

/* Cloth is cut out of the picture itself: out of its sides, where clothes are. */
static sl_status draw_soft(sl_image *image, const sl_point landmarks[68], sl_occlusion kind, int style, sl_rng *rng,
                           sl_error *err)
{
    sl_face_axes axes;
    sl_image before;
    SL_TRY(sl_face_axes_of(landmarks, &axes, err));
    SL_TRY(sl_image_copy(image, &before, err));
    kinds[kind].draw_soft(image, &axes, style, &before, rng);
    sl_image_free(&before);
    return SL_OK;
}

sl_status sl_occlude(const sl_image *image, const sl_point landmarks[68], sl_occlusion kind, const char *style,
                     uint64_t seed, sl_image *out, sl_error *err)
{
    int number;
    *out = (sl_image){0};
    SL_TRY(sl_image_check(image, err));
    if (!is_kind(kind))
        return sl_fail(err, SL_ERR_ARGUMENT, "occlusion: kind %d is not one of sl_occlusion", (int)kind);
    SL_TRY(style_number(kind, style, &number, err));
    sl_rng rng = sl_rng_seed(seed);
    if (kind == SL_OCCLUDE_CROP)
        return random_part(image, &rng, out, err);
    if (!landmarks)
        return sl_fail(err, SL_ERR_ARGUMENT, "occlusion: what is drawn on a face needs its 68 landmarks");
    SL_TRY(sl_image_to_rgb(image, out, err));
    sl_status status = kinds[kind].draw ? kinds[kind].draw(out, landmarks, number, &rng, err)
                                        : draw_soft(out, landmarks, kind, number, &rng, err);
    if (status != SL_OK)
        sl_image_free(out);
    return status;
}
