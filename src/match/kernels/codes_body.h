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
        vec_i32 whole = sums[i] - *(const vec_i32_at *)(group->sum + i * VEC) * CODE_BIAS;
        vec bound = __builtin_convertvector(whole, vec) * (load(group->factor + i * VEC) * q->factor) +
                    (load(group->loss + i * VEC) * q->norm + slack);
        reaches[i] = bound >= all(least);
    }
    return signs_of(reaches);
}

ALWAYS_INLINE void survivors_tile(const sl_scan_codes *codes, size_t first, const sl_code_query *queries,
                                  const float *least, uint16_t *mask, const int groups, const int n_queries)
{
    quads16 sum[SL_SCAN_GROUPS][SL_SCAN_QUERIES];
    memset(sum, 0, sizeof sum);
    const uint8_t *rows = (const uint8_t *)(sl_code_group_at(codes, first) + 1);
    for (int k = 0; k < codes->quads; k++, rows += 4 * SL_CODE_ROWS)
#pragma GCC unroll 4
        for (int g = 0; g < groups; g++)
#pragma GCC unroll 4
            for (int q = 0; q < n_queries; q++)
                sum[g][q] = add_quads(sum[g][q], rows + g * codes->stride, queries[q].codes[k]);
    for (int q = 0; q < n_queries; q++) {
        const float slack = sl_code_slack(codes, &queries[q]);
#pragma GCC unroll 4
        for (int g = 0; g < groups; g++)
            mask[q * SL_SCAN_GROUPS + g] =
                survivors_of(sl_code_group_at(codes, first + (size_t)g), sum[g][q], &queries[q], slack, least[q]);
    }
}

static void survivors(const sl_scan_codes *codes, size_t first, int groups, const sl_code_query *queries,
                      int n_queries, const float *least, uint16_t *mask)
{
    int g = 0;
    if (n_queries == SL_SCAN_QUERIES) {
        for (; g + GROUPS_AT_ONCE <= groups; g += GROUPS_AT_ONCE)
            survivors_tile(codes, first + (size_t)g, queries, least, mask + g, GROUPS_AT_ONCE, SL_SCAN_QUERIES);
        for (; g < groups; g++)
            survivors_tile(codes, first + (size_t)g, queries, least, mask + g, 1, SL_SCAN_QUERIES);
        return;
    }
    for (int q = 0; q < n_queries; q++, mask += SL_SCAN_GROUPS) {
        for (g = 0; g + SINGLE_GROUPS <= groups; g += SINGLE_GROUPS)
            survivors_tile(codes, first + (size_t)g, queries + q, least + q, mask + g, SINGLE_GROUPS, 1);
        for (; g < groups; g++)
            survivors_tile(codes, first + (size_t)g, queries + q, least + q, mask + g, 1, 1);
    }
}
