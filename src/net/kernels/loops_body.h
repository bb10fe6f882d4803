/* The loops, for a file that defines LOOPS(name): written so that the compiler vectorises them. NaN passes
 * through: comparisons keep x when it is not ordered. */
#include <math.h>

#include "net/kernels/loops.h"

/* Outputs are written where nothing but the same element is read. */
#define SAME_PLACE _Pragma("omp simd")

/* Both sides computed: no branch. */
static inline float leaky(float v, float below)
{
    return v < 0 ? below : v;
}

#define EACH(expression)                                                                                          \
    SAME_PLACE                                                                                                    \
    for (int64_t i = 0; i < n; i++) {                                                                             \
        float v = x[i];                                                                                           \
        y[i] = (expression);                                                                                      \
    }                                                                                                             \
    break

static void LOOPS(unary)(const sl_attr *attr, const float *x, float *y, int64_t n)
{
    const float a = attr->a, b = attr->b;
    switch (attr->fn) {
    case SL_FN_RELU: EACH(v < 0 ? 0 : v);
    case SL_FN_LEAKY_RELU: EACH(leaky(v, v * a));
    case SL_FN_CLIP: EACH(v < a ? a : v > b ? b : v);
    case SL_FN_ABS: EACH(fabsf(v));
    case SL_FN_NEG: EACH(-v);
    case SL_FN_SQRT: EACH(sqrtf(v));
    case SL_FN_RECIPROCAL: EACH(1 / v);
    default: break;
    }
}
#undef EACH

#define EACH(expression)                                                                                          \
    SAME_PLACE                                                                                                    \
    for (int64_t i = 0; i < n; i++) {                                                                             \
        float p = a[i * a_step], q = b[i * b_step];                                                               \
        y[i] = (expression);                                                                                      \
    }                                                                                                             \
    break

/* Steps are constants after inlining, so that each case becomes its own vector loop. */
static inline __attribute__((always_inline)) void
LOOPS(stepped)(sl_fn fn, const float *a, int64_t a_step, const float *b, int64_t b_step, float *y, int64_t n)
{
    switch (fn) {
    case SL_FN_ADD: EACH(p + q);
    case SL_FN_SUB: EACH(p - q);
    case SL_FN_MUL: EACH(p * q);
    case SL_FN_DIV: EACH(p / q);
    case SL_FN_MAX: EACH(p != p || p > q ? p : q);
    case SL_FN_MIN: EACH(p != p || p < q ? p : q);
    default: break;
    }
}
#undef EACH

static void LOOPS(binary)(sl_fn fn, const float *a, int64_t a_step, const float *b, int64_t b_step, float *y,
                          int64_t n)
{
    if (a_step && b_step)
        LOOPS(stepped)(fn, a, 1, b, 1, y, n);
    else if (a_step)
        LOOPS(stepped)(fn, a, 1, b, 0, y, n);
    else
        LOOPS(stepped)(fn, a, 0, b, b_step, y, n);
}

/* Rows of one or two vectors: with the width known, the numbers per channel stay in registers. */
static inline __attribute__((always_inline)) void LOOPS(prelu_width)(const float *x, const float *slope, float *y,
                                                                     int64_t rows, int64_t width)
{
    for (int64_t r = 0; r < rows; r++, x += width, y += width) {
        SAME_PLACE
        for (int64_t c = 0; c < width; c++) {
            float v = x[c], below = v * slope[c]; /* both computed: no branch */
            y[c] = v >= 0 ? v : below;
        }
    }
}

static void LOOPS(prelu_rows)(const float *x, const float *slope, float *y, int64_t rows, int64_t width)
{
    float own[16];
    if (width != 8 && width != 16) {
        LOOPS(prelu_width)(x, slope, y, rows, width);
        return;
    }
    for (int64_t c = 0; c < width; c++)
        own[c] = slope[c];
    if (width == 8)
        LOOPS(prelu_width)(x, own, y, rows, 8);
    else
        LOOPS(prelu_width)(x, own, y, rows, 16);
}

static void LOOPS(affine_rows)(const float *x, const float *scale, const float *shift, float *y, int64_t rows,
                               int64_t width)
{
    for (int64_t r = 0; r < rows; r++, x += width, y += width) {
        SAME_PLACE
        for (int64_t c = 0; c < width; c++)
            y[c] = x[c] * scale[c] + shift[c];
    }
}

static void LOOPS(affine)(const float *x, float scale, float shift, float *y, int64_t n)
{
    SAME_PLACE
    for (int64_t i = 0; i < n; i++)
        y[i] = x[i] * scale + shift;
}

/* ---- backwards ---- */

static void LOOPS(unary_back)(const sl_attr *attr, const float *x, const float *gy, float *gx, int64_t n)
{
    const float low = attr->a, high = attr->b, slope = attr->fn == SL_FN_RELU ? 0 : attr->a;
    if (attr->fn == SL_FN_CLIP) {
        SAME_PLACE
        for (int64_t i = 0; i < n; i++) {
            float v = x[i], g = gy[i];
            gx[i] = v > low && v < high ? g : 0;
        }
        return;
    }
    SAME_PLACE
    for (int64_t i = 0; i < n; i++) {
        float v = x[i], g = gy[i], other = g * slope;
        gx[i] = v > 0 ? g : other;
    }
}

static inline __attribute__((always_inline)) void LOOPS(prelu_back_width)(const float *x, const float *slope,
                                                                          const float *gy, float *gx, float *sums,
                                                                          int64_t rows, int64_t width)
{
    for (int64_t r = 0; r < rows; r++, x += width, gy += width, gx += width) {
        SAME_PLACE
        for (int64_t c = 0; c < width; c++) {
            float v = x[c], g = gy[c], below = g * slope[c], lost = v * g;
            gx[c] = v >= 0 ? g : below;
            sums[c] += v < 0 ? lost : 0;
        }
    }
}

static void LOOPS(prelu_back_rows)(const float *x, const float *slope, const float *gy, float *gx, float *sums,
                                   int64_t rows, int64_t width)
{
    float own[16], sum[16];
    if (width != 8 && width != 16) {
        LOOPS(prelu_back_width)(x, slope, gy, gx, sums, rows, width);
        return;
    }
    for (int64_t c = 0; c < width; c++) {
        own[c] = slope[c];
        sum[c] = sums[c];
    }
    if (width == 8)
        LOOPS(prelu_back_width)(x, own, gy, gx, sum, rows, 8);
    else
        LOOPS(prelu_back_width)(x, own, gy, gx, sum, rows, 16);
    for (int64_t c = 0; c < width; c++)
        sums[c] = sum[c];
}

#define LOOPS_TABLE                                                                                               \
    {                                                                                                             \
        LOOPS(unary), LOOPS(binary), LOOPS(prelu_rows), LOOPS(affine_rows), LOOPS(affine),                       \
        LOOPS(unary_back), LOOPS(prelu_back_rows)                                                                 \
    }
