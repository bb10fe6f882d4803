/* One thread's search: stage 1 for a block of queries together, then each query's order by both stages.
 *
 *     sl_search s = {.gallery = gallery, .match = &match, .top = top, .faces = faces};
 *     sl_search_scan(&s, queries, n, err);
 *     sl_search_rank(&s, queries[i], i, err);     for i = 0 .. n; then s.index, s.order, s.score ...
 *     sl_search_close(&s); */
#ifndef SL_PIPELINE_SEARCH_H
#define SL_PIPELINE_SEARCH_H

#include "match/second_look.h"

/* Stage 1's order of some queries: [queries, length]. */
typedef struct {
    size_t length;
    uint32_t *index;
    float *stage1;
} sl_shortlists;

/* One thread's working set: a block of queries, then one query after the other. */
typedef struct {
    const sl_gallery *gallery;
    const sl_match_options *match;
    sl_sketches *sketches; /* of its patches, for a gallery that is asked very often; or NULL */
    int top;
    size_t faces, shortlist; /* shortlist: how many of stage 1's order are held */
    sl_shortlists block, own;   /* own: of a query that the block's is too short for */
    const sl_template *query;
    const uint32_t *index; /* [shortlist] stage 1's order */
    const float *stage1;
    size_t room;           /* of the next three */
    float *stage2, *score; /* [shortlist]; stage2 NaN below k, and where the solver was spared */
    uint32_t *order;       /* [shortlist] positions, best first after stage 2 */
    sl_second_look *look;
    size_t pairs, solved; /* candidates looked at again, and those of them whose score was wanted exactly */
} sl_search;

/* Stage 1 for a block of n queries of one model. */
sl_status sl_search_scan(sl_search *s, const sl_template *const *queries, size_t n, sl_error *err);

/* The order of the block's query number i: its first min(k, shortlist) positions by score, the others by stage 1.
 * Those that were spared the solver come last among the former, with score -infinity. */
sl_status sl_search_rank(sl_search *s, const sl_template *query, size_t i, sl_error *err);
void sl_search_close(sl_search *s);

#endif
