/* One thread's searches: stage 1 for a block of queries together, then each query's order by both stages.
 *
 *     sl_search s = {.plan = &plan, .look = look};
 *     sl_search_scan(&s, block, err);
 *     sl_search_rank(&s, query, i, err);     for each query i of the block; then s.index, s.order, s.score ...
 *     sl_search_close(&s);
 *
 * A query's way, which only goes forward:
 *
 *     embedding --> scan of all faces ------> shortlist, by stage 1: k faces, and more until there are `top` people
 *     patches ----> second look at first k -> stage 2 of each; one that cannot come among the `top` is pruned
 *                   score = alpha stage 2 + (1 - alpha) stage 1
 *                   first k by score -------> order; pruned ones behind, then what stage 1 has left
 *                                             best face of each person (identify.c) -> answer */
#ifndef SL_PIPELINE_SEARCH_H
#define SL_PIPELINE_SEARCH_H

#include "pipeline/search_plan.h"

/* Stage 1's order of some queries: [queries, length]. */
typedef struct {
    size_t length;
    uint32_t *index;
    float *stage1;
} sl_shortlists;

/* One thread's working set: a block of queries, then one query after the other. */
typedef struct {
    const sl_search_plan *plan;
    sl_second_look *look;     /* the plan's, for this thread; NULL: there is no second look */
    sl_shortlists block, own; /* own: of a query that the block's is too short for */
    const sl_template *query;
    size_t shortlist;      /* how many of stage 1's order are held */
    const uint32_t *index; /* [shortlist] stage 1's order */
    const float *stage1;
    size_t room;           /* of the next three */
    float *stage2, *score; /* [shortlist]; stage2 NaN behind the first k, and where the solver was not run */
    uint32_t *order;       /* [shortlist] positions, best first after stage 2 */
    size_t pairs, solved;  /* candidates looked at again, and those of them that the solver ran for */
} sl_search;

/* Stage 1 for block number `block` of the plan's queries. */
sl_status sl_search_scan(sl_search *s, size_t block, sl_error *err);

/* The order of the block's query number i: its first min(k, shortlist) positions by score, the others by stage 1.
 * Pruned ones come last among the former, with score -infinity. */
sl_status sl_search_rank(sl_search *s, const sl_template *query, size_t i, sl_error *err);
void sl_search_close(sl_search *s);

#endif
