/* Lists of faces that were found: growing, sorting, thinning. */
#include "face/face_list.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

bool sl_face_list_add(sl_face_list *list, const sl_face *face)
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

bool sl_face_is_sound(const sl_face *f)
{
    float sum = f->box.x0 + f->box.y0 + f->box.x1 + f->box.y1;
    for (int i = 0; i < 5; i++)
        sum += f->points[i].x + f->points[i].y;
    return isfinite(sum) && f->box.x1 > f->box.x0 && f->box.y1 > f->box.y0;
}

/* By score, then by place, so that the order never depends on the sort. */
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

float sl_box_iou(const sl_box *a, const sl_box *b)
{
    float w = fminf(a->x1, b->x1) - fmaxf(a->x0, b->x0), h = fminf(a->y1, b->y1) - fmaxf(a->y0, b->y0);
    if (!(w > 0 && h > 0))
        return 0;
    float both = w * h;
    return both / ((a->x1 - a->x0) * (a->y1 - a->y0) + (b->x1 - b->x0) * (b->y1 - b->y0) - both);
}

size_t sl_faces_suppress(sl_face *faces, size_t count, float iou, size_t max_faces)
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

/* Box and points as numbers, weighed. */
static void add_weighed(double sum[14], const sl_face *f)
{
    const double s = (double)f->score;
    const float box[4] = {f->box.x0, f->box.y0, f->box.x1, f->box.y1};
    for (int i = 0; i < 4; i++)
        sum[i] += s * (double)box[i];
    for (int i = 0; i < 5; i++) {
        sum[4 + 2 * i] += s * (double)f->points[i].x;
        sum[5 + 2 * i] += s * (double)f->points[i].y;
    }
}

static void set_mean(sl_face *f, const double sum[14], double total)
{
    f->box = (sl_box){(float)(sum[0] / total), (float)(sum[1] / total), (float)(sum[2] / total),
                      (float)(sum[3] / total)};
    for (int i = 0; i < 5; i++)
        f->points[i] = (sl_point){(float)(sum[4 + 2 * i] / total), (float)(sum[5 + 2 * i] / total)};
}

size_t sl_faces_blend(sl_face *faces, size_t count, float iou, size_t max_faces)
{
    size_t kept = 0;
    for (size_t left = count; left && kept < max_faces; kept++) {
        const sl_face best = faces[kept];
        double sum[14] = {0}, total = 0;
        size_t others = kept + 1; /* those that stay for the next round follow */
        for (size_t i = kept; i < kept + left; i++) {
            if (i == kept || sl_box_iou(&best.box, &faces[i].box) > iou) {
                add_weighed(sum, &faces[i]);
                total += (double)faces[i].score;
            } else {
                faces[others++] = faces[i];
            }
        }
        set_mean(&faces[kept], sum, total);
        left = others - kept - 1;
    }
    return kept;
}
