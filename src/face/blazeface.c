/* BlazeFace (Bazarevsky et al., "BlazeFace: Sub-millisecond Neural Face Detection on Mobile GPUs", 2019), MediaPipe's
 * face detectors: of short range (128 x 128; the older one of back cameras 256 x 256) and of full range (192 x 192), as
 * TFLite or ONNX. At each anchor, the middle of a cell:
 *
 *     score    before its sigmoid
 *     box      its middle from the anchor, width, height; then six points from the anchor: the eyes, the tip of the
 *              nose, the middle of the mouth, the ears; all in pixels of the input
 *
 *     short range, back   16 x 16 cells of 2 anchors, 8 x 8 of 6: one output of 896, or two
 *     full range          48 x 48 cells of 1
 *
 * As published: -1 .. 1, the picture in the middle, scores from .5 on, boxes whose IoU is above .3 are one face, which
 * is their mean by scores. The corners of the mouth are not told: they are put where they are in the mean, and all
 * points are taken from landmarks where these are there. */
#include "face/blazeface.h"

#include <math.h>

enum { NUMBERS = 16, PARTS = 2, FINE = 16 * 16 * 2, COARSE = 8 * 8 * 6, FULL = 48 * 48 };

/* The anchors of one grid, cells x cells. */
typedef struct {
    int cells, anchors;
    const float *scores, *boxes; /* [cells * cells * anchors], [.., NUMBERS] */
} part;

static const part fine = {.cells = 16, .anchors = 2}, coarse = {.cells = 8, .anchors = 6},
                  full = {.cells = 48, .anchors = 1};

/* The output of so many anchors, each with so many numbers. */
static const sl_dense_output *output_of(const sl_dense_look *look, int64_t anchors, int64_t numbers)
{
    for (int i = 0; i < look->count; i++)
        if (look->outputs[i].rows == anchors && look->outputs[i].channels == numbers)
            return &look->outputs[i];
    return NULL;
}

/* Sets what is in the outputs of `anchors`, from number `first` on; false where there are none. */
static bool take(const sl_dense_look *look, int64_t anchors, size_t first, const part *kind, part *out)
{
    const sl_dense_output *scores = output_of(look, anchors, 1), *boxes = output_of(look, anchors, NUMBERS);
    if (!scores || !boxes)
        return false;
    *out = *kind;
    if (scores->data && boxes->data) {
        out->scores = scores->data + first;
        out->boxes = boxes->data + NUMBERS * first;
    }
    return true;
}

/* How many grids there are; 0: it is no such network. */
static int sort_out(const sl_dense_look *look, part parts[PARTS])
{
    if (look->width != look->height)
        return 0;
    if (look->count == 2 && take(look, FULL, 0, &full, &parts[0]))
        return 1;
    if (look->count == 2 && take(look, FINE + COARSE, 0, &fine, &parts[0]))
        return take(look, FINE + COARSE, FINE, &coarse, &parts[1]) ? PARTS : 0;
    return look->count == 4 && take(look, FINE, 0, &fine, &parts[0]) && take(look, COARSE, 0, &coarse, &parts[1])
               ? PARTS
               : 0;
}

static bool fits(const sl_dense_look *look)
{
    part parts[PARTS];
    return sort_out(look, parts) > 0;
}

static bool has_points(const sl_dense_look *look)
{
    (void)look;
    return false;
}

static sl_point beside(sl_point anchor, const float *offset)
{
    return (sl_point){anchor.x + offset[0], anchor.y + offset[1]};
}

static sl_face face_at(sl_point anchor, const float *n, float score)
{
    enum { LEFT_EYE = 4, RIGHT_EYE = 6, NOSE = 8, MOUTH = 10 }; /* as seen in the picture */
    static const float half_mouth = .41f;                       /* of the distance between the eyes */
    const sl_point middle = beside(anchor, n), mouth = beside(anchor, n + MOUTH);
    sl_face f = {.score = score,
                 .box = {middle.x - n[2] / 2, middle.y - n[3] / 2, middle.x + n[2] / 2, middle.y + n[3] / 2}};
    f.points[0] = beside(anchor, n + LEFT_EYE);
    f.points[1] = beside(anchor, n + RIGHT_EYE);
    f.points[2] = beside(anchor, n + NOSE);
    const float dx = half_mouth * (f.points[1].x - f.points[0].x), dy = half_mouth * (f.points[1].y - f.points[0].y);
    f.points[3] = (sl_point){mouth.x - dx, mouth.y - dy};
    f.points[4] = (sl_point){mouth.x + dx, mouth.y + dy};
    return f;
}

static bool decode_part(const part *p, int side, float threshold, sl_face_list *faces)
{
    const size_t count = (size_t)p->cells * (size_t)p->cells * (size_t)p->anchors;
    for (size_t i = 0; i < count; i++) {
        const float score = 1 / (1 + expf(-p->scores[i]));
        const size_t cell = i / (size_t)p->anchors, cells = (size_t)p->cells;
        if (!(score >= threshold))
            continue;
        const float step = (float)side / (float)p->cells, half = .5f;
        const sl_point anchor = {step * ((float)(cell % cells) + half), step * ((float)(cell / cells) + half)};
        sl_face f = face_at(anchor, p->boxes + NUMBERS * i, score);
        if (sl_face_is_sound(&f) && !sl_face_list_add(faces, &f))
            return false;
    }
    return true;
}

static bool decode(const sl_dense_look *look, float threshold, sl_face_list *faces)
{
    part parts[PARTS];
    const int count = sort_out(look, parts);
    for (int i = 0; i < count; i++)
        if (!decode_part(&parts[i], look->width, threshold, faces))
            return false;
    return true;
}

static const sl_dense_rule rule = {.centred = true, .blended = true, .mean = {127.5f, 127.5f, 127.5f}, .std = 127.5f,
                                   .side = 128, .overlap = .3f, .fits = fits, .has_points = has_points,
                                   .decode = decode};

static bool network_fits(const sl_graph *graph) { return sl_dense_fits(graph, &rule); }

static sl_status open_network(sl_detector *d, const sl_detector_network *networks, sl_error *err)
{
    return sl_dense_open(d, &rule, networks[0].graph, err);
}

const sl_detector_kind sl_detector_blazeface = {
    .name = "blazeface",
    .networks = 1,
    .threshold = .5f,
    .side = 128,
    .least_face = 24,
    .size = sizeof(sl_dense),
    .fits = network_fits,
    .open = open_network,
    .close = sl_dense_close,
    .find = sl_dense_find,
};
