/* Lists of pairs in the published form, "img1 img2 same" or "img1 img2 same id1 id2" (fields as eval/pair_fields.h has
 * them). With ids a list says itself whose the pictures are, and so is a source of crops too. */
#ifndef SL_TRAIN_PAIR_LIST_H
#define SL_TRAIN_PAIR_LIST_H

#include "pipeline/photos.h"
#include "train/data/sampler.h"

typedef struct {
    sl_training_pair *pairs; /* in the list's order; twice where it has them twice */
    size_t count, elsewhere; /* elsewhere: pairs left out, of pictures that the source's filter left out */
} sl_listed_pairs;

/* The pairs of a file in numbers of a source. SL_ERR_NOT_FOUND for a picture that the source has not, unless its filter
 * left people out; SL_ERR_FORMAT where `same` or the ids contradict the source, or each other. */
sl_status sl_listed_pairs_read(const char *path, const sl_source *source, sl_listed_pairs *out, sl_error *err);
sl_status sl_listed_pairs_parse(const char *text, size_t size, const char *file, const sl_source *source,
                                sl_listed_pairs *out, sl_error *err);
void sl_listed_pairs_free(sl_listed_pairs *pairs);

/* The pictures of a list with ids, each once, in the order that they are met; joined to `base`. SL_ERR_FORMAT where a
 * picture has two ids. */
sl_status sl_pair_photos_parse(const char *text, size_t size, const char *file, const char *base, sl_photo **out,
                               size_t *count, sl_error *err);

#endif
