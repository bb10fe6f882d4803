/* Pairs of maps on which a learned look is measured: queries, each beside some candidates. */
#ifndef SL_PIPELINE_LOOK_PAIRS_H
#define SL_PIPELINE_LOOK_PAIRS_H

#include "match/learned/learned.h"

enum { SL_LOOK_QUERY = -1, SL_LOOK_LEAST_FACES = 100 };
enum { SL_LOOK_MOST_QUERIES = 100, SL_LOOK_CANDIDATES = 20, SL_LOOK_MOST_MATES = 4 };

typedef struct {
    size_t queries;
    int candidates;  /* of a query */
    size_t mates;    /* pairs that are of one person, in all */
    /* Raw patches [cells, channels] of a query's candidate, or of itself (SL_LOOK_QUERY). */
    sl_status (*map)(const void *context, size_t query, int candidate, float *out, sl_error *err);
    void *context;   /* freed by sl_look_pairs_free */
} sl_look_pairs;

/* Of a gallery's faces, by a seed: queries evenly taken, beside up to SL_LOOK_MOST_MATES other faces of the same person
 * and others drawn, SL_LOOK_CANDIDATES in all. A gallery that the look cannot read is refused as a search would. look
 * and gallery must outlive them. */
sl_status sl_look_pairs_of_gallery(const sl_look *look, const sl_gallery *gallery, uint64_t seed, sl_look_pairs *out,
                                   sl_error *err);
void sl_look_pairs_free(sl_look_pairs *pairs);

#endif
