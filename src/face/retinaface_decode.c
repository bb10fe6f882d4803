/* What RetinaFace's raw outputs mean. Each is relative to an anchor, a square of side w around the centre of a cell:
 *
 *     box      dx, dy move the centre by parts of w; log dw, log dh scale the sides
 *     points   each as parts of w from the anchor's centre
 */
#include "face/retinaface.h"

#include <math.h>
#include <stdlib.h>

#include "face/face_list.h"

/* Two squares a cell: of 512 and 256 pixels at stride 32, 128 and 64 at stride 16, 32 and 16 at stride 8. All are
 * centred on 7.5 + stride * cell: the network was trained with a base box of pixels 0 .. 15 at every stride, and a
 * box of side w reaches (w - 1) / 2 from its centre. */
enum { ANCHORS = 2 };
static const float base_centre = 7.5f;

static float anchor_side(int stride, int anchor)
{
    return (float)(stride * stride / (anchor ? 4 : 2));
}

/* Boxes wider than this many anchors are nonsense, and their exponential could overflow. */
static const float max_log_scale = 4.f;

static sl_face face_at(const sl_retinaface_head *h, int anchor, int row, int col, float score)
{
    size_t plane = (size_t)h->rows * (size_t)h->cols, cell = (size_t)row * (size_t)h->cols + (size_t)col;
    const float *d = h->box + (size_t)anchor * 4 * plane + cell;
    const float *p = h->points + (size_t)anchor * 10 * plane + cell;
    float side = anchor_side(h->stride, anchor);
    float ax = base_centre + (float)(col * h->stride), ay = base_centre + (float)(row * h->stride);

    float cx = ax + d[0] * side, cy = ay + d[plane] * side;
    float rx = .5f * (side * expf(fminf(d[2 * plane], max_log_scale)) - 1);
    float ry = .5f * (side * expf(fminf(d[3 * plane], max_log_scale)) - 1);
    sl_face face = {.box = {cx - rx, cy - ry, cx + rx, cy + ry}, .score = fminf(score, 1)};
    for (int i = 0; i < 5; i++) {
        face.points[i].x = ax + p[(size_t)(2 * i) * plane] * side;
        face.points[i].y = ay + p[(size_t)(2 * i + 1) * plane] * side;
    }
    return face;
}

static bool decode_head(const sl_retinaface_head *h, float threshold, sl_face_list *list)
{
    size_t plane = (size_t)h->rows * (size_t)h->cols;
    for (int row = 0; row < h->rows; row++)
        for (int col = 0; col < h->cols; col++)
            for (int a = 0; a < ANCHORS; a++) {
                float score =
                    h->score[(size_t)(ANCHORS + a) * plane + (size_t)row * (size_t)h->cols + (size_t)col];
                if (!(score >= threshold))
                    continue;
                sl_face face = face_at(h, a, row, col, score);
                if (sl_face_is_sound(&face) && !sl_face_list_add(list, &face))
                    return false;
            }
    return true;
}

sl_status sl_retinaface_decode(const sl_retinaface_head *heads, int n_heads, float threshold, sl_face **faces,
                               size_t *count, sl_error *err)
{
    *faces = NULL;
    *count = 0;
    sl_face_list list = {0};
    for (int i = 0; i < n_heads; i++)
        if (!decode_head(&heads[i], threshold, &list)) {
            free(list.faces);
            return sl_fail(err, SL_ERR_MEMORY, "no memory for the detector's %zu candidates", list.count);
        }
    sl_faces_sort(list.faces, list.count);
    *faces = list.faces;
    *count = list.count;
    return SL_OK;
}
