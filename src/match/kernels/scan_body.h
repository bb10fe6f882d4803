/* The inner products of stage 1: one source for every instruction set. Each product is LANES partial sums
 * over the dimensions in order, added up at the end, however rows and queries are grouped: the same bits
 * whatever the grouping and the instruction set. */
#include "match/kernels/match_kernels.h"
#include "match/kernels/lanes.h"

/* sum[row, query] over dimensions that fill vectors, of `rows` rows and `queries` queries at once, so that what is
 * loaded is used several times; the number of dimensions that are done. */
ALWAYS_INLINE int whole_vectors(const float *row, size_t stride, int dim, const float *query, int dim_padded,
                                lanes *sum, const int rows, const int queries)
{
    int d = 0;
    for (; d + LANES <= dim; d += LANES)
#pragma GCC unroll 16
        for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
            for (int q = 0; q < queries; q++)
                add_products(&sum[i * queries + q], row + i * stride + d, query + (size_t)q * dim_padded + d);
    return d;
}

ALWAYS_INLINE void scan_tile(const float *row, size_t stride, int dim, const float *query, int dim_padded,
                             float *out, size_t out_stride, const int rows, const int queries)
{
    lanes sum[ROW_GROUP] = {{{{0}}}}; /* [rows, queries] */
    int d = 0;
    if (queries > 1)
        d = whole_vectors(row, stride, dim, query, dim_padded, sum, rows, queries);
    else /* memory is the limit, and it is read fastest in its own order */
        for (int i = 0; i < rows; i++)
            d = whole_vectors(row + i * stride, stride, dim, query, dim_padded, sum + i, 1, 1);
    if (d < dim) { /* the row ends inside a vector */
#pragma GCC unroll 16
        for (int i = 0; i < rows; i++) {
            float rest[LANES] = {0};
            memcpy(rest, row + i * stride + d, (size_t)(dim - d) * sizeof *rest);
#pragma GCC unroll 4
            for (int q = 0; q < queries; q++)
                add_products(&sum[i * queries + q], rest, query + (size_t)q * dim_padded + d);
        }
    }
    float total[ROW_GROUP];
    sums_of(sum, total);
    for (int i = 0; i < rows; i++)
        for (int q = 0; q < queries; q++)
            out[q * out_stride + i] = total[i * queries + q];
}

/* Rows that go with all queries, and with one: as many sums as are added up together. */
enum { ROWS_AT_ONCE = ROW_GROUP / SL_SCAN_QUERIES, SINGLE_ROWS = ROW_GROUP };

static void scan_products(const float *rows, size_t stride, size_t count, int dim, const float *queries,
                          int n_queries, int dim_padded, float *out, size_t out_stride)
{
    size_t i = 0;
    if (n_queries == SL_SCAN_QUERIES) {
        for (; i + ROWS_AT_ONCE <= count; i += ROWS_AT_ONCE)
            scan_tile(rows + i * stride, stride, dim, queries, dim_padded, out + i, out_stride, ROWS_AT_ONCE,
                      SL_SCAN_QUERIES);
        for (; i < count; i++)
            scan_tile(rows + i * stride, stride, dim, queries, dim_padded, out + i, out_stride, 1,
                      SL_SCAN_QUERIES);
        return;
    }
    for (int q = 0; q < n_queries; q++, queries += dim_padded, out += out_stride) {
        for (i = 0; i + SINGLE_ROWS <= count; i += SINGLE_ROWS)
            scan_tile(rows + i * stride, stride, dim, queries, dim_padded, out + i, out_stride, SINGLE_ROWS, 1);
        for (; i < count; i++)
            scan_tile(rows + i * stride, stride, dim, queries, dim_padded, out + i, out_stride, 1, 1);
    }
}

#define SCAN_TABLE(isa)                                                                                           \
    const sl_scan_kernels sl_scan_kernels_##isa = {                                                               \
        .name = #isa, .products = scan_products, .survivors = survivors, .code_bias = CODE_BIAS}
