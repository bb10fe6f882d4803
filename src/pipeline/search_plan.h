/* What one call of sl_identify_all settles once, before it searches: which look and rule the options stand for, whether
 * they go together with the gallery and the queries, the look itself, opened for each thread, and what makes the search
 * quick. Nothing of it is checked or decided again on the way (search.h). */
#ifndef SL_PIPELINE_SEARCH_PLAN_H
#define SL_PIPELINE_SEARCH_PLAN_H

#include "gallery/gallery.h"
#include "match/second_look.h"

typedef struct {
    const sl_gallery *gallery;
    const sl_template *const *queries; /* [count] */
    size_t count;
    sl_match_options match; /* settled */
    sl_rule rule;
    int top;         /* people wanted */
    sl_progress_fn progress; /* NULL: none */
    void *progress_context;
    size_t faces, k; /* k: stage 1's candidates that are looked at again; 0: there is no second look */

    /* Of a search, where there is anything to be searched: */
    int threads, each;      /* threads that share the queries; that each of them has for one search, 0: all */
    size_t block, blocks;   /* queries that stage 1 takes together; how many such blocks */
    sl_second_look **looks; /* [threads]; NULL: there is no second look */
    bool prunes;            /* candidates that cannot come among the `top` are not solved */
    bool solves;            /* the look has a solver, whose calls are counted */
    sl_sketches *sketches;  /* of its patches, for a gallery that is asked very often; or NULL */
} sl_search_plan;

/* engine and options as in sl_identify_all; *out is closed by the caller, also after a failure. */
sl_status sl_search_plan_open(const sl_engine *engine, const sl_gallery *gallery, const sl_template *const *queries,
                              size_t count, const sl_identify_options *options, sl_search_plan *out, sl_error *err);
void sl_search_plan_close(sl_search_plan *plan);

/* Whether there are queries and faces. */
static inline bool sl_search_plan_searches(const sl_search_plan *plan)
{
    return plan->count > 0 && plan->faces > 0;
}

#endif
