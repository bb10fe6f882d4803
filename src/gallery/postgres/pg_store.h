/* A gallery in PostgreSQL, open: the shards' connections, the list of its faces, and what was read of them.
 *
 *     pg_place.c   URLs, and which shard a person belongs to       pg_list.c    which faces there are
 *     pg_link.c    asking shards together                          pg_cache.c   what was read of them
 *     pg_wire.c    parameters and results                          pg_read.c    reading faces, finding them
 *     pg_open.c    opening, creating                               pg_top.c     stage 1
 *     pg_write.c   batches                                         pg_tend.c    verify, compact, notes
 *     pg_info.c    how many people                                 pg_names.c   who is certainly not there
 *     pg_rebalance.c   adding shards                               pg_kind.c    the table of all these
 *
 * Faces have numbers of one sequence, the first shard's, so their order is that of enrolment over all shards. The
 * handle shows the faces that were there when it was opened, and those that it adds: numbers of others are passed
 * over. What is to be added is kept in a gallery in memory until it is committed. */
#ifndef SL_GALLERY_PG_STORE_H
#define SL_GALLERY_PG_STORE_H

#include "gallery/kind.h"
#include "gallery/postgres/pg_link.h"
#include "gallery/table.h"

/* What was read of a face. */
typedef struct {
    int64_t id;
    bool known;     /* entry and label are set */
    sl_entry entry; /* its strings and its hash lie in `held`, its label among the labels */
    uint32_t label;
    char *held;
    uint8_t *template; /* 64-byte aligned: embedding, patch row at row_at; NULL: not here */
    uint8_t *crop;
    size_t crop_size;
} sl_pg_face;

/* Templates that were read while others were in use: freed once nobody holds on to them or to older ones. */
typedef struct sl_pg_generation {
    size_t holders, bytes, count, room;
    uint8_t **templates;
    struct sl_pg_generation *next; /* the newer one */
} sl_pg_generation;

typedef struct {
    sl_pg_face **slots; /* by id, open addressing; NULL: free */
    size_t capacity, count;
    sl_pg_generation *oldest, *newest;
    sl_table label_table;
    char **labels; /* [labels_count] */
    size_t labels_count, labels_room;
} sl_pg_cache;

/* Names that a writer knows to be there (pg_names.c). */
typedef struct {
    uint64_t *slots; /* [capacity] 0: free */
    size_t capacity, count, asked;
    bool ready;
} sl_pg_names;

typedef struct {
    sl_gallery base;
    sl_pg_place place;
    sl_template_shape shape;
    char model[64];
    float *centre;
    size_t row_at, row_bytes; /* of a template in memory: 64-byte aligned patch row; its size */
    size_t people;            /* in all shards, as far as is known */
    bool growing;             /* shards are being added: their rows may name fewer (pg_rebalance.c) */
    size_t fewest;            /* while growing: the smallest number of shards that a row names */

    pthread_mutex_t lock; /* for what follows: threads that read together take turns */
    sl_pg_links links;
    int64_t *ids; /* [listed] rising */
    size_t listed, ids_room;
    size_t *shard_faces;  /* [shards] as last counted */
    size_t unsearched;    /* faces of shards that did not answer the last search */
    sl_pg_cache cache;
    sl_pg_names names;
    int64_t *expected; /* [expected_count] faces whose templates will be asked for next */
    size_t expected_count, expected_room;
    float *embeddings; /* [faces, D] once all were asked for */

    sl_gallery *pending; /* in memory: added since the last commit */
    int64_t *removed;    /* [removed_count] faces of the list that the next commit takes out */
    size_t removed_count;
} sl_pg;

/* ---- pg_open.c ---- */

sl_status sl_pg_open(const char *place, sl_gallery_mode mode, const sl_template_shape *shape, const char *model,
                     sl_gallery **out, sl_error *err);
void sl_pg_close(sl_gallery *g);

/* Of a gallery that has some of these shards, for adding the others, which it is made in: connections and rows, without
 * the list of faces and without the writer's lock. Close it with sl_gallery_close. */
sl_status sl_pg_open_growing(const char *place, sl_pg **out, sl_error *err);

/* Takes the writer's lock, until the handle is closed. */
sl_status sl_pg_lock(sl_pg *p, sl_error *err);

/* Memory for what was added since the last commit. */
sl_status sl_pg_new_pending(sl_pg *p, sl_error *err);

/* ---- pg_list.c ---- */

sl_status sl_pg_list(sl_pg *p, sl_error *err); /* reads the list anew */
bool sl_pg_number_of(const sl_pg *p, int64_t id, size_t *i);
void sl_pg_unlist(sl_pg *p, int64_t id);
sl_status sl_pg_enlist(sl_pg *p, int64_t id, sl_error *err);

/* ---- pg_cache.c ---- */

void sl_pg_cache_free(sl_pg_cache *c);
sl_pg_face *sl_pg_cached(const sl_pg_cache *c, int64_t id);
/* The face's place in the cache, made if there is none; NULL: no memory. */
sl_pg_face *sl_pg_cache_place(sl_pg_cache *c, int64_t id);
/* Takes a template over. false: no memory. */
bool sl_pg_cache_template(sl_pg_cache *c, sl_pg_face *f, uint8_t *template, size_t bytes);
/* A number for a label, the same for the same; false: no memory. */
bool sl_pg_cache_label(sl_pg_cache *c, const char *label, uint32_t *number);
/* What is read from now on stays until `held` is let go of. */
sl_pg_generation *sl_pg_hold(sl_pg_cache *c);
void sl_pg_let_go(sl_pg_cache *c, sl_pg_generation *held);

/* ---- pg_names.c ---- */

/* The name of an image id; that of a photo are the first bytes of its hash. */
uint64_t sl_pg_name_of(const char *image);
/* false: nobody of that name is in any shard, apart from what is pending. With the lock. */
bool sl_pg_may_be_there(sl_pg *p, uint64_t name);
/* Another one is there. */
void sl_pg_names_add(sl_pg_names *n, uint64_t name);

/* ---- pg_read.c ---- */

/* Reads what row `row` tells from column `first` on: label, image, place, landmarks, photo, whether there is a crop. */
sl_status sl_pg_take_entry(sl_pg *p, const PGresult *r, int row, int first, int64_t id, sl_error *err);

sl_status sl_pg_embeddings(sl_gallery *g, const float **out, sl_error *err);
sl_status sl_pg_entry(const sl_gallery *g, size_t i, sl_entry *out, sl_error *err);
uint32_t sl_pg_label_id(const sl_gallery *g, size_t i);
sl_status sl_pg_embedding(const sl_gallery *g, size_t i, const float **out, sl_error *err);
sl_status sl_pg_patches(const sl_gallery *g, size_t i, sl_patch_source *out, sl_error *err);
sl_status sl_pg_landmarks(const sl_gallery *g, size_t i, const sl_point **out, sl_error *err);
sl_status sl_pg_crop(const sl_gallery *g, size_t i, const uint8_t **jpeg, size_t *size, sl_error *err);
sl_status sl_pg_find(const sl_gallery *g, const char *image, size_t *i, sl_error *err);
sl_status sl_pg_find_all(const sl_gallery *g, const char *const *images, size_t count, size_t *faces, sl_error *err);
sl_status sl_pg_find_photo(sl_gallery *g, const uint8_t sha256[32], const char *label, size_t *i, sl_error *err);

/* ---- pg_info.c ---- */

void sl_pg_info(const sl_gallery *g, sl_gallery_info *out);

/* ---- pg_top.c ---- */

sl_status sl_pg_top(const sl_gallery *g, const sl_vectors *queries, int k, int threads, uint32_t *index, float *cosine,
                    sl_error *err);

/* ---- pg_write.c ---- */

sl_status sl_pg_replace(sl_gallery *g, const size_t *old, size_t count, const sl_new_face *face, sl_error *err);
sl_status sl_pg_commit(sl_gallery *g, sl_error *err);
sl_status sl_pg_remove(sl_gallery *g, const char *image, const char *label, size_t *removed, sl_error *err);

/* ---- pg_tend.c ---- */

sl_status sl_pg_verify(const char *place, sl_progress_fn progress, void *context, sl_error *err);
sl_status sl_pg_compact(const char *place, sl_progress_fn progress, void *context, sl_error *err);
sl_status sl_pg_leftovers(const char *place, void (*leftover)(void *context, const char *file, uint64_t bytes),
                          void *context, sl_error *err);
sl_status sl_pg_read_note(const sl_gallery *g, const char *name, size_t most, uint8_t **text, size_t *size,
                          sl_error *err);
sl_status sl_pg_write_note(const sl_gallery *g, const char *name, const void *text, size_t size, sl_error *err);

/* ---- pg_rebalance.c ---- */

sl_status sl_pg_rebalance(const char *place, sl_progress_fn progress, void *context, sl_error *err);

#endif
