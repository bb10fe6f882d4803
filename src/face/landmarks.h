/* 68 landmarks by an ensemble of regression trees (Kazemi and Sullivan 2014), read from dlib's file. */
#ifndef SL_FACE_LANDMARKS_H
#define SL_FACE_LANDMARKS_H

#include "image/image.h"

/* Immutable after reading: threads may share it. */
typedef struct sl_shape_predictor sl_shape_predictor;

/* dlib's serialised shape_predictor (version 1). Everything in the file is checked; SL_ERR_FORMAT says what is
 * wrong with it. `data` is not needed afterwards. */
sl_status sl_shape_predictor_read(const void *data, size_t size, sl_shape_predictor **out, sl_error *err);
sl_status sl_shape_predictor_open(const char *path, sl_shape_predictor **out, sl_error *err);
void sl_shape_predictor_free(sl_shape_predictor *predictor);

/* How many points it gives. */
int sl_shape_predictor_points(const sl_shape_predictor *predictor);

/* All points of the shape of the face that fills the unit square of `frame` (unit square -> picture) as dlib's own
 * detector would draw it: upright, from the brows to the chin. RGB or grey; what lies outside the picture counts
 * as black. out [points] */
void sl_shape_predictor_run(const sl_shape_predictor *predictor, const sl_image *image, const sl_affine *frame,
                            sl_point *out);

/* That frame from a detector's five points (or an alignment template's); it rolls with the face. */
sl_status sl_landmark_frame(const sl_point points[5], sl_affine *frame, sl_error *err);

/* 68 landmarks of a face given by its five points; they may lie outside the picture. SL_ERR_UNSUPPORTED when the
 * predictor has another number of points, SL_ERR_NUMERIC when the five points are not finite or coincide. */
sl_status sl_landmarks_of_face(const sl_shape_predictor *predictor, const sl_image *image,
                               const sl_point points[5], sl_point landmarks[68], sl_error *err);

#endif
