/* The product of a linear head (template/linear_head.h): one source for every instruction set. Each number is a sum
 * over the channels in order, however the rows are grouped: the same bits everywhere. */
#include "match/kernels/head_kernel.h"
#include "match/kernels/lanes.h"
#include "template/linear_head.h"

/* Half the registers hold sums. */
enum { TILE_VECS = VECS == 4 ? 4 : 2, TILE_ROWS = REGISTERS / 2 / TILE_VECS };

/* out [rows, TILE_VECS * VEC of SL_HEAD_COLUMNS] += a [rows, n] x weights [n, the same columns] */
ALWAYS_INLINE void head_tile(const float *a, size_t stride, int n, const float *weights, float *out,
                             const int rows)
{
    vec sum[TILE_ROWS][TILE_VECS];
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int v = 0; v < TILE_VECS; v++)
            sum[i][v] = load(out + i * SL_HEAD_COLUMNS + v * VEC);
    for (int c = 0; c < n; c++, weights += SL_HEAD_COLUMNS) {
        vec w[TILE_VECS];
#pragma GCC unroll 4
        for (int v = 0; v < TILE_VECS; v++)
            w[v] = load(weights + v * VEC);
#pragma GCC unroll 8
        for (int i = 0; i < rows; i++) {
            vec x = all(a[i * stride + c]);
#pragma GCC unroll 4
            for (int v = 0; v < TILE_VECS; v++)
                sum[i][v] += x * w[v];
        }
    }
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int v = 0; v < TILE_VECS; v++)
            store(out + i * SL_HEAD_COLUMNS + v * VEC, sum[i][v]);
}

static void head_add_products(const float *a, size_t stride, int rows, int n, const float *weights, float *out)
{
    for (int column = 0; column < SL_HEAD_COLUMNS; column += TILE_VECS * VEC) {
        int i = 0;
        for (; i + TILE_ROWS <= rows; i += TILE_ROWS)
            head_tile(a + i * stride, stride, n, weights + column, out + i * SL_HEAD_COLUMNS + column, TILE_ROWS);
        for (; i < rows; i++)
            head_tile(a + i * stride, stride, n, weights + column, out + i * SL_HEAD_COLUMNS + column, 1);
    }
}

#define HEAD_KERNEL(isa) const sl_head_kernel sl_head_kernel_##isa = head_add_products
