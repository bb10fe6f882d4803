/* Bounds of sixteen rows at once from their codes. The file that includes this has made
 *     quads16              sixteen 32-bit sums
 *     CODE_BIAS            what its queries' codes have on top
 *     quads16 add_quads(quads16 sum, const uint8_t *rows, uint32_t query)
 *                          sum i += the products of rows[4 i .. 4 i + 3] with the query's four codes
 *     uint16_t signs_of(const vec_i32 x[16 / VEC])
 *                          bit i: number i of the sixteen is negative
 * Sums are whole numbers, so bounds are the same everywhere. */

/* The rows whose bound is at least `least`. */
ALWAYS_INLINE uint16_t survivors_of(const sl_code_group *group, quads16 product, const sl_code_query *q, float slack,
                                   float least)
{
    vec_i32 sums[VECS], reaches[VECS];
    memcpy(sums, &product, sizeof sums);
#pragma GCC unroll 4
    for (int i = 0; i < VECS; i++) {
        vec_u32 bias = (vec_u32)*(const vec_i32_at *)(group->sum + i * VEC) * (uint32_t)CODE_BIAS;
        vec_i32 whole = (vec_i32)((vec_u32)sums[i] - bias); /* a damaged group's sum may be any number */
        vec bound = __builtin_convertvector(whole, vec) * (load(group->factor + i * VEC) * q->factor) +
                    (load(group->loss + i * VEC) * q->norm + slack);
        reaches[i] = bound >= all(least);
    }
    return signs_of(reaches);
}

/* Into the second cache, as a page would take a good part of the first. */
ALWAYS_INLINE void fetch(const void *at, ptrdiff_t ahead)
{
    __builtin_prefetch((const char *)at + ahead, 0, 2);
}

/* One group by `n_queries` queries: its codes are read once, in their order in memory. */
ALWAYS_INLINE void survivors_of_group(const sl_scan_codes *codes, size_t at, const sl_code_query *queries,
                                      const float *least, uint16_t *mask, const int n_queries)
{
    const sl_code_group *group = sl_code_group_at(codes, at);
    const uint8_t *rows = (const uint8_t *)(group + 1);
    quads16 sum[SL_SCAN_QUERIES];
#pragma GCC unroll 4
    for (int q = 0; q < n_queries; q++)
        sum[q] = (quads16){0};
    for (size_t i = 0; i < sizeof *group; i += 64)
        fetch((const char *)group + i, codes->ahead);
    for (int k = 0; k < codes->quads; k++, rows += 4 * SL_CODE_ROWS) {
        fetch(rows, codes->ahead);
#pragma GCC unroll 4
        for (int q = 0; q < n_queries; q++)
            sum[q] = add_quads(sum[q], rows, queries[q].codes[k]);
    }
#pragma GCC unroll 4
    for (int q = 0; q < n_queries; q++)
        mask[q * SL_SCAN_GROUPS] =
            survivors_of(group, sum[q], &queries[q], sl_code_slack(codes, &queries[q]), least[q]);
}

static void survivors(const sl_scan_codes *codes, size_t first, int groups, const sl_code_query *queries,
                      int n_queries, const float *least, uint16_t *mask)
{
    for (int g = 0; g < groups; g++)
        if (n_queries == SL_SCAN_QUERIES)
            survivors_of_group(codes, first + (size_t)g, queries, least, mask + g, SL_SCAN_QUERIES);
        else
            for (int q = 0; q < n_queries; q++)
                survivors_of_group(codes, first + (size_t)g, queries + q, least + q, mask + q * SL_SCAN_GROUPS + g, 1);
}
