/* A learned look as matching sees it: which templates it reads, and functions that run its network on them. Matching
 * stands on templates alone; whoever has networks fills this in (pipeline/open_look.c). */
#ifndef SL_MATCH_LEARNED_H
#define SL_MATCH_LEARNED_H

#include "template/patch_source.h"

struct sl_look {
    sl_rerank rerank;         /* SL_RERANK_H2 or SL_RERANK_H2L */
    char *name;
    uint8_t own[32];          /* the look's fingerprint: weights and form */
    uint8_t backbone[32];     /* of the templates it reads, */
    char *backbone_name;
    int cells, channels;      /* and their map, [cells, channels] */
    int batch;                /* pairs that are worked out together */

    /* One thread's worker. `query` and `candidate` give where raw patches [cells, channels] are to be written,
     * candidate i < batch; `run` scores the query and candidates 0 .. n - 1. */
    sl_status (*open)(const sl_look *look, int threads, void **worker, sl_error *err);
    void (*close)(void *worker);
    float *(*query)(void *worker);
    float *(*candidate)(void *worker, int i);
    sl_status (*run)(void *worker, int n, float *scores, sl_error *err);

    /* Pairs of which either photo is another: where both maps go, [batch, cells, channels] each, all of them to be
     * written; their scores [batch]. */
    sl_status (*pairs)(void *worker, float **first, float **second, sl_error *err);
    sl_status (*run_pairs)(void *worker, float *scores, sl_error *err);
    void (*free)(sl_look *look);
};

/* A face's raw patches [cells, channels], as the look reads them. SL_ERR_UNSUPPORTED without any, SL_ERR_NUMERIC for
 * NaN and infinity. */
sl_status sl_look_patches(const sl_look *look, const sl_patch_source *face, float *out, sl_error *err);

#endif
