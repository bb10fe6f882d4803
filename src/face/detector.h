/* Finding faces: RetinaFace with the MobileNet-0.25 backbone ("mnet.25"). Two square anchors a cell at
 * strides 32, 16 and 8; each gives a score, a box and five points. Better points come from a closer look at
 * a face. */
#ifndef SL_FACE_DETECTOR_H
#define SL_FACE_DETECTOR_H

#include <stdbool.h>

#include "net/graph.h"

typedef struct {
    int max_side;     /* a picture with a longer side is looked at scaled down to this */
    float nms_iou;    /* of two boxes that overlap more than this the weaker one goes */
    size_t max_faces; /* the best ones; what is over is dropped */
} sl_detector_options;

/* Long side 1280 (a face is found down to some 12 pixels of height at that size, so in a photo of 6,000 pixels
 * down to some 55; larger pictures than 400 are also looked at in small, for faces that fill them), IoU .4,
 * 1,000 faces. */
sl_detector_options sl_detector_defaults(void);

/* The threshold to use where nobody asks for another. */
#define SL_DETECTOR_THRESHOLD .8f

/* A face's `upright` is the product of the scores of the looks at it: RetinaFace's at the picture and the closer looks
 * both ways, MTCNN's O-net both ways. A face that is turned may get a high score from one of them, hardly from all. From
 * here on it convinces: docs/results.md, "Turned photos", has what that is measured by. */
#define SL_FACE_CONVINCES .98f

/* One thread's own: compiled plans of the sizes met last, and scratch. */
typedef struct sl_detector sl_detector;

/* graph: the imported network, which must outlive the detector. options: NULL for the defaults. threads: of one
 * network run. SL_ERR_UNSUPPORTED when the graph's outputs are not RetinaFace's nine. */
sl_status sl_detector_open(const sl_graph *graph, const sl_detector_options *options, int threads,
                           sl_detector **out, sl_error *err);
void sl_detector_close(sl_detector *detector);

/* Faces of an RGB or grey picture of any size, best score first: box, score and five rough points in the picture's
 * pixels; quality and `upright` are zero, landmarks are not set. *faces is NULL when *count is 0; free() it. */
sl_status sl_detector_run(sl_detector *detector, const sl_image *image, float threshold, sl_face **faces,
                          size_t *count, sl_error *err);

/* ---- retinaface_refine.c: the points of a face that is to be used ---- */

/* Looks at the face of this box again, in a window where it has the size at which the network is most exact (and, if it
 * leans much, stands straight), as it is and mirrored, and puts the mean of what both looks say into face->points, and
 * into face->upright how sure all looks are. A look that does not find the face there says nothing of the points; when
 * none does, they stay. */
sl_status sl_close_look(sl_detector *detector, const sl_image *image, sl_face *face, sl_error *err);

/* ---- retinaface_decode.c: what the network's raw outputs mean ---- */

/* One stride's outputs, each [channels, rows, cols]; the two anchors of a cell are interleaved. */
typedef struct {
    int stride, rows, cols;
    const float *score;  /* 4: background of anchors 0 and 1, then face of anchors 0 and 1 */
    const float *box;    /* 8: dx, dy, log dw, log dh of anchor 0, then of anchor 1 */
    const float *points; /* 20: x, y of five points of anchor 0, then of anchor 1 */
} sl_retinaface_head;

enum { SL_RETINAFACE_HEADS = 3 };

/* retinaface.c: the network on a picture, or on its mirror image, whose sides are multiples of 32. The first n_heads
 * heads, from stride 32 on, are computed, and valid until the next run. */
sl_status sl_detector_look(sl_detector *detector, const sl_image *picture, bool mirrored, int n_heads,
                           sl_retinaface_head *heads, sl_error *err);

/* The faces whose score reaches `threshold`, sorted by score (ties by place), in the network input's pixels;
 * not yet thinned. NaN scores and boxes are dropped. *faces is malloc'd, NULL when *count is 0. */
sl_status sl_retinaface_decode(const sl_retinaface_head *heads, int n_heads, float threshold, sl_face **faces,
                               size_t *count, sl_error *err);

/* Best score first; equal scores by place. */
void sl_faces_sort(sl_face *faces, size_t count);

/* Greedy non-maximum suppression of faces sorted by score, in place; returns how many stay, at most `max_faces`.
 */
size_t sl_face_suppress(sl_face *faces, size_t count, float iou, size_t max_faces);

/* Area of the intersection over area of the union; boxes are continuous (width = x1 - x0). */
float sl_box_iou(const sl_box *a, const sl_box *b);

#endif
