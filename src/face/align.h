/* From a face in a photo to the crop that a recogniser was trained on, and how good that face is. */
#ifndef SL_FACE_ALIGN_H
#define SL_FACE_ALIGN_H

#include "image/image.h"

/* Where a recogniser wants the five points (left eye, right eye, nose, mouth corners) in a crop. */
typedef struct {
    const char *name;
    int width, height;
    sl_point points[5];
} sl_align_template;

/* "arcface-112", "cosface-96x112", "facenet-160", "arcface-128"; NULL for another name. */
const sl_align_template *sl_align_template_find(const char *name);

/* The template's five points in a crop of width x height (scaled as resizing the crop would move them). */
void sl_align_points(const sl_align_template *t, int width, int height, sl_point out[5]);

/* Where the pixels of a crop of width x height come from, photo = map(crop): the least-squares similarity from template
 * to photo. SL_ERR_NUMERIC when the points coincide or are not finite. */
sl_status sl_face_align_map(const sl_point points[5], const sl_align_template *t, int width, int height,
                            sl_affine *map, sl_error *err);

/* The crop, width x height, and (map may be NULL) that map, by which sl_image_take samples. */
sl_status sl_face_align(const sl_image *image, const sl_point points[5], const sl_align_template *t, int width,
                        int height, sl_image *out, sl_affine *map, sl_error *err);

/* The five points that the dissertation aligns by: means of the eyes' six points (36-41, 42-47), nose tip 30,
 * inner mouth corners 60 and 64. */
void sl_points_of_landmarks(const sl_point landmarks[68], sl_point out[5]);

sl_point sl_points_mean(const sl_point *points, int count);

/* How far a face leans, from the five points: degrees clockwise, 0 with the mouth below the eyes; -180 .. 180. */
float sl_points_lean(const sl_point points[5]);

/* Which of the five points is point i of the mirror image. */
extern const int sl_mirrored_point[5];

/* Points of the photo in crop coordinates; `map` as sl_face_align gave it. out may be in. */
sl_status sl_points_to_crop(const sl_affine *map, const sl_point *in, int count, sl_point *out, sl_error *err);

/* ---- quality.c ---- */

/* Sets face->quality from its score, its five points, how surely they are upright, and the picture. */
sl_status sl_face_quality(const sl_image *image, sl_face *face, sl_error *err);

#endif
