/* RetinaFace (Deng et al., "RetinaFace: Single-stage Dense Face Localisation in the Wild", 2019) with the
 * MobileNet-0.25 backbone ("mnet.25"), inside. One network says at every cell of three grids whether a face is there,
 * how large, and where its five points are. A cell has two square anchors, so each grid is for faces of two sizes:
 *
 *     stride   cells of a picture 640 x 480   anchors, pixels
 *       32              20 x 15                  512, 256       the large faces
 *       16              40 x 30                  128,  64
 *        8              80 x 60                   32,  16       the small ones
 *
 *     retinaface.c            a whole picture: faces with rough points
 *     retinaface_refine.c     one face from close up, both ways round: exact points, and whether it stands upright
 *     retinaface_network.c    for both: picture -> raw outputs, by compiled plans
 *     retinaface_decode.c     for both: raw outputs -> faces
 */
#ifndef SL_FACE_RETINAFACE_H
#define SL_FACE_RETINAFACE_H

#include "face/detector.h"
#include "net/plan/plan_cache.h"

extern const sl_detector_kind sl_detector_retinaface;

/* ---- retinaface_network.c ---- */

/* One stride's outputs, each [channels, rows, cols]; the two anchors of a cell are interleaved. */
typedef struct {
    int stride, rows, cols;
    const float *score;  /* 4: background of anchors 0 and 1, then face of anchors 0 and 1 */
    const float *box;    /* 8: dx, dy, log dw, log dh of anchor 0, then of anchor 1 */
    const float *points; /* 20: x, y of five points of anchor 0, then of anchor 1 */
} sl_retinaface_head;

enum { SL_RETINAFACE_HEADS = 3 };

typedef struct {
    const sl_graph *graph;
    int threads;
    sl_plan_cache plans; /* by input size and number of heads */
} sl_retinaface_network;

/* SL_ERR_UNSUPPORTED when the graph has not RetinaFace's nine outputs; it must outlive the network. */
sl_status sl_retinaface_network_open(const sl_graph *graph, int threads, sl_retinaface_network *out, sl_error *err);

/* Whether it has nine outputs of RetinaFace's shapes. */
bool sl_retinaface_network_fits(const sl_graph *graph);
void sl_retinaface_network_close(sl_retinaface_network *network);

/* What the network says of a picture, or of its mirror image. The first n_heads heads, from stride 32 on, are computed,
 * and valid until the next look. */
sl_status sl_retinaface_look(sl_retinaface_network *network, const sl_image *picture, bool mirrored, int n_heads,
                             sl_retinaface_head *heads, sl_error *err);

/* ---- retinaface_decode.c ---- */

/* The faces whose score reaches `threshold`, sorted by score (ties by place), in the pixels of the picture looked at;
 * not yet thinned. NaN scores and boxes are dropped. *faces is malloc'd, NULL when *count is 0. */
sl_status sl_retinaface_decode(const sl_retinaface_head *heads, int n_heads, float threshold, sl_face **faces,
                               size_t *count, sl_error *err);

/* ---- retinaface_refine.c ---- */

/* Looks at the face of this box again, in a window where it has the size at which the network is most exact (and, if it
 * leans much, stands straight), as it is and mirrored, and puts the mean of what both looks say into face->points, and
 * into face->upright how sure all looks are. A look that does not find the face there says nothing of the points; when
 * none does, they stay. */
sl_status sl_retinaface_refine(sl_retinaface_network *network, const sl_image *image, sl_face *face, sl_error *err);

#endif
