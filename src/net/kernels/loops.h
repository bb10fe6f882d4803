/* Plain loops over floats, compiled once for each instruction set (loops_body.h); all variants compute the
 * same values, operation for operation. x and y may be the same memory, gy
 * and gx too. */
#ifndef SL_NET_LOOPS_H
#define SL_NET_LOOPS_H

#include <stdbool.h>
#include <stdint.h>

#include "net/graph.h"

typedef struct {
    /* y[i] = fn(x[i]); the functions sl_has_unary_loop names. */
    void (*unary)(const sl_attr *attr, const float *x, float *y, int64_t n);
    /* y[i] = fn(a[i * a_step], b[i * b_step]); steps are 0 or 1. Not for pow. */
    void (*binary)(sl_fn fn, const float *a, int64_t a_step, const float *b, int64_t b_step, float *y, int64_t n);
    /* x, y [rows, width]; slope, scale, shift [width] */
    void (*prelu_rows)(const float *x, const float *slope, float *y, int64_t rows, int64_t width);
    void (*affine_rows)(const float *x, const float *scale, const float *shift, float *y, int64_t rows,
                        int64_t width);
    /* y[i] = x[i] * scale + shift */
    void (*affine)(const float *x, float scale, float shift, float *y, int64_t n);
    /* gx[i] = slope of fn at x[i], times gy[i]; the functions sl_has_slope_loop names. */
    void (*unary_back)(const sl_attr *attr, const float *x, const float *gy, float *gx, int64_t n);
    /* PReLU backwards: gx as gy or slope times it; sums [width] += what the slopes get. */
    void (*prelu_back_rows)(const float *x, const float *slope, const float *gy, float *gx, float *sums, int64_t rows,
                            int64_t width);
} sl_loops;

extern const sl_loops sl_loops_scalar, sl_loops_avx2, sl_loops_avx512, sl_loops_neon;

/* Those of the instruction set in force. */
const sl_loops *sl_loops_active(void);

bool sl_has_unary_loop(sl_fn fn);
bool sl_has_slope_loop(sl_fn fn);

#endif
