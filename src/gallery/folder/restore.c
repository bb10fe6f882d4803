/* What commits took away, brought back: the rows of faces that were removed stay in the files until a compaction. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "gallery/folder/store.h"

/* What the log says of the commits between two marks. */
typedef struct {
    uint32_t rows_from, rows_to; /* rows that they added */
    uint32_t *removed;           /* [count] rows that they removed, in order */
    size_t count, room;
} log_span;

void sl_folder_mark(const sl_gallery *gallery, sl_gallery_mark *out)
{
    const sl_folder *g = (const sl_folder *)gallery;
    *out = (sl_gallery_mark){g->meta.generation, g->committed.sequence};
}

static sl_status keep_removed(log_span *span, uint32_t row, sl_error *err)
{
    if (span->count == span->room) {
        const size_t room = span->room ? 2 * span->room : 64;
        uint32_t *grown = sl_realloc_array(span->removed, room, sizeof *grown);
        if (!grown)
            return sl_fail(err, SL_ERR_MEMORY, "no memory for %zu removed faces", room);
        span->removed = grown;
        span->room = room;
    }
    span->removed[span->count++] = row;
    return SL_OK;
}

/* The log was read before, when the gallery was opened or by this handle as it wrote: only damage since then is new. */
static sl_status read_span(const sl_folder *g, uint64_t from, uint64_t to, log_span *span, sl_error *err)
{
    const sl_datafile *log = &g->files[SL_FILE_LOG];
    uint32_t chain = sl_get_u32(log->base + SL_HEADER_SIZE - 4);
    uint64_t commit = 0; /* the newest before `at` */
    for (uint64_t at = SL_HEADER_SIZE; at < g->committed.log_end && commit < to;) {
        sl_record r;
        if (!sl_record_decode(log->base + at, g->committed.log_end - at, &chain, &r))
            return sl_fail(err, SL_ERR_CORRUPT, "%s: damaged at byte %llu: gallery verify says more", log->path,
                           (unsigned long long)at);
        if (r.type == SL_RECORD_REMOVE && commit >= from)
            SL_TRY(keep_removed(span, r.removed_row, err));
        if (r.type == SL_RECORD_COMMIT) {
            commit = r.sequence;
            if (commit <= from)
                span->rows_from = (uint32_t)r.rows;
            span->rows_to = (uint32_t)r.rows;
        }
        at += r.size;
    }
    return SL_OK;
}

/* Writes a removed row once more, in the place of row `old`, or of none. */
static sl_status write_again(sl_folder *g, uint32_t row, uint32_t old, sl_error *err)
{
    SL_TRY(sl_check_row(g, row, err));
    sl_face_record face = sl_row_record(g, row);
    const size_t bytes = sl_add_record_size(&face);
    uint8_t *record = malloc(bytes); /* the log moves as it grows, and the names with it */
    if (!record)
        return sl_fail(err, SL_ERR_MEMORY, "%s: no memory for a face", g->base.place);
    memcpy(record, sl_record_bytes(g, row), bytes);
    sl_face_decode(record, &face);
    const void *crop = face.has_crop ? sl_crop_bytes(g, &face) : NULL;
    const sl_status status =
        sl_store_replace(g, &old, old != SL_TABLE_NONE, &face, sl_row_bytes(g, SL_FILE_EMBEDDINGS, row),
                         sl_row_bytes(g, SL_FILE_PATCHES, row), crop, err);
    free(record);
    return status;
}

/* A row that was there at the first mark. Where its image id is live again, that face gives way only if it was made
 * between the marks: it is this one under another name. */
static sl_status restore_row(sl_folder *g, const log_span *span, uint32_t row, sl_face_back_fn told, void *context,
                             size_t *count, sl_error *err)
{
    sl_face_record face = sl_row_record(g, row);
    const uint32_t live = sl_index_image(g, face.image, face.image_size);
    if (row >= span->rows_from || (live != SL_TABLE_NONE && (live < span->rows_from || live >= span->rows_to)))
        return SL_OK;
    SL_TRY(write_again(g, row, live, err));
    ++*count;
    face = sl_row_record(g, g->rows - 1);
    told(context, face.image, face.label, live == SL_TABLE_NONE ? NULL : sl_row_record(g, live).label);
    return SL_OK;
}

sl_status sl_folder_restore(sl_gallery *gallery, const sl_gallery_mark *from, const sl_gallery_mark *to,
                            sl_face_back_fn told, void *context, size_t *count, sl_error *err)
{
    sl_folder *g = (sl_folder *)gallery;
    log_span span = {0};
    if (from->generation != g->meta.generation || to->generation != g->meta.generation)
        return sl_fail(err, SL_ERR_MISMATCH, "%s: was compacted since: what was removed before is gone",
                       g->base.place);
    if (from->commit > to->commit || to->commit > g->committed.sequence)
        return sl_fail(err, SL_ERR_ARGUMENT, "%s: has no such commits", g->base.place);
    sl_status status = read_span(g, from->commit, to->commit, &span, err);
    for (size_t i = 0; i < span.count && status == SL_OK; i++)
        status = restore_row(g, &span, span.removed[i], told, context, count, err);
    free(span.removed);
    return status;
}
