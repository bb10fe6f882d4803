/* Winograd's tiles for a file that defines WINO(name), WIDTH, the floats of a vector, and MOST_ROWS, the tiles of a
 * register block of two vectors. */
#include "net/kernels/winograd.h"

#include <string.h>

typedef float WINO(vec) __attribute__((vector_size(4 * WIDTH)));
typedef int32_t WINO(mask) __attribute__((vector_size(4 * WIDTH)));
#define vec WINO(vec)
#define mask WINO(mask)
#define ALWAYS static inline __attribute__((always_inline))

enum { PANEL = 2 * WIDTH };


ALWAYS vec WINO(load)(const float *p)
{
    vec v;
    memcpy(&v, p, sizeof v);
    return v;
}

ALWAYS void WINO(store)(float *p, vec v)
{
    memcpy(p, &v, sizeof v);
}

/* ---- transforms ---- */

static const float A = SL_WINO_A, B = SL_WINO_B, A2 = SL_WINO_A * SL_WINO_A, B2 = SL_WINO_B * SL_WINO_B;
static const float A2B2 = SL_WINO_A * SL_WINO_A * SL_WINO_B * SL_WINO_B;
static const float A2_B2 = SL_WINO_A * SL_WINO_A + SL_WINO_B * SL_WINO_B;
static const float A3 = SL_WINO_A * SL_WINO_A * SL_WINO_A, B3 = SL_WINO_B * SL_WINO_B * SL_WINO_B;

/* B^T d: row p holds the coefficients of the product of (x - q) over the other finite points q. */
ALWAYS void WINO(input_row)(const vec d[SL_WINO_IN], vec t[SL_WINO_IN])
{
    vec even_a = d[4] - B2 * d[2], odd_a = A * (d[3] - B2 * d[1]);
    vec even_b = d[4] - A2 * d[2], odd_b = B * (d[3] - A2 * d[1]);
    t[0] = A2B2 * d[0] - A2_B2 * d[2] + d[4];
    t[1] = even_a + odd_a;
    t[2] = even_a - odd_a;
    t[3] = even_b + odd_b;
    t[4] = even_b - odd_b;
    t[5] = A2B2 * d[1] - A2_B2 * d[3] + d[5];
}

/* A^T m: row i holds the points' powers i. */
ALWAYS void WINO(output_row)(const vec m[SL_WINO_IN], vec y[SL_WINO_OUT])
{
    vec even_a = m[1] + m[2], odd_a = m[1] - m[2], even_b = m[3] + m[4], odd_b = m[3] - m[4];
    y[0] = m[0] + even_a + even_b;
    y[1] = A * odd_a + B * odd_b;
    y[2] = A2 * even_a + B2 * even_b;
    y[3] = A3 * odd_a + B3 * odd_b + m[5];
}

/* Where a tile lies: picture and first output. */
typedef struct {
    int64_t picture, y, x;
} WINO(place);

static WINO(place) WINO(place_of)(const sl_wino_layer *l, int64_t tile)
{
    int64_t across = (l->out[1] + SL_WINO_OUT - 1) / SL_WINO_OUT, down = (l->out[0] + SL_WINO_OUT - 1) / SL_WINO_OUT;
    return (WINO(place)){tile / (across * down), tile / across % down * SL_WINO_OUT, tile % across * SL_WINO_OUT};
}

/* to [point, row]: one tile's row; `slab` floats between points. Pixels outside are one row of zeros. The next tile's
 * pixels are fetched ahead: their rows are too short for the processor to see them coming. */
static void WINO(transform_input)(const sl_wino_layer *l, int64_t tile, float *to, int64_t slab)
{
    static const float zeros[WIDTH];
    const WINO(place) at = WINO(place_of)(l, tile);
    const float *pixels[SL_WINO_POINTS];
    int64_t steps[SL_WINO_POINTS]; /* all bits, or 0 outside */
    for (int i = 0; i < SL_WINO_POINTS; i++) {
        int64_t y = at.y + i / SL_WINO_IN - l->pad[0], x = at.x + i % SL_WINO_IN - l->pad[1];
        steps[i] = y >= 0 && y < l->in[0] && x >= 0 && x < l->in[1] ? -1 : 0;
        pixels[i] = steps[i] ? l->x + ((at.picture * l->in[0] + y) * l->in[1] + x) * l->inputs : zeros;
    }
    for (int64_t c = 0; c < l->inputs; c += WIDTH) {
        vec rows[SL_WINO_IN][SL_WINO_IN], d[SL_WINO_IN], t[SL_WINO_IN];
        for (int j = 0; j < SL_WINO_IN; j++) {
            for (int i = 0; i < SL_WINO_IN; i++)
                __builtin_prefetch(pixels[i * SL_WINO_IN + j] + SL_WINO_OUT * l->inputs + c);
            for (int i = 0; i < SL_WINO_IN; i++)
                d[i] = WINO(load)(pixels[i * SL_WINO_IN + j] + (c & steps[i * SL_WINO_IN + j]));
            WINO(input_row)(d, t);
            for (int i = 0; i < SL_WINO_IN; i++)
                rows[i][j] = t[i];
        }
        for (int i = 0; i < SL_WINO_IN; i++) {
            WINO(input_row)(rows[i], t);
            for (int j = 0; j < SL_WINO_IN; j++)
                WINO(store)(to + (i * SL_WINO_IN + j) * slab + c, t[j]);
        }
    }
}

ALWAYS vec WINO(leaky)(vec v, const float *slope)
{
    const mask is_below = v < 0; /* NaN stays */
    return (vec)(((mask)v & ~is_below) | ((mask)(v * WINO(load)(slope)) & is_below));
}

/* One output pixel's channels o ..: bias, slope, sum, slope. */
ALWAYS void WINO(finish)(const sl_wino_layer *l, int64_t pixel, int64_t o, vec v)
{
    v += WINO(load)(l->bias + o);
    if (l->slope)
        v = WINO(leaky)(v, l->slope + o);
    if (l->add)
        v += WINO(load)(l->add + pixel * l->outputs + o);
    if (l->slope_of_sum)
        v = WINO(leaky)(v, l->slope_of_sum + o);
    WINO(store)(l->y + pixel * l->outputs + o, v);
}

/* from [point, row] of outputs [first, last): one tile's. */
static void WINO(transform_output)(const sl_wino_layer *l, int64_t tile, int64_t first, int64_t last, const float *from,
                                   int64_t slab)
{
    const WINO(place) at = WINO(place_of)(l, tile);
    int64_t pixel = (at.picture * l->out[0] + at.y) * l->out[1] + at.x;
    int64_t down = l->out[0] - at.y, across = l->out[1] - at.x;
    for (int64_t o = first; o < last; o += WIDTH) {
        vec rows[SL_WINO_OUT][SL_WINO_IN], m[SL_WINO_IN], y[SL_WINO_OUT];
        for (int j = 0; j < SL_WINO_IN; j++) {
            for (int i = 0; i < SL_WINO_IN; i++)
                m[i] = WINO(load)(from + (i * SL_WINO_IN + j) * slab + o - first);
            WINO(output_row)(m, y);
            for (int i = 0; i < SL_WINO_OUT; i++)
                rows[i][j] = y[i];
        }
        for (int i = 0; i < SL_WINO_OUT && i < down; i++) {
            WINO(output_row)(rows[i], y);
            for (int j = 0; j < SL_WINO_OUT; j++)
                __builtin_prefetch(l->y + (pixel + i * l->out[1] + j + SL_WINO_OUT) * l->outputs + o, 1);
            for (int j = 0; j < SL_WINO_OUT; j++)
                if (j < across)
                    WINO(finish)(l, pixel + i * l->out[1] + j, o, y[j]);
        }
    }
}

/* ---- products ---- */

/* to [rows, PANEL] = v [rows, depth] u [depth, PANEL]; `rows` is a constant after inlining, so that the sums stay in
 * registers. */
ALWAYS void WINO(block)(int rows, const float *v, int64_t v_row, const float *u, int64_t depth, float *to,
                        int64_t to_row)
{
    vec sums[MOST_ROWS][2];
    for (int r = 0; r < rows; r++)
        sums[r][0] = sums[r][1] = (vec){0};
    for (int64_t c = 0; c < depth; c++, u += PANEL) {
        vec left = WINO(load)(u), right = WINO(load)(u + WIDTH);
#pragma GCC unroll 16
        for (int r = 0; r < rows; r++) {
            sums[r][0] += v[r * v_row + c] * left;
            sums[r][1] += v[r * v_row + c] * right;
        }
    }
    for (int r = 0; r < rows; r++) {
        WINO(store)(to + r * to_row, sums[r][0]);
        WINO(store)(to + r * to_row + WIDTH, sums[r][1]);
    }
}

/* The same for any number of rows. */
static void WINO(product)(int64_t rows, const float *v, int64_t v_row, const float *u, int64_t depth, float *to,
                          int64_t to_row)
{
    while (rows > 0) {
        int64_t n = rows >= MOST_ROWS ? MOST_ROWS : rows >= 4 ? 4 : rows >= 2 ? 2 : 1;
        switch (n) {
        case MOST_ROWS: WINO(block)(MOST_ROWS, v, v_row, u, depth, to, to_row); break;
        case 4: WINO(block)(4, v, v_row, u, depth, to, to_row); break;
        case 2: WINO(block)(2, v, v_row, u, depth, to, to_row); break;
        default: WINO(block)(1, v, v_row, u, depth, to, to_row); break;
        }
        rows -= n;
        v += n * v_row;
        to += n * to_row;
    }
}

static void WINO(tiles)(const sl_wino_layer *l, int64_t first, int64_t count, int64_t from, int64_t to, float *scratch)
{
    int64_t v_row = l->inputs + SL_WINO_ROW_PAD, m_row = to - from + SL_WINO_ROW_PAD;
    float *v = scratch, *m = scratch + SL_WINO_POINTS * count * v_row;
    for (int64_t t = 0; t < count; t++)
        WINO(transform_input)(l, first + t, v + t * v_row, count * v_row);
    for (int64_t p = 0; p < SL_WINO_POINTS; p++)
        for (int64_t o = from; o < to; o += PANEL)
            WINO(product)(count, v + p * count * v_row, v_row, l->weights + (p * l->outputs + o) * l->inputs, l->inputs,
                          m + p * count * m_row + o - from, m_row);
    for (int64_t t = 0; t < count; t++)
        WINO(transform_output)(l, first + t, from, to, m + t * m_row, count * m_row);
}

#define WINO_TABLE                                                                                                \
    {                                                                                                             \
        PANEL, WINO(tiles)                                                                                        \
    }
