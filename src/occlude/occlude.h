/* Drawing things that cover a face: what masks, sunglasses and cloth share. All of it is planned in the face's own axes
 * and only then placed in the picture, so that it leans and turns with the head.
 *
 *              ^
 *              |  unit: the eye distance as it would be from the front
 *      o-------+------>o  x      eyes at about (-.5, 0) and (.5, 0)
 *              |
 *              |                 nose
 *              |
 *           ___v___  y           mouth at about (0, 1.1)
 */
#ifndef SL_OCCLUDE_OCCLUDE_H
#define SL_OCCLUDE_OCCLUDE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/rng.h"
#include "image/image.h"

/* A face's own axes, so that shapes are drawn for an upright face of eye distance 1 centred between the eyes: x to
 * the right of the picture along the eye line, y down towards the mouth. */
typedef struct {
    double ox, oy;         /* between the eyes, in the picture */
    double ux, uy, vx, vy; /* x and y axis, of length `unit` */
    double unit;           /* eye distance as it would be from the front, in pixels */
} sl_face_axes;

/* SL_ERR_NUMERIC when landmarks are not finite, absurdly far away or on one spot. */
sl_status sl_face_axes_of(const sl_point landmarks[68], sl_face_axes *out, sl_error *err);
sl_point sl_axes_to_face(const sl_face_axes *a, sl_point picture);
sl_point sl_axes_to_picture(const sl_face_axes *a, sl_point face);

/* A rectangle of the picture in which a shape is drawn. */
typedef struct {
    int x, y, width, height;
} sl_area;

/* What the points (face axes) and a margin around them (in units) cover of the picture; false: nothing. */
bool sl_area_of(const sl_image *image, const sl_face_axes *a, const sl_point *points, int count, double margin,
                sl_area *out);

/* Coverage in [0, 1] of a polygon given in face axes: out [height, width] of the area. */
void sl_area_polygon(const sl_area *area, const sl_face_axes *a, const sl_point *points, int count, float *out);

/* A tapering band along a curve (quadratic, through three points), in face axes: coverage is raised, not replaced.
 * scratch [height, width] */
void sl_area_band(const sl_area *area, const sl_face_axes *a, const sl_point curve[3], double from_width,
                  double to_width, float *scratch, float *out);

/* Two box passes each way; radius in pixels. scratch [height, width] */
void sl_area_blur(const sl_area *area, double radius, float *scratch, float *values);

/* The same, of a copy displaced downwards by `drop` pixels: a soft shadow. */
void sl_area_shadow(const sl_area *area, const float *coverage, double drop, double radius, float *scratch,
                    float *out);

/* A smooth curve through `count` points (Catmull-Rom), `steps` a span; closed or open. Returns how many points
 * were written: at most count * steps + 1. */
int sl_smooth_curve(const sl_point *points, int count, bool closed, int steps, sl_point *out);

typedef struct {
    float r, g, b; /* 0 .. 255 */
} sl_paint;

/* pixel = pixel * (1 - alpha) + paint * alpha, rounded; RGB. */
void sl_blend(sl_image *image, int x, int y, sl_paint paint, float alpha);

/* ---- light.c ---- */

/* Light on the skin under a cover: a plane through its luminance, and how colourful it is. */
typedef struct {
    double mean, x, y, colour;
} sl_skin_light;

/* coverage [height, width] of the area: where it is above one half is measured. */
sl_skin_light sl_light_measure(const sl_image *image, const sl_area *area, const sl_face_axes *a,
                               const float *coverage);

/* How bright a cover is at a point (face axes) where the photo's light falls: about 1. */
double sl_light_at(const sl_skin_light *light, sl_point p);

/* A paint under that light, as grey as the photo. */
sl_paint sl_light_paint(const sl_skin_light *light, sl_paint paint, double brightness);

/* Grain in [-1, 1) that depends on the pixel's place alone. */
double sl_grain_at(uint64_t seed, int x, int y);

/* ---- cloth_pattern.c ---- */

typedef enum {
    SL_PATTERN_STRIPES,
    SL_PATTERN_DOTS,
    SL_PATTERN_CHECKS,
    SL_PATTERN_PLAID,
    SL_PATTERN_PLAIN,
    SL_PATTERN_ANY /* one of the others */
} sl_pattern_kind;

typedef struct {
    sl_pattern_kind kind;
    sl_paint a, b;      /* ground and figure */
    double period;      /* in eye distances */
    double cosine, sine; /* of its turn */
} sl_pattern;

sl_pattern sl_pattern_plain(sl_paint paint);
sl_pattern sl_pattern_pick(sl_pattern_kind kind, sl_rng *rng);

/* The cloth's paint at a point (face axes); edges are as soft as a pixel (its size in eye distances) makes them. */
sl_paint sl_pattern_at(const sl_pattern *p, sl_point at, double pixel);

/* ---- what covers a face ---- */

/* Names of styles in the order of their numbers; NULL ends. "any" stands for one of the others, by the seed. */
extern const char *const sl_mask_styles[], *const sl_sunglasses_styles[], *const sl_pattern_styles[];

/* Draw on an RGB picture in place. style: a number in the names above, of patterns for scarf and block. */
sl_status sl_draw_mask(sl_image *image, const sl_point landmarks[68], int style, sl_rng *rng, sl_error *err);
sl_status sl_draw_sunglasses(sl_image *image, const sl_point landmarks[68], int style, sl_rng *rng, sl_error *err);

/* Sets mark [height, width] to 1 where the frames of glasses, without their lenses, would cover the picture; what they
 * do not cover becomes 0 or stays. */
sl_status sl_mark_frames(const sl_image *image, const sl_point landmarks[68], uint8_t *mark, sl_error *err);

sl_status sl_draw_scarf(sl_image *image, const sl_point landmarks[68], int style, sl_rng *rng, sl_error *err);
sl_status sl_draw_block(sl_image *image, const sl_point landmarks[68], int style, sl_rng *rng, sl_error *err);

#endif
