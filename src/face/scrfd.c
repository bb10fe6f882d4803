/* SCRFD (Guo et al., "Sample and Computation Redistribution for Efficient Face Detection", 2021), InsightFace's
 * detectors scrfd_* and det_500m, det_2.5g, det_10g, as ONNX files with a sigmoid on their scores. At each cell, around
 * its corner (stride * column, stride * row), there are two anchors (of some files one):
 *
 *     box      left, top, right, bottom: distances from the corner, in strides
 *     points   x, y of five points from the corner, in strides; files without "kps" have none
 *
 * As published: 640 x 640, scores from .5 on, boxes whose IoU is above .4 are one face. */
#include "face/scrfd.h"

#include <math.h>

static int anchors_of(const sl_dense_look *look, sl_grid grids[SL_GRIDS])
{
    return sl_grids_of(look, 2, 1, grids) ? 2 : sl_grids_of(look, 1, 1, grids) ? 1 : 0;
}

static bool fits(const sl_dense_look *look)
{
    sl_grid grids[SL_GRIDS];
    return anchors_of(look, grids) > 0;
}

static bool has_points(const sl_dense_look *look)
{
    sl_grid grids[SL_GRIDS];
    return anchors_of(look, grids) > 0 && grids[0].points;
}

static sl_face face_at(const sl_grid *g, int anchors, size_t at, float score)
{
    const size_t cell = at / (size_t)anchors;
    const float stride = (float)g->stride, *d = g->box + 4 * at;
    const float x = stride * (float)(cell % (size_t)g->cols), y = stride * (float)(cell / (size_t)g->cols);
    sl_face f = {.score = fminf(score, 1),
                 .box = {x - stride * d[0], y - stride * d[1], x + stride * d[2], y + stride * d[3]}};
    for (size_t i = 0; g->points && i < 5; i++)
        f.points[i] = (sl_point){x + stride * g->points[10 * at + 2 * i], y + stride * g->points[10 * at + 2 * i + 1]};
    if (!g->points)
        sl_dense_guess_points(&f);
    return f;
}

static bool decode(const sl_dense_look *look, float threshold, sl_face_list *faces)
{
    sl_grid grids[SL_GRIDS];
    const int anchors = anchors_of(look, grids);
    for (int i = 0; i < SL_GRIDS; i++) {
        const sl_grid *g = &grids[i];
        const size_t count = (size_t)anchors * (size_t)g->rows * (size_t)g->cols;
        for (size_t at = 0; at < count; at++) {
            if (!(g->score[0][at] >= threshold))
                continue;
            sl_face f = face_at(g, anchors, at, g->score[0][at]);
            if (sl_face_is_sound(&f) && !sl_face_list_add(faces, &f))
                return false;
        }
    }
    return true;
}

static const sl_dense_rule rule = {.mean = {127.5f, 127.5f, 127.5f}, .std = 128, .side = 640, .overlap = .4f,
                                   .fits = fits, .has_points = has_points, .decode = decode};

static bool network_fits(const sl_graph *graph) { return sl_dense_fits(graph, &rule); }

static sl_status open_network(sl_detector *d, const sl_detector_network *networks, sl_error *err)
{
    return sl_dense_open(d, &rule, networks[0].graph, err);
}

const sl_detector_kind sl_detector_scrfd = {
    .name = "scrfd",
    .networks = 1,
    .threshold = .5f,
    .side = 640,
    .least_face = 20,
    .size = sizeof(sl_dense),
    .fits = network_fits,
    .open = open_network,
    .close = sl_dense_close,
    .find = sl_dense_find,
};
