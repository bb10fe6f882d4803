/* Which configurations share a first ranking, and which a second look. */
#include "eval/sweep.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"
#include "gallery/gallery.h"
#include "match/second_look.h"
#include "secondlook_eval.h"

enum { MAX_CONFIGS = 4096 };

/* Whether two options give the same stage 2 score. */
static bool same_scores(const sl_match_options *a, const sl_match_options *b)
{
    return a->rerank == b->rerank && a->weighting == b->weighting && a->solver == b->solver &&
           a->patch_compute == b->patch_compute && a->grid_rows == b->grid_rows && a->grid_cols == b->grid_cols &&
           a->oae == b->oae && a->look == b->look && a->feature == b->feature;
}

/* Options of the first ranking: the embedding, or a look over the whole gallery. */
static sl_match_options first_options(const sl_eval_config *c)
{
    sl_match_options o = c->match;
    o.rerank = c->first;
    return sl_looks_again(&o) ? o : sl_match_defaults_of(c->first);
}

static size_t find_first(sl_sweep *s, const sl_match_options *o)
{
    for (size_t f = 0; f < s->first_count; f++)
        if (sl_looks_again(o) ? same_scores(&s->firsts[f], o) : !sl_looks_again(&s->firsts[f]))
            return f;
    s->firsts[s->first_count] = *o;
    return s->first_count++;
}

/* Whether one run of a look, for the larger k, serves both: not where the k candidates stop together. */
static bool same_look(const sl_match_options *a, const sl_match_options *b)
{
    return same_scores(a, b) && (a->solver != SL_SOLVER_PUBLISHED || a->k == b->k);
}

static size_t find_look(sl_sweep *s, const sl_match_options *o, size_t first)
{
    size_t k = (size_t)o->k, l = 0;
    while (l < s->look_count && !(s->looks[l].first == first && same_look(&s->looks[l].options, o)))
        l++;
    if (l == s->look_count)
        s->looks[s->look_count++] = (sl_sweep_look){.options = *o, .first = first, .k = k};
    if (k > s->looks[l].k)
        s->looks[l].k = k;
    return l;
}

sl_status sl_sweep_make(const sl_eval_config *configs, size_t count, sl_sweep *out, sl_error *err)
{
    *out = (sl_sweep){.configs = configs, .count = count};
    if (count < 1 || count > MAX_CONFIGS)
        return sl_fail(err, SL_ERR_ARGUMENT, "%zu configurations: use 1 to %d", count, MAX_CONFIGS);
    out->firsts = sl_calloc_aligned(count, sizeof *out->firsts);
    out->looks = sl_calloc_aligned(count, sizeof *out->looks);
    out->first_of = sl_calloc_aligned(count, sizeof *out->first_of);
    out->look_of = sl_calloc_aligned(count, sizeof *out->look_of);
    sl_status status = out->firsts && out->looks && out->first_of && out->look_of
                           ? SL_OK
                           : sl_fail(err, SL_ERR_MEMORY, "no memory for %zu configurations", count);
    for (size_t c = 0; status == SL_OK && c < count; c++) {
        const sl_match_options *match = &configs[c].match, first = first_options(&configs[c]);
        status = sl_match_options_check(match, err);
        if (status == SL_OK)
            status = sl_match_options_check(&first, err);
        if (status != SL_OK) {
            status = sl_fail_in(err, status, "configuration %zu", c + 1);
            break;
        }
        out->first_of[c] = find_first(out, &first);
        out->look_of[c] = sl_looks_again(match) ? find_look(out, match, out->first_of[c]) : SIZE_MAX;
        if ((size_t)match->k > out->most_k)
            out->most_k = (size_t)match->k;
    }
    if (status != SL_OK)
        sl_sweep_free(out);
    return status;
}

/* Opened, shown a face and closed again. */
static sl_status check_look(const sl_gallery *gallery, const sl_match_options *options, sl_error *err)
{
    sl_second_look *look;
    if (!sl_looks_again(options))
        return SL_OK;
    sl_match_options own = *options;
    own.threads = 1;
    SL_TRY(sl_second_look_open(&own, sl_gallery_shape(gallery), &look, err));
    sl_patch_source face;
    sl_status status = SL_OK;
    if (sl_gallery_size(gallery) > 0)
        status = sl_second_look_face(look, sl_gallery_faces(gallery), 0, &face, err);
    sl_second_look_close(look);
    return status;
}

sl_status sl_eval_check(const sl_gallery *gallery, const sl_eval_config *config, sl_error *err)
{
    const sl_match_options first = first_options(config);
    SL_TRY(sl_match_options_check(&config->match, err));
    SL_TRY(check_look(gallery, &config->match, err));
    return check_look(gallery, &first, err);
}

void sl_sweep_free(sl_sweep *s)
{
    free(s->firsts);
    free(s->looks);
    free(s->first_of);
    free(s->look_of);
    *s = (sl_sweep){0};
}
