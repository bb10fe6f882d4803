/* Where the landmark predictor looks: dlib's box, from a detector's five points. */
#include "face/landmarks.h"

#include <math.h>

/* The five points in dlib's box: from the mean shape of its 68-point model (eyes: means of 36-41 and 42-47; nose
 * 30; mouth corners 48 and 54). */
static const sl_point points_in_box[5] = {
    {.2945f, .3152f}, {.7055f, .3152f}, {.5f, .5470f}, {.3171f, .7511f}, {.6829f, .7511f}};

sl_status sl_landmark_frame(const sl_point points[5], sl_affine *frame, sl_error *err)
{
    for (int i = 0; i < 5; i++)
        if (!isfinite(points[i].x) || !isfinite(points[i].y))
            return sl_fail(err, SL_ERR_NUMERIC, "landmarks: point %d of the face's five is not a number", i + 1);
    return sl_similarity_fit(points_in_box, points, 5, frame, err);
}

sl_status sl_landmarks_of_face(const sl_shape_predictor *predictor, const sl_image *image,
                               const sl_point points[5], sl_point landmarks[68], sl_error *err)
{
    if (sl_shape_predictor_points(predictor) != 68)
        return sl_fail(err, SL_ERR_UNSUPPORTED, "landmarks: the model gives %d points, 68 are needed",
                       sl_shape_predictor_points(predictor));
    SL_TRY(sl_image_check(image, err));
    sl_affine frame;
    SL_TRY(sl_landmark_frame(points, &frame, err));
    sl_shape_predictor_run(predictor, image, &frame, landmarks);
    return SL_OK;
}
