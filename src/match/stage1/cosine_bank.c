#include <stdlib.h>

#include "match/stage1/codes.h"

struct sl_cosine_bank {
    sl_scan_block rows;
    sl_scan_codes codes;
    int dim;
};

sl_status sl_cosine_bank_open(const float *bank, size_t n, int dim, int threads, sl_cosine_bank **out, sl_error *err)
{
    *out = NULL;
    if (n >= UINT32_MAX)
        return sl_fail(err, SL_ERR_LIMIT, "cosine scan: a bank of %zu vectors; at most %u", n, UINT32_MAX - 1);
    if (dim < 1 || threads < 0)
        return sl_fail(err, SL_ERR_ARGUMENT, "cosine scan: dim is %d and threads %d; dim must be 1 or more, threads 0 "
                       "or more", dim, threads);
    sl_cosine_bank *b = calloc(1, sizeof *b);
    if (!b)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for a bank");
    b->dim = dim;
    b->rows = (sl_scan_block){.rows = bank, .stride = (size_t)dim, .count = n};
    sl_status status = SL_OK;
    if (dim <= SL_CODE_MAX_DIM) {
        status = sl_scan_codes_make(bank, n, dim, threads, &b->codes, err);
        b->rows.codes = &b->codes;
    }
    if (status != SL_OK) {
        sl_cosine_bank_close(b);
        return status;
    }
    *out = b;
    return SL_OK;
}

void sl_cosine_bank_close(sl_cosine_bank *bank)
{
    if (!bank)
        return;
    sl_scan_codes_free(&bank->codes);
    free(bank);
}

sl_status sl_cosine_bank_top(const sl_cosine_bank *bank, const float *queries, size_t n_queries, int k, int threads,
                             uint32_t *index, float *score, sl_error *err)
{
    return sl_scan_top(&bank->rows, 1, bank->dim, queries, n_queries, k, threads, index, score, err);
}
