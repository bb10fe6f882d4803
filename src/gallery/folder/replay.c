/* The log, turned into the index of faces and labels. */
#include "gallery/folder/store.h"

#include <string.h>

#include "base/bytes.h"

/* ---- the index ---- */

static bool image_equal(const void *context, uint32_t row, const char *text, size_t size)
{
    const sl_folder *g = context;
    if (g->row_removed[row])
        return false; /* its id is free again */
    sl_face_record face = sl_row_record(g, row);
    return face.image_size == size && memcmp(face.image, text, size) == 0;
}

static bool label_equal(const void *context, uint32_t label, const char *text, size_t size)
{
    const sl_folder *g = context;
    sl_face_record face;
    sl_face_decode(g->files[SL_FILE_LOG].base + g->label_at[label], &face);
    return face.label_size == size && memcmp(face.label, text, size) == 0;
}

uint32_t sl_index_image(const sl_folder *g, const char *image, size_t size)
{
    return sl_table_find(&g->images, image, size, image_equal, g);
}

uint32_t sl_index_label(const sl_folder *g, const char *label, size_t size)
{
    return sl_table_find(&g->label_table, label, size, label_equal, g);
}

/* The label of the face in a record, new or not; of a row that is known it was numbered before. */
static uint32_t label_of(sl_folder *g, const sl_face_record *face, uint64_t at)
{
    const uint32_t label = face ? sl_index_label(g, face->label, face->label_size) : g->row_label[g->rows];
    if (label != SL_TABLE_NONE && label < g->base.label_bound)
        return label;
    const uint32_t fresh = g->base.label_bound++;
    g->label_at[fresh] = at;
    g->label_faces[fresh] = 0;
    if (face)
        sl_table_insert(&g->label_table, face->label, face->label_size, fresh);
    return fresh;
}

void sl_index_add(sl_folder *g, uint64_t at)
{
    const uint32_t row = g->rows;
    sl_face_record face;
    const bool known = row < g->known;
    if (!known)
        sl_face_decode(g->files[SL_FILE_LOG].base + at, &face);
    const uint32_t label = label_of(g, known ? NULL : &face, at);
    if (g->label_faces[label]++ == 0)
        g->labels_live++;
    g->record_at[row] = at;
    g->row_label[row] = label;
    g->row_removed[row] = false;
    atomic_init(&g->row_held[row], 0);
    if (!known)
        sl_table_insert(&g->images, face.image, face.image_size, row);
    if (row % SL_CODE_ROWS == SL_CODE_ROWS - 1)
        g->group_chain[row / SL_CODE_ROWS] = g->chain;
    g->rows++;
    g->face_row[g->base.faces] = row;
    g->face_label[g->base.faces] = label;
    g->base.faces++;
}

void sl_index_vacant(sl_folder *g, uint64_t at, uint32_t count)
{
    for (uint32_t end = g->rows + count; g->rows < end; g->rows++) {
        g->record_at[g->rows] = at;
        g->row_label[g->rows] = SL_TABLE_NONE;
        g->row_removed[g->rows] = true;
        atomic_init(&g->row_held[g->rows], 0);
    }
    g->vacant += count;
}

void sl_index_remove(sl_folder *g, uint32_t row)
{
    g->row_removed[row] = true;
    if (--g->label_faces[g->row_label[row]] == 0)
        g->labels_live--;
}

void sl_index_relist(sl_folder *g)
{
    uint32_t kept = 0;
    g->gathered_faces = 0;
    for (uint32_t i = 0; i < g->base.faces; i++)
        if (!g->row_removed[g->face_row[i]]) {
            g->face_row[kept] = g->face_row[i];
            g->face_label[kept] = g->face_label[i];
            kept++;
        }
    g->base.faces = kept;
}

/* ---- the log ---- */

static sl_status damaged(const sl_folder *g, uint64_t at, const char *what, sl_error *err)
{
    return sl_fail(err, SL_ERR_CORRUPT,
                   "%s: damaged at byte %llu: %s. What was enrolled after the first %u faces can "
                   "not be trusted: restore the gallery's folder from a copy, or enrol again",
                   g->files[SL_FILE_LOG].path, (unsigned long long)at, what, g->rows);
}

/* Where a segment begins, so do its crops; those of the one before it must all be there. */
static sl_status begin_segment(const sl_folder *g, uint64_t *crops_end, sl_error *err)
{
    uint64_t size;
    const sl_datafile *crops = &g->files[SL_FILE_CROPS];
    if (!g->meta.segment_rows || g->rows == 0 || g->rows % g->meta.segment_rows != 0)
        return SL_OK;
    const size_t segment = g->rows / g->meta.segment_rows;
    if (segment > crops->count)
        return sl_file_was_cut(crops, *crops_end, err);
    SL_TRY(sl_datafile_piece_size(crops, segment - 1, &size, err));
    if ((segment - 1) * SL_CROPS_SPAN + size < *crops_end)
        return sl_file_was_cut(crops, *crops_end, err);
    *crops_end = segment * SL_CROPS_SPAN;
    return SL_OK;
}

static sl_status replay_vacant(sl_folder *g, const sl_record *r, uint64_t at, uint64_t *crops_end, sl_error *err)
{
    const uint32_t segment = g->meta.segment_rows;
    SL_TRY(begin_segment(g, crops_end, err));
    if (!segment || !r->vacant_rows || r->vacant_rows > segment - g->rows % segment ||
        r->vacant_crops >= SL_CROPS_SPAN / 2 || *crops_end % SL_CROPS_SPAN >= SL_CROPS_SPAN / 2)
        return damaged(g, at, "rows without faces that cannot be", err);
    if (g->rows < g->known)
        return damaged(g, at, "rows that have faces elsewhere", err);
    if (g->files[SL_FILE_EMBEDDINGS].size < sl_row_at(g, SL_FILE_EMBEDDINGS, (uint64_t)g->rows + r->vacant_rows))
        return damaged(g, at, "rows that no file has", err); /* before there is memory for them */
    if (g->rows > SL_ROWS_MAX - r->vacant_rows || !sl_index_make_room(g, g->rows + r->vacant_rows, 0))
        return sl_fail(err, SL_ERR_MEMORY, "%s: no memory for the index of %u faces", g->base.place, g->rows);
    sl_index_vacant(g, at, r->vacant_rows);
    *crops_end += r->vacant_crops;
    return SL_OK;
}

static sl_status replay_add(sl_folder *g, const sl_face_record *face, uint64_t at, uint64_t *crops_end,
                            sl_error *err)
{
    SL_TRY(begin_segment(g, crops_end, err));
    if (face->row != g->rows)
        return damaged(g, at, "a face with the wrong row number", err);
    if (face->photo_sha256 && g->meta.version < SL_HASH_VERSION)
        return damaged(g, at, "a photo's hash, which this version of the format does not have", err);
    uint64_t crop_size = face->has_crop ? face->crop_size : 0;
    if (face->crop_at != *crops_end || face->crop_size != crop_size)
        return damaged(g, at, "a face whose crop is not behind the one before it", err);
    *crops_end += crop_size;
    if (g->rows < g->known) {
        sl_index_add(g, at);
        return SL_OK;
    }
    SL_TRY(sl_index_reserve(g, err));
    if (sl_index_image(g, face->image, face->image_size) != SL_TABLE_NONE)
        return damaged(g, at, "an image id that is there already", err);
    sl_index_add(g, at);
    return SL_OK;
}

static sl_status replay_record(sl_folder *g, const sl_record *r, uint64_t at, uint64_t *crops_end, bool *removed,
                               sl_error *err)
{
    switch (r->type) {
    case SL_RECORD_ADD: return replay_add(g, &r->face, at, crops_end, err);
    case SL_RECORD_VACANT: return replay_vacant(g, r, at, crops_end, err);
    case SL_RECORD_REMOVE:
        if (r->removed_row >= g->rows || g->row_removed[r->removed_row])
            return damaged(g, at, "the removal of a face that is not there", err);
        sl_index_remove(g, r->removed_row);
        *removed = true;
        return SL_OK;
    case SL_RECORD_COMMIT:
        if (r->rows != g->rows || r->crops_end != *crops_end)
            return damaged(g, at, "a commit that does not add up", err);
        return SL_OK;
    }
    return damaged(g, at, "a record of unknown type", err);
}

/* Every record between a state that the index shows and the committed one. */
sl_status sl_replay_on(sl_folder *g, const sl_commit_state *from, bool *removed, sl_error *err)
{
    const sl_datafile *log = &g->files[SL_FILE_LOG];
    uint64_t at = from->log_end, crops_end = from->crops_end, sequence = from->sequence;
    *removed = false;
    g->chain = from->chain;
    while (at < g->committed.log_end) {
        sl_record r;
        if (!sl_record_decode(log->base + at, g->committed.log_end - at, &g->chain, &r))
            return damaged(g, at, "a record whose checksum does not hold", err);
        SL_TRY(replay_record(g, &r, at, &crops_end, removed, err));
        at += r.size;
        sequence = r.type == SL_RECORD_COMMIT ? r.sequence : 0;
    }
    if (*removed)
        sl_index_relist(g);
    bool agrees = g->chain == g->committed.chain && g->rows == g->committed.rows &&
                  crops_end == g->committed.crops_end &&
                  (at == SL_HEADER_SIZE ? g->committed.sequence == 0 : sequence == g->committed.sequence);
    if (!agrees)
        return damaged(g, at, "the commit marker tells another state", err);
    return SL_OK;
}

/* From the beginning, into an empty index. */
static sl_status read_log(sl_folder *g, sl_error *err)
{
    bool removed;
    const sl_commit_state nothing = {.log_end = SL_HEADER_SIZE, .crops_end = sl_rows_at(SL_FILE_CROPS, &g->meta),
                                     .chain = sl_get_u32(g->files[SL_FILE_LOG].base + 60)}; /* of the header */
    return sl_replay_on(g, &nothing, &removed, err);
}

static void empty_index(sl_folder *g)
{
    g->rows = g->base.faces = g->base.label_bound = g->labels_live = g->known = g->vacant = 0;
    g->gathered_faces = 0;
    g->codes.tail_end = 0;
    sl_table_clear(&g->images);
    sl_table_clear(&g->label_table);
}

/* By index.N, whose tables need not be made then; where the two do not agree, or the log is damaged, without. */
sl_status sl_replay(sl_folder *g, sl_error *err)
{
    SL_TRY(sl_datafile_map(&g->files[SL_FILE_LOG], g->committed.log_end, err));
    if (sl_index_load(g)) {
        if (read_log(g, NULL) == SL_OK)
            return SL_OK;
        empty_index(g);
    }
    return read_log(g, err);
}

sl_status sl_index_rewind(sl_folder *g, sl_error *err)
{
    empty_index(g);
    sl_status status = read_log(g, err); /* the arrays have room for more than that: no memory is needed */
    if (g->embeddings_held > g->rows)
        g->embeddings_held = g->rows;
    return status;
}
