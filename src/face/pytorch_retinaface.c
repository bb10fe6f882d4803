/* RetinaFace as biubug6's Pytorch_Retinaface has it (mobile0.25, Resnet50), as its convert_to_onnx.py writes it; the
 * other one, InsightFace's mnet.25, is retinaface.c. Of N prior boxes, two squares around the middle of each cell of
 * three grids:
 *
 *     boxes    [N, 4]    how each prior is moved and scaled
 *     scores   [N, 2]    background and face; files of its phase "train" have them before their softmax
 *     points   [N, 10]   x, y of five points from the prior's middle, in tenths of its side
 *
 * As published: BGR less (104, 117, 123), the picture as large as it is, scores from .6 on, boxes whose IoU is above .4
 * are one face. */
#include "face/pytorch_retinaface.h"

#include <math.h>

enum { GRIDS = 3, PRIORS = 2 };
static const float prior_sides[GRIDS][PRIORS] = {{16, 32}, {64, 128}, {256, 512}};

typedef struct {
    const sl_dense_output *boxes, *scores, *points;
} outputs;

static int64_t cells_of(int length, int grid)
{
    const int stride = 8 << grid;
    return (length + stride - 1) / stride;
}

static bool sort_out(const sl_dense_look *look, outputs *out)
{
    int64_t priors = 0;
    *out = (outputs){0};
    for (int g = 0; g < GRIDS; g++)
        priors += PRIORS * cells_of(look->width, g) * cells_of(look->height, g);
    for (int i = 0; i < look->count; i++) {
        const sl_dense_output *o = &look->outputs[i];
        if (o->rows != priors)
            return false;
        *(o->channels == 4 ? &out->boxes : o->channels == 2 ? &out->scores : &out->points) = o;
    }
    return look->count == 3 && out->boxes && out->scores && out->points && out->points->channels == 10;
}

static bool fits(const sl_dense_look *look)
{
    outputs o;
    return sort_out(look, &o);
}

static bool has_points(const sl_dense_look *look) { return fits(look); }

/* A prior of this side around (x, y), as the network moves it. */
static sl_face face_at(float x, float y, float side, const float *d, const float *p, float score)
{
    static const float centre_variance = .1f, size_variance = .2f, max_log_scale = 8; /* beyond it is nonsense */
    const float cx = x + centre_variance * side * d[0], cy = y + centre_variance * side * d[1];
    const float rx = side / 2 * expf(fminf(size_variance * d[2], max_log_scale));
    const float ry = side / 2 * expf(fminf(size_variance * d[3], max_log_scale));
    sl_face f = {.score = fminf(score, 1), .box = {cx - rx, cy - ry, cx + rx, cy + ry}};
    for (int i = 0; i < 5; i++)
        f.points[i] = (sl_point){x + centre_variance * side * p[2 * i], y + centre_variance * side * p[2 * i + 1]};
    return f;
}

static float told(const float *scores) { return scores[1]; }
static float softmax(const float *scores) { return 1 / (1 + expf(scores[0] - scores[1])); }

static bool decode_by(const sl_dense_look *look, float (*score_of)(const float *), float threshold, sl_face_list *faces)
{
    outputs o;
    size_t at = 0;
    sort_out(look, &o);
    for (int g = 0; g < GRIDS; g++) {
        const int64_t rows = cells_of(look->height, g), cols = cells_of(look->width, g);
        for (int64_t cell = 0; cell < rows * cols; cell++)
            for (int k = 0; k < PRIORS; k++, at++) {
                const float score = score_of(o.scores->data + 2 * at), half = .5f, stride = (float)(8 << g);
                if (!(score > threshold))
                    continue;
                sl_face f = face_at(stride * ((float)(cell % cols) + half), stride * ((float)(cell / cols) + half),
                                    prior_sides[g][k], o.boxes->data + 4 * at, o.points->data + 10 * at, score);
                if (sl_face_is_sound(&f) && !sl_face_list_add(faces, &f))
                    return false;
            }
    }
    return true;
}

static bool decode(const sl_dense_look *look, float threshold, sl_face_list *faces)
{
    return decode_by(look, told, threshold, faces);
}

static bool decode_raw(const sl_dense_look *look, float threshold, sl_face_list *faces)
{
    return decode_by(look, softmax, threshold, faces);
}

/* ---- the kind ---- */

#define RULE(decoding)                                                                                                 \
    {                                                                                                                  \
        .bgr = true, .mean = {104, 117, 123}, .std = 1, .overlap = .4f, .fits = fits, .has_points = has_points,        \
        .decode = (decoding)                                                                                           \
    }

static const sl_dense_rule with_softmax = RULE(decode), raw = RULE(decode_raw);

static const sl_dense_rule *rule_of(const sl_graph *graph)
{
    for (int i = 0; i < graph->n_nodes; i++)
        if (graph->nodes[i].op == SL_OP_SOFTMAX)
            return &with_softmax;
    return &raw;
}

static bool network_fits(const sl_graph *graph) { return sl_dense_fits(graph, rule_of(graph)); }

static sl_status open_network(sl_detector *d, const sl_detector_network *networks, sl_error *err)
{
    return sl_dense_open(d, rule_of(networks[0].graph), networks[0].graph, err);
}

const sl_detector_kind sl_detector_pytorch_retinaface = {
    .name = "pytorch-retinaface",
    .networks = 1,
    .threshold = .6f,
    .least_face = 20,
    .size = sizeof(sl_dense),
    .fits = network_fits,
    .open = open_network,
    .close = sl_dense_close,
    .find = sl_dense_find,
};
