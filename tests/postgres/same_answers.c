/* same_answers GALLERY OTHER STEP FIRST: every STEP-th face of the first gallery, from number FIRST on, asks both, by
 * each look that needs no network. All hundred candidates, those of stage 1, and the decision must be the same to the
 * bit. By hand, with real faces, as tests/postgres/lfw_shards runs it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "secondlook.h"

enum { TOP = 100 };

static sl_error err;
static sl_oae *cells; /* of the gallery's model */

static void check(sl_status status)
{
    if (status == SL_OK)
        return;
    fprintf(stderr, "same_answers: %s\n", err.text);
    exit(1);
}

static sl_answer ask(const sl_gallery *g, const sl_template *query, sl_rerank look)
{
    const sl_rule rule = sl_rule_given(.5f, 0);
    sl_identify_options o = {.match = sl_match_defaults_of(look), .top = TOP, .rule = &rule};
    sl_answer answer;
    o.match.threads = 1;
    o.match.oae = cells;
    if (look != SL_RERANK_NONE) { /* compact patches are contributions */
        o.match.feature = SL_FEATURE_CONTRIBUTIONS;
        o.match.weighting = SL_WEIGHT_UNIFORM;
    }
    check(sl_identify(NULL, g, query, &o, &answer, &err));
    return answer;
}

static int same_list(const sl_candidate *a, const sl_candidate *b, size_t n)
{
    int same = 1;
    for (size_t i = 0; i < n; i++)
        same &= !strcmp(a[i].image, b[i].image) && !strcmp(a[i].label, b[i].label) && a[i].score == b[i].score &&
                a[i].stage1 == b[i].stage1;
    return same;
}

static int same(const sl_answer *a, const sl_answer *b)
{
    return a->decision == b->decision && a->count == b->count && a->stage1_count == b->stage1_count &&
           same_list(a->candidates, b->candidates, a->count) &&
           same_list(a->stage1_candidates, b->stage1_candidates, a->stage1_count);
}

int main(int argc, char **argv)
{
    static const sl_rerank looks[] = {SL_RERANK_NONE, SL_RERANK_EMD, SL_RERANK_OAE, SL_RERANK_MAXSIM,
                                      SL_RERANK_SAME_CELL};
    sl_gallery *g[2];
    size_t asked = 0, differ = 0, candidates = 0;
    if (argc != 5 || atoi(argv[3]) < 1 || atoi(argv[4]) < 0)
        return 2;
    for (int i = 0; i < 2; i++)
        check(sl_gallery_open(argv[1 + i], SL_GALLERY_READ, NULL, &g[i], &err));
    check(sl_oae_open(NULL, NULL, g[0], 1, &cells, &err));
    for (size_t q = (size_t)atoi(argv[4]); q < sl_gallery_size(g[0]); q += (size_t)atoi(argv[3])) {
        sl_template *query;
        check(sl_gallery_template(g[0], q, &query, &err));
        for (size_t look = 0; look < sizeof looks / sizeof *looks; look++) {
            sl_answer a = ask(g[0], query, looks[look]), b = ask(g[1], query, looks[look]);
            asked++;
            candidates += a.count;
            differ += !same(&a, &b);
            sl_answer_free(&a);
            sl_answer_free(&b);
        }
        sl_template_free(query);
    }
    printf("every %s. face from %s: %zu answers of %zu candidates, %zu differ\n", argv[3], argv[4], asked, candidates,
           differ);
    sl_oae_close(cells);
    sl_gallery_close(g[0]);
    sl_gallery_close(g[1]);
    return differ > 0 || asked == 0;
}
