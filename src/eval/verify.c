/* Verification of listed pairs with the templates of a gallery. */
#include <stdlib.h>

#include "base/file.h"
#include "base/mem.h"
#include "eval/metrics.h"
#include "eval/pairs.h"
#include "gallery/gallery.h"

enum { TELL_EVERY = 64 };

/* Both templates, compared. A photo that is not there makes the pair "different": -1 is below every score. */
static sl_status score_pair(const sl_gallery *g, const sl_pair_line *pair, const sl_match_options *match, float *score,
                            size_t *missing, sl_error *err)
{
    size_t i, k;
    sl_template *a = NULL, *b = NULL;
    sl_score result;
    *score = -1;
    if (sl_gallery_find(g, pair->first, &i, NULL) != SL_OK || sl_gallery_find(g, pair->second, &k, NULL) != SL_OK) {
        ++*missing;
        return SL_OK;
    }
    sl_status status = sl_gallery_template(g, i, &a, err);
    if (status == SL_OK)
        status = sl_gallery_template(g, k, &b, err);
    if (status == SL_OK)
        status = sl_compare(a, b, match, &result, err);
    if (status == SL_OK)
        *score = result.score;
    sl_template_free(a);
    sl_template_free(b);
    return status;
}

static sl_status score_all(const sl_gallery *g, const sl_pair_list *list, const sl_match_options *match,
                           sl_progress_fn progress, void *context, sl_scored_pair *scored, size_t *missing,
                           sl_error *err)
{
    for (size_t i = 0; i < list->count; i++) {
        const sl_pair_line *pair = &list->pairs[i];
        scored[i].same = pair->same;
        scored[i].fold = pair->fold;
        SL_TRY(score_pair(g, pair, match, &scored[i].score, missing, err));
        if (progress && (i % TELL_EVERY == 0 || i + 1 == list->count) && progress(context, i + 1, list->count))
            return sl_fail(err, SL_ERR_INTERRUPTED, "interrupted after %zu of %zu pairs", i + 1, list->count);
    }
    return SL_OK;
}

sl_status sl_eval_verify(const sl_gallery *gallery, const char *pairs_file, const sl_match_options *match,
                         sl_progress_fn progress, void *context, sl_verification *out, sl_error *err)
{
    uint8_t *text;
    size_t size, missing = 0;
    sl_pair_list list;
    sl_match_options defaults = sl_match_defaults();
    *out = (sl_verification){0};
    SL_TRY(sl_read_file(pairs_file, (size_t)1 << 30, &text, &size, err));
    sl_status status = sl_pairs_parse((const char *)text, size, pairs_file, &list, err);
    free(text);
    SL_TRY(status);
    sl_scored_pair *scored = sl_calloc_aligned(list.count, sizeof *scored);
    status = scored ? score_all(gallery, &list, match ? match : &defaults, progress, context, scored, &missing, err)
                    : sl_fail(err, SL_ERR_MEMORY, "%s: no memory for its pairs", pairs_file);
    if (status == SL_OK && missing == list.count)
        status = sl_fail(err, SL_ERR_NOT_FOUND, "%s: none of its photos is in the gallery; its first is %s", pairs_file,
                         list.pairs[0].first);
    if (status == SL_OK)
        status = sl_verification_of(scored, list.count, list.folds, out, err);
    if (status == SL_OK)
        out->missing = missing;
    free(scored);
    sl_pairs_free(&list);
    return status;
}
