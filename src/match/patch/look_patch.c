/* The looks by patches: emd, maxsim and same-cell. They differ in the rule by which a pair is scored (pair_rule.h), and
 * compare either the patch maps as they are stored or the contributions, which are made of maps for a group of
 * candidates at a time:
 *
 *     query -----> [contributions] --> patch set ------.
 *     candidates -> [contributions] --> patch sets -----+--> matcher: similarities, weights, score by the rule
 *                   only of that feature                |
 *     sketches -----> upper bounds, of emd alone -------'                                                  */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "match/look.h"
#include "match/oae/oae.h"
#include "match/patch/pair_rule.h"
#include "match/patch/prune.h"
#include "match/patch/weighting.h"

enum {
    MOST_FACES = 256, /* of candidates whose contributions are made together */
    MOST_BYTES = 64 << 20,
};

typedef struct {
    const sl_oae *oae;
    sl_patch_source query;
    sl_match_layout layout;
    sl_patch_set set; /* the query's, in `memory` */
    void *memory;
    sl_matcher *matcher;
    bool stored_i8;        /* the gallery keeps int8 maps */
    sl_sketcher *sketcher; /* NULL: there are no sketches */
    float *trust;          /* [map's cells] the query's; only for the weighting trust */
    /* Of the feature contributions: */
    sl_contributor *contributor;
    size_t group;           /* candidates that are taken together */
    sl_patch_source *faces; /* [group] */
    float *contributions;   /* [R, D] the query's */
} patch_look;

/* ---- options ---- */

static bool compares_contributions(const sl_match_options *o)
{
    return o->feature == SL_FEATURE_CONTRIBUTIONS;
}

static sl_match_need needs(const sl_match_options *o)
{
    const sl_weighting_kind *weighting = sl_weighting_of(o->weighting);
    if (weighting && weighting->trust)
        return SL_NEEDS_STATISTICS;
    return compares_contributions(o) ? SL_NEEDS_HEAD : SL_NEEDS_NOTHING;
}

static sl_status check(const sl_match_options *o, const sl_template_shape *shape, sl_error *err)
{
    if (shape->format == SL_PATCHES_COMPACT && !compares_contributions(o))
        return sl_fail(err, SL_ERR_UNSUPPORTED,
                       "compact patches are contributions: compare those (--feature "
                       "contributions), or enrol into a new gallery with --patches int8 to compare maps");
    return SL_OK;
}

/* Of emd: for one person that pays with every solver; for more, the last of whom is a stranger like those behind, only
 * with the exact one, which takes so much longer. Never where all candidates stop together. */
static bool emd_prunes(const sl_match_options *o, int top)
{
    return !o->no_pruning && o->solver != SL_SOLVER_PUBLISHED && (top == 1 || o->solver == SL_SOLVER_EXACT);
}

/* ---- opening ---- */

static sl_status check_oae(const sl_match_options *o, const sl_template_shape *shape, sl_error *err)
{
    switch (needs(o)) {
    case SL_NEEDS_NOTHING: return SL_OK;
    case SL_NEEDS_HEAD: return sl_oae_check(o->oae, shape, false, "feature contributions", err);
    case SL_NEEDS_STATISTICS: break;
    }
    return sl_oae_check(o->oae, shape, true, "weighting trust", err);
}

static sl_status open_contributions(patch_look *look, int threads, sl_error *err)
{
    const sl_head *head = &look->oae->head;
    size_t each = (size_t)head->cells * (size_t)head->dim * sizeof(float), most = MOST_BYTES / each;
    look->group = most < 1 ? 1 : most > MOST_FACES ? MOST_FACES : most;
    look->faces = sl_calloc_aligned(look->group, sizeof *look->faces);
    look->contributions = sl_calloc_aligned(1, each);
    if (!look->faces || !look->contributions)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for a query's contributions");
    return sl_contributor_open(head, look->group, threads, &look->contributor, err);
}

static sl_status open_parts(patch_look *look, const sl_match_options *o, const sl_template_shape *shape,
                            const sl_pair_rule *rule, sl_error *err)
{
    look->oae = o->oae;
    look->stored_i8 = shape->format == SL_PATCHES_INT8;
    SL_TRY(sl_match_layout_make(o, shape->rows, shape->cols, shape->channels, shape->dim, &look->layout, err));
    look->layout.rule = rule;
    if (compares_contributions(o))
        SL_TRY(open_contributions(look, o->threads, err));
    const bool trust = look->layout.weighting->trust;
    look->memory = sl_alloc_aligned(sl_patch_set_bytes(&look->layout, SL_ROLE_QUERY));
    if (trust)
        look->trust = sl_calloc_aligned((size_t)shape->rows * (size_t)shape->cols, sizeof *look->trust);
    if (!look->memory || (trust && !look->trust))
        return sl_fail(err, SL_ERR_MEMORY, "no memory for a query's patches");
    return sl_matcher_open(&look->layout, o->threads, &look->matcher, err);
}

static void close_look(void *opened)
{
    patch_look *look = opened;
    sl_matcher_close(look->matcher);
    sl_contributor_close(look->contributor);
    sl_sketcher_close(look->sketcher);
    free(look->memory);
    free(look->trust);
    free(look->faces);
    free(look->contributions);
    free(look);
}

static sl_status open_look(const sl_look_kind *kind, const sl_match_options *o, const sl_template_shape *shape,
                           void **out, sl_error *err)
{
    *out = NULL;
    SL_TRY(check_oae(o, shape, err));
    patch_look *look = calloc(1, sizeof *look);
    if (!look)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for a second look");
    sl_status status = open_parts(look, o, shape, kind->rule, err);
    if (status != SL_OK)
        close_look(look);
    else
        *out = look;
    return status;
}

/* ---- faces ---- */

static sl_status add_landmarks(const void *opened, sl_face_store store, size_t face, sl_patch_source *out,
                               sl_error *err)
{
    const patch_look *look = opened;
    if (!look->layout.weighting->landmarks)
        return SL_OK;
    SL_TRY(store.landmarks(store.context, face, &out->landmarks, err));
    if (out->landmarks)
        return SL_OK;
    return sl_fail(err, SL_ERR_ARGUMENT,
                   "%s was enrolled without landmarks, which the weighting %s needs: install "
                   "libdlib-data and enrol it again, or use another weighting",
                   store.name(store.context, face), look->layout.weighting->name);
}

/* The query with its contributions and its trust, where they are asked for. */
static sl_status complete_query(patch_look *look, sl_error *err)
{
    sl_patch_source *query = &look->query;
    if (look->contributor) {
        size_t bytes =
            (size_t)look->layout.map_rows * (size_t)look->layout.map_cols * (size_t)look->layout.dim * sizeof(float);
        SL_TRY(sl_contributor_fill(look->contributor, query, 1, 0, err));
        memcpy(look->contributions, query->contributions, bytes); /* the contributor's memory is the candidates' next */
        query->contributions = look->contributions;
    }
    if (look->trust) {
        SL_TRY(sl_trust_of_face(look->oae, query, look->trust, err));
        query->trust = look->trust;
    }
    return SL_OK;
}

static sl_status take_query(void *opened, const sl_patch_source *query, sl_error *err)
{
    patch_look *look = opened;
    look->query = *query;
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
static sl_status take_group(patch_look *look, size_t first, size_t n, sl_patch_source_fn source_of, void *context,
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
static sl_status scores_of_groups(patch_look *look, size_t n, sl_patch_source_fn source_of, void *context,
                                  sl_topk *topk, float *scores, int *iterations, sl_error *err)
{
    for (size_t from = 0; from < n; from += look->group) {
        size_t count = n - from < look->group ? n - from : look->group;
        SL_TRY(take_group(look, from, count, source_of, context, err));
        if (topk)
            SL_TRY(
                sl_matcher_best(look->matcher, &look->set, from, count, listed_face, look->faces, topk, scores, err));
        else
            SL_TRY(sl_matcher_scores_of(look->matcher, &look->set, count, listed_face, look->faces, scores + from,
                                        iterations ? iterations + from : NULL, err));
    }
    return SL_OK;
}

static sl_status scores_of(void *opened, size_t n, sl_patch_source_fn source_of, void *context, float *scores,
                           int *iterations, sl_error *err)
{
    patch_look *look = opened;
    if (look->contributor)
        return scores_of_groups(look, n, source_of, context, NULL, scores, iterations, err);
    return sl_matcher_scores_of(look->matcher, &look->set, n, source_of, context, scores, iterations, err);
}

/* ---- pruning ---- */

static bool takes_sketches(const void *opened)
{
    const patch_look *look = opened;
    return look->stored_i8 && sl_sketches_serve(&look->layout);
}

static sl_status take_sketches(void *opened, sl_sketches *sketches, sl_error *err)
{
    patch_look *look = opened;
    return look->sketcher ? SL_OK : sl_sketcher_open(sketches, &look->layout, &look->sketcher, err);
}

static sl_status best_of(void *opened, size_t n, sl_patch_source_fn source_of, void *context, sl_topk *topk,
                         float *scores, sl_error *err)
{
    patch_look *look = opened;
    if (look->contributor)
        return scores_of_groups(look, n, source_of, context, topk, scores, NULL, err);
    if (look->sketcher && topk->face && topk->bounded)
        return sl_best_by_sketches(look->matcher, look->sketcher, &look->set, n, source_of, context, topk, scores, err);
    return sl_matcher_best(look->matcher, &look->set, 0, n, source_of, context, topk, scores, err);
}

/* ---- one pair ---- */

static void grid_of(const void *opened, int *rows, int *cols)
{
    const patch_look *look = opened;
    *rows = look->layout.rows;
    *cols = look->layout.cols;
}

/* One candidate as a set, in new memory. */
static sl_status open_candidate(patch_look *look, const sl_patch_source *candidate, sl_patch_set *set, void **memory,
                                sl_error *err)
{
    sl_patch_source face = *candidate;
    *memory = NULL;
    if (look->contributor)
        SL_TRY(sl_contributor_fill(look->contributor, &face, 1, 0, err));
    *memory = sl_alloc_aligned(sl_patch_set_bytes(&look->layout, SL_ROLE_CANDIDATE));
    if (!*memory)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for a candidate's patches");
    sl_status status = sl_patch_set_init(set, &look->layout, SL_ROLE_CANDIDATE, *memory, &face, err);
    return status == SL_OK ? SL_OK : sl_fail_in(err, status, "candidate");
}

static sl_status plan_of(void *opened, const sl_patch_source *candidate, float *plan, float *similarities,
                         float *query_weights, float *candidate_weights, sl_error *err)
{
    patch_look *look = opened;
    sl_patch_set set;
    void *memory;
    sl_status status = open_candidate(look, candidate, &set, &memory, err);
    if (status == SL_OK)
        status = sl_matcher_plan(look->matcher, &look->set, &set, plan, similarities, query_weights, candidate_weights,
                                 NULL, err);
    free(memory);
    return status;
}

static sl_status scores_hidden(void *opened, const sl_patch_source *candidate, const uint8_t *keep, size_t n,
                               float *scores, sl_error *err)
{
    patch_look *look = opened;
    sl_patch_set set;
    void *memory;
    sl_status status = open_candidate(look, candidate, &set, &memory, err);
    if (status == SL_OK)
        status = sl_matcher_scores_hidden(look->matcher, &look->set, &set, keep, n, scores, err);
    free(memory);
    return status;
}

/* ---- the rows ---- */

#define LOOK_BY_PATCHES                                                                                                \
    .alpha = .7f, .needs = needs, .splits = compares_contributions, .check = check, .open = open_look,                 \
    .close = close_look, .face = add_landmarks, .query = take_query, .scores = scores_of, .grid = grid_of,             \
    .plan = plan_of, .hide = scores_hidden

const sl_look_kind sl_look_emd = {
    LOOK_BY_PATCHES,
    .name = "emd",
    .words = "patch by patch",
    .told = "patch by patch, by the cheapest way to turn one face into the other (emd)",
    .flow = "bright: much flows, dark: little",
    .reads = SL_READS_LOOK | SL_READS_PATCHES | SL_READS_SOLVER,
    .weighting = SL_WEIGHT_APC,
    .rule = &sl_pair_emd,
    .prunes = emd_prunes,
    .best = best_of,
    .takes_sketches = takes_sketches,
    .take_sketches = take_sketches,
};

const sl_look_kind sl_look_maxsim = {
    LOOK_BY_PATCHES,
    .name = "maxsim",
    .words = "best patches",
    .told = "each patch of the query with the one most like it (maxsim)",
    .flow = "the patch most like each place",
    .reads = SL_READS_LOOK | SL_READS_PATCHES,
    .weighting = SL_WEIGHT_UNIFORM,
    .rule = &sl_pair_maxsim,
};

const sl_look_kind sl_look_same_cell = {
    LOOK_BY_PATCHES,
    .name = "same-cell",
    .words = "same places",
    .told = "each patch with the one in the same place (same-cell)",
    .flow = "the patch in the same place",
    .reads = SL_READS_LOOK | SL_READS_PATCHES,
    .weighting = SL_WEIGHT_UNIFORM,
    .rule = &sl_pair_same_cell,
};
