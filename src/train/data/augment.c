/* Which steps a picture goes through, and the recipes. */
#include "train/data/augment.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "image/image.h"
#include "secondlook_draw.h"
#include "train/data/augment_steps.h"

/* Badly aligned (jitter: how often), in any light (how often it is another), by any camera. */
#define AS_IN_LIFE(how_jittered, how_lit)                                                                              \
    .mirror = .5, .jitter = (how_jittered), .turn = 2.6, .scale = .045, .shift = 2, .light = (how_lit), .blur = .3,   \
    .few_pixels = .2, .noise = .3, .jpeg = .3

/* "covered": the mix that a prototype learned masks and sunglasses from. "rough": the same for photos of real life,
 * whose faces are not where they should be, and of which some hide eyes and mouth. */
static const sl_augmentation recipes[] = {
    {.name = "none", .what = "crops as they are", .share = {1}},
    {.name = "mirror", .what = "every second crop mirrored", .share = {1}, .mirror = .5},
    {.name = "covered",
     .what = "masks, sunglasses, rectangles, textures, parts of other faces; one of five uncovered",
     .share = {.22, .25, .2, 0, 0, .15, .08, .1},
     .mirror = .5,
     .light = .15,
     .few_pixels = .07,
     .noise = .1,
     .jpeg = .1},
    {.name = "rough",
     .what = "more covers, also two at once, badly aligned, in any light, by any camera",
     .share = {.15, .17, .17, .14, .08, .1, .12, .07},
     .sunglasses_too = .35,
     AS_IN_LIFE(.5, .75)},
    {.name = "worn",
     .what = "glasses, cloth, hoods, helmets, hair, beards, hands, alone and together, beside masks and shapes; badly "
             "aligned, in any light, by any camera",
     .share = {.15, .1, .08, 0, 0, .03, .03, .03, .58},
     .sunglasses_too = .35,
     AS_IN_LIFE(.55, .7)},
    {.name = "wide",
     .what = "as worn, with as many masks and sunglasses as all else that is worn",
     .share = {.15, .18, .2, 0, 0, .04, .04, .04, .35},
     .sunglasses_too = .25,
     AS_IN_LIFE(.55, .7)},
    {.name = "eyes",
     .what = "as wide, most of them in sunglasses",
     .share = {.1, .03, .6, 0, 0, .03, .02, .02, .2},
     .sunglasses_too = .5,
     AS_IN_LIFE(.5, .6)},
    {.name = "mouth",
     .what = "as wide, most of them masked",
     .share = {.1, .6, .04, 0, 0, .03, .02, .02, .19},
     .sunglasses_too = .15,
     AS_IN_LIFE(.5, .6)},
    {.name = "hiding",
     .what = "masks, scarves, sunglasses and what else is worn, so that points are hidden; a fifth uncovered",
     .share = {.2, .12, .08, .12, 0, .02, .06, 0, .4},
     .sunglasses_too = .35,
     .light = .7,
     .blur = .2,
     .few_pixels = .2,
     .noise = .3,
     .jpeg = .3},
};
enum { RECIPES = sizeof recipes / sizeof *recipes };

const char *const sl_augmentation_names[] = {"none", "mirror", "covered", "rough", "worn",
                                             "wide", "eyes",   "mouth",   "hiding", NULL};

const sl_augmentation *sl_augmentation_find(const char *name)
{
    for (int i = 0; i < RECIPES; i++)
        if (strcmp(recipes[i].name, name) == 0)
            return &recipes[i];
    return NULL;
}

sl_status sl_augmentation_named(const char *name, const sl_augmentation **out, sl_error *err)
{
    sl_text names = {0};
    *out = sl_augmentation_find(name ? name : "none");
    if (*out)
        return SL_OK;
    for (int i = 0; sl_augmentation_names[i]; i++)
        sl_text_add(&names, "%s%s", i ? ", " : "", sl_augmentation_names[i]);
    sl_status status = sl_fail(err, SL_ERR_ARGUMENT, "no augmentation is named \"%.80s\"; there are %s", name,
                               names.data ? names.data : "");
    free(names.data);
    return status;
}

sl_status sl_augmentation_check(const sl_augmentation *a, sl_error *err)
{
    const double odds[] = {a->sunglasses_too, a->mirror,     a->jitter, a->light,
                           a->blur,           a->few_pixels, a->noise,  a->jpeg};
    const double deviations[] = {a->turn, a->scale, a->shift}, most[] = {90, .5, 56};
    double sum = 0;
    for (int i = 0; i < SL_COVERS; i++)
        sum += a->share[i] >= 0 ? a->share[i] : NAN;
    if (!(sum > 0) || !isfinite(sum))
        return sl_fail(err, SL_ERR_ARGUMENT, "augmentation: the shares of what covers faces must be 0 or more, and not "
                       "all 0");
    for (size_t i = 0; i < sizeof odds / sizeof *odds; i++)
        if (!(odds[i] >= 0 && odds[i] <= 1))
            return sl_fail(err, SL_ERR_ARGUMENT, "augmentation: odds of %g: must be in [0, 1]", odds[i]);
    for (int i = 0; i < 3; i++)
        if (!(deviations[i] >= 0 && deviations[i] <= most[i]))
            return sl_fail(err, SL_ERR_ARGUMENT, "augmentation: jitter by %g: must be in [0, %g]", deviations[i],
                           most[i]);
    return SL_OK;
}

/* ---- what covers it ---- */

static sl_cover pick_cover(const sl_augmentation *a, const sl_point *landmarks, const sl_image *other, sl_rng *r)
{
    double sum = 0;
    for (int i = 0; i < SL_COVERS; i++)
        sum += a->share[i];
    double at = sl_rng_range(r, 0, sum);
    int cover = 0;
    while (cover < SL_COVERS - 1 && at >= a->share[cover])
        at -= a->share[cover++];
    if (!landmarks && cover >= SL_COVER_MASK && cover <= SL_COVER_BLOCK)
        return SL_COVER_RECTANGLES;
    return cover == SL_COVER_FACE && !other ? SL_COVER_TEXTURES : (sl_cover)cover;
}

/* By src/occlude, in any of its styles. */
static sl_status draw(sl_image *image, const sl_point *landmarks, sl_occlusion kind, sl_rng *r, sl_error *err)
{
    sl_image covered;
    SL_TRY(sl_occlude(image, landmarks, kind, "any", sl_rng_next(r), &covered, err));
    sl_image_free(image);
    *image = covered;
    return SL_OK;
}

/* Sunglasses under a mask or over it. */
static sl_status draw_with_sunglasses(sl_image *image, const sl_point *landmarks, sl_occlusion kind, sl_rng *r,
                                      sl_error *err)
{
    const bool under = sl_rng_odds(r, .35);
    SL_TRY(draw(image, landmarks, under ? SL_OCCLUDE_SUNGLASSES : kind, r, err));
    return draw(image, landmarks, under ? kind : SL_OCCLUDE_SUNGLASSES, r, err);
}

/* Where eyes and mouth are in a crop of the usual template, 112 high: the mean of LFW's landmarks. */
static sl_face_axes usual_axes(const sl_image *image)
{
    const double pixel = image->height / 112., unit = 35.3 * pixel;
    return (sl_face_axes){.ox = image->width / 2., .oy = 51.7 * pixel, .ux = unit, .vy = unit, .unit = unit};
}

static void dress(sl_image *image, const sl_point *landmarks, const sl_image *other, sl_rng *r)
{
    sl_face_axes axes;
    sl_error unused;
    if (!landmarks || sl_face_axes_of(landmarks, &axes, &unused) != SL_OK)
        axes = usual_axes(image);
    sl_dress(image, &axes, other, r);
}

static sl_status cover_face(sl_image *image, const sl_augmentation *a, const sl_point *landmarks, const sl_image *other,
                            sl_rng *r, sl_error *err)
{
    static const sl_occlusion drawn[] = {[SL_COVER_MASK] = SL_OCCLUDE_MASK,
                                         [SL_COVER_SUNGLASSES] = SL_OCCLUDE_SUNGLASSES,
                                         [SL_COVER_SCARF] = SL_OCCLUDE_SCARF,
                                         [SL_COVER_BLOCK] = SL_OCCLUDE_BLOCK};
    const sl_cover cover = pick_cover(a, landmarks, other, r);
    if (cover == SL_COVER_NOTHING)
        return SL_OK;
    if (cover == SL_COVER_WORN) {
        dress(image, landmarks, other, r);
        return SL_OK;
    }
    if (cover >= SL_COVER_RECTANGLES) {
        sl_cover_shapes(image, cover, other, r);
        return SL_OK;
    }
    const bool hides_mouth = cover == SL_COVER_MASK || cover == SL_COVER_SCARF;
    sl_status status = hides_mouth && sl_rng_odds(r, a->sunglasses_too)
                           ? draw_with_sunglasses(image, landmarks, drawn[cover], r, err)
                           : draw(image, landmarks, drawn[cover], r, err);
    if (status != SL_ERR_NUMERIC)
        return status;
    sl_cover_shapes(image, SL_COVER_RECTANGLES, other, r); /* landmarks that no face has */
    return SL_OK;
}

/* ---- all of it ---- */

static sl_status photograph(sl_image *image, const sl_augmentation *a, sl_rng *r, sl_error *err)
{
    if (sl_rng_odds(r, a->jitter))
        SL_TRY(sl_misalign(image, a, r, err));
    if (sl_rng_odds(r, a->light))
        sl_relight(image, r);
    if (sl_rng_odds(r, a->blur))
        SL_TRY(sl_blur(image, sl_rng_range(r, .4, 1.8) * sl_crop_unit(image), err));
    if (sl_rng_odds(r, a->few_pixels))
        SL_TRY(sl_few_pixels(image, r, err));
    if (sl_rng_odds(r, a->noise))
        sl_add_noise(image, sl_rng_range(r, 1, 9), r);
    if (sl_rng_odds(r, a->jpeg))
        SL_TRY(sl_as_jpeg(image, (int)sl_rng_range(r, 20, 86), err));
    return SL_OK;
}

static sl_status make(const sl_augmentation *a, const sl_point *landmarks, const sl_image *other, sl_rng *r,
                      sl_image *clean, sl_image *out, sl_error *err)
{
    const bool mirrored = sl_rng_odds(r, a->mirror);
    if (clean)
        SL_TRY(sl_image_copy(out, clean, err));
    SL_TRY(cover_face(out, a, landmarks, other, r, err));
    if (mirrored) {
        sl_mirror(out);
        if (clean)
            sl_mirror(clean);
    }
    return photograph(out, a, r, err);
}

sl_status sl_augment(const sl_augmentation *a, const sl_image *crop, const sl_point *landmarks, const sl_image *other,
                     uint64_t seed, uint64_t number, sl_image *clean, sl_image *out, sl_error *err)
{
    sl_image rgb = {0};
    *out = (sl_image){0};
    if (clean)
        *clean = (sl_image){0};
    SL_TRY(sl_augmentation_check(a, err));
    SL_TRY(sl_image_check(crop, err));
    if (other)
        SL_TRY(sl_image_check(other, err));
    SL_TRY(sl_image_to_rgb(crop, out, err));
    sl_rng r = sl_rng_seed(seed);
    r = sl_rng_seed(sl_rng_next(&r) + number);
    sl_status status = other ? sl_image_to_rgb(other, &rgb, err) : SL_OK;
    if (status == SL_OK)
        status = make(a, landmarks, other ? &rgb : NULL, &r, clean, out, err);
    sl_image_free(&rgb);
    if (status != SL_OK) {
        sl_image_free(out);
        if (clean)
            sl_image_free(clean);
    }
    return status;
}
