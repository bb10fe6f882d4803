/* Covers without a hard outline: cloth, hair, shells, hands. Each is a field over the face's own axes that tells how
 * deep inside it a place lies, in eye distances; its edge is as soft as it says.
 *
 *     place in the picture -> face axes -> depth -> coverage at a soft edge -> material, blended
 */
#ifndef SL_OCCLUDE_SOFT_H
#define SL_OCCLUDE_SOFT_H

#include <math.h>

#include "occlude/occlude.h"

/* ---- draws ---- */

static inline bool sl_rng_odds(sl_rng *r, double odds)
{
    return sl_rng_uniform(r) < odds;
}

/* Of mean 0 and deviation 1, never beyond 3.5: nothing is absurd. */
static inline double sl_rng_normal(sl_rng *r)
{
    double sum = -2;
    for (int i = 0; i < 4; i++)
        sum += sl_rng_uniform(r);
    return sum * 1.7320508075688772;
}

static inline double sl_clamped(double v, double low, double high)
{
    return v < low ? low : v > high ? high : v;
}

/* ---- ripple.c: smooth noise ---- */

enum { SL_RIPPLE_MOST = 48 };

/* Random numbers in [-1, 1) at the corners of columns x rows cells, which lie over the face and what is around it. */
typedef struct {
    int columns, rows;
    float at[(SL_RIPPLE_MOST + 1) * (SL_RIPPLE_MOST + 1)];
} sl_ripple;

/* Up to SL_RIPPLE_MOST cells each way. */
void sl_ripple_pick(sl_ripple *out, int columns, int rows, sl_rng *rng);

/* Between the corners it is smooth; beyond the outermost it stays. */
double sl_ripple_at(const sl_ripple *r, sl_point face);

/* ---- material.c: what covers are made of ---- */

/* Names of what cloth is made of; the last one is any. */
extern const char *const sl_cloth_styles[];
enum { SL_CLOTH_PLAIN, SL_CLOTH_PATTERNED, SL_CLOTH_PICTURE, SL_CLOTH_ANY };

typedef enum {
    SL_MATERIAL_PLAIN,
    SL_MATERIAL_GRAINS,
    SL_MATERIAL_PATTERN,
    SL_MATERIAL_CUT, /* a window of another picture, repeated and mirrored */
    SL_MATERIAL_FACE /* another picture, pixel for pixel */
} sl_material_kind;

typedef struct {
    sl_material_kind of;
    sl_paint colour;
    sl_pattern pattern;
    double unit; /* pixels an eye distance of the pattern; of grains: a grain */
    uint64_t grain;
    const sl_image *other; /* cut from */
    int left, top, side;   /* its window */
    double enlarged;
    double shade_x, shade_y, shade; /* waves of light and dark: of what length, and how deep */
} sl_material;

/* Dark ones are more frequent, as clothes are. */
sl_paint sl_colour_pick(sl_rng *rng);

/* One colour; unit: pixels an eye distance. Waves of light and dark lie over it at times. */
sl_material sl_material_plain(double unit, sl_rng *rng);
void sl_material_grains(sl_material *m, double size, sl_rng *rng);
void sl_material_pattern(sl_material *m, sl_rng *rng);
/* width: of the picture to be covered. The window lies anywhere in `other`, or at its sides alone, where clothes
 * are. */
void sl_material_cut(sl_material *m, const sl_image *other, int width, bool sides_only, sl_rng *rng);

/* Cloth of a style above. other: to cut from; NULL: nothing is cut. */
sl_material sl_cloth_pick(int style, const sl_image *image, double unit, const sl_image *other, sl_rng *rng);

/* The paint at a pixel of `image`. */
sl_paint sl_material_at(const sl_material *m, const sl_image *image, int x, int y);

static inline sl_paint sl_paint_scaled(sl_paint p, double by)
{
    return (sl_paint){(float)(p.r * by), (float)(p.g * by), (float)(p.b * by)};
}

/* ---- soft.c ---- */

/* What is drawn, in place. own: the cover's own numbers. */
typedef struct {
    const void *own;
    /* How deep inside `at` lies, in eye distances; below 0: outside. */
    double (*depth)(const void *own, sl_point at);
    /* NULL: the material's paint as it is. depth: as above. */
    sl_paint (*paint)(const void *own, sl_point at, double depth, sl_paint material);
    const sl_material *material;
    double soft;        /* width of the edge, in eye distances */
    double opacity;     /* 0 .. 1 */
    double shadow, cast; /* how dark the skin is beside the edge, and how far from it; 0: no shadow */
} sl_soft_cover;

/* Only what lies within 3 eye distances of the face is looked at. */
void sl_soft_draw(sl_image *image, const sl_face_axes *axes, const sl_soft_cover *cover);

/* ---- worn.c, hand.c, spectacles.c ---- */

/* A kind of sl_occlusion from SL_OCCLUDE_WRAP on, by the axes alone, in place. style: a number in the names of the kind
 * (sl_occlusion_styles). other: an RGB picture to cut cloth from and to be mirrored in lenses; NULL: none. */
typedef void (*sl_soft_kind)(sl_image *image, const sl_face_axes *axes, int style, const sl_image *other, sl_rng *rng);
void sl_draw_wrap(sl_image *image, const sl_face_axes *axes, int style, const sl_image *other, sl_rng *rng);
void sl_draw_hood(sl_image *image, const sl_face_axes *axes, int style, const sl_image *other, sl_rng *rng);
void sl_draw_side(sl_image *image, const sl_face_axes *axes, int style, const sl_image *other, sl_rng *rng);
void sl_draw_helmet(sl_image *image, const sl_face_axes *axes, int style, const sl_image *other, sl_rng *rng);
void sl_draw_hair(sl_image *image, const sl_face_axes *axes, int style, const sl_image *other, sl_rng *rng);
void sl_draw_beard(sl_image *image, const sl_face_axes *axes, int style, const sl_image *other, sl_rng *rng);
void sl_draw_hand(sl_image *image, const sl_face_axes *axes, int style, const sl_image *other, sl_rng *rng);
void sl_draw_glasses(sl_image *image, const sl_face_axes *axes, int style, const sl_image *other, sl_rng *rng);

/* Hood and wrap of this cloth, so that both can be of one. */
void sl_draw_wrap_of(sl_image *image, const sl_face_axes *axes, const sl_material *cloth, sl_rng *rng);
void sl_draw_hood_of(sl_image *image, const sl_face_axes *axes, const sl_material *cloth, sl_rng *rng);

/* Names of styles, the last one is any. */
extern const char *const sl_helmet_styles[], *const sl_hair_styles[], *const sl_beard_styles[], *const sl_hand_styles[],
    *const sl_glasses_styles[];
enum { SL_GLASSES_CLEAR, SL_GLASSES_TINTED, SL_GLASSES_MIRRORED, SL_GLASSES_ANY };

#endif
