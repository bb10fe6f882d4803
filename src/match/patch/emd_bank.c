/* Candidates prepared once for many queries: what a server keeps in memory, and what the bench measures. */
#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"
#include "match/patch/emd_maps.h"

struct sl_emd_bank {
    sl_match_layout layout;
    sl_matcher *matcher;
    sl_patch_set *sets; /* [count] views into memory */
    uint8_t *memory;
    void *query;        /* the query's set */
    size_t count;
    bool has_embeddings;
};

static sl_status prepare(sl_emd_bank *b, const sl_patch_map *candidates, sl_error *err)
{
    size_t each = sl_patch_set_bytes(&b->layout, SL_ROLE_CANDIDATE), all;
    if (!sl_mul_size(each, b->count, &all))
        return sl_fail(err, SL_ERR_MEMORY, "no memory for %zu prepared candidates", b->count);
    b->memory = sl_alloc_aligned(all);
    b->sets = sl_calloc_aligned(b->count, sizeof *b->sets);
    b->query = sl_alloc_aligned(sl_patch_set_bytes(&b->layout, SL_ROLE_QUERY));
    if (!b->memory || !b->sets || !b->query)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for %zu prepared candidates", b->count);
    for (size_t i = 0; i < b->count; i++) {
        const sl_patch_map *c = &candidates[i];
        if (!c->patches || c->rows != b->layout.map_rows || c->cols != b->layout.map_cols ||
            c->channels != b->layout.channels || (b->has_embeddings && (!c->embedding || c->dim != b->layout.dim)))
            return sl_fail(err, SL_ERR_MISMATCH, "candidate %zu is not of the first one's size", i);
        const sl_patch_source source = sl_patch_source_of_map(c);
        sl_status status = sl_patch_set_init(&b->sets[i], &b->layout, SL_ROLE_CANDIDATE, b->memory + i * each, &source,
                                             err);
        if (status != SL_OK)
            return sl_fail_in(err, status, "candidate %zu", i);
    }
    return SL_OK;
}

sl_status sl_emd_bank_open(const sl_patch_map *candidates, size_t n, const sl_match_options *options,
                           sl_emd_bank **out, sl_error *err)
{
    *out = NULL;
    if (!candidates || n == 0)
        return sl_fail(err, SL_ERR_ARGUMENT, "a bank needs at least one candidate");
    sl_emd_bank *b = calloc(1, sizeof *b);
    if (!b)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for a bank");
    b->count = n;
    b->has_embeddings = candidates->embedding != NULL;
    sl_status status = sl_emd_maps_layout(options, candidates, &b->layout, err);
    if (status == SL_OK)
        status = prepare(b, candidates, err);
    if (status == SL_OK)
        status = sl_matcher_open(&b->layout, options ? options->threads : 0, &b->matcher, err);
    if (status != SL_OK)
        sl_emd_bank_close(b);
    else
        *out = b;
    return status;
}

void sl_emd_bank_close(sl_emd_bank *b)
{
    if (!b)
        return;
    sl_matcher_close(b->matcher);
    free(b->sets);
    free(b->memory);
    free(b->query);
    free(b);
}

sl_status sl_emd_bank_compare(sl_emd_bank *b, const sl_patch_map *query, float *scores, int *iterations, sl_error *err)
{
    if (!query || !query->patches || query->rows != b->layout.map_rows || query->cols != b->layout.map_cols ||
        query->channels != b->layout.channels ||
        (b->has_embeddings && (!query->embedding || query->dim != b->layout.dim)))
        return sl_fail(err, SL_ERR_MISMATCH, "the query is not of the bank's size");
    const sl_patch_source source = sl_patch_source_of_map(query);
    sl_patch_set set;
    sl_status status = sl_patch_set_init(&set, &b->layout, SL_ROLE_QUERY, b->query, &source, err);
    if (status != SL_OK)
        return sl_fail_in(err, status, "query");
    return sl_matcher_scores(b->matcher, &set, b->sets, b->count, scores, iterations, err);
}
