/* Pictures in memory, and what is done to them before a network sees them. Rows from top to bottom,
 * no padding, 8 bits a sample, 1 or 3 channels. Pixel centres are at integer coordinates. */
#ifndef SL_IMAGE_IMAGE_H
#define SL_IMAGE_IMAGE_H

#include <stdbool.h>

#include "base/status.h"

/* A black picture; width and height 1 .. 65535, channels 1 or 3, at most SL_MAX_PIXELS. */
sl_status sl_image_new(int width, int height, int channels, sl_image *out, sl_error *err);
sl_status sl_image_copy(const sl_image *image, sl_image *out, sl_error *err);

/* SL_ERR_ARGUMENT for NULL pixels, sizes or channels out of range. */
sl_status sl_image_check(const sl_image *image, sl_error *err);

/* SL_ERR_LIMIT or SL_ERR_FORMAT for the sizes that a file of this format claims when they are out of bounds (`most`
 * pixels), so that decoders ask before they allocate. */
sl_status sl_image_check_size(const char *format, uint32_t width, uint32_t height, uint32_t max_side, uint32_t most,
                              sl_error *err);

/* Grey [h, w] by .299 R + .587 G + .114 B, rounded; RGB by repeating. A copy when it is so already. */
sl_status sl_image_to_grey(const sl_image *image, sl_image *out, sl_error *err);
sl_status sl_image_to_rgb(const sl_image *image, sl_image *out, sl_error *err);

/* As sl_image_read, but grey: of a JPEG its own luma, which is what sl_image_to_grey makes of its RGB to within a level
 * except where a colour was cut off at 0 or 255 (on LFW 0.4 % of the pixels). */
sl_status sl_image_read_grey(const char *path, sl_image *out, sl_error *err);
sl_status sl_image_decode_grey(const void *data, size_t size, sl_image *out, sl_error *err);

/* Whether these first bytes of a file (32 tell all) are those of a format that is read, and of nothing else. */
bool sl_image_begins_one(const void *data, size_t size);

/* The bytes of a picture's file, refused when they are too many for one; free() them. */
sl_status sl_image_load(const char *path, uint8_t **data, size_t *size, sl_error *err);

/* sl_image_encode_png with notes, up to 8 pairs of keyword (1 .. 79 Latin letters: "Comment", "Software") and UTF-8. */
sl_status sl_image_encode_noted(const sl_image *image, const char *const (*notes)[2], size_t count, uint8_t **data,
                                size_t *size, sl_error *err);

/* ---- resample.c: half-pixel centres, edges replicated ---- */

/* Bilinear without antialias, as OpenCV's INTER_LINEAR and torch's align_corners=False give it (rounded). */
sl_status sl_image_resize(const sl_image *image, int width, int height, sl_image *out, sl_error *err);

/* The same before it is rounded: out [height, width, channels]. */
sl_status sl_image_resize_floats(const sl_image *image, int width, int height, float *out, sl_error *err);

/* Mean over the source area of each pixel: for shrinking without aliasing; enlarging is bilinear. */
sl_status sl_image_shrink(const sl_image *image, int width, int height, sl_image *out, sl_error *err);

/* ---- turn.c ---- */

/* A copy of a photo that stands turned by 0, 90, 180 or 270 degrees clockwise, turned back. */
sl_status sl_image_righted(const sl_image *photo, int turned, sl_image *out, sl_error *err);

/* Points of that copy, in place, as points of the photo. */
void sl_points_of_righted(const sl_image *photo, int turned, sl_point *points, int count);

/* ---- affine.c ---- */

/* 2x3 affine map of points: (x, y) -> (m[0] x + m[1] y + m[2], m[3] x + m[4] y + m[5]). */
typedef struct {
    double m[6];
} sl_affine;

/* Least-squares similarity (rotation, one scale, translation; no reflection) taking from[i] to to[i].
 * SL_ERR_NUMERIC when the points coincide. */
sl_status sl_similarity_fit(const sl_point *from, const sl_point *to, int count, sl_affine *out, sl_error *err);
sl_point sl_affine_apply(const sl_affine *map, sl_point p);
sl_status sl_affine_invert(const sl_affine *map, sl_affine *out, sl_error *err);

/* ---- warp.c, take.c ---- */

/* out(x, y) = image at map(x, y), bilinear, black outside. */
sl_status sl_image_warp(const sl_image *image, const sl_affine *map, int width, int height, sl_image *out,
                        sl_error *err);

/* The same for a similarity. Where two pixels or more come to one, the part wanted is first
 * shrunk by a whole factor (mean over the area), so that it does not alias. */
sl_status sl_image_take(const sl_image *image, const sl_affine *map, int width, int height, sl_image *out,
                        sl_error *err);

/* How that goes: the part [x, x + width) x [y, y + height) of the picture (it may reach beyond it, into black) is
 * shrunk by `step`, 1 or more, and out(x, y) = shrunk part at map(x, y). */
typedef struct {
    int x, y, width, height, step;
    sl_affine map;
} sl_taking;

/* false: the map takes nothing of the picture, or more of it than a picture may have. */
bool sl_taking_of(const sl_image *image, const sl_affine *map, int width, int height, sl_taking *out);

/* ---- take_numbers.c: the same of numbers, where it is a linear map ---- */

/* A window of a picture, its pixels as numbers [height, width, 3]. */
typedef struct {
    int x, y, width, height; /* where it lies in the picture */
    float *value;
} sl_numbers;

/* out [out_height, out_width, 3]: what sl_image_take makes of these numbers before it rounds, those outside the window
 * counting as 0. */
sl_status sl_numbers_take(const sl_numbers *from, const sl_taking *t, int out_width, int out_height, float *out,
                          sl_error *err);

/* The transpose: adds to `to` what each of its numbers is to slope [out_height, out_width, 3]. */
sl_status sl_numbers_give_back(const float *slope, const sl_taking *t, int out_width, int out_height, sl_numbers *to,
                               sl_error *err);

/* The part [x, x + width) x [y, y + height), black where it lies outside. */
sl_status sl_image_crop(const sl_image *image, int x, int y, int width, int height, sl_image *out, sl_error *err);

#endif
