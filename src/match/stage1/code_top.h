/* The largest products of rows that are met block by block, where embeddings are far to fetch (a database's pages):
 * codes (codes.h) bound every product from both sides, so the best rows are known but for a few, and only those few are
 * multiplied.
 *
 *     sl_code_top_open(&queries, k, &top, err);
 *     sl_code_top_scan(top, &codes, ids, err);          for every block of rows
 *     sl_code_top_offer(top, query, id, product);       for rows whose product is known already
 *     sl_code_top_best(top, query, k, fetch, context, hits, &count, &whole, err);
 *
 * The answer is sl_cosine_top's, ties by lower id. */
#ifndef SL_MATCH_CODE_TOP_H
#define SL_MATCH_CODE_TOP_H

#include "match/stage1/codes.h"

typedef struct sl_code_top sl_code_top;

typedef struct {
    float score;
    uint64_t id;
} sl_code_hit;

/* k: the best rows that are kept for each query, 1 or more. Rows that turn out to be gone count among them, so it may
 * be wise to keep more than are wanted. SL_ERR_NUMERIC names a query whose numbers are not finite or too large. The
 * queries must outlive it. Use one from one thread at a time. */
sl_status sl_code_top_open(const sl_vectors *queries, int k, sl_code_top **out, sl_error *err);
void sl_code_top_close(sl_code_top *top);

/* Offers all rows of a block to all queries. ids: [codes->count] little-endian 64 bits each, any alignment. */
sl_status sl_code_top_scan(sl_code_top *top, const sl_scan_codes *codes, const void *ids, sl_error *err);

/* Offers one row by its embedding [dim] to all queries. SL_ERR_NUMERIC where a product is not finite. */
sl_status sl_code_top_offer(sl_code_top *top, uint64_t id, const float *embedding, sl_error *err);

/* The embedding of a row, NULL: it is gone. It may stay away (longjmp): the top is sound then, and can be closed. */
typedef sl_status (*sl_code_fetch_fn)(void *context, uint64_t id, const float **embedding, sl_error *err);

/* The k best of a query: hits [k], *count of them. *whole: there are none better, and none more where *count < k; false
 * where so many were gone that the top kept too few: scan again with a larger k. */
sl_status sl_code_top_best(sl_code_top *top, size_t query, size_t k, sl_code_fetch_fn fetch, void *context,
                           sl_code_hit *hits, size_t *count, bool *whole, sl_error *err);

#endif
