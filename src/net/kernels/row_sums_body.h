/* The loops over rows, for a file that defines ROWS(name): written so that the compiler vectorises them. */
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "net/kernels/row_sums.h"

enum {
    LANES = SL_ROW_LANES,
    FEW = 8 /* rows that are normalised step by step: while one waits for its sum, the next goes on */
};

#define INLINE static inline __attribute__((always_inline))
#define SIMD _Pragma("omp simd")

/* ---- functions of one number ---- */

/* e^x for x <= 0, to 2 units in the last place; 0 below -87. */
INLINE float ROWS(exp)(float x)
{
    const float shift = 12582912.0f; /* 1.5 * 2^23: adding it rounds to an integer */
    float clipped = x < -87 ? -87 : x, k = clipped * 1.44269504f + shift;
    union {
        float f;
        uint32_t u;
    } scale = {.f = k};
    k -= shift;
    float r = clipped - k * 0.693359375f + k * 2.12194440e-4f;
    float y = 1.98756915e-4f;
    y = y * r + 1.39819995e-3f;
    y = y * r + 8.33345192e-3f;
    y = y * r + 4.16657959e-2f;
    y = y * r + 1.66666655e-1f;
    y = y * r + 5.00000012e-1f;
    y = y * r * r + r + 1;
    scale.u = (scale.u + 127) << 23;
    y *= scale.f;
    return x < -87 ? 0 : y;
}

/* How much of the normal distribution lies below x, after Abramowitz and Stegun 7.1.26; *bell: e^(-x^2 / 2). */
INLINE float ROWS(normal_below)(float x, float *bell)
{
    float size = x < 0 ? -x : x, z = size * 0.707106781f, t = 1 / (1 + 0.3275911f * z);
    float y = 1.061405429f;
    y = y * t - 1.453152027f;
    y = y * t + 1.421413741f;
    y = y * t - 0.284496736f;
    y = y * t + 0.254829592f;
    *bell = ROWS(exp)(-z * z);
    float above = 0.5f * y * t * *bell;
    return x < 0 ? above : 1 - above;
}

static void ROWS(gelu)(const float *x, float *y, int64_t n)
{
    SIMD
    for (int64_t i = 0; i < n; i++) {
        float bell, v = x[i];
        y[i] = v * ROWS(normal_below)(v, &bell);
    }
}

static void ROWS(gelu_back)(const float *x, const float *gy, float *gx, int64_t n)
{
    SIMD
    for (int64_t i = 0; i < n; i++) {
        float bell, v = x[i], below = ROWS(normal_below)(v, &bell);
        gx[i] = gy[i] * (below + v * bell * 0.398942280f);
    }
}

/* bf16 is the upper half of a float. GELU's own error is a polynomial's, below bf16's: for |x| <= 4 how much lies below
 * x is 1/2 + x P(x^2), with P's values chosen so that the largest error of x times that is least (Lawson's weights on
 * least squares) and P(16) = 1/8. Beyond, it is 0 or 1. Rounded to nearest, halves away from zero. */
static void ROWS(gelu_bf16)(const uint16_t *x, uint16_t *y, int64_t n)
{
    SIMD
    for (int64_t i = 0; i < n; i++) {
        union {
            uint32_t u;
            float f;
        } v = {(uint32_t)x[i] << 16};
        float c = v.f < -4 ? -4 : v.f;
        c = c > 4 ? 4 : c;
        const float square = c * c;
        float p = 2.2588193e-8f;
        p = fmaf(p, square, -1.5888263e-6f);
        p = fmaf(p, square, 4.776387e-5f);
        p = fmaf(p, square, -8.121873e-4f);
        p = fmaf(p, square, 8.7636905e-3f);
        p = fmaf(p, square, -6.455441e-2f);
        p = fmaf(p, square, 3.9787027e-1f);
        v.f *= fmaf(p, c, 0.5f);
        y[i] = (uint16_t)((v.u + 0x8000) >> 16);
    }
}

/* ---- sums ---- */

INLINE float ROWS(total)(const float lanes[LANES])
{
    float half[LANES];
    for (int i = 0; i < LANES; i++)
        half[i] = lanes[i];
    for (int n = LANES / 2; n > 0; n /= 2)
        for (int i = 0; i < n; i++)
            half[i] += half[i + n];
    return half[0];
}

/* The sum over i of `expression`, made in lanes; what is behind the last whole row of lanes goes into the first
 * ones. */
#define SUM_OF(result, n, expression)                                                                             \
    do {                                                                                                          \
        float lanes_[LANES] = {0};                                                                                \
        int64_t whole_ = (n) / LANES * LANES;                                                                     \
        for (int64_t at_ = 0; at_ < whole_; at_ += LANES) {                                                       \
            SIMD                                                                                                  \
            for (int lane_ = 0; lane_ < LANES; lane_++) {                                                         \
                int64_t i = at_ + lane_;                                                                          \
                lanes_[lane_] += (expression);                                                                    \
            }                                                                                                     \
        }                                                                                                         \
        for (int64_t i = whole_; i < (n); i++)                                                                    \
            lanes_[i - whole_] += (expression);                                                                   \
        (result) = ROWS(total)(lanes_);                                                                           \
    } while (0)

static float ROWS(sum)(const float *x, int64_t n)
{
    float sum;
    SUM_OF(sum, n, x[i]);
    return sum;
}

/* Blocks of columns: their sums stay in registers. */
static void ROWS(add_rows)(const float *x, int64_t rows, int64_t width, int64_t step, double *sums)
{
    enum { COLUMNS = 4 * LANES };
    int64_t c = 0;
    for (; c + COLUMNS <= width; c += COLUMNS) {
        float part[COLUMNS] = {0};
        for (int64_t r = 0; r < rows; r++) {
            const float *row = x + r * step + c;
            SIMD
            for (int i = 0; i < COLUMNS; i++)
                part[i] += row[i];
        }
        for (int i = 0; i < COLUMNS; i++)
            sums[c + i] += part[i];
    }
    for (; c < width; c++) {
        float part = 0;
        for (int64_t r = 0; r < rows; r++)
            part += x[r * step + c];
        sums[c] += part;
    }
}

/* ---- softmax and norms ---- */

static float ROWS(largest)(const float *x, int64_t n)
{
    float lanes[LANES];
    for (int i = 0; i < LANES; i++)
        lanes[i] = x[i < n ? i : 0];
    for (int64_t at = LANES; at + LANES <= n; at += LANES) {
        SIMD
        for (int i = 0; i < LANES; i++)
            lanes[i] = x[at + i] > lanes[i] ? x[at + i] : lanes[i];
    }
    for (int64_t i = n / LANES * LANES; i < n; i++)
        lanes[0] = x[i] > lanes[0] ? x[i] : lanes[0];
    for (int i = 1; i < LANES; i++)
        lanes[0] = lanes[i] > lanes[0] ? lanes[i] : lanes[0];
    return lanes[0];
}

static void ROWS(softmax)(const float *x, float *y, int64_t n)
{
    float sum;
    const float largest = ROWS(largest)(x, n);
    SIMD
    for (int64_t i = 0; i < n; i++)
        y[i] = ROWS(exp)(x[i] - largest);
    SUM_OF(sum, n, y[i]);
    SIMD
    for (int64_t i = 0; i < n; i++)
        y[i] /= sum;
}

static void ROWS(softmax_back)(const float *y, const float *gy, float *gx, int64_t n)
{
    float sum;
    SUM_OF(sum, n, y[i] * gy[i]);
    SIMD
    for (int64_t i = 0; i < n; i++)
        gx[i] = y[i] * (gy[i] - sum);
}

static void ROWS(l2norm_back)(const float *x, const float *gy, float *gx, int64_t n, float least)
{
    float squares, sum;
    SUM_OF(squares, n, x[i] * x[i]);
    SUM_OF(sum, n, x[i] * gy[i]);
    float norm = sqrtf(squares), along = norm > least ? sum / squares : 0;
    norm = norm > least ? norm : least;
    SIMD
    for (int64_t i = 0; i < n; i++)
        gx[i] = (gy[i] - x[i] * along) / norm;
}

INLINE float ROWS(mean)(const float *x, int64_t n)
{
    float sum;
    SUM_OF(sum, n, x[i]);
    return sum / (float)n;
}

/* One over the row's deviation. */
INLINE float ROWS(narrow)(const float *x, int64_t n, float mean, float epsilon)
{
    float squares;
    SUM_OF(squares, n, (x[i] - mean) * (x[i] - mean));
    return 1 / sqrtf(squares / (float)n + epsilon);
}

static void ROWS(layernorm)(const float *x, const float *scale, const float *bias, float *y, int64_t rows, int64_t n,
                            float epsilon)
{
    float mean[FEW], narrow[FEW];
    for (int64_t from = 0; from < rows; from += FEW, x += FEW * n, y += FEW * n) {
        const int64_t few = rows - from < FEW ? rows - from : FEW;
        for (int64_t r = 0; r < few; r++)
            mean[r] = ROWS(mean)(x + r * n, n);
        for (int64_t r = 0; r < few; r++)
            narrow[r] = ROWS(narrow)(x + r * n, n, mean[r], epsilon);
        for (int64_t r = 0; r < few; r++) {
            const float *row = x + r * n;
            float *out = y + r * n;
            SIMD
            for (int64_t i = 0; i < n; i++)
                out[i] = (row[i] - mean[r]) * narrow[r] * scale[i] + bias[i];
        }
    }
}

static void ROWS(layernorm_back)(const float *x, const float *scale, const float *gy, float *gx, float *gscale,
                                 float *gbias, int64_t n, float epsilon)
{
    float sum, along;
    const float mean = ROWS(mean)(x, n), narrow = ROWS(narrow)(x, n, mean, epsilon);
    SUM_OF(sum, n, gy[i] * scale[i]);
    SUM_OF(along, n, gy[i] * scale[i] * ((x[i] - mean) * narrow));
    const float average = sum / (float)n, share = along / (float)n;
    SIMD
    for (int64_t i = 0; i < n; i++) {
        float normal = (x[i] - mean) * narrow, g = gy[i];
        gscale[i] += g * normal;
        gbias[i] += g;
        gx[i] = narrow * (g * scale[i] - average - normal * share);
    }
}

/* ---- pooling ---- */

enum { LARGEST_WINDOW = 64 };

/* Where the cells of a window are in the plane, those of the picture; *counted: those an average counts. */
static inline int ROWS(cells)(const sl_row_window *w, int64_t oy, int64_t ox, int64_t cells[LARGEST_WINDOW],
                              int *counted)
{
    int count = 0;
    *counted = 0;
    for (int64_t ky = 0; ky < w->kernel[0]; ky++)
        for (int64_t kx = 0; kx < w->kernel[1]; kx++) {
            int64_t y = oy * w->stride[0] - w->pad[0] + ky * w->dilation[0];
            int64_t x = ox * w->stride[1] - w->pad[1] + kx * w->dilation[1];
            if (y >= w->in[0] + w->pad[2] || x >= w->in[1] + w->pad[3])
                continue;
            bool inside = y >= 0 && y < w->in[0] && x >= 0 && x < w->in[1];
            *counted += inside || w->count_pad;
            if (inside)
                cells[count++] = (y * w->in[1] + x) * w->width;
        }
    return count;
}

/* The first of the largest takes all of it; LANES channels at most. */
INLINE void ROWS(max_cells)(const int64_t *cells, int count, const float *x, const float *gy, float *gx, int lanes)
{
    float largest[LANES];
    int32_t at[LANES];
    for (int c = 0; c < lanes; c++) {
        largest[c] = x[cells[0] + c];
        at[c] = 0;
    }
    for (int k = 1; k < count; k++) {
        const float *cell = x + cells[k];
        SIMD
        for (int c = 0; c < lanes; c++) {
            float v = cell[c];
            bool more = v != v || v > largest[c];
            largest[c] = more ? v : largest[c];
            at[c] = more ? k : at[c];
        }
    }
    for (int k = 0; k < count; k++) {
        float *cell = gx + cells[k];
        SIMD
        for (int c = 0; c < lanes; c++)
            cell[c] += at[c] == k ? gy[c] : 0;
    }
}

static void ROWS(pool_back)(const sl_row_window *w, const float *x, const float *gy, float *gx)
{
    int64_t cells[LARGEST_WINDOW];
    int counted;
    for (int64_t oy = 0; oy < w->out[0]; oy++)
        for (int64_t ox = 0; ox < w->out[1]; ox++, gy += w->width) {
            int count = ROWS(cells)(w, oy, ox, cells, &counted);
            int64_t c = 0;
            for (int k = 0; k < count && !w->max; k++) {
                SIMD
                for (int64_t i = 0; i < w->width; i++)
                    gx[cells[k] + i] += gy[i] / (float)counted;
            }
            for (; c + LANES <= w->width && w->max && count; c += LANES)
                ROWS(max_cells)(cells, count, x + c, gy + c, gx + c, LANES);
            if (c < w->width && w->max && count)
                ROWS(max_cells)(cells, count, x + c, gy + c, gx + c, (int)(w->width - c));
        }
}

#define ROWS_TABLE                                                                                                \
    {                                                                                                             \
        ROWS(sum), ROWS(add_rows), ROWS(gelu), ROWS(gelu_back), ROWS(gelu_bf16), ROWS(softmax),                   \
        ROWS(softmax_back), ROWS(l2norm_back), ROWS(layernorm), ROWS(layernorm_back), ROWS(pool_back)             \
    }
