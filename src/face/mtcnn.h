/* Finding faces with MTCNN (Zhang et al., "Joint Face Detection and Alignment using Multitask Cascaded Convolutional
 * Networks", 2016): three small networks, each looking closer at what the one before it let through.
 *
 *     P-net over a pyramid of the picture -> windows     (12 pixels of a level, every other one)
 *     R-net on each window, 24 x 24       -> fewer, corrected
 *     O-net on each of those, 48 x 48     -> faces with five points; again, on the corrected windows, and mirrored
 */
#ifndef SL_FACE_MTCNN_H
#define SL_FACE_MTCNN_H

#include "face/detector.h"

/* Three networks, x [N, 3, h, w] = (RGB - 127.5) / 128. Outputs are told apart by their channels: 2 (softmax of no
 * face, face), 4 (dx0, dy0, dx1, dy1 as parts of the window's side), and O-net's 10 (five x, then five y). A face's
 * `upright` is the product of O-net's scores of its window and of the window's mirror image. */
extern const sl_detector_kind sl_detector_mtcnn;

/* ---- mtcnn_windows.c: what the cascade passes on ---- */

/* A part of the picture, in pixels measured from the top left edge (so a window of one pixel is 1 wide). */
typedef struct {
    sl_box box;
    float score;
    float upright;       /* the product of O-net's last scores, of the window and of its mirror image */
    float shift[4];      /* what the network would move the sides by, as parts of width and height */
    sl_point points[5];  /* O-net's, in the picture */
} sl_window;

typedef struct {
    sl_window *items;
    size_t count, capacity;
} sl_window_list;

/* False without memory. */
bool sl_windows_add(sl_window_list *list, const sl_window *window);

/* P-net's windows of one pyramid level, whose scale (level / picture) is given: prob, shift: [2 or 4, rows, cols], or
 * [.., cols, rows] when transposed. Windows that reach beyond the level's width and height are dropped. */
typedef struct {
    const float *prob, *shift;
    int rows, cols;
    bool transposed;
    double scale;
    int width, height; /* of the level */
} sl_pnet_level;
bool sl_windows_of_level(const sl_pnet_level *level, float threshold, sl_window_list *out);

/* Non-maximum suppression, best score first (ties by place): of two windows that overlap by more than `limit` the
 * weaker one goes. Overlap: of the union or, with `of_smaller`, of the smaller one. */
void sl_windows_suppress(sl_window_list *list, float limit, bool of_smaller);

/* Moves the sides by `shift`; windows that are no longer sound are dropped. */
void sl_windows_shift(sl_window_list *list);

/* Makes each window a square of its longer side around the same middle, on whole pixels. */
void sl_windows_square(sl_window_list *list);

#endif
