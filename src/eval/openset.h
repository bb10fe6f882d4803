/* Open-set identification: searches for people who are there and for people who are not. */
#ifndef SL_EVAL_OPENSET_H
#define SL_EVAL_OPENSET_H

#include "base/status.h"
#include "gallery/gallery.h"

/* ---- interval.c ---- */

/* 95 % interval of a rate by Clopper and Pearson (1934), in percent. NaN without trials. */
sl_interval sl_clopper_pearson(size_t events, size_t trials);

/* ---- searches.c ---- */

/* The best score of one search for somebody who is there, and whether it was the right person's. */
typedef struct {
    float score;
    int right;
} sl_mated;

/* Of all searches, by stage 1 alone [0] and by the score [1]. */
typedef struct {
    size_t mated, nonmated, strangers;
    size_t own_photos, own_photos_of; /* queries whose own photo was found, of so many */
    sl_mated *found[2];  /* [mated] */
    float *impostors[2]; /* [nonmated] best scores */
} sl_searches;

sl_status sl_searches_make(const sl_gallery *gallery, const sl_gallery *queries, const sl_openset_options *options,
                           sl_searches *out, sl_error *err);
void sl_searches_free(sl_searches *s);

/* ---- openset.c ---- */

/* What a threshold comes to. */
sl_openset_point sl_openset_at(const sl_searches *s, int by_score, double threshold);

/* Curve and points of stage 1 (by_score 0) or the score (1). Sorts the searches. */
sl_status sl_openset_rates_of(sl_searches *s, int by_score, sl_openset_rates *out, sl_error *err);

#endif
