/* Smooth noise: random corners, and between them a curve that is flat at each. */
#include "occlude/soft.h"

/* What the cells lie over, in face axes: a crop and a little more. */
static const double left = -1.7, right = 1.7, top = -1.6, bottom = 1.8;

void sl_ripple_pick(sl_ripple *out, int columns, int rows, sl_rng *rng)
{
    out->columns = columns < SL_RIPPLE_MOST ? columns : SL_RIPPLE_MOST;
    out->rows = rows < SL_RIPPLE_MOST ? rows : SL_RIPPLE_MOST;
    for (int i = 0; i < (out->columns + 1) * (out->rows + 1); i += 2) { /* two of one draw */
        const uint64_t bits = sl_rng_next(rng);
        out->at[i] = (float)(bits >> 40) * 0x1p-23f - 1;
        if (i + 1 < (out->columns + 1) * (out->rows + 1))
            out->at[i + 1] = (float)(bits & 0xffffff) * 0x1p-23f - 1;
    }
}

/* The cell in which v lies, and how far in it, flat at both ends. */
static int cell_of(double v, int cells, float *in)
{
    const double at = sl_clamped(v, 0, 1) * cells;
    const int cell = at < cells - 1 ? (int)at : cells - 1;
    const float t = (float)(at - cell);
    *in = t * t * (3 - 2 * t);
    return cell;
}

double sl_ripple_at(const sl_ripple *r, sl_point p)
{
    float u, v;
    const int column = cell_of((p.x - left) / (right - left), r->columns, &u);
    const int row = cell_of((p.y - top) / (bottom - top), r->rows, &v);
    const float *a = r->at + row * (r->columns + 1) + column, *b = a + r->columns + 1;
    const float above = a[0] + u * (a[1] - a[0]), below = b[0] + u * (b[1] - b[0]);
    return (double)(above + v * (below - above));
}
