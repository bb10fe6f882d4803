/* YuNet (Wu et al., "YuNet: A Tiny Millisecond-level Face Detector", 2023) as OpenCV ships it
 * (face_detection_yunet_2023mar) and as libfacedetection.train exports it. At each cell, around its corner (stride *
 * column, stride * row):
 *
 *     scores   two, of the class and of there being anything; the score is the root of their product
 *     box      the centre from the corner, in strides; logarithms of width and height in strides
 *     points   x, y of five points from the corner, in strides
 *
 * As OpenCV's FaceDetectorYN: BGR of 0 .. 255, the picture as large as it is, scores from .9 on, boxes whose IoU is
 * above .3 are one face. */
#include "face/yunet.h"

#include <math.h>

static bool fits(const sl_dense_look *look)
{
    sl_grid grids[SL_GRIDS];
    return sl_grids_of(look, 1, 2, grids) && grids[0].points;
}

static bool has_points(const sl_dense_look *look) { return fits(look); }

static float score_at(const sl_grid *g, size_t at)
{
    return sqrtf(fminf(fmaxf(g->score[0][at], 0), 1) * fminf(fmaxf(g->score[1][at], 0), 1));
}

static sl_face face_at(const sl_grid *g, size_t at, float score)
{
    static const float max_log_scale = 8; /* beyond it is nonsense, and could overflow */
    const float stride = (float)g->stride, *d = g->box + 4 * at, *p = g->points + 10 * at;
    const float x = stride * (float)(at % (size_t)g->cols), y = stride * (float)(at / (size_t)g->cols);
    const float cx = x + stride * d[0], cy = y + stride * d[1];
    const float rx = stride * expf(fminf(d[2], max_log_scale)) / 2, ry = stride * expf(fminf(d[3], max_log_scale)) / 2;
    sl_face f = {.score = score, .box = {cx - rx, cy - ry, cx + rx, cy + ry}};
    for (int i = 0; i < 5; i++)
        f.points[i] = (sl_point){x + stride * p[2 * i], y + stride * p[2 * i + 1]};
    return f;
}

static bool decode(const sl_dense_look *look, float threshold, sl_face_list *faces)
{
    sl_grid grids[SL_GRIDS];
    sl_grids_of(look, 1, 2, grids);
    for (int i = 0; i < SL_GRIDS; i++)
        for (size_t at = 0; at < (size_t)grids[i].rows * (size_t)grids[i].cols; at++) {
            float score = score_at(&grids[i], at);
            if (!(score >= threshold))
                continue;
            sl_face f = face_at(&grids[i], at, score);
            if (sl_face_is_sound(&f) && !sl_face_list_add(faces, &f))
                return false;
        }
    return true;
}

static const sl_dense_rule rule = {.bgr = true, .std = 1, .overlap = .3f, .fits = fits,
                                   .has_points = has_points, .decode = decode};

static bool network_fits(const sl_graph *graph) { return sl_dense_fits(graph, &rule); }

static sl_status open_network(sl_detector *d, const sl_detector_network *networks, sl_error *err)
{
    return sl_dense_open(d, &rule, networks[0].graph, err);
}

const sl_detector_kind sl_detector_yunet = {
    .name = "yunet",
    .networks = 1,
    .threshold = .9f,
    .least_face = 20,
    .size = sizeof(sl_dense),
    .fits = network_fits,
    .open = open_network,
    .close = sl_dense_close,
    .find = sl_dense_find,
};
