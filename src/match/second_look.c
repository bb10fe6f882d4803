#include "match/second_look.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "match/oae/oae.h"
#include "match/patch/weighting.h"

enum {
    MOST_FACES = 256, /* of candidates whose contributions are made together */
    MOST_BYTES = 64 << 20,
    SAMPLE = 5,       /* one in so many candidates tells whether sketches are of use to a query: */
    LEAST_PRUNED = 6, /* one in so many of them is spared, as a sketch takes a sixth of a pair's time */
};

struct sl_second_look {
    sl_match_options options;
    sl_patch_source query;
    /* Of emd, maxsim and same-cell: */
    sl_match_layout layout;
    sl_patch_set set; /* the query's, in `memory` */
    void *memory;
    sl_matcher *matcher;
    sl_sketcher *sketcher; /* NULL: there are no sketches */
    float *trust; /* [map's cells] the query's; only for the weighting trust */
    /* Of the feature contributions: */
    sl_contributor *contributor;
    size_t group;           /* candidates that are taken together */
    sl_patch_source *faces; /* [group] */
    float *contributions;   /* [R, D] the query's */
};

/* ---- opening ---- */

static sl_status check_cells(const sl_match_options *o, const sl_template_shape *shape, sl_error *err)
{
    switch (sl_match_needs(o)) {
    case SL_NEEDS_NOTHING: return SL_OK;
    case SL_NEEDS_HEAD: return sl_oae_check(o->oae, shape, false, "feature contributions", err);
    case SL_NEEDS_STATISTICS: break;
    }
    return sl_oae_check(o->oae, shape, true, o->rerank == SL_RERANK_OAE ? "rerank oae" : "weighting trust", err);
}

sl_status sl_second_look_check(const sl_match_options *o, const sl_template_shape *shape, sl_error *err)
{
    if (shape->format == SL_PATCHES_NONE)
        return sl_fail(err, SL_ERR_UNSUPPORTED, "embeddings alone are stored, which no second look can use: enrol into "
                       "a new gallery with --patches compact or int8, or search with --rerank none");
    if (shape->format == SL_PATCHES_COMPACT && o->rerank != SL_RERANK_OAE && o->feature == SL_FEATURE_MAP)
        return sl_fail(err, SL_ERR_UNSUPPORTED, "compact patches are contributions: compare those (--feature "
                       "contributions), or enrol into a new gallery with --patches int8 to compare maps");
    return SL_OK;
}

static sl_status open_contributions(sl_second_look *look, sl_error *err)
{
    const sl_head *head = &look->options.oae->head;
    size_t each = (size_t)head->cells * (size_t)head->dim * sizeof(float), most = MOST_BYTES / each;
    look->group = most < 1 ? 1 : most > MOST_FACES ? MOST_FACES : most;
    look->faces = sl_calloc_aligned(look->group, sizeof *look->faces);
    look->contributions = sl_calloc_aligned(1, each);
    if (!look->faces || !look->contributions)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for a query's contributions");
    return sl_contributor_open(head, look->group, look->options.threads, &look->contributor, err);
}

static sl_status open_matcher(sl_second_look *look, const sl_template_shape *shape, sl_error *err)
{
    const sl_match_options *o = &look->options;
    SL_TRY(sl_match_layout_make(o, shape->rows, shape->cols, shape->channels, shape->dim, &look->layout, err));
    if (o->feature == SL_FEATURE_CONTRIBUTIONS)
        SL_TRY(open_contributions(look, err));
    look->memory = sl_alloc_aligned(sl_patch_set_bytes(&look->layout, SL_ROLE_QUERY));
    if (look->layout.weighting->trust)
        look->trust = sl_calloc_aligned((size_t)shape->rows * (size_t)shape->cols, sizeof *look->trust);
    if (!look->memory || (look->layout.weighting->trust && !look->trust))
        return sl_fail(err, SL_ERR_MEMORY, "no memory for a query's patches");
    return sl_matcher_open(&look->layout, o->threads, &look->matcher, err);
}

sl_status sl_second_look_open(const sl_match_options *options, const sl_template_shape *shape, sl_second_look **out,
                              sl_error *err)
{
    *out = NULL;
    SL_TRY(sl_match_options_check(options, err));
    if (options->rerank == SL_RERANK_NONE)
        return sl_fail(err, SL_ERR_ARGUMENT, "rerank none is no second look");
    SL_TRY(sl_second_look_check(options, shape, err));
    SL_TRY(check_cells(options, shape, err));
    sl_second_look *look = calloc(1, sizeof *look);
    if (!look)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for a second look");
    look->options = *options;
    sl_status status = options->rerank == SL_RERANK_OAE ? SL_OK : open_matcher(look, shape, err);
    if (status != SL_OK)
        sl_second_look_close(look);
    else
        *out = look;
    return status;
}

void sl_second_look_close(sl_second_look *look)
{
    if (!look)
        return;
    sl_matcher_close(look->matcher);
    sl_contributor_close(look->contributor);
    sl_sketcher_close(look->sketcher);
    free(look->memory);
    free(look->trust);
    free(look->faces);
    free(look->contributions);
    free(look);
}

sl_status sl_second_look_use(sl_second_look *look, sl_sketches *sketches, sl_error *err)
{
    if (look->sketcher || !look->matcher || !sl_sketches_serve(&look->layout))
        return SL_OK;
    return sl_sketcher_open(sketches, &look->layout, &look->sketcher, err);
}

bool sl_second_look_prunes(const sl_match_options *o, int top)
{
    return o->rerank == SL_RERANK_EMD && !o->no_pruning && (top == 1 || o->solver == SL_SOLVER_EXACT);
}

/* ---- faces ---- */

sl_status sl_second_look_face(const sl_second_look *look, sl_face_store store, size_t face,
                              sl_patch_source *out, sl_error *err)
{
    SL_TRY(store.patches(store.context, face, out, err));
    SL_TRY(store.embedding(store.context, face, &out->embedding, err));
    if (!look->matcher || !look->layout.weighting->landmarks)
        return SL_OK;
    SL_TRY(store.landmarks(store.context, face, &out->landmarks, err));
    if (out->landmarks)
        return SL_OK;
    return sl_fail(err, SL_ERR_ARGUMENT, "%s was enrolled without landmarks, which the weighting %s needs: install "
                   "libdlib-data and enrol it again, or use another weighting", store.name(store.context, face),
                   look->layout.weighting->name);
}

/* The query with its contributions and its trust, where they are asked for. */
static sl_status complete_query(sl_second_look *look, sl_error *err)
{
    sl_patch_source *query = &look->query;
    if (look->contributor) {
        size_t bytes = (size_t)look->layout.map_rows * (size_t)look->layout.map_cols * (size_t)look->layout.dim *
                       sizeof(float);
        SL_TRY(sl_contributor_fill(look->contributor, query, 1, 0, err));
        memcpy(look->contributions, query->contributions, bytes); /* the contributor's memory is the candidates' next */
        query->contributions = look->contributions;
    }
    if (look->trust) {
        SL_TRY(sl_trust_of_face(look->options.oae, query, look->trust, err));
        query->trust = look->trust;
    }
    return SL_OK;
}

sl_status sl_second_look_query(sl_second_look *look, const sl_patch_source *query, sl_error *err)
{
    look->query = *query;
    if (!look->matcher)
        return SL_OK;
    sl_status status = complete_query(look, err);
    if (status == SL_OK)
        status = sl_patch_set_init(&look->set, &look->layout, SL_ROLE_QUERY, look->memory, &look->query, err);
    return status == SL_OK ? SL_OK : sl_fail_in(err, status, "query");
}

/* ---- scores ---- */

static sl_status listed_face(void *context, size_t i, sl_patch_source *out, sl_error *err)
{
    (void)err;
    *out = ((const sl_patch_source *)context)[i];
    return SL_OK;
}

/* Candidates first .. first + n with their contributions, into look->faces. */
static sl_status take_group(sl_second_look *look, size_t first, size_t n, sl_patch_source_fn source_of, void *context,
                            sl_error *err)
{
    for (size_t i = 0; i < n; i++) {
        look->faces[i] = (sl_patch_source){0};
        SL_TRY(source_of(context, first + i, &look->faces[i], err));
    }
    sl_status status = sl_contributor_fill(look->contributor, look->faces, n, first, err);
    return status == SL_OK ? SL_OK : sl_fail_in(err, status, "candidates");
}

/* By groups of candidates that carry their contributions. topk NULL: every score. */
static sl_status scores_of_groups(sl_second_look *look, size_t n, sl_patch_source_fn source_of, void *context,
                                  sl_topk *topk, float *scores, int *iterations, sl_error *err)
{
    for (size_t from = 0; from < n; from += look->group) {
        size_t count = n - from < look->group ? n - from : look->group;
        SL_TRY(take_group(look, from, count, source_of, context, err));
        if (topk)
            SL_TRY(sl_matcher_best(look->matcher, &look->set, from, count, listed_face, look->faces, topk, scores,
                                   err));
        else
            SL_TRY(sl_matcher_scores_of(look->matcher, &look->set, count, listed_face, look->faces, scores + from,
                                        iterations ? iterations + from : NULL, err));
    }
    return SL_OK;
}

sl_status sl_second_look_scores(sl_second_look *look, size_t n, sl_patch_source_fn source_of, void *context,
                                float *scores, int *iterations, sl_error *err)
{
    if (look->contributor)
        return scores_of_groups(look, n, source_of, context, NULL, scores, iterations, err);
    if (look->matcher)
        return sl_matcher_scores_of(look->matcher, &look->set, n, source_of, context, scores, iterations, err);
    if (iterations)
        memset(iterations, 0, n * sizeof *iterations);
    return sl_oae_scores_of(look->options.oae, &look->query, n, source_of, context, look->options.threads, scores,
                            err);
}

/* Candidates that are multiples of SAMPLE (pass 0), or all others (pass 1): the first from `i` on. */
static size_t in_pass(size_t i, int pass)
{
    return pass == 0 ? (i + SAMPLE - 1) / SAMPLE * SAMPLE : i + (i % SAMPLE == 0);
}

/* What stage 2 of the candidates from `first` on can be at most, by the sketches; the most there is where that is not
 * worth its time: of those that would stay below the bar even so, and of all but a sample where hardly any of the
 * sample does. On this thread, whatever the options say: a upper_bound takes no longer than waking another. */
static sl_status find_upper_bounds(sl_second_look *look, size_t first, size_t n, sl_patch_source_fn source_of,
                               void *context, const sl_topk *topk, sl_error *err)
{
    const float kth_best = sl_topk_kth_best(topk);
    sl_sketcher *sketcher = look->sketcher;
    size_t asked = 0, spared = 0;
    sl_sketcher_query(sketcher, &look->set);
    for (size_t i = first; i < n; i++)
        topk->bounded[i - first] = (sl_bounded){.bound = SL_MOST_STAGE2, .candidate = (uint32_t)i};
    for (int pass = 0; pass < 2 && (pass == 0 || spared * LEAST_PRUNED >= asked); pass++)
        for (size_t i = in_pass(first, pass), next; i < n; i = next) {
            float *bound = &topk->bounded[i - first].bound;
            next = in_pass(i + 1, pass);
            if (next < n)
                sl_sketcher_fetch(sketcher, topk->face[next]);
            if (sl_topk_mix(topk, i, SL_MOST_STAGE2) < kth_best)
                continue;
            sl_status status = sl_sketcher_upper_bound(sketcher, topk->face[i], source_of, context, i, bound, err);
            if (status != SL_OK)
                return sl_fail_in(err, status, "candidate %zu", i);
            asked++;
            spared += sl_topk_mix(topk, i, *bound) < kth_best;
        }
    return SL_OK;
}

sl_status sl_second_look_best(sl_second_look *look, size_t n, sl_patch_source_fn source_of, void *context,
                              sl_topk *topk, float *scores, sl_error *err)
{
    sl_bounded *bounded = look->sketcher && topk->face ? topk->bounded : NULL;
    const size_t first = !bounded ? n : (size_t)topk->top < n ? (size_t)topk->top : n;
    if (look->options.rerank != SL_RERANK_EMD)
        return sl_second_look_scores(look, n, source_of, context, scores, NULL, err);
    if (look->contributor)
        return scores_of_groups(look, n, source_of, context, topk, scores, NULL, err);
    /* Stage 1's first are likely to set a bar that spares many others their sketches. */
    SL_TRY(sl_matcher_best(look->matcher, &look->set, 0, first, source_of, context, topk, scores, err));
    if (first == n)
        return SL_OK;
    SL_TRY(find_upper_bounds(look, first, n, source_of, context, topk, err));
    return sl_matcher_best_of(look->matcher, &look->set, bounded, n - first, source_of, context, topk, scores, err);
}

/* One candidate as a set, in new memory. */
static sl_status open_candidate(sl_second_look *look, const sl_patch_source *candidate, sl_patch_set *set,
                                void **memory, sl_error *err)
{
    sl_patch_source face = *candidate;
    *memory = NULL;
    if (!look->matcher)
        return sl_fail(err, SL_ERR_ARGUMENT, "rerank oae has no transport plan");
    if (look->contributor)
        SL_TRY(sl_contributor_fill(look->contributor, &face, 1, 0, err));
    *memory = sl_alloc_aligned(sl_patch_set_bytes(&look->layout, SL_ROLE_CANDIDATE));
    if (!*memory)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for a candidate's patches");
    sl_status status = sl_patch_set_init(set, &look->layout, SL_ROLE_CANDIDATE, *memory, &face, err);
    return status == SL_OK ? SL_OK : sl_fail_in(err, status, "candidate");
}

sl_status sl_second_look_plan(sl_second_look *look, const sl_patch_source *candidate, float *plan, float *similarities,
                              float *query_weights, float *candidate_weights, sl_error *err)
{
    sl_patch_set set;
    void *memory;
    sl_status status = open_candidate(look, candidate, &set, &memory, err);
    if (status == SL_OK)
        status = sl_matcher_plan(look->matcher, &look->set, &set, plan, similarities, query_weights,
                                 candidate_weights, NULL, err);
    free(memory);
    return status;
}

sl_status sl_second_look_hide(sl_second_look *look, const sl_patch_source *candidate, const uint8_t *keep, size_t n,
                              float *scores, sl_error *err)
{
    sl_patch_set set;
    void *memory;
    sl_status status = open_candidate(look, candidate, &set, &memory, err);
    if (status == SL_OK)
        status = sl_matcher_scores_hidden(look->matcher, &look->set, &set, keep, n, scores, err);
    free(memory);
    return status;
}

void sl_second_look_grid(const sl_second_look *look, int *rows, int *cols)
{
    *rows = look->layout.rows;
    *cols = look->layout.cols;
}
