/* Crops as they might have looked: covered, turned aside, in another light, by a worse camera.
 *
 *     crop --mirror--+--> clean, for a teacher
 *                    '--> what covers it --> jitter --> light --> blur, few pixels, noise, JPEG --> out
 */
#ifndef SL_TRAIN_AUGMENT_H
#define SL_TRAIN_AUGMENT_H

#include "base/status.h"

/* What covers a face. Sunglasses, masks, scarves and blocks are drawn as src/occlude draws them. */
typedef enum {
    SL_COVER_NOTHING = 0,
    SL_COVER_MASK = 1,
    SL_COVER_SUNGLASSES = 2,
    SL_COVER_SCARF = 3,
    SL_COVER_BLOCK = 4,
    SL_COVER_RECTANGLES = 5, /* bands, rectangles and ellipses of one colour */
    SL_COVER_TEXTURES = 6,   /* the same of noise, patterns and cloth cut from another picture */
    SL_COVER_FACE = 7,       /* the same of another face, in its place: the hardest, for it looks like a face */
    SL_COVER_WORN = 8,       /* glasses, cloth, hood, helmet, hair, beard, hand: one of them, or several */
    SL_COVERS = 9
} sl_cover;

/* Lengths are in pixels of a crop 112 wide; other crops are treated alike. */
typedef struct {
    const char *name, *what;
    double share[SL_COVERS]; /* of the pictures, by what covers them; any sum above 0 */
    double sunglasses_too;   /* odds that who hides the mouth (mask, scarf) wears sunglasses as well */
    double mirror;           /* odds, as of all that follow, in [0, 1] */
    double jitter;           /* alignment that went wrong, by these standard deviations: */
    double turn, scale, shift; /* degrees, share of the size, pixels */
    double light;            /* gamma, brightness, a slope of light, fog, colour */
    double blur, few_pixels, noise, jpeg;
} sl_augmentation;

/* "none", "mirror" (all that the published finetuning does), "covered", "rough", "worn", "wide", "eyes", "mouth",
 * "hiding"; their names, ended by NULL. NULL for another name. */
const sl_augmentation *sl_augmentation_find(const char *name);
extern const char *const sl_augmentation_names[];

/* The same, NULL being "none"; SL_ERR_ARGUMENT with the names that there are. */
sl_status sl_augmentation_named(const char *name, const sl_augmentation **out, sl_error *err);

/* SL_ERR_ARGUMENT for odds and shares that are none. */
sl_status sl_augmentation_check(const sl_augmentation *a, sl_error *err);

/* Picture `number` of a run: the same arguments give the same bytes, on any thread. crop: RGB or grey, out is RGB.
 * landmarks: 68 in the crop's pixels; NULL, or such that nothing can be drawn by them: rectangles take the place of
 * masks, sunglasses, scarves and blocks, and what is worn is drawn where an aligned face is. other: another face's
 * crop; NULL: textures take the place of faces. clean (NULL: not wanted): the crop with nothing but the mirror. Both
 * are the caller's. */
sl_status sl_augment(const sl_augmentation *a, const sl_image *crop, const sl_point *landmarks, const sl_image *other,
                     uint64_t seed, uint64_t number, sl_image *clean, sl_image *out, sl_error *err);

#endif
