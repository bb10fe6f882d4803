/* Rewriting a gallery without what was removed, in steps, so that it never needs room for itself twice. Each step
 * makes a generation of its own:
 *
 *     before     | 0 | 1 | 2 - - | 3 -  | 4 |         segments; - rows that were removed
 *     step       | 0 | 1 | 2' . . . | 3 . - | 4 |     0 and 1 have no gaps: they stay. 2' is written, of the live
 *                                                     rows of 2 and the first of 3. 3 and 4 stay, the rows of 3 that
 *                                                     went to 2' and removed ones are vacant. Old 2 is deleted
 *     step       | 0 | 1 | 2' | 3' | 4 . |            and so on, the last step has no vacant rows
 *
 * What stays is a second name of the same files. A step writes a log of its own, and as many rows as a tenth of the
 * gallery has room for beside that, with what the steps before gave back. Where that is none the first one writes the
 * log alone: its generation has no codes and no index, so the next has their room. Both are made at the end. A crash
 * between the steps leaves a whole gallery, compacted in part. */
#include "gallery/folder/store.h"
#include "gallery/person_notes.h"

#include <string.h>

typedef struct {
    uint32_t kept;  /* segments at the front that stay as they are */
    uint32_t taken; /* live faces behind them that are written */
    uint32_t next;  /* row of the first that is not, and stays with all behind it; the rows' number: there is none */
} step;

/* ---- which ---- */

/* Rows are in order: where the last face of a segment is in its own place, all before it are. */
static uint32_t whole_segments(const sl_folder *g)
{
    const uint32_t size = g->meta.segment_rows;
    uint32_t kept = 0;
    while (g->base.faces >= (size_t)(kept + 1) * size && g->face_row[(kept + 1) * size - 1] == (kept + 1) * size - 1)
        kept++;
    return kept;
}

/* So many faces from `first` on can be written where there is `room` for them and a log: whole segments, or all. */
static uint32_t faces_for(const sl_folder *g, uint32_t first, uint64_t room)
{
    const uint32_t faces = (uint32_t)g->base.faces, size = g->meta.segment_rows;
    const sl_template_shape *shape = &g->meta.shape;
    const size_t row = sl_row_stride(SL_FILE_EMBEDDINGS, shape) + sl_row_stride(SL_FILE_PATCHES, shape);
    uint64_t bytes = g->files[SL_FILE_LOG].end;
    for (uint32_t i = first; i < faces; i++) {
        bytes += row + sl_row_record(g, g->face_row[i]).crop_size;
        if (bytes > room)
            return (i - first) / size * size;
    }
    return faces - first;
}

/* Is it large, and has something to give back that the next generation does without? */
static bool can_give_back(const sl_folder *g)
{
    return g->rows / 10 >= g->meta.segment_rows && (g->codes.rows > 0 || sl_index_bytes(g) > 0);
}

/* `room`: bytes that there are beside the generation; 0: for all of it, in one step. */
static step plan_step(const sl_folder *g, uint64_t room)
{
    const uint32_t faces = (uint32_t)g->base.faces, size = g->meta.segment_rows;
    if (room == 0)
        return (step){0, faces, g->rows};
    const uint32_t kept = whole_segments(g), left = faces - kept * size;
    uint32_t taken = faces_for(g, kept * size, room);
    if (taken == 0 && !can_give_back(g)) /* a segment is the least */
        taken = left < size ? left : size;
    return (step){kept, taken, taken == left ? g->rows : g->face_row[kept * size + taken]};
}

/* ---- writing ---- */

/* Copies live faces, each checked. */
static sl_status copy_faces(const sl_folder *from, uint32_t first, uint32_t count, sl_folder *to, sl_ticker *ticker,
                            sl_error *err)
{
    for (uint32_t i = first; i < first + count; i++) {
        const uint32_t row = from->face_row[i];
        SL_TRY(sl_check_row(from, row, err));
        sl_face_record face = sl_row_record(from, row);
        const void *crop = face.has_crop ? sl_crop_bytes(from, &face) : NULL;
        SL_TRY(sl_store_append(to, &face, sl_row_bytes(from, SL_FILE_EMBEDDINGS, row),
                               sl_row_bytes(from, SL_FILE_PATCHES, row), crop, err));
        SL_TRY(sl_tick(ticker, first + i + 1, err));
    }
    return SL_OK;
}

/* The files of a segment, which become those of the next one. *crops: bytes of its crops. */
static sl_status adopt_files(const sl_folder *from, uint32_t segment, sl_folder *to, uint64_t *crops, sl_error *err)
{
    const uint32_t size = from->meta.segment_rows, behind = from->rows - segment * size;
    const uint32_t k = to->rows / size;
    const sl_datafile *blobs = &from->files[SL_FILE_CROPS];
    if (behind > size)
        SL_TRY(sl_datafile_piece_size(blobs, segment, crops, err));
    else
        *crops = blobs->end - segment * SL_CROPS_SPAN;
    for (int kind = 0; kind < SL_FILE_CROPS; kind++)
        SL_TRY(sl_datafile_adopt(&to->files[kind], k, &from->files[kind], segment,
                                 (behind < size ? behind : size) * sl_row_stride((sl_file_kind)kind, &from->meta.shape),
                                 err));
    return sl_datafile_adopt(&to->files[SL_FILE_CROPS], k, blobs, segment, *crops, err);
}

/* A segment stays, its faces from row `first` on with it: other rows are vacant. */
static sl_status adopt_segment(const sl_folder *from, uint32_t segment, uint32_t first, sl_folder *to, sl_error *err)
{
    const uint32_t size = from->meta.segment_rows, begin = segment * size, at = to->rows / size;
    const uint32_t end = from->rows - begin < size ? from->rows : begin + size;
    uint64_t crops, done = 0;
    uint32_t vacant = 0;
    SL_TRY(adopt_files(from, segment, to, &crops, err));
    for (uint32_t row = begin; row < end; row++) {
        if (row < first || from->row_removed[row]) {
            vacant++;
            continue;
        }
        sl_face_record face = sl_row_record(from, row);
        const uint64_t crop_at = face.crop_at - segment * SL_CROPS_SPAN;
        if (vacant)
            SL_TRY(sl_store_append_vacant(to, vacant, crop_at - done, err));
        vacant = 0;
        done = crop_at + face.crop_size;
        face.crop_at = at * SL_CROPS_SPAN + crop_at;
        SL_TRY(sl_store_append_adopted(to, &face, err));
    }
    return vacant ? sl_store_append_vacant(to, vacant, crops - done, err) : SL_OK;
}

static sl_status write_step(const sl_folder *from, const step *s, sl_folder *to, sl_ticker *ticker, sl_error *err)
{
    const uint32_t size = from->meta.segment_rows;
    for (uint32_t k = 0; k < s->kept; k++)
        SL_TRY(adopt_segment(from, k, 0, to, err));
    SL_TRY(copy_faces(from, s->kept * size, s->taken, to, ticker, err));
    for (uint32_t k = s->next < from->rows ? s->next / size : UINT32_MAX; k < UINT32_MAX && k * size < from->rows; k++)
        SL_TRY(adopt_segment(from, k, s->next, to, err));
    return to->dirty ? sl_store_commit(to, err) : SL_OK;
}

/* ---- reading back ---- */

static bool same_face(const sl_face_record *a, const sl_face_record *b)
{
    return a->embedding_crc == b->embedding_crc && a->patches_crc == b->patches_crc && a->crop_crc == b->crop_crc &&
           strcmp(a->image, b->image) == 0 && strcmp(a->label, b->label) == 0;
}

/* Each face is there, and what was written holds. */
static sl_status check_faces(const sl_folder *from, const step *s, sl_folder *back, sl_ticker *ticker, sl_error *err)
{
    const uint32_t first = s->kept * from->meta.segment_rows;
    SL_TRY(sl_check_marker(back, err));
    if (back->base.faces != from->base.faces)
        return sl_fail(err, SL_ERR_CORRUPT, "%zu of %zu faces are there", back->base.faces, from->base.faces);
    for (uint32_t i = 0; i < from->base.faces; i++) {
        const sl_face_record want = sl_row_record(from, from->face_row[i]);
        const sl_face_record have = sl_row_record(back, back->face_row[i]);
        if (!same_face(&want, &have))
            return sl_fail(err, SL_ERR_CORRUPT, "face %u, of image \"%.200s\", is another one", i, want.image);
    }
    for (uint32_t i = first; i < first + s->taken; i++) {
        SL_TRY(sl_check_row(back, back->face_row[i], err));
        SL_TRY(sl_tick(ticker, first + s->taken + i + 1, err));
    }
    return SL_OK;
}

/* Reads the new generation as whoever opens it next will: the old one is dropped on its word. */
static sl_status check_written(const sl_folder *from, const step *s, const sl_meta *meta, sl_ticker *ticker,
                               sl_error *err)
{
    uint8_t bytes[SL_META_SIZE];
    sl_meta read;
    sl_folder *back = NULL;
    sl_meta_encode(meta, bytes);
    sl_status status = sl_meta_decode(bytes, sizeof bytes, &read, err);
    if (status == SL_OK)
        status = sl_store_open(from->base.place, &read, false, &back, err);
    if (status == SL_OK)
        status = check_faces(from, s, back, ticker, err);
    sl_gallery_close((sl_gallery *)back);
    if (status == SL_OK || status == SL_ERR_INTERRUPTED || status == SL_ERR_MEMORY)
        return status;
    return sl_fail_in(err, SL_ERR_IO, "%s: was not compacted and is as it was, for what was written does not read back "
                      "(has the disk faults? Try again, or on another one)", from->base.place);
}

/* ---- a step ---- */

/* Writes the next generation beside this one, reads it back, then lets gallery.meta name it: that rename is the moment
 * of change. Files that do not count are deleted here, or by the next writer after a crash. */
static sl_status make_step(const sl_folder *g, uint64_t room, sl_folder **fresh, sl_ticker *ticker, sl_error *err)
{
    sl_meta meta = g->meta;
    if (meta.generation++ == SL_GENERATION_MAX)
        return sl_fail(err, SL_ERR_LIMIT, "%s: was compacted too often", g->base.place);
    meta.version = SL_GALLERY_VERSION;
    meta.segment_rows = g->meta.segment_rows ? g->meta.segment_rows : SL_SEGMENT_ROWS;
    const step s = plan_step(g, room);
    sl_status status = sl_store_create(g->base.place, &meta, fresh, err);
    if (status == SL_OK) {
        (*fresh)->compacting = true;
        status = write_step(g, &s, *fresh, ticker, err);
    }
    if (status == SL_OK)
        status = check_written(g, &s, &meta, ticker, err);
    if (status != SL_OK) {
        sl_gallery_close((sl_gallery *)*fresh);
        *fresh = NULL;
        sl_store_clean(g->base.place, g->meta.generation, NULL);
        return status;
    }
    status = sl_store_publish(*fresh, err); /* when it fails, the next writer sees which generation counts */
    return status == SL_OK ? sl_store_clean(g->base.place, meta.generation, err) : status;
}

/* *g becomes the handle of the newest generation. */
static sl_status make_steps(sl_folder **g, sl_ticker *ticker, sl_error *err)
{
    bool all = (*g)->meta.version < SL_GALLERY_VERSION; /* an older gallery has no segments */
    const uint64_t had = sl_store_bytes(*g), most = had + had / 10;
    while (all || (*g)->base.faces < (*g)->rows) {
        sl_folder *fresh = NULL;
        const uint64_t has = sl_store_bytes(*g), room = all ? 0 : most > has ? most - has : 1;
        sl_status status = make_step(*g, room, &fresh, ticker, err);
        if (status == SL_ERR_UNSUPPORTED && !fresh && !all) { /* files have one name here: it needs room for all */
            all = true;
            continue;
        }
        if (fresh) {
            fresh->lock_fd = (*g)->lock_fd;
            (*g)->lock_fd = -1;
            sl_gallery_close((sl_gallery *)*g);
            *g = fresh;
        }
        SL_TRY(status);
        all = false;
    }
    (*g)->compacting = false;
    sl_codes_append(*g, NULL, NULL); /* where that fails searches do without; closing makes the index */
    return SL_OK;
}

sl_status sl_folder_compact(const char *dir, sl_progress_fn progress, void *context, sl_error *err)
{
    sl_gallery *gallery;
    SL_TRY(sl_folder_open(dir, SL_GALLERY_WRITE, NULL, NULL, &gallery, err));
    sl_folder *g = (sl_folder *)gallery;
    sl_ticker ticker = {.fn = progress, .context = context, .total = 2 * g->base.faces}; /* written, read back */
    sl_status status = make_steps(&g, &ticker, err);
    if (status == SL_OK)
        status = sl_tick(&ticker, ticker.total, err);
    if (status == SL_OK)
        status = sl_person_notes_prune(&g->base, err);
    sl_gallery_close(&g->base);
    return status;
}
