/* UltraFace (Linzaer's Ultra-Light-Fast-Generic-Face-Detector-1MB: version-RFB-*, version-slim-*), as ONNX files. It
 * has no points: they are guessed, and told by landmarks where these are there.
 *
 *     scores [N, 2]   background and face (and face with a mask), of N prior boxes
 *     boxes  [N, 4]   x0, y0, x1, y1 as parts of the picture, which is stretched over the input
 *                     or, of files without post-processing: how each prior is moved and scaled
 *
 * As published: (RGB - 127) / 128, scores from .7 on, boxes whose IoU is above .3 are one face. */
#include "face/ultraface.h"

#include <math.h>

/* Which output is what; false where there is anything else. Files for masked faces have a third class. */
static bool sort_out(const sl_dense_look *look, const sl_dense_output **scores, const sl_dense_output **boxes)
{
    *scores = *boxes = NULL;
    for (int i = 0; i < look->count; i++)
        if (look->outputs[i].channels == 2 || look->outputs[i].channels == 3)
            *scores = &look->outputs[i];
        else if (look->outputs[i].channels == 4)
            *boxes = &look->outputs[i];
    return look->count == 2 && *scores && *boxes && (*scores)->rows == (*boxes)->rows;
}

/* Of whichever kind of face it is most. */
static float score_at(const sl_dense_output *scores, size_t at)
{
    const float *of = scores->data + (size_t)scores->channels * at;
    return scores->channels == 3 ? fmaxf(of[1], of[2]) : of[1];
}

static bool fits(const sl_dense_look *look)
{
    const sl_dense_output *scores, *boxes;
    return sort_out(look, &scores, &boxes);
}

static bool has_points(const sl_dense_look *look)
{
    (void)look;
    return false;
}

static bool decode(const sl_dense_look *look, float threshold, sl_face_list *faces)
{
    const sl_dense_output *scores, *boxes;
    const float w = (float)look->width, h = (float)look->height;
    sort_out(look, &scores, &boxes);
    for (size_t i = 0; i < (size_t)scores->rows; i++) {
        float score = score_at(scores, i);
        const float *b = boxes->data + 4 * i;
        if (!(score > threshold))
            continue;
        sl_face f = {.score = fminf(score, 1), .box = {w * b[0], h * b[1], w * b[2], h * b[3]}};
        sl_dense_guess_points(&f);
        if (sl_face_is_sound(&f) && !sl_face_list_add(faces, &f))
            return false;
    }
    return true;
}

/* ---- files without post-processing ---- */

/* Squares around the middle of each cell, of these sides in pixels (at most the input's); 0: no more. */
enum { GRIDS = 4, PRIORS = 3 };
static const float prior_sides[GRIDS][PRIORS] = {{10, 16, 24}, {32, 48}, {64, 96}, {128, 192, 256}};

static bool add_moved(float cx, float cy, float width, float height, const float *d, float score, sl_face_list *faces)
{
    static const float centre_variance = .1f, size_variance = .2f, max_log_scale = 4;
    cx += centre_variance * width * d[0];
    cy += centre_variance * height * d[1];
    const float rx = .5f * width * expf(fminf(size_variance * d[2], max_log_scale));
    const float ry = .5f * height * expf(fminf(size_variance * d[3], max_log_scale));
    sl_face f = {.score = fminf(score, 1), .box = {cx - rx, cy - ry, cx + rx, cy + ry}};
    sl_dense_guess_points(&f);
    return !sl_face_is_sound(&f) || sl_face_list_add(faces, &f);
}

/* How many priors an input of this size has. */
static int64_t count_priors(const sl_dense_look *look)
{
    int64_t count = 0;
    for (int g = 0; g < GRIDS; g++) {
        const int stride = 8 << g,
                  cells = ((look->height + stride - 1) / stride) * ((look->width + stride - 1) / stride);
        for (int k = 0; k < PRIORS && prior_sides[g][k] > 0; k++)
            count += cells;
    }
    return count;
}

static bool fits_raw(const sl_dense_look *look)
{
    const sl_dense_output *scores, *boxes;
    return sort_out(look, &scores, &boxes) && scores->rows == count_priors(look);
}

static bool decode_raw(const sl_dense_look *look, float threshold, sl_face_list *faces)
{
    const sl_dense_output *scores, *boxes;
    size_t at = 0;
    sort_out(look, &scores, &boxes);
    for (int g = 0; g < GRIDS; g++) {
        const int stride = 8 << g, rows = (look->height + stride - 1) / stride,
                  cols = (look->width + stride - 1) / stride;
        for (int cell = 0; cell < rows * cols; cell++)
            for (int k = 0; k < PRIORS && prior_sides[g][k] > 0; k++, at++) {
                const float score = score_at(scores, at), half = .5f, side = prior_sides[g][k];
                const float across = fminf(side, (float)look->width), down = fminf(side, (float)look->height);
                const float cx = ((float)(cell % cols) + half) * (float)look->width / (float)cols;
                const float cy = ((float)(cell / cols) + half) * (float)look->height / (float)rows;
                if (score > threshold && !add_moved(cx, cy, across, down, boxes->data + 4 * at, score, faces))
                    return false;
            }
    }
    return true;
}

/* ---- the kind ---- */

static const sl_dense_rule with_boxes = {.stretch = true, .mean = {127, 127, 127}, .std = 128, .overlap = .3f,
                                         .fits = fits, .has_points = has_points, .decode = decode};
static const sl_dense_rule raw = {.stretch = true, .mean = {127, 127, 127}, .std = 128, .overlap = .3f,
                                  .fits = fits_raw, .has_points = has_points, .decode = decode_raw};

/* Outputs have the same shapes whether or not the boxes are worked out in the network; that takes an exponential. */
static const sl_dense_rule *rule_of(const sl_graph *graph)
{
    for (int i = 0; i < graph->n_nodes; i++)
        if (graph->nodes[i].op == SL_OP_UNARY && graph->nodes[i].attr.fn == SL_FN_EXP)
            return &with_boxes;
    return &raw;
}

static bool network_fits(const sl_graph *graph) { return sl_dense_fits(graph, rule_of(graph)); }

static sl_status open_network(sl_detector *d, const sl_detector_network *networks, sl_error *err)
{
    return sl_dense_open(d, rule_of(networks[0].graph), networks[0].graph, err);
}

const sl_detector_kind sl_detector_ultraface = {
    .name = "ultraface",
    .networks = 1,
    .threshold = .7f,
    .side = 320,
    .least_face = 24,
    .size = sizeof(sl_dense),
    .fits = network_fits,
    .open = open_network,
    .close = sl_dense_close,
    .find = sl_dense_find,
};
