/* Loops over rows of floats that sum on their way, compiled once for each instruction set (row_sums_body.h). Sums are
 * of SL_ROW_LANES lanes, which are added in one order, so all variants compute the same values. x and y may be the same
 * memory, gy and gx too. */
#ifndef SL_NET_ROWS_H
#define SL_NET_ROWS_H

#include <stdbool.h>
#include <stdint.h>

enum { SL_ROW_LANES = 16 };

/* A window over planes [in[0], in[1], width] of channels side by side. */
typedef struct {
    int64_t in[2], out[2], kernel[2], stride[2], dilation[2], pad[4], width;
    bool max, count_pad;
} sl_row_window;

typedef struct {
    float (*sum)(const float *x, int64_t n);
    /* sums[width] += x [rows, step]'s first `width` columns; rows: a few hundred at most, they are added as floats */
    void (*add_rows)(const float *x, int64_t rows, int64_t width, int64_t step, double *sums);
    /* GELU by erf, to 4e-7 max(1, |x|), and its slope, to 4e-7, times gy */
    void (*gelu)(const float *x, float *y, int64_t n);
    void (*gelu_back)(const float *x, const float *gy, float *gx, int64_t n);
    /* GELU of bf16 numbers, to 2e-4 max(1, |x|) and bf16's rounding; y may be x */
    void (*gelu_bf16)(const uint16_t *x, uint16_t *y, int64_t n);
    void (*softmax)(const float *x, float *y, int64_t n);
    void (*softmax_back)(const float *y, const float *gy, float *gx, int64_t n);
    void (*l2norm_back)(const float *x, const float *gy, float *gx, int64_t n, float least);
    void (*layernorm)(const float *x, const float *scale, const float *bias, float *y, int64_t rows, int64_t n,
                      float epsilon); /* of each row */
    /* gscale, gbias [n] += the row's */
    void (*layernorm_back)(const float *x, const float *scale, const float *gy, float *gx, float *gscale, float *gbias,
                           int64_t n, float epsilon);
    /* gx, zeros before, of one plane; x: NULL for averages */
    void (*pool_back)(const sl_row_window *w, const float *x, const float *gy, float *gx);
} sl_row_loops;

extern const sl_row_loops sl_row_loops_scalar, sl_row_loops_avx2, sl_row_loops_avx512, sl_row_loops_neon;

/* Those of the instruction set in force. */
const sl_row_loops *sl_row_loops_active(void);

#endif
