/* Who is asked, who may be found, and what R is: the rules of an identification experiment, apart from any
 * ranking. */
#ifndef SL_EVAL_PROTOCOL_H
#define SL_EVAL_PROTOCOL_H

#include <stdbool.h>

#include "gallery/gallery.h"
#include "secondlook_eval.h"

/* UINT32_MAX stands for "none" throughout. Faces are indices of the gallery, queries indices of the queries. */
typedef struct {
    const sl_gallery *gallery, *queries;
    uint32_t *labels; /* [gallery] label ids of its faces */
    uint32_t *faces;  /* [face_count] the faces that may be found, ascending */
    size_t face_count;
    uint32_t *person;    /* [queries] label id of the query's person in the gallery */
    uint32_t *own_photo; /* [queries] the face to pass over: the query itself, or the photo that it was made of */
    uint32_t *relevant;  /* [queries] R: photos of the query's person that count */
    uint32_t *asked;     /* [asked_count] the queries that count, ascending; those of the limit */
    uint32_t *unmatched; /* [unmatched_count] queries with nobody to be found */
    size_t asked_count, unmatched_count;
    size_t query_count, own_photos; /* queries that take part, before the limit; those of them with an own_photo */
    size_t most_relevant; /* the largest R of those asked */
} sl_protocol;

/* SL_ERR_MISMATCH for galleries of different models. */
sl_status sl_check_queries(const sl_gallery *gallery, const sl_gallery *queries, sl_error *err);

/* Applies the options (people, min_photos, only, same photo, limit). SL_ERR_MISMATCH for galleries of different
 * models; SL_ERR_ARGUMENT when nothing is left to be evaluated, or it is not clear which photo a query was made
 * of. */
sl_status sl_protocol_make(const sl_gallery *gallery, const sl_gallery *queries, const sl_eval_options *options,
                           sl_protocol *out, sl_error *err);
void sl_protocol_free(sl_protocol *protocol);

#endif
