/* Windows on their way through MTCNN's cascade: from cells of P-net's output to boxes, thinned, moved to where the
 * network says that the face is, and made square for the next network. */
#include "face/mtcnn.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "face/face_list.h"

/* P-net looks at 12 pixels and moves on by 2. */
enum { PNET_SIDE = 12, PNET_STEP = 2 };

bool sl_windows_add(sl_window_list *list, const sl_window *window)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 64;
        sl_window *grown = sl_realloc_array(list->items, capacity, sizeof *grown);
        if (!grown)
            return false;
        list->items = grown;
        list->capacity = capacity;
    }
    list->items[list->count++] = *window;
    return true;
}

bool sl_windows_of_level(const sl_pnet_level *l, float threshold, sl_window_list *out)
{
    size_t plane = (size_t)l->rows * (size_t)l->cols;
    int rows = (l->height - PNET_SIDE) / PNET_STEP + 1, cols = (l->width - PNET_SIDE) / PNET_STEP + 1;
    rows = rows < l->rows ? rows : l->rows;
    cols = cols < l->cols ? cols : l->cols;
    for (int row = 0; row < rows; row++)
        for (int col = 0; col < cols; col++) {
            size_t cell = l->transposed ? (size_t)col * (size_t)l->rows + (size_t)row
                                        : (size_t)row * (size_t)l->cols + (size_t)col;
            float score = l->prob[plane + cell];
            if (!(score >= threshold))
                continue;
            float x = (float)(col * PNET_STEP / l->scale), y = (float)(row * PNET_STEP / l->scale);
            float side = (float)(PNET_SIDE / l->scale);
            sl_window w = {.box = {x, y, x + side, y + side}, .score = score};
            for (size_t i = 0; i < 4; i++)
                w.shift[i] = l->shift[i * plane + cell];
            if (!sl_windows_add(out, &w))
                return false;
        }
    return true;
}

/* Best score first; equal scores by place, so that the order never depends on the sort. */
static int by_score(const void *a, const void *b)
{
    const sl_window *v = a, *w = b;
    const float keys[][2] = {
        {w->score, v->score}, {v->box.y0, w->box.y0}, {v->box.x0, w->box.x0}, {v->box.x1, w->box.x1}};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (keys[i][0] != keys[i][1])
            return keys[i][0] < keys[i][1] ? -1 : 1;
    return 0;
}

/* Area of the intersection over the smaller area. */
static float part_of_smaller(const sl_box *a, const sl_box *b)
{
    float w = fminf(a->x1, b->x1) - fmaxf(a->x0, b->x0), h = fminf(a->y1, b->y1) - fmaxf(a->y0, b->y0);
    if (!(w > 0 && h > 0))
        return 0;
    return w * h / fminf((a->x1 - a->x0) * (a->y1 - a->y0), (b->x1 - b->x0) * (b->y1 - b->y0));
}

void sl_windows_suppress(sl_window_list *list, float limit, bool of_smaller)
{
    float (*overlap)(const sl_box *, const sl_box *) = of_smaller ? part_of_smaller : sl_box_iou;
    size_t kept = 0;
    if (list->count)
        qsort(list->items, list->count, sizeof *list->items, by_score);
    for (size_t i = 0; i < list->count; i++) {
        size_t j = 0;
        while (j < kept && !(overlap(&list->items[j].box, &list->items[i].box) > limit))
            j++;
        if (j == kept)
            list->items[kept++] = list->items[i];
    }
    list->count = kept;
}

static bool is_sound(const sl_window *w)
{
    float sum = w->box.x0 + w->box.y0 + w->box.x1 + w->box.y1;
    for (int i = 0; i < 5; i++)
        sum += w->points[i].x + w->points[i].y;
    return isfinite(sum) && w->box.x1 - w->box.x0 >= 1 && w->box.y1 - w->box.y0 >= 1;
}

void sl_windows_shift(sl_window_list *list)
{
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        sl_window w = list->items[i];
        float width = w.box.x1 - w.box.x0, height = w.box.y1 - w.box.y0;
        w.box = (sl_box){w.box.x0 + w.shift[0] * width, w.box.y0 + w.shift[1] * height,
                         w.box.x1 + w.shift[2] * width, w.box.y1 + w.shift[3] * height};
        if (is_sound(&w))
            list->items[kept++] = w;
    }
    list->count = kept;
}

void sl_windows_square(sl_window_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        sl_box *b = &list->items[i].box;
        float side = roundf(fmaxf(b->x1 - b->x0, b->y1 - b->y0));
        float x = roundf((b->x0 + b->x1 - side) / 2), y = roundf((b->y0 + b->y1 - side) / 2);
        *b = (sl_box){x, y, x + side, y + side};
    }
}
