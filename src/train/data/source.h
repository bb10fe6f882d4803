/* Pictures of people to learn from, by number: a source. Whence they come is its kind (source_kind.h):
 *
 *     gallery: enrolled with crops or maps ---.
 *     list of path,label: aligned crops -------+--> sl_source --> batches
 *     list of pairs: aligned crops -----------'
 *
 * A folder of people is enrolled with crops into a ":memory:" gallery. Numbers of pictures and people keep to the order
 * of the kind. A source never changes; any number of threads may use it together. */
#ifndef SL_TRAIN_SOURCE_H
#define SL_TRAIN_SOURCE_H

#include <stdbool.h>

#include "gallery/gallery.h"
#include "secondlook_eval.h"

typedef struct sl_source sl_source;

/* Whom a run learns from, and who judges it. */
typedef enum {
    SL_PART_ALL = 0,
    SL_PART_TRAINING = 1,  /* all but those held out */
    SL_PART_VALIDATION = 2 /* the people held out (gallery/parts.h) */
} sl_part;

/* What every picture must have. Those that lack it are left out. */
typedef enum { SL_NEED_NOTHING = 0, SL_NEED_CROPS = 1, SL_NEED_MAPS = 2, SL_NEED_LANDMARKS = 4 } sl_needs;

/* All zero: every picture. */
typedef struct {
    unsigned needs; /* of sl_needs, or-ed */
    sl_people people;
    double held_out; /* [0, 1) share of the people that is held out */
    sl_part part;
    size_t min_photos; /* people with fewer photos (that have what is needed) are left out */
    int most_people;   /* of those who are left no more than so many, chosen by a hash of the label; 0: all */
    int min_people;    /* SL_ERR_ARGUMENT where fewer are left; 0: 1. What tells people apart needs two */
} sl_source_filter;

/* The gallery stays the caller's, who neither changes nor closes it before the source. SL_ERR_UNSUPPORTED, with the way
 * out, where no face has what is needed. */
sl_status sl_source_of_gallery(const sl_gallery *gallery, const sl_source_filter *filter, sl_source **out,
                               sl_error *err);

/* Aligned crops of a list of `path,label` lines (as sl_photos_in_list), below the folder `root` (NULL: that of the
 * list). SL_ERR_FORMAT for paths that lead out of it, SL_ERR_NOT_FOUND for files that are not there; the pictures are
 * read when they are asked for. */
sl_status sl_source_of_list(const char *path, const char *root, const sl_source_filter *filter, sl_source **out,
                            sl_error *err);
/* The same crops by the lines "img1 img2 same id1 id2" of a list of pairs, whose ids are the labels (pair_list.h reads
 * the pairs themselves). */
sl_status sl_source_of_pairs(const char *path, const char *root, const sl_source_filter *filter, sl_source **out,
                             sl_error *err);
void sl_source_close(sl_source *source);

/* ---- who is there ---- */

size_t sl_source_size(const sl_source *source);                   /* pictures */
int sl_source_people(const sl_source *source);                    /* 0 .. people - 1, by their first picture */
int sl_source_person(const sl_source *source, size_t i);          /* of picture i */
const char *sl_source_label(const sl_source *source, int person); /* valid as long as the source */
const char *sl_source_image(const sl_source *source, size_t i);   /* its id, for messages */

/* The pictures of a person, ascending: [*count], one at least. */
const uint32_t *sl_source_pictures(const sl_source *source, int person, size_t *count);

/* Pictures that were left out for what they lack. */
size_t sl_source_lacking(const sl_source *source);

/* Is everything there that the kind has: nothing left out, by the filter or for what it lacks? */
bool sl_source_is_whole(const sl_source *source);

/* SHA-256 of all ids and labels in their order, of the photos' hashes where they are known, and of the model's
 * fingerprint: a run that is resumed, or shared with others, has the same data where this is equal. [32] */
const uint8_t *sl_source_digest(const sl_source *source);

/* What maps and embeddings look like; NULL for a source of pictures alone. */
const sl_template_shape *sl_source_shape(const sl_source *source);

/* ---- what is learnt from: any thread ---- */

/* The aligned crop of picture i, RGB, and its 68 landmarks in pixels of it where it has some. out: the caller's. */
sl_status sl_source_crop(const sl_source *source, size_t i, sl_image *out, sl_point landmarks[68], bool *has_landmarks,
                         sl_error *err);

/* The patch map of picture i, [R, C]; its embedding, [D], of unit length. SL_ERR_UNSUPPORTED where there is none,
 * SL_ERR_NUMERIC for values that are not finite. */
sl_status sl_source_map(const sl_source *source, size_t i, float *out, sl_error *err);
sl_status sl_source_embedding(const sl_source *source, size_t i, float *out, sl_error *err);

#endif
