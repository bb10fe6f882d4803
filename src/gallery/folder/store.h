/* A gallery in a folder, as the files of this module see it. docs/gallery-format.md has every byte.
 *
 *     gallery.meta   which generation N of the files counts, and whose templates they are
 *
 *     embeddings.N   | row 0 | row 1 | row 2                                         : row 3
 *     patches.N      | row 0 | row 1 | row 2                                         : row 3
 *     crops.N        | JPEG 0 | JPEG 2 (face 1 has none)                             : JPEG 3
 *     embeddings.N.1, patches.N.1, crops.N.1     the next 16,384 rows, and so on
 *     centre.N       what compact patches are stored around
 *     log.N          |header| ADD 0 | ADD 1 | COMMIT 1 | REMOVE 0 | ADD 2 | COMMIT 2 : ADD 3
 *     commit.N       |slot 0: COMMIT 2 ----------------------------------------------^ | slot 1: COMMIT 1|
 *                                                                        counts : does not
 *
 *     codes.N        |header| codes of rows 0 .. 15 | of rows 16 .. 31 | ...     derived, and may be missing
 *     index.N        |header| tables of the names of rows 0 .. n                  likewise
 *
 * The log is the truth: its ADD records make rows and crops into faces, REMOVE takes a face back, and each record's
 * checksum goes on from the one before it. A commit syncs rows and crops, then a COMMIT record in the log, then the
 * older slot of the marker, which says how far the log counts: at any moment the last whole slot tells a state all of
 * whose bytes are on disk. What lies behind it was never acknowledged; the next writer cuts it off. Bytes that count
 * are never written again. A compaction writes generation N + 1 beside N, and the rename of gallery.meta swaps them; of
 * a large gallery it does so in steps, in which segments that stay as they are get a second name.
 *
 *     folder.c   files by name, the lock             open.c     opening, creating, recovery
 *     marker.c   which commit counts                 replay.c   the log, turned into the index
 *     write.c    adding, removing, committing        read.c     entries, templates, embeddings
 *     compact.c  rewriting                           verify.c   reading every byte
 *     restore.c  bringing back what was removed     backup.c   a gallery in one file (tar_header.c)
 *     photo_hash.c   faces by their photo's content  format.c   bytes of every file
 *     codes_file.c   codes of rows, for searches     index_file.c   the tables of names, for opening
 *     upgrade.c      making what is derived         index_room.c   room for that
 *     folder_kind.c  the table of all this that the rest of the library sees
 */
#ifndef SL_FOLDER_STORE_H
#define SL_FOLDER_STORE_H

#include <stdatomic.h>

#include "base/ticker.h"
#include "gallery/folder/codes_file.h"
#include "gallery/folder/datafile.h"
#include "gallery/folder/format.h"
#include "gallery/kind.h"
#include "gallery/table.h"

typedef struct sl_folder {
    sl_gallery base; /* of live faces; its shape and model are meta's */
    int lock_fd;
    sl_meta meta;  /* its shape's centre is `centre` */
    float *centre; /* [R, D], of compact patches */
    sl_datafile files[SL_FILES], marker;
    sl_codes_file codes;

    sl_commit_state committed; /* what the marker says */
    bool slot_damaged[2];      /* that slot of the marker does not hold; the state was found without it */
    uint32_t chain;            /* the log's running checksum at its end */
    bool dirty;                /* the log has records behind the committed ones */

    /* By row (every face ever added; removed ones stay until compaction). */
    uint32_t rows, rows_capacity;
    uint64_t *record_at;           /* [rows] offset of its ADD record in the log */
    uint32_t *row_label;           /* [rows] label id */
    bool *row_removed;             /* [rows] */
    uint32_t *group_chain;         /* [rows / 16] the log's checksum behind the last row of a group of codes.N */
    uint32_t vacant;               /* rows that hold nothing (sl_row_vacant): between the steps of a compaction */
    bool compacting;               /* of a step of one: what is derived is made when the last one has ended */
    _Atomic uint8_t *row_held;     /* [rows] SL_HELD_*: what of the row was verified */

    /* By live face, in order of enrolment. */
    uint32_t *face_row;   /* [faces] */
    uint32_t *face_label; /* [faces] label id */

    /* By label id. */
    uint32_t labels_capacity, labels_live;
    uint64_t *label_at;    /* [label_bound] offset in the log of a record that has it */
    uint32_t *label_faces; /* [label_bound] live faces */
    sl_table images, label_table;

    sl_table hashes;        /* rows by the hash of their photo's file: filled when it is asked */
    uint32_t hashes_listed; /* rows below are in it */

    uint32_t indexed;         /* rows that index.N has */
    uint32_t known;           /* rows below are in the tables before they are read: of index.N */
    uint32_t embeddings_held; /* rows below were verified */
    bool removed_damaged;     /* of those that are removed one or more do not hold */
    float *gathered;          /* [gathered_room, D] in one piece, where rows between them are removed */
    size_t gathered_faces;    /* of the first faces, as they are */
    size_t gathered_room;

    uint8_t *record; /* one log record, for writing */
} sl_folder;

#define SL_CENTRE_NAME "centre"
#define SL_PERSON_NOTES_NAME "people.notes"

enum { SL_HELD_PATCHES = 1, SL_HELD_EMBEDDING = 2 };

static inline const uint8_t *sl_record_bytes(const sl_folder *g, uint32_t row) /* of its ADD record */
{
    return g->files[SL_FILE_LOG].base + g->record_at[row];
}

static inline bool sl_row_vacant(const sl_folder *g, uint32_t row) { return g->row_label[row] == SL_TABLE_NONE; }

static inline const uint8_t *sl_crop_bytes(const sl_folder *g, const sl_face_record *face)
{
    return face->crop_size ? sl_datafile_at(&g->files[SL_FILE_CROPS], face->crop_at) : NULL;
}

static inline sl_face_record sl_row_record(const sl_folder *g, uint32_t row)
{
    sl_face_record face;
    sl_face_decode(sl_record_bytes(g, row), &face);
    return face;
}

static inline uint64_t sl_row_at(const sl_folder *g, sl_file_kind kind, uint64_t row)
{
    return sl_rows_at(kind, &g->meta) + row * sl_row_stride(kind, &g->meta.shape);
}

static inline const uint8_t *sl_row_bytes(const sl_folder *g, sl_file_kind kind, uint32_t row)
{
    return g->files[kind].base + sl_row_at(g, kind, row);
}

/* ---- index_room.c ---- */

/* Room in the index for one more face; in its arrays for so many rows and labels. */
sl_status sl_index_reserve(sl_folder *g, sl_error *err);
bool sl_index_make_room(sl_folder *g, uint32_t rows, uint32_t labels);

/* ---- replay.c ---- */

/* Enters the face whose ADD record lies at `at` in the log, which is read or written so far (there must be room). Rows
 * that are known have their label. */
void sl_index_add(sl_folder *g, uint64_t at);

/* Enters rows that hold nothing, of the VACANT record at `at` (there must be room for each). */
void sl_index_vacant(sl_folder *g, uint64_t at, uint32_t count);

/* Marks rows removed; sl_index_relist brings the live faces up to date afterwards. */
void sl_index_remove(sl_folder *g, uint32_t row);
void sl_index_relist(sl_folder *g);

/* The live row of an image id, or SL_TABLE_NONE; the id of a label, or SL_TABLE_NONE. */
uint32_t sl_index_image(const sl_folder *g, const char *image, size_t size);
uint32_t sl_index_label(const sl_folder *g, const char *label, size_t size);

/* Maps the log and reads it up to the committed state into the index. */
sl_status sl_replay(sl_folder *g, sl_error *err);

/* Reads on from a state that the index shows; *removed: faces were. */
sl_status sl_replay_on(sl_folder *g, const sl_commit_state *from, bool *removed, sl_error *err);

/* The index of the committed state again, after more was added. */
sl_status sl_index_rewind(sl_folder *g, sl_error *err);

/* ---- marker.c ---- */

/* A new generation's marker, both slots alike, synced. */
sl_status sl_marker_create(sl_folder *g, sl_error *err);

/* Opens the marker and sets g->committed to the commit that counts (the data files are open). */
sl_status sl_marker_read(sl_folder *g, sl_error *err);

/* The same of one that is open. */
sl_status sl_marker_read_again(sl_folder *g, sl_error *err);

/* Writes the state into slot `sequence % 2` and syncs it. */
sl_status sl_marker_write(sl_folder *g, const sl_commit_state *state, sl_error *err);

static inline bool sl_marker_damaged(const sl_folder *g)
{
    return g->slot_damaged[0] || g->slot_damaged[1];
}

/* Writes the committed state into the damaged slot. */
sl_status sl_marker_repair(sl_folder *g, sl_error *err);

/* ---- folder.c ---- */

/* SL_ERR_NOT_FOUND when the folder is no gallery; *foreign: then it has other things in it. */
sl_status sl_store_read_meta(const char *dir, sl_meta *out, bool *foreign, sl_error *err);

/* Publishes the handle's generation: writes gallery.meta. */
sl_status sl_store_publish(const sl_folder *g, sl_error *err);

/* What the generation takes of the disk. */
uint64_t sl_store_bytes(const sl_folder *g);

/* Deletes the files of all generations but `keep`, and temporary files. */
sl_status sl_store_clean(const char *dir, uint64_t keep, sl_error *err);

/* The one writer's lock, held until *fd is closed; SL_ERR_LOCKED when another has it. */
sl_status sl_store_lock(const char *dir, int *fd, sl_error *err);

/* ---- open.c ---- */

/* A handle with the files of meta's generation new and empty, but for gallery.meta: nobody sees it yet.
 * dir's lock must be held; the handle does not own it. */
sl_status sl_store_create(const char *dir, const sl_meta *meta, sl_folder **out, sl_error *err);

/* Bytes of a segment's rows: P of a data file's pieces. */
static inline uint64_t sl_segment_span(const sl_meta *meta, sl_file_kind kind)
{
    return kind == SL_FILE_CROPS ? SL_CROPS_SPAN : meta->segment_rows * sl_row_stride(kind, &meta->shape);
}

/* Opens the committed part of meta's generation, whether gallery.meta names it or not; SL_ERR_NOT_FOUND when a file of
 * it is missing. For writing: dir's lock must be held, and what was never acknowledged is dropped. */
sl_status sl_store_open(const char *dir, const sl_meta *meta, bool writable, sl_folder **out, sl_error *err);

/* ---- write.c ---- */

/* Appends one face: row bytes as they are on disk; face's names, box, quality, has_landmarks and crop_size
 * are read. Other fields are set here. */
sl_status sl_store_append(sl_folder *g, sl_face_record *face, const void *embedding, const void *patch_row,
                          const void *crop, sl_error *err);

/* Appends the row of a segment that is adopted: its bytes are there. Rows without a face: `crops` bytes of theirs. */
sl_status sl_store_append_adopted(sl_folder *g, sl_face_record *face, sl_error *err);
sl_status sl_store_append_vacant(sl_folder *g, uint32_t rows, uint64_t crops, sl_error *err);

/* The same in the place of live rows old [count], whose removal is logged with it: on failure they are still there. */
sl_status sl_store_replace(sl_folder *g, const uint32_t *old, uint32_t count, sl_face_record *face,
                           const void *embedding, const void *patch_row, const void *crop, sl_error *err);

/* Makes everything appended durable. When it fails before the marker is touched nothing has changed but the log's end,
 * and the caller goes back; when the marker fails, g->base.broken is set. */
sl_status sl_store_commit(sl_folder *g, sl_error *err);

/* ---- index_file.c ---- */

/* Fills the tables and labels of the rows that index.N has (g->known), where it holds and is of this log, which is
 * mapped. */
bool sl_index_load(sl_folder *g);

/* Writes index.N, where it is worth its time: `due` counts more rows than it has. What fails leaves none, or the
 * old one. */
void sl_index_save(sl_folder *g);
void sl_index_save_if_due(sl_folder *g, uint32_t due);

uint64_t sl_index_bytes(const sl_folder *g); /* of the file, 0 where there is none */

/* SL_ERR_CORRUPT where index.N is there and says something else than the log, which was read without it. */
sl_status sl_index_check(const sl_folder *g, sl_error *err);

/* ---- upgrade.c ---- */

/* Makes what is derived, where it is missing or does not hold. */
sl_status sl_folder_derive(const char *dir, sl_error *err);

/* ---- read.c ---- */

/* The number of the live face in this row. */
size_t sl_face_of_row(const sl_folder *g, uint32_t row);

/* SL_OK when the row's bytes agree with the log. */
sl_status sl_check_embedding(const sl_folder *g, uint32_t row, sl_error *err);
sl_status sl_hold_embedding(const sl_folder *g, uint32_t row, sl_error *err); /* once */
sl_status sl_check_patches(const sl_folder *g, uint32_t row, sl_error *err);
sl_status sl_check_crop(const sl_folder *g, uint32_t row, sl_error *err);
sl_status sl_check_row(const sl_folder *g, uint32_t row, sl_error *err); /* all of them */

/* ---- verify.c ---- */

/* SL_ERR_CORRUPT when one of the marks is damaged. */
sl_status sl_check_marker(const sl_folder *g, sl_error *err);

/* Both marks, and all of the above for every row, removed ones too. `ticker` is told `before` rows more than were
 * checked. */
sl_status sl_check_whole(sl_folder *g, sl_ticker *ticker, size_t before, sl_error *err);

/* ---- what sl_folder_kind lists (kind.h) ---- */

sl_status sl_folder_open(const char *dir, sl_gallery_mode mode, const sl_template_shape *shape, const char *model,
                         sl_gallery **out, sl_error *err);
void sl_folder_close(sl_gallery *gallery);
sl_status sl_folder_refresh(sl_gallery *gallery, bool *added, sl_error *err);
sl_status sl_folder_verify(const char *dir, sl_progress_fn progress, void *context, sl_error *err);
sl_status sl_folder_compact(const char *dir, sl_progress_fn progress, void *context, sl_error *err);
sl_status sl_folder_upgrade(const char *dir, sl_progress_fn progress, void *context, sl_error *err);
sl_status sl_folder_leftovers(const char *dir, void (*leftover)(void *context, const char *file, uint64_t bytes),
                              void *context, sl_error *err);
sl_status sl_folder_rows(sl_gallery *gallery, sl_vectors *out, sl_error *err);
size_t sl_folder_face_of_row(const sl_gallery *gallery, uint32_t row);
sl_status sl_folder_embeddings(sl_gallery *gallery, const float **out, sl_error *err);
sl_status sl_folder_entry(const sl_gallery *gallery, size_t i, sl_entry *out, sl_error *err);
sl_status sl_folder_embedding(const sl_gallery *gallery, size_t i, const float **out, sl_error *err);
sl_status sl_folder_patches(const sl_gallery *gallery, size_t i, sl_patch_source *out, sl_error *err);
sl_status sl_folder_landmarks(const sl_gallery *gallery, size_t i, const sl_point **out, sl_error *err);
sl_status sl_folder_crop(const sl_gallery *gallery, size_t i, const uint8_t **jpeg, size_t *size, sl_error *err);
sl_status sl_folder_find(const sl_gallery *gallery, const char *image, size_t *i, sl_error *err);
sl_status sl_folder_find_photo(sl_gallery *gallery, const uint8_t sha256[32], const char *label, size_t *i,
                               sl_error *err);
sl_status sl_folder_replace(sl_gallery *gallery, const size_t *old, size_t count, const sl_new_face *face,
                            sl_error *err);
sl_status sl_folder_commit(sl_gallery *gallery, sl_error *err);
sl_status sl_folder_remove(sl_gallery *gallery, const char *image, const char *label, size_t *removed,
                           sl_error *err);
sl_status sl_folder_backup(const char *dir, const char *file, sl_progress_fn progress, void *context, sl_error *err);
sl_status sl_folder_from_backup(const char *file, const char *dir, sl_progress_fn progress, void *context,
                                sl_error *err);
void sl_folder_mark(const sl_gallery *gallery, sl_gallery_mark *out);
sl_status sl_folder_restore(sl_gallery *gallery, const sl_gallery_mark *from, const sl_gallery_mark *to,
                            sl_face_back_fn told, void *context, size_t *count, sl_error *err);

#endif
