/* Open-set identification: searches for people who are there and for people who are not. */
#ifndef SL_EVAL_OPENSET_H
#define SL_EVAL_OPENSET_H

#include "base/status.h"
#include "gallery/gallery.h"
#include "secondlook_eval.h"

/* ---- interval.c ---- */

/* 95 % interval of a rate by Clopper and Pearson (1934), in percent. NaN without trials. */
sl_interval sl_clopper_pearson(size_t events, size_t trials);

/* ---- searches.c ---- */

/* The best of one search: its score, how much of the query is hidden, and of the half that has more hidden (NaN: not
 * known), whether it is the right person; never that of a search for somebody who is not there. */
typedef struct {
    float score, hidden, most_hidden;
    int right;
} sl_search_end;

/* Of all searches, by stage 1 alone [0] and by the score [1]. */
typedef struct {
    size_t mated, nonmated, strangers;
    size_t own_photos, own_photos_of; /* queries whose own photo was found, of so many */
    sl_search_end *found[2];     /* [mated] */
    sl_search_end *impostors[2]; /* [nonmated] */
} sl_searches;

sl_status sl_searches_make(const sl_gallery *gallery, const sl_gallery *queries, const sl_openset_options *options,
                           sl_searches *out, sl_error *err);
void sl_searches_free(sl_searches *s);

/* Best score first. */
void sl_search_ends_sort(sl_search_end *ends, size_t count);

/* ---- openset.c ---- */

/* What a rule comes to. */
sl_openset_point sl_openset_by_rule(const sl_searches *s, const sl_rule *rule);

/* Curve and points of stage 1 (by_score 0) or the score (1). Sorts the searches. */
sl_status sl_openset_rates_of(sl_searches *s, int by_score, sl_openset_rates *out, sl_error *err);

#endif
