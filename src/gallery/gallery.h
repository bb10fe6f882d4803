/* What the modules below the gallery use of it beyond the public functions: opening by shape, and
 * templates in place, where the gallery keeps them. Indices i are those of sl_gallery_size: live faces in order of
 * enrolment. Pointers are valid until the gallery is changed or closed; any number of threads may call
 * these on one handle together as long as nobody adds or removes. A gallery may be of any kind (kind.h). */
#ifndef SL_GALLERY_GALLERY_H
#define SL_GALLERY_GALLERY_H

#include <stdbool.h>

#include "template/patch_source.h"

/* sl_gallery_open without an engine. shape and model_name are needed to create a gallery; where one is,
 * a shape of another fingerprint or geometry is SL_ERR_MISMATCH (its precision counts only for a new
 * gallery), and NULL accepts what is there. */
sl_status sl_gallery_open_shape(const char *place, sl_gallery_mode mode, const sl_template_shape *shape,
                                const char *model_name, sl_gallery **out, sl_error *err);

/* The gallery's shape, with the precision of its stored patches; valid as long as the handle. */
const sl_template_shape *sl_gallery_shape(const sl_gallery *gallery);

/* Its folder, or what else was named, as it was opened; and its random number, which stays through compactions. */
const char *sl_gallery_place(const sl_gallery *gallery);
uint64_t sl_gallery_id(const sl_gallery *gallery);

/* Things made of a gallery's faces that are worth having once it is asked again and again, kept with it and freed when
 * its faces change or it is closed. */
typedef enum { SL_DERIVED_BANK, SL_DERIVED_SKETCHES, SL_DERIVED_KINDS } sl_derived_kind;
typedef struct {
    sl_derived_kind kind;
    size_t after; /* uses */
    sl_status (*make)(const sl_gallery *gallery, const float *embeddings, int threads, void **out, sl_error *err);
    void (*destroy)(void *made);
    /* The same of a gallery with more faces behind those that there were, and nothing else changed: for less than
     * making it anew. NULL: it is made anew. */
    sl_status (*grow)(void *made, const sl_gallery *gallery, const float *embeddings, sl_error *err);
} sl_derived_index;

/* Once there were `after` uses (`uses`: how often this caller will) *out is what `make` makes, by one caller, on its
 * `threads`, while others wait; before, or where there is no memory for it, NULL. Always with the same maker of a
 * kind. `make` may read patches of the gallery; embeddings only those it is given. */
sl_status sl_gallery_derived(const sl_gallery *gallery, const sl_derived_index *index_kind, size_t uses, int threads,
                          void **out, sl_error *err);

/* Tells that so many queries will be asked, which may be worth an index: made on all `threads`, for all who search. */
sl_status sl_gallery_expect(const sl_gallery *gallery, size_t queries, int threads, sl_error *err);

/* Stage 1: the k faces of the largest cosine for each query, as sl_cosine_top gives them. There are k faces. */
sl_status sl_gallery_top(const sl_gallery *gallery, const sl_vectors *queries, int k, int threads, uint32_t *index,
                         float *cosine, sl_error *err);

/* How many faces the last search could not see, as their shard did not answer and that was to be let pass. */
size_t sl_gallery_unsearched(const sl_gallery *gallery);

/* Patches, embeddings and landmarks that are read between these two stay valid until the second, and may not longer,
 * where templates are fetched from afar; without them what is read stays as said above, and takes memory. */
void *sl_gallery_hold(const sl_gallery *gallery);
void sl_gallery_let_go(const sl_gallery *gallery, void *held);

/* Makes contributions [R, D] of a template with a map, for a gallery of compact patches that is written to. */
typedef struct {
    sl_status (*contributions)(void *context, const sl_template *t, float *out, sl_error *err);
    void (*destroy)(void *context);
    void *context;
} sl_contribution_encoder;

/* Takes the encoder over, also when it fails. */
sl_status sl_gallery_set_encoder(sl_gallery *gallery, const sl_contribution_encoder *encoder, sl_error *err);

/* A number for the label of live face i, equal for equal labels, below sl_gallery_label_bound (i is not checked). */
uint32_t sl_gallery_label_id(const sl_gallery *gallery, size_t i);
uint32_t sl_gallery_label_bound(const sl_gallery *gallery);

/* The label and the image id of live face i (i is not checked); "" where they cannot be read, which nobody meets who
 * has asked for the embeddings before. */
const char *sl_gallery_label(const sl_gallery *gallery, size_t i);
const char *sl_gallery_image(const sl_gallery *gallery, size_t i);

/* Are two names one, whatever form of Unicode they are in? */
bool sl_same_name(const char *a, const char *b);

/* A photo's faces go by its id and by that with #2, #3, .. behind it. */
enum { SL_PHOTO_FACES_MAX = 1000 };

/* The first live face of a photo, by the photo's id. A thousand times slower than sl_gallery_find. */
sl_status sl_gallery_find_face_of(const sl_gallery *gallery, const char *photo, size_t *i, sl_error *err);

/* A live face that was made of the photo whose file has this SHA-256, of the person `label` (NULL: of anybody);
 * SL_ERR_NOT_FOUND when there is none. Like adding it needs the caller's exclusion: it keeps an index. */
sl_status sl_gallery_find_photo(sl_gallery *gallery, const uint8_t sha256[32], const char *label, size_t *i,
                                sl_error *err);

/* Patches of live face i, in place, 64-byte aligned; a file's checksum is verified the first time.
 * SL_ERR_UNSUPPORTED, with the way out, where the gallery holds embeddings only. */
sl_status sl_gallery_patches(const sl_gallery *gallery, size_t i, sl_patch_source *out, sl_error *err);

/* The 68 landmarks of live face i in units of the crop's sides, NULL when it has none; checksum as above. */
sl_status sl_gallery_landmarks(const sl_gallery *gallery, size_t i, const sl_point **landmarks, sl_error *err);

/* A short text that is kept with the gallery by name, for whoever opens it next; complete or not at all. No lock is
 * needed. read: SL_ERR_NOT_FOUND when there is none, *text malloc'd. write: text NULL takes it out, SL_ERR_NOT_FOUND
 * when there is none; SL_ERR_UNSUPPORTED where notes are not kept. */
sl_status sl_gallery_read_note(const sl_gallery *gallery, const char *name, size_t most, uint8_t **text, size_t *size,
                               sl_error *err);
sl_status sl_gallery_write_note(const sl_gallery *gallery, const char *name, const void *text, size_t size,
                                sl_error *err);

/* Where a note is, for messages: PLACE/NAME, malloc'd; NULL when there is no memory. */
char *sl_gallery_note_place(const sl_gallery *gallery, const char *name);

/* Its live faces, for matching. */
sl_face_store sl_gallery_faces(const sl_gallery *gallery);

#endif
