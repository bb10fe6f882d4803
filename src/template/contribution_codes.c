/* Contributions in 4 bits. What a cell gives is far from normal: few dimensions hold most of it. Mixed by a Hadamard
 * matrix all dimensions are alike and nearly normal, which 16 even levels cut with a third of the error. */
#include <math.h>
#include <string.h>

#include "template/template.h"

enum { LEVELS = 16, MOST_MIXED = 64 };

/* Dimensions that are mixed with each other: a power of two that divides them all. */
static int mixed(int dim)
{
    int n = dim & -dim;
    return n < MOST_MIXED ? n : MOST_MIXED;
}

/* A second look at compact patches mixes each cell of each candidate, so it is done by fours: the same sums. */
typedef float four __attribute__((vector_size(16)));
typedef float four_at __attribute__((vector_size(16), aligned(4), may_alias));

/* Sums and differences of neighbours, and of neighbours by twos: a Hadamard matrix of four. */
static four mix_four(four x)
{
    const four by_one = {1, -1, 1, -1}, by_two = {1, 1, -1, -1};
    x = __builtin_shufflevector(x, x, 1, 0, 3, 2) + x * by_one;
    return __builtin_shufflevector(x, x, 2, 3, 0, 1) + x * by_two;
}

/* The same of n = 4, 8, ... 64 numbers. */
static inline void mix_block(float *x, int n)
{
    four v[MOST_MIXED / 4];
#pragma GCC unroll 16
    for (int i = 0; i < n / 4; i++)
        v[i] = mix_four(*(const four_at *)(x + 4 * i));
#pragma GCC unroll 4
    for (int step = 1; step < n / 4; step *= 2)
#pragma GCC unroll 16
        for (int i = 0; i < n / 4; i++)
            if (!(i & step)) {
                const four a = v[i], b = v[i + step];
                v[i] = a + b;
                v[i + step] = a - b;
            }
    memcpy(x, v, (size_t)n * sizeof *x);
}

void sl_contributions_rotate(float *x, int dim)
{
    const int n = mixed(dim);
    const float factor = 1 / sqrtf((float)n);
    for (int block = 0; n == MOST_MIXED && block < dim; block += n)
        mix_block(x + block, MOST_MIXED); /* known to the compiler, which keeps them in registers */
    for (int block = 0; n >= 4 && n < MOST_MIXED && block < dim; block += n)
        mix_block(x + block, n);
    for (int block = 0; n == 2 && block < dim; block += n) {
        const float a = x[block], b = x[block + 1];
        x[block] = a + b;
        x[block + 1] = a - b;
    }
    for (int i = 0; i < dim; i++)
        x[i] *= factor;
}

/* The odd level nearest to x, as its number from 0. */
static int level_of(float x)
{
    const float k = x / 2 + LEVELS / 2;
    return k < 0 ? 0 : k >= LEVELS - 1 ? LEVELS - 1 : (int)k;
}

/* From the scale that suits a normal law: levels, then the scale of least squares, a few times. */
static float best_scale(const float *x, int n)
{
    double squares = 0;
    for (int i = 0; i < n; i++)
        squares += (double)x[i] * (double)x[i];
    double scale = .1675 * sqrt(squares / n);
    if (scale < 1e-15)
        return 0;
    for (int step = 0; step < 3; step++) {
        const float factor = (float)(1 / scale);
        double products = 0, weight = 0;
        for (int i = 0; i < n; i++) {
            const double level = 2 * level_of(x[i] * factor) - (LEVELS - 1);
            products += (double)x[i] * level;
            weight += level * level;
        }
        scale = products / weight;
    }
    return (float)scale;
}

void sl_contributions_quantise(const float *y, const float *centre, int count, int dim, uint8_t *codes, float *scales)
{
    const int half = (int)sl_code_bytes(dim);
    float x[4096];
    for (int r = 0; r < count; r++, y += dim, centre += dim, codes += half) {
        for (int d = 0; d < dim; d++)
            x[d] = y[d] - centre[d];
        sl_contributions_rotate(x, dim);
        scales[r] = best_scale(x, dim);
        const float factor = scales[r] > 0 ? 1 / scales[r] : 0;
        for (int i = 0; i < half; i++) {
            int upper = i + half < dim ? level_of(x[i + half] * factor) : 0;
            codes[i] = (uint8_t)(level_of(x[i] * factor) | upper << 4);
        }
    }
}

void sl_contributions_dequantise(const uint8_t *codes, const float *scales, const float *centre, int count, int dim,
                                 float *y)
{
    const int half = (int)sl_code_bytes(dim);
    for (int r = 0; r < count; r++, y += dim, centre += dim, codes += half) {
        for (int d = 0; d < dim; d++) {
            const int number = d < half ? codes[d] & 15 : codes[d - half] >> 4;
            y[d] = scales[r] * (float)(2 * number - (LEVELS - 1));
        }
        sl_contributions_rotate(y, dim);
        for (int d = 0; d < dim; d++)
            y[d] += centre[d];
    }
}
