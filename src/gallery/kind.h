/* What every gallery is made of, and what a kind of gallery does itself.
 *
 *     public functions, gallery.h    all that pipeline, eval, explain and the command line see
 *               |
 *     files of src/gallery           the same for all kinds: arguments, names, conversion, indexes
 *               |
 *     sl_gallery_kind                this table; kinds.c chooses one by what is named
 *          |         |              |
 *     folder/   memory_kind.c   postgres/      files; this process's memory; databases
 *
 * A new kind is a file with such a table, and a line in kinds.c. Its own structure begins with an sl_gallery. */
#ifndef SL_GALLERY_KIND_H
#define SL_GALLERY_KIND_H

#include <pthread.h>
#include <stdbool.h>

#include "gallery/gallery.h"
#include "match/match.h"
#include "secondlook_serve.h"
#include "template/patch_row.h"

typedef struct sl_gallery_kind sl_gallery_kind;

/* An open gallery, as far as all kinds have it in common. */
struct sl_gallery {
    const sl_gallery_kind *kind;
    char *place; /* as it was named */
    bool writable;

    /* What the kind says of it. Strings and arrays are the kind's. */
    uint64_t id; /* random */
    const char *model;
    const sl_template_shape *shape;
    size_t faces;         /* live ones: numbered 0 .. faces - 1 in the order of enrolment */
    uint32_t label_bound; /* the numbers of labels are below it */
    const char *broken;   /* why nothing more can be written through this handle, or NULL */

    /* Indexes of the faces as they are (stage1.c). */
    pthread_mutex_t mutex;
    bool embeddings_ready;
    const float *embeddings; /* [faces, D] */
    bool rows_ready;
    sl_vectors rows; /* the kind's rows, or no data: what stage 1 scans (sl_gallery_kind.rows) */
    struct {
        const sl_derived_index *kind; /* NULL: it was never asked for */
        void *index;
        size_t uses; /* since the faces changed; no more are counted than are needed */
    } derived[SL_DERIVED_KINDS];

    /* For adding (new_face.c). */
    sl_contribution_encoder encoder; /* unset where nobody gave one */
    float *contributions;            /* [R, D] what it made last */
    uint8_t *patch_row;              /* of the face that is added */
};

/* A face that is to be kept: all of it is sound, and valid during the call. */
typedef struct {
    const sl_entry *entry;    /* has_landmarks and has_crop are set */
    const float *embedding;   /* [D], unit length */
    const uint8_t *patch_row; /* patches as the shape's format stores them, and landmarks (patch_row.h) */
    const uint8_t *crop;      /* JPEG, NULL without one */
    size_t crop_size;
} sl_new_face;

/* As sl_restored_fn, with the label that the face had until now; NULL: it was removed. */
typedef void (*sl_face_back_fn)(void *context, const char *image, const char *label, const char *before);

/* Numbers i of faces are below `faces`. What is read stays valid until the gallery is changed or closed, and is checked
 * for damage: SL_ERR_CORRUPT. Threads may call all that takes a const gallery together, as long as nobody writes.
 * Whoever writes was opened for that, and is not broken. */
struct sl_gallery_kind {
    const char *prefix; /* of the names of places that are of this kind; "" fits any */

    /* ---- places ---- */

    /* mode SL_GALLERY_CREATE: shape and model are given; whether they fit what is there already is checked by the
     * caller. *out begins with sl_gallery_begin, and is left alone on failure. */
    sl_status (*open)(const char *place, sl_gallery_mode mode, const sl_template_shape *shape, const char *model,
                      sl_gallery **out, sl_error *err);
    /* Frees the handle too, which may be half opened. */
    void (*close)(sl_gallery *g);
    /* Brings a reading handle up to the newest commit; *added: nothing was removed, faces were added behind the
     * others (or none were). NULL: cannot. On failure the handle is only closed. */
    sl_status (*refresh)(sl_gallery *g, bool *added, sl_error *err);
    /* As the public functions; NULL where there are no files. */
    sl_status (*verify)(const char *place, sl_progress_fn progress, void *context, sl_error *err);
    sl_status (*compact)(const char *place, sl_progress_fn progress, void *context, sl_error *err);
    sl_status (*upgrade)(const char *place, sl_progress_fn progress, void *context, sl_error *err);
    /* NULL where there are no shards. */
    sl_status (*rebalance)(const char *place, sl_progress_fn progress, void *context, sl_error *err);
    sl_status (*backup)(const char *place, const char *file, sl_progress_fn progress, void *context, sl_error *err);
    sl_status (*from_backup)(const char *file, const char *dir, sl_progress_fn progress, void *context, sl_error *err);
    sl_status (*leftovers)(const char *place, void (*leftover)(void *context, const char *file, uint64_t bytes),
                           void *context, sl_error *err);

    /* ---- reading ---- */

    /* What only the kind knows: removed, labels, version, bytes. */
    void (*info)(const sl_gallery *g, sl_gallery_info *out);
    /* All embeddings in one piece [faces, D]; there is a face. Called once after each change, by one thread: what it
     * needs for that it may keep in *g. From then on entries are read without failing. */
    sl_status (*embeddings)(sl_gallery *g, const float **out, sl_error *err);
    /* The embeddings of all rows in one piece, as they lie there: those of removed faces too, so that a removal moves
     * nothing. data NULL: they cannot be scanned so (a removed one is damaged). And the face of a row, SIZE_MAX for a
     * removed one; faces are in the order of their rows. Both NULL: there are no rows but faces. */
    sl_status (*rows)(sl_gallery *g, sl_vectors *out, sl_error *err);
    size_t (*face_of_row)(const sl_gallery *g, uint32_t row);
    /* The rows in blocks that have codes already, of which removed ones are skipped; blocks are valid until the
     * gallery is changed. *count 0: there are none, or they turned out to be damaged. Called by one thread at a
     * time. NULL: there never are. */
    sl_status (*coded)(sl_gallery *g, sl_scan_block blocks[2], size_t *count, sl_error *err);
    /* Stage 1 where the kind answers it itself, in batches: as sl_gallery_top. NULL: the embeddings are scanned. The
     * faces that it gives are those whose patches are asked for next, one by one. */
    sl_status (*top)(const sl_gallery *g, const sl_vectors *queries, int k, int threads, uint32_t *index, float *cosine,
                     sl_error *err);
    /* As sl_gallery_unsearched; NULL: there are none. */
    size_t (*unsearched)(const sl_gallery *g);
    /* As sl_gallery_hold and sl_gallery_let_go; NULL where what is read stays anyway. */
    void *(*hold)(const sl_gallery *g);
    void (*let_go)(const sl_gallery *g, void *held);
    sl_status (*entry)(const sl_gallery *g, size_t i, sl_entry *out, sl_error *err);
    uint32_t (*label_id)(const sl_gallery *g, size_t i);
    /* The embedding; the patches as they are stored, all other members of *out zero; 68 landmarks, NULL without. */
    sl_status (*embedding)(const sl_gallery *g, size_t i, const float **out, sl_error *err);
    sl_status (*patches)(const sl_gallery *g, size_t i, sl_patch_source *out, sl_error *err);
    sl_status (*landmarks)(const sl_gallery *g, size_t i, const sl_point **out, sl_error *err);
    /* The JPEG of a face that has one. */
    sl_status (*crop)(const sl_gallery *g, size_t i, const uint8_t **jpeg, size_t *size, sl_error *err);
    /* The face of this very image id; SL_ERR_NOT_FOUND, without a text, when there is none. */
    sl_status (*find)(const sl_gallery *g, const char *image, size_t *i, sl_error *err);
    /* The same of many at once, where each would be a journey: faces [count], SIZE_MAX for who is not there. NULL: they
     * are found one by one. */
    sl_status (*find_all)(const sl_gallery *g, const char *const *images, size_t count, size_t *faces, sl_error *err);
    /* As sl_gallery_find_photo, but for the text of SL_ERR_NOT_FOUND. */
    sl_status (*find_photo)(sl_gallery *g, const uint8_t sha256[32], const char *label, size_t *i, sl_error *err);

    /* ---- writing ---- */

    /* Adds a face in the place of faces old [count]; its id is free but for those. On failure nothing has changed. */
    sl_status (*replace)(sl_gallery *g, const size_t *old, size_t count, const sl_new_face *face, sl_error *err);
    /* Makes what was added durable. On failure it is dropped, or the gallery is broken. */
    sl_status (*commit)(sl_gallery *g, sl_error *err);
    /* Takes out all faces of this very image id and label (NULL: any), durably; what was added is committed. */
    sl_status (*remove)(sl_gallery *g, const char *image, const char *label, size_t *removed, sl_error *err);
    /* As sl_gallery_get_mark and sl_gallery_restore, but for the commit; *count is raised. Both NULL: no history is
     * kept. */
    void (*mark)(const sl_gallery *g, sl_gallery_mark *out);
    sl_status (*restore)(sl_gallery *g, const sl_gallery_mark *from, const sl_gallery_mark *to, sl_face_back_fn told,
                         void *context, size_t *count, sl_error *err);

    /* ---- notes, which are not part of a commit ---- */

    /* As sl_gallery_read_note and sl_gallery_write_note; both NULL where none are kept. */
    sl_status (*read_note)(const sl_gallery *g, const char *name, size_t most, uint8_t **text, size_t *size,
                           sl_error *err);
    sl_status (*write_note)(const sl_gallery *g, const char *name, const void *text, size_t size, sl_error *err);
    const char *person_notes; /* which of them has those about people; NULL: none are kept (one writer changes it
                                 whole) */
};

extern const sl_gallery_kind sl_folder_kind, sl_memory_kind, sl_postgres_kind;

/* The common part of a new handle, zeroed before. sl_gallery_close takes it, also after a failure. */
sl_status sl_gallery_begin(sl_gallery *g, const sl_gallery_kind *kind, const char *place, bool writable,
                           sl_error *err);

/* A random number for a new gallery. */
uint64_t sl_gallery_new_id(void);

/* Has the shape of a new gallery what its patches are stored around, and is that finite? */
sl_status sl_gallery_check_centre(const char *place, const sl_template_shape *shape, sl_error *err);

/* Drops what was made of the faces that were: they are others now. */
void sl_gallery_changed(sl_gallery *g);

/* The same where faces were removed and nothing else: what was made of rows stays. */
void sl_gallery_removed(sl_gallery *g);

#endif
