/* A kind of second look: all that tells it apart from the others, in one row. The table of rows is looks.c; what looks
 * are asked for goes through second_look.h, which calls the row.
 *
 *     none       the cosine of the embeddings decides      looks.c
 *     emd        patches moved at least cost            \
 *     maxsim     each patch with the one most like it    } patch/look_patch.c: maps or contributions, weighted
 *     same-cell  each patch with the one in its place   /
 *     oae        both faces embedded again                 oae/look_oae.c: contributions, statistics
 *     h2l, h2    a network that sees both faces            learned/look_learned.c: maps
 *
 * A new kind is a value of sl_rerank (secondlook.h), a row with its functions in a file of its own, and its line in the
 * table. What was learned has its handle in the options, beside `oae`; `scores` gets all candidates of a query at once,
 * so it may take them in batches.
 */
#ifndef SL_MATCH_LOOK_H
#define SL_MATCH_LOOK_H

#include "match/patch/sketch.h"
#include "match/patch/topk.h"

typedef struct sl_look_kind sl_look_kind;

struct sl_look_kind {
    /* ---- names ---- */
    const char *name;  /* as options, JSON and reports spell it */
    const char *key;   /* begins the name of what a score means (sl_match_key); NULL: `name` */
    const char *words; /* what is compared, for pictures: "patch by patch" */
    const char *told;  /* what it does, for a page of a report */
    const char *flow;  /* how its flow picture is to be read; NULL without `plan` */

    /* ---- options ---- */
    bool unsettled;           /* stands for another kind until the templates are known (sl_match_suit) */
    unsigned reads;           /* SL_READS_.. */
    float alpha;              /* by default */
    float alpha_encoded;      /* where none is given and an encoder embedded the query; 0: alpha */
    sl_weighting weighting;   /* by default */
    const sl_pair_rule *rule; /* of looks by patches: by which a pair is scored; else NULL */
    bool by_trust;            /* leaves out of both faces what is not believed of the query */

    /* What the options need in `oae`; NULL: nothing. */
    sl_match_need (*needs)(const sl_match_options *options);

    /* Whether candidates are compared by their contributions, so that a bank of those (contributions.h) pays;
     * NULL: never. */
    bool (*splits)(const sl_match_options *options);

    /* Whether a search for `top` people is to prune; NULL: never. */
    bool (*prunes)(const sl_match_options *options, int top);

    /* Whether templates of this shape, which have patches, can be looked at so; NULL: all can. */
    sl_status (*check)(const sl_match_options *options, const sl_template_shape *shape, sl_error *err);

    /* ---- an opened look, for one query after the other ----
     * The functions are those of second_look.h without sl_second_look. */

    /* For options whose values were checked and that `check` allows; what they need in `oae` is checked here. NULL: no
     * second look. */
    sl_status (*open)(const sl_look_kind *kind, const sl_match_options *options, const sl_template_shape *shape,
                      void **out, sl_error *err);
    void (*close)(void *look);

    /* What it needs of a stored face beside patches and embedding; NULL: nothing. */
    sl_status (*face)(const void *look, sl_face_store store, size_t face, sl_patch_source *out, sl_error *err);

    sl_status (*query)(void *look, const sl_patch_source *query, sl_error *err);
    sl_status (*scores)(void *look, size_t n, sl_patch_source_fn source_of, void *context, float *scores,
                        int *iterations, sl_error *err);

    /* Of looks that prune, else NULL. */
    sl_status (*best)(void *look, size_t n, sl_patch_source_fn source_of, void *context, sl_topk *topk, float *scores,
                      sl_error *err);
    bool (*takes_sketches)(const void *look);
    sl_status (*take_sketches)(void *look, sl_sketches *sketches, sl_error *err);

    /* Of looks that move patches, else NULL. */
    void (*grid)(const void *look, int *rows, int *cols);
    sl_status (*plan)(void *look, const sl_patch_source *candidate, float *plan, float *similarities,
                      float *query_weights, float *candidate_weights, sl_error *err);

    /* Of looks that move patches or were learned, else NULL. */
    sl_status (*hide)(void *look, const sl_patch_source *candidate, const uint8_t *keep, size_t n, float *scores,
                      sl_error *err);
};

extern const sl_look_kind sl_look_emd, sl_look_maxsim, sl_look_same_cell; /* patch/look_patch.c */
extern const sl_look_kind sl_look_oae;                                    /* oae/look_oae.c */
extern const sl_look_kind sl_look_h2l, sl_look_h2;                        /* learned/look_learned.c */

/* NULL for a number that is no kind. */
const sl_look_kind *sl_look_kind_of(sl_rerank rerank);

/* Whether this kind moves patches, so that there is a plan of a pair. */
bool sl_look_moves_patches(sl_rerank rerank);

/* Whether candidates are compared by their contributions. */
bool sl_look_splits(const sl_match_options *options);

/* Whether this kind leaves out what is not believed of the query. */
bool sl_look_is_by_trust(sl_rerank rerank);

#endif
