/* What RetinaFace's raw outputs mean: anchors, boxes, points, and thinning. */
#include "face/detector.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

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

static bool face_is_sound(const sl_face *f)
{
    float sum = f->box.x0 + f->box.y0 + f->box.x1 + f->box.y1;
    for (int i = 0; i < 5; i++)
        sum += f->points[i].x + f->points[i].y;
    return isfinite(sum) && f->box.x1 > f->box.x0 && f->box.y1 > f->box.y0;
}

typedef struct {
    sl_face *faces;
    size_t count, capacity;
} face_list;

static bool append(face_list *list, const sl_face *face)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 64;
        sl_face *grown = sl_realloc_array(list->faces, capacity, sizeof *grown);
        if (!grown)
            return false;
        list->faces = grown;
        list->capacity = capacity;
    }
    list->faces[list->count++] = *face;
    return true;
}

/* Best score first; equal scores by place, so that the order never depends on the sort. */
static int by_score(const void *a, const void *b)
{
    const sl_face *f = a, *g = b;
    if (f->score != g->score)
        return f->score > g->score ? -1 : 1;
    if (f->box.y0 != g->box.y0)
        return f->box.y0 < g->box.y0 ? -1 : 1;
    if (f->box.x0 != g->box.x0)
        return f->box.x0 < g->box.x0 ? -1 : 1;
    return (f->box.x1 > g->box.x1) - (f->box.x1 < g->box.x1);
}

void sl_faces_sort(sl_face *faces, size_t count)
{
    if (count)
        qsort(faces, count, sizeof *faces, by_score);
}

static bool decode_head(const sl_retinaface_head *h, float threshold, face_list *list)
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
                if (face_is_sound(&face) && !append(list, &face))
                    return false;
            }
    return true;
}

sl_status sl_retinaface_decode(const sl_retinaface_head *heads, int n_heads, float threshold, sl_face **faces,
                               size_t *count, sl_error *err)
{
    *faces = NULL;
    *count = 0;
    face_list list = {0};
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

float sl_box_iou(const sl_box *a, const sl_box *b)
{
    float w = fminf(a->x1, b->x1) - fmaxf(a->x0, b->x0), h = fminf(a->y1, b->y1) - fmaxf(a->y0, b->y0);
    if (!(w > 0 && h > 0))
        return 0;
    float both = w * h;
    return both / ((a->x1 - a->x0) * (a->y1 - a->y0) + (b->x1 - b->x0) * (b->y1 - b->y0) - both);
}

size_t sl_face_suppress(sl_face *faces, size_t count, float iou, size_t max_faces)
{
    size_t kept = 0;
    for (size_t i = 0; i < count && kept < max_faces; i++) {
        size_t j = 0;
        while (j < kept && !(sl_box_iou(&faces[j].box, &faces[i].box) > iou))
            j++;
        if (j == kept)
            faces[kept++] = faces[i];
    }
    return kept;
}
