/* A bank of vectors with the codes that bound their products. */
#include <stdlib.h>

#include "match/stage1/codes.h"

struct sl_cosine_bank {
    sl_vectors vectors;
    sl_scan_block rows; /* the same, with codes */
    sl_scan_codes codes;
};

sl_status sl_cosine_bank_open(const sl_vectors *bank, int threads, sl_cosine_bank **out, sl_error *err)
{
    const int dim = bank->dim;
    *out = NULL;
    SL_TRY(sl_bank_check(bank, NULL, err));
    if (dim < 1 || threads < 0)
        return sl_fail(err, SL_ERR_ARGUMENT, "cosine scan: dim is %d and threads %d; dim must be 1 or more, threads 0 "
                       "or more", dim, threads);
    sl_cosine_bank *b = calloc(1, sizeof *b);
    if (!b)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for a bank");
    b->vectors = *bank;
    b->rows = (sl_scan_block){.rows = bank->data, .stride = (size_t)dim, .count = bank->count};
    sl_status status = SL_OK;
    if (dim <= SL_CODE_MAX_DIM) {
        status = sl_scan_codes_make(bank->data, bank->count, dim, threads, &b->codes, err);
        b->rows.codes = &b->codes;
    }
    if (status != SL_OK) {
        sl_cosine_bank_close(b);
        return status;
    }
    *out = b;
    return SL_OK;
}

sl_status sl_cosine_bank_grow(sl_cosine_bank *b, const float *data, size_t count, sl_error *err)
{
    if (b->rows.codes)
        SL_TRY(sl_scan_codes_grow(&b->codes, data, count, err));
    b->vectors.data = b->rows.rows = data;
    b->vectors.count = b->rows.count = count;
    return SL_OK;
}

void sl_cosine_bank_close(sl_cosine_bank *bank)
{
    if (!bank)
        return;
    sl_scan_codes_free(&bank->codes);
    free(bank);
}

sl_status sl_cosine_bank_top(const sl_cosine_bank *bank, const sl_vectors *queries, int k, int threads, uint32_t *index,
                             float *score, sl_error *err)
{
    SL_TRY(sl_bank_check(&bank->vectors, queries, err));
    return sl_scan_top(&bank->rows, 1, queries, k, threads, index, score, err);
}
