/* The tables of kernels, one per instruction set. All matrices are [rows, stride] with stride a multiple
 * of LANES; R is the number of patches, C of channels.
 *
 * The int8 product of two patches is an exact integer on every instruction set, and everything after it is
 * written in lanes.h, so int8 scores have the same bits everywhere. The f32 product runs over the channels
 * in order: one fused multiply-add each with AVX2, AVX-512 and NEON (equal bits), a product and a sum in scalar.
 *
 * bf16 is f32 with rows rounded to 8 bits of mantissa: they lie as floats and go through the f32 product, but where
 * there is AVX-512 with BF16 they lie in 16 bits and vdpbf16ps adds two channels at a time. */
#ifndef SL_MATCH_MATCH_KERNELS_H
#define SL_MATCH_MATCH_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "match/kernels/match_isa.h"
#include "match/kernels/set_shape.h"
#include "match/stage1/codes.h"

enum {
    SL_ROW_TILE = 6, /* candidate rows are computed in sixes, the last ones in fours or twos */
};

/* A face's sketch (match/patch/sketch.h), a view. */
typedef struct {
    sl_patch_set codes;  /* [R, SL_SKETCH_DIM - 1] t^, with the shares of APC */
    float *along, *rest; /* [stride] a and |rest| of every patch, 0 behind R */
    struct sl_sketch_whole {
        float loss, length;        /* the largest |t - t^|, and |t| or |t^|, of all patches */
        float mix_along, mix_rest; /* a and |rest| of the mix by shares, sum of share * x */
    } *whole;
} sl_sketch;

typedef struct {
    const float *u, *v; /* [stride] marginals of candidate and query, 0 behind R */
    float *K;           /* [stride, stride] */
    float *r, *c;       /* [stride] out: T = diag(r) K diag(c) */
    float *changes;     /* [rule's max_iterations] out: the sum of |r - r_old| of each; NULL: not wanted */
    int patches, stride;
} sl_sinkhorn_work;

typedef struct {
    double error;       /* sum of |x * product - marginal| of the x before */
    double least, most; /* of the new x whose marginal is not 0, and of 1; NaN counts in neither */
} sl_rescaling;

typedef struct {
    const char *name;

    /* Panels: the query's patches as columns, in blocks of columns that suit the registers. */
    size_t (*panel_bytes)(const sl_match_layout *layout);
    void (*pack_panel)(const sl_patch_set *query, void *panel);

    /* S [row_count of the candidate, stride of the query]: similarity of every candidate row (patches, then pooled
     * rows) with every query patch; both have the same channels and precision, not always as many patches. Columns
     * behind R are 0. `next` is where the rows of the candidate lie that comes after, as far apart as these; they are
     * fetched on the way (NULL: there is none). */
    void (*similarities)(const sl_patch_set *query, const sl_patch_set *candidate, const void *next, float *S);

    /* out [R]: inner products of the set's patches with the partner's pooled vector. */
    void (*pooled_products)(const sl_patch_set *set, const sl_patch_set *partner, float *out);

    /* y [stride] = M x and y = M' x, of M's first `patches` rows. M [stride, stride]: what lies behind those rows may
     * be anything, and so are the y behind them; x is 0 behind R. */
    void (*rows_product)(const float *M, const float *x, int patches, int stride, float *y);
    void (*columns_product)(const float *M, const float *x, int patches, int stride, float *y);

    /* y [n] = M x and y [stride] = M' x in double; M [n, stride], stride a multiple of 8, is 0 behind its columns, and
     * so is x [stride]; all are 64-byte aligned. */
    void (*rows_product_f64)(const double *M, const double *x, int n, int stride, double *y);
    void (*columns_product_f64)(const double *M, const double *x, int n, int stride, double *y);

    /* out [n] = exp((S - 1 + add + g) / eps) of one row: S, g [n]; the argument at most 700, finite in any case. */
    void (*exp_row_f64)(const float *S, double add, const double *g, double eps, int n, double *out);

    /* x = marginal / product, 0 where the marginal is. */
    sl_rescaling (*rescale_f64)(const double *marginal, const double *product, int stride, double *x);

    /* w = [w]+ / (sum of [w]+ + 1e-7), 0 behind R; false when all are 0. */
    bool (*normalise)(float *w, int patches, int stride);

    /* Largest S of every column: column [stride], which it fills whole. */
    void (*column_maxima)(const float *S, int patches, int stride, float *column);

    /* What the score of emd can be at most. weight [stride]: of the query's patches, or NULL: APC's. scratch
     * [row_count of the candidate's codes + 2, stride]. */
    float (*upper_bound)(const sl_sketch *query, const float *weight, const sl_sketch *candidate, float *scratch);

    /* The published iteration on S; returns the number of iterations and sets *score = sum T * S. */
    int (*sinkhorn)(const float *S, const sl_sinkhorn_rule *rule, const sl_sinkhorn_work *work, float *score);

    /* Preparing rows. Largest |x|, not finite when x has NaN or infinity; sum of (x * factor)^2. */
    float (*largest)(const float *x, size_t n);
    float (*sum_of_squares)(const float *x, size_t n, float factor);
    void (*scale)(const float *x, size_t n, float factor, float *out);
    /* The same rounded to bf16 (to nearest, ties to even), as floats and as their upper 16 bits. */
    void (*scale_to_bf16)(const float *x, size_t n, float factor, float *out);
    void (*pack_to_bf16)(const float *x, size_t n, float factor, uint16_t *out);
    void (*add_scaled)(const float *x, size_t n, float factor, float *sum);
    void (*add_scaled_i8)(const int8_t *x, size_t n, float factor, float *sum);
    /* Adds factor times the levels of a compact patch (sl_contributions_quantise): sum [n]. */
    void (*add_codes)(const uint8_t *codes, size_t n, float factor, float *sum);
    void (*dequantise)(const int8_t *x, size_t n, float factor, float *out);
    /* out = x * factor rounded (to nearest, ties to even); it must fit. */
    void (*quantise)(const float *x, size_t n, float factor, int8_t *out);
    void (*quantise_i16)(const float *x, size_t n, float factor, int16_t *out);
    /* n is a multiple of 64, as rows are; |x| <= 127. */
    void (*sums_i8)(const int8_t *x, size_t n, int32_t *sum, int32_t *sum_of_squares);
    /* Copies `count` rows of `channels` to rows `stride` apart, zero behind the channels already; their sums
     * [count]. */
    void (*take_rows)(const int8_t *from, int count, size_t channels, int8_t *rows, size_t stride, int32_t *sums,
                      int32_t *sums_of_squares);
} sl_emd_kernels;

extern const sl_emd_kernels sl_emd_kernels_scalar, sl_emd_kernels_avx2, sl_emd_kernels_avx512, sl_emd_kernels_neon;

/* Rows of one block against up to SL_SCAN_QUERIES queries: out [queries, count]. dim_padded is a multiple of
 * LANES; queries [n_queries, dim_padded] are zero behind dim. */
enum { SL_SCAN_QUERIES = 4, SL_SCAN_GROUPS = 4 };
typedef struct {
    const char *name;
    void (*products)(const float *rows, size_t stride, size_t count, int dim, const float *queries, int n_queries,
                     int dim_padded, float *out, size_t out_stride);

    /* Bit i of mask[q * SL_SCAN_GROUPS + g]: row i of group first + g may reach least[q] with query q, by its codes
     * (match/stage1/codes.h). At most SL_SCAN_GROUPS groups, SL_SCAN_QUERIES queries. */
    void (*survivors)(const sl_scan_codes *codes, size_t first, int groups, const sl_code_query *queries,
                      int n_queries, const float *least, uint16_t *mask);
    uint8_t code_bias; /* added to the codes of queries */
} sl_scan_kernels;

extern const sl_scan_kernels sl_scan_kernels_scalar, sl_scan_kernels_avx2, sl_scan_kernels_avx512, sl_scan_kernels_neon;

/* The table in use. */
const sl_emd_kernels *sl_emd_kernels_now(void);
const sl_scan_kernels *sl_scan_kernels_now(void);

#endif
