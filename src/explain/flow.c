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

/* What a picture of tiles is drawn with, and where each pixel falls. */
typedef struct {
    const sl_tiles *tiles;
    const sl_image *other;
    int *cell_x, *cell_y; /* [width], [height] */
    float *into_x, *into_y;
} placed_tiles;

static void draw_row(const placed_tiles *p, int y, uint8_t *out)
{
    const sl_tiles *t = p->tiles;
    const sl_image *other = p->other;
    for (int x = 0; x < other->width; x++) {
        int m = p->cell_y[y] * t->cols + p->cell_x[x], left, right, top, bottom;
        float fx = read_at(other->width, t->cols, t->tile[m] % t->cols, p->into_x[x], &left, &right);
        float fy = read_at(other->height, t->rows, t->tile[m] / t->cols, p->into_y[y], &top, &bottom);
        const uint8_t *upper = other->pixels + (size_t)top * other->width * 3;
        const uint8_t *lower = other->pixels + (size_t)bottom * other->width * 3;
        for (int c = 0; c < 3; c++) {
            float a = upper[left * 3 + c] * (1 - fx) + upper[right * 3 + c] * fx;
            float b = lower[left * 3 + c] * (1 - fx) + lower[right * 3 + c] * fx;
            out[x * 3 + c] = (uint8_t)lrintf((a * (1 - fy) + b * fy) * t->brightness[m]);
        }
    }
}

sl_status sl_tiles_picture(const sl_tiles *tiles, const sl_image *other_crop, int width, int height, sl_image *out,
                           sl_error *err)
{
    const size_t pixels = (size_t)width + (size_t)height;
    *out = (sl_image){0};
    sl_image other = {0};
    SL_TRY(sl_tile(other_crop, width, height, &other, err));
    sl_status status = sl_image_new(width, height, 3, out, err);
    int *cell = sl_calloc_aligned(pixels, sizeof *cell);
    float *into = sl_calloc_aligned(pixels, sizeof *into);
    if (status == SL_OK && (!cell || !into))
        status = sl_fail(err, SL_ERR_MEMORY, "no memory for a flow picture");
    if (status == SL_OK) {
        const placed_tiles p = {tiles, &other, cell, cell + width, into, into + width};
        cut_axis(width, tiles->cols, p.cell_x, p.into_x);
        cut_axis(height, tiles->rows, p.cell_y, p.into_y);
        for (int y = 0; y < height; y++)
            draw_row(&p, y, out->pixels + (size_t)y * width * 3);
    }
    free(cell);
    free(into);
    sl_image_free(&other);
    if (status != SL_OK)
        sl_image_free(out);
    return status;
}

sl_status sl_flow_picture(const sl_transport *t, const sl_image *other_crop, int width, int height, sl_image *out,
                          sl_error *err)
{
    sl_tiles tiles;
    *out = (sl_image){0};
    SL_TRY(sl_tiles_new(t->rows, t->cols, &tiles, err));
    sl_flow_tiles(t->plan, t->rows * t->cols, tiles.tile, tiles.brightness);
    sl_status status = sl_tiles_picture(&tiles, other_crop, width, height, out, err);
    sl_tiles_free(&tiles);
    return status;
}

sl_status sl_tiles_new(int rows, int cols, sl_tiles *out, sl_error *err)
{
    const size_t n = (size_t)rows * (size_t)cols;
    *out = (sl_tiles){.rows = rows, .cols = cols};
    out->tile = sl_calloc_aligned(n, sizeof *out->tile);
    out->brightness = sl_calloc_aligned(n, sizeof *out->brightness);
    if (out->tile && out->brightness)
        return SL_OK;
    sl_tiles_free(out);
    return sl_fail(err, SL_ERR_MEMORY, "no memory for a flow picture");
}

void sl_tiles_free(sl_tiles *tiles)
{
    free(tiles->tile);
    free(tiles->brightness);
    *tiles = (sl_tiles){0};
}
