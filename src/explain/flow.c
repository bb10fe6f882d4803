/* The flow picture (dissertation 3.2): the query's face put together from the other face's patches. The published
 * program indexes the plan the other way round; this is what the text says. */
#include "explain/explain.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "image/image.h"

void sl_flow_tiles(const float *plan, int patches, int *tile, float *brightness)
{
    for (int m = 0; m < patches; m++) {
        int best = 0;
        for (int s = 1; s < patches; s++)
            if (plan[(size_t)s * patches + m] > plan[(size_t)best * patches + m])
                best = s;
        tile[m] = best;
        brightness[m] = plan[(size_t)best * patches + m];
    }
    bool any = false;
    for (int m = 0; m < patches; m++)
        any |= brightness[m] > 0;
    sl_stretch(brightness, patches, any ? 1 : 0);
}

/* One axis of the picture cut into `cells`: pixel i lies in cell[i], `into`[i] pixels behind its (not rounded)
 * border. */
static void cut_axis(int pixels, int cells, int *cell, float *into)
{
    double size = (double)pixels / cells;
    for (int i = 0; i < pixels; i++) {
        int c = (int)((i + .5) / size);
        cell[i] = c < cells ? c : cells - 1;
        into[i] = (float)(i + .5 - cell[i] * size);
    }
}

/* Where to read along one axis, `into` pixels into cell c: two neighbouring pixels and the second one's share.
 * Reading never leaves the cell, so that a tile shows nothing of its neighbours. */
static float read_at(int pixels, int cells, int c, float into, int *first, int *second)
{
    double size = (double)pixels / cells;
    int low = (int)ceil(c * size - .5), high = (int)ceil((c + 1) * size - .5) - 1;
    low = low < pixels ? low : pixels - 1;
    high = high > low ? high : low; /* a cell smaller than a pixel */
    double at = c * size + into - .5;
    at = at < low ? low : at > high ? high : at;
    *first = (int)at;
    *second = *first < high ? *first + 1 : high;
    return (float)(at - *first);
}

/* What a flow picture is drawn with: which tile of the other face lies on each cell, and where each pixel falls. */
typedef struct {
    const sl_transport *t;
    const sl_image *other;
    const int *tile;         /* [patches] */
    const float *brightness; /* [patches] */
    int *cell_x, *cell_y;    /* [width], [height] */
    float *into_x, *into_y;
} flow;

static void draw_row(const flow *f, int y, uint8_t *out)
{
    const sl_transport *t = f->t;
    const sl_image *other = f->other;
    for (int x = 0; x < other->width; x++) {
        int m = f->cell_y[y] * t->cols + f->cell_x[x], left, right, top, bottom;
        float fx = read_at(other->width, t->cols, f->tile[m] % t->cols, f->into_x[x], &left, &right);
        float fy = read_at(other->height, t->rows, f->tile[m] / t->cols, f->into_y[y], &top, &bottom);
        const uint8_t *upper = other->pixels + (size_t)top * other->width * 3;
        const uint8_t *lower = other->pixels + (size_t)bottom * other->width * 3;
        for (int c = 0; c < 3; c++) {
            float a = upper[left * 3 + c] * (1 - fx) + upper[right * 3 + c] * fx;
            float b = lower[left * 3 + c] * (1 - fx) + lower[right * 3 + c] * fx;
            out[x * 3 + c] = (uint8_t)lrintf((a * (1 - fy) + b * fy) * f->brightness[m]);
        }
    }
}

sl_status sl_flow_picture(const sl_transport *t, const sl_image *other_crop, int width, int height, sl_image *out,
                          sl_error *err)
{
    *out = (sl_image){0};
    sl_image other = {0};
    SL_TRY(sl_tile(other_crop, width, height, &other, err));
    sl_status status = sl_image_new(width, height, 3, out, err);
    int patches = t->rows * t->cols;
    int *tile = sl_calloc_aligned((size_t)patches + width + height, sizeof(int));
    float *brightness = sl_calloc_aligned((size_t)patches + width + height, sizeof(float));
    if (status == SL_OK && (!tile || !brightness))
        status = sl_fail(err, SL_ERR_MEMORY, "no memory for a flow picture");
    if (status == SL_OK) {
        int *cell_x = tile + patches;
        float *into_x = brightness + patches;
        const flow f = {t, &other, tile, brightness, cell_x, cell_x + width, into_x, into_x + width};
        sl_flow_tiles(t->plan, patches, tile, brightness);
        cut_axis(width, t->cols, f.cell_x, f.into_x);
        cut_axis(height, t->rows, f.cell_y, f.into_y);
        for (int y = 0; y < height; y++)
            draw_row(&f, y, out->pixels + (size_t)y * width * 3);
    }
    free(tile);
    free(brightness);
    sl_image_free(&other);
    if (status != SL_OK)
        sl_image_free(out);
    return status;
}
