/* An open gallery, as the files of this module see it.
 *
 *     folder.c   files by name, the lock             open.c     opening, creating, recovery
 *     marker.c   which commit counts                 replay.c   the log, turned into the index
 *     write.c    adding, removing, committing        read.c     entries, templates, embeddings
 *     compact.c  rewriting                           verify.c   reading every byte
 *     spelling.c names in one form of Unicode        naming.c   what labels and ids may be
 *     photo_faces.c  the faces of a photo, by its id and by its content
 */
#ifndef SL_FOLDER_STORE_H
#define SL_FOLDER_STORE_H

#include <pthread.h>
#include <stdatomic.h>

#include "gallery/folder/datafile.h"
#include "gallery/folder/format.h"
#include "gallery/gallery.h"
#include "base/ticker.h"
#include "gallery/folder/table.h"

struct sl_gallery {
    char *dir;
    bool writable;
    const char *broken; /* writing: why nothing more can be written through this handle, or NULL */
    int lock_fd;
    sl_meta meta; /* its shape's centre is `centre` */
    float *centre; /* [R, D], of compact patches */
    sl_datafile files[SL_FILES], marker;

    sl_commit_state committed; /* what the marker says */
    bool slot_damaged[2];      /* that slot of the marker does not hold; the state was found without it */
    uint32_t chain;            /* the log's running checksum at its end */
    bool dirty;                /* the log has records behind the committed ones */

    /* By row (every face ever added; removed ones stay until compaction). */
    uint32_t rows, rows_capacity;
    uint64_t *record_at;           /* [rows] offset of its ADD record in the log */
    uint32_t *row_label;           /* [rows] label id */
    bool *row_removed;             /* [rows] */
    _Atomic uint8_t *patches_held; /* [rows] 1: the patch row's checksum was verified */

    /* By live face, in order of enrolment. */
    uint32_t faces;
    uint32_t *face_row;   /* [faces] */
    uint32_t *face_label; /* [faces] label id */

    /* By label id. */
    uint32_t labels, labels_capacity, labels_live;
    uint64_t *label_at;    /* [labels] offset in the log of a record that has it */
    uint32_t *label_faces; /* [labels] live faces */
    sl_table images, label_table;

    sl_table hashes;        /* rows by the hash of their photo's file: filled when it is asked */
    uint32_t hashes_listed; /* rows below are in it */

    /* Stage 1's view, made at the first call. */
    pthread_mutex_t mutex;
    uint32_t embeddings_held; /* rows below were verified */
    bool embeddings_ready;
    const float *embeddings; /* into the mapping, or `gathered` */
    float *gathered;
    struct {
        const sl_derived_index *index_kind; /* NULL: it was never asked for */
        void *what;
        size_t uses; /* since the embeddings changed; no more are counted than are needed */
    } made[SL_DERIVED_KINDS];

    uint8_t *scratch; /* one patch row or log record, for writing */
    sl_contribution_encoder encoder; /* makes contributions of the maps that are added; unset where nobody gave one */
    float *packed;    /* [R, D] what it made last */
};

void sl_gallery_drop_derived(sl_gallery *g); /* drops `made` (read.c) */

static inline const uint8_t *sl_record_bytes(const sl_gallery *g, uint32_t row)
{
    return g->files[SL_FILE_LOG].base + g->record_at[row];
}

static inline sl_face_record sl_row_record(const sl_gallery *g, uint32_t row)
{
    sl_face_record face;
    sl_face_decode(sl_record_bytes(g, row), &face);
    return face;
}

static inline uint64_t sl_row_at(const sl_gallery *g, sl_file_kind kind, uint64_t row)
{
    return sl_rows_at(kind, &g->meta.shape) + row * sl_row_stride(kind, &g->meta.shape);
}

static inline const uint8_t *sl_row_bytes(const sl_gallery *g, sl_file_kind kind, uint32_t row)
{
    return g->files[kind].base + sl_row_at(g, kind, row);
}

/* ---- replay.c ---- */

/* Room in the index for one more face. */
sl_status sl_index_reserve(sl_gallery *g, sl_error *err);

/* Enters the face whose ADD record lies at `at` in the log (there must be room). */
void sl_index_add(sl_gallery *g, uint64_t at);

/* Marks rows removed; sl_index_relist brings the live faces up to date afterwards. */
void sl_index_remove(sl_gallery *g, uint32_t row);
void sl_index_relist(sl_gallery *g);

/* The live row of an image id, or SL_TABLE_NONE; the id of a label, or SL_TABLE_NONE. */
uint32_t sl_index_image(const sl_gallery *g, const char *image, size_t size);
uint32_t sl_index_label(const sl_gallery *g, const char *label, size_t size);

/* Maps the log and reads it up to the committed state into the index. */
sl_status sl_replay(sl_gallery *g, sl_error *err);

/* The index of the committed state again, after more was added. */
sl_status sl_index_rewind(sl_gallery *g, sl_error *err);

/* ---- spelling.c ---- */

/* An entry with its names in form C, which it holds. */
typedef struct {
    sl_entry entry;
    char *image, *label;
} sl_spelling;

/* entry may be NULL: then all is NULL. */
sl_status sl_spelling_of(const sl_entry *entry, sl_spelling *out, sl_error *err);
void sl_spelling_free(sl_spelling *spelling);

/* A row, a label's id, by a name in any form; SL_TABLE_NONE. */
uint32_t sl_find_image(const sl_gallery *g, const char *image);
uint32_t sl_find_label(const sl_gallery *g, const char *label);

/* ---- marker.c ---- */

/* A new generation's marker, both slots alike, synced. */
sl_status sl_marker_create(sl_gallery *g, sl_error *err);

/* Opens the marker and sets g->committed to the commit that counts (the data files are open). */
sl_status sl_marker_read(sl_gallery *g, sl_error *err);

/* Writes the state into slot `sequence % 2` and syncs it. */
sl_status sl_marker_write(sl_gallery *g, const sl_commit_state *state, sl_error *err);

static inline bool sl_marker_damaged(const sl_gallery *g)
{
    return g->slot_damaged[0] || g->slot_damaged[1];
}

/* Writes the committed state into the damaged slot. */
sl_status sl_marker_repair(sl_gallery *g, sl_error *err);

/* ---- folder.c ---- */

/* SL_ERR_NOT_FOUND when the folder is no gallery; *foreign: then it has other things in it. */
sl_status sl_store_read_meta(const char *dir, sl_meta *out, bool *foreign, sl_error *err);

/* Publishes the handle's generation: writes gallery.meta. */
sl_status sl_store_publish(const sl_gallery *g, sl_error *err);

/* Deletes the files of all generations but `keep`, and temporary files. */
sl_status sl_store_clean(const char *dir, uint64_t keep, sl_error *err);

/* The one writer's lock, held until *fd is closed; SL_ERR_LOCKED when another has it. */
sl_status sl_store_lock(const char *dir, int *fd, sl_error *err);

/* ---- open.c ---- */

/* A handle with the files of meta's generation new and empty, but for gallery.meta: nobody sees it yet.
 * dir's lock must be held; the handle does not own it. */
sl_status sl_store_create(const char *dir, const sl_meta *meta, sl_gallery **out, sl_error *err);

/* Opens the committed part of meta's generation, whether gallery.meta names it or not; SL_ERR_NOT_FOUND when a file of it
 * is missing. For writing: dir's lock must be held, and what was never acknowledged is dropped. */
sl_status sl_store_open(const char *dir, const sl_meta *meta, bool writable, sl_gallery **out, sl_error *err);

/* SL_ERR_CORRUPT: the file has less than was committed. */
sl_status sl_file_was_cut(const sl_datafile *f, uint64_t committed, sl_error *err);

/* ---- write.c ---- */

/* Appends one face: row bytes as they are on disk; face's names, box, quality, has_landmarks and crop_size
 * are read. Other fields are set here. */
sl_status sl_store_append(sl_gallery *g, sl_face_record *face, const void *embedding, const void *patch_row,
                          const void *crop, sl_error *err);

/* The same in the place of live rows old [count], whose removal is logged with it: on failure they are still there. */
sl_status sl_store_replace(sl_gallery *g, const uint32_t *old, uint32_t count, sl_face_record *face,
                           const void *embedding, const void *patch_row, const void *crop, sl_error *err);

/* Makes everything appended durable. When it fails before the marker is touched nothing has changed but the log's end,
 * and the caller goes back; when the marker fails, g->broken is set. */
sl_status sl_store_commit(sl_gallery *g, sl_error *err);

/* ---- naming.c ---- */

/* May a new face be called so? SL_ERR_ARGUMENT names the character that is in the way. (Faces that are there already
 * may have any name that sl_name_sound accepts.) what: "label" or "image id". */
sl_status sl_name_check(const char *what, const char *name, sl_error *err);

/* ---- photo_faces.c ---- */

/* The live rows of a photo's faces, by its id: rows [SL_PHOTO_FACES_MAX]; returns how many. */
uint32_t sl_photo_rows(const sl_gallery *g, const char *photo, uint32_t *rows);

/* ---- read.c ---- */

/* The number of the live face in this row. */
size_t sl_face_of_row(const sl_gallery *g, uint32_t row);

/* SL_OK when the row's bytes agree with the log. */
sl_status sl_check_embedding(const sl_gallery *g, uint32_t row, sl_error *err);
sl_status sl_check_patches(const sl_gallery *g, uint32_t row, sl_error *err);
sl_status sl_check_crop(const sl_gallery *g, uint32_t row, sl_error *err);

/* ---- verify.c ---- */

/* Both marks, and all of the above for every row, removed ones too. `ticker` is told `before` rows more than were checked. */
sl_status sl_check_whole(const sl_gallery *g, sl_ticker *ticker, size_t before, sl_error *err);

#endif
