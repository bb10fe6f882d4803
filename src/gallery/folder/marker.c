/* The commit marker: two slots, of which each commit overwrites the older one. What both of them and the log's
 * tail say together is settled here (docs/gallery-format.md has the table). */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "gallery/folder/store.h"

#define MARKER_NAME "commit"

/* ---- writing ---- */

sl_status sl_marker_create(sl_folder *g, sl_error *err)
{
    uint8_t bytes[SL_MARKER_SIZE] = {0};
    sl_slot_encode(&g->committed, bytes);
    sl_slot_encode(&g->committed, bytes + SL_SLOT_STEP);
    SL_TRY(sl_datafile_create(&g->marker, sl_generation_path(g->base.place, MARKER_NAME, g->meta.generation), bytes,
                              sizeof bytes, err));
    return sl_datafile_sync(&g->marker, err);
}

static sl_status write_slot(sl_folder *g, const sl_commit_state *state, int slot, sl_error *err)
{
    uint8_t bytes[SL_SLOT_SIZE];
    sl_slot_encode(state, bytes);
    SL_TRY(sl_write_at(g->marker.fd, bytes, sizeof bytes, (uint64_t)slot * SL_SLOT_STEP, g->marker.path, err));
    if (fdatasync(g->marker.fd) != 0)
        return sl_fail(err, SL_ERR_IO, "%s: cannot sync the commit marker: %s", g->marker.path, strerror(errno));
    return SL_OK;
}

sl_status sl_marker_write(sl_folder *g, const sl_commit_state *state, sl_error *err)
{
    return write_slot(g, state, (int)(state->sequence % 2), err);
}

sl_status sl_marker_repair(sl_folder *g, sl_error *err)
{
    for (int i = 0; i < 2; i++)
        if (g->slot_damaged[i]) /* the whole one is never touched: a crash in here leaves one to stand on */
            SL_TRY(write_slot(g, &g->committed, i, err));
    g->slot_damaged[0] = g->slot_damaged[1] = false;
    return SL_OK;
}

/* ---- reading ---- */

/* The newest whole slot. A reader may meet a slot half written: it looks again. *log_size: what the log had before
 * the slots were read, so with two whole slots at most one commit lies behind them, and with one half written its
 * own does. */
static sl_status read_slots(sl_folder *g, uint64_t *log_size, sl_error *err)
{
    sl_commit_state state[2];
    bool whole[2] = {false, false};
    for (int try = 0; try < 3 && !(whole[0] && whole[1]); try++) {
        if (try > 0)
            nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
        SL_TRY(sl_datafile_piece_size(&g->files[SL_FILE_LOG], 0, log_size, err));
        for (int i = 0; i < 2; i++) {
            uint8_t bytes[SL_SLOT_SIZE];
            size_t got;
            SL_TRY(sl_read_at(g->marker.fd, bytes, sizeof bytes, (uint64_t)i * SL_SLOT_STEP, &got, g->marker.path,
                              err));
            whole[i] = got == sizeof bytes && sl_slot_decode(bytes, g->meta.uid, &state[i]);
        }
    }
    if (!whole[0] && !whole[1])
        return sl_fail(err, SL_ERR_CORRUPT,
                       "%s: both commit marks are damaged: restore the gallery's folder from a "
                       "copy, or enrol again",
                       g->marker.path);
    for (int i = 0; i < 2; i++)
        g->slot_damaged[i] = !whole[i];
    g->committed = whole[0] && (!whole[1] || state[0].sequence > state[1].sequence) ? state[0] : state[1];
    return SL_OK;
}

/* Whole commits that lie behind what the marker counts. At most one can: the next commit writes the marker of
 * the one before first. *after is the state of the first. Read by pread: a writer may cut this tail meanwhile. */
static sl_status commits_behind(const sl_folder *g, uint64_t size, int *commits, sl_commit_state *after,
                                sl_error *err)
{
    enum { CHUNK = 1 << 18 };
    const sl_datafile *log = &g->files[SL_FILE_LOG];
    uint64_t at = g->committed.log_end;
    uint32_t chain = g->committed.chain;
    *commits = 0;
    if (at >= size)
        return SL_OK;
    uint8_t *chunk = malloc(CHUNK);
    if (!chunk)
        return sl_fail(err, SL_ERR_MEMORY, "%s: no memory to read it", log->path);
    size_t got, used = 1;
    sl_status status = SL_OK;
    while (used > 0 && at < size && *commits < 2) {
        SL_TRY_GOTO(sl_read_at(log->fd, chunk, size - at < CHUNK ? size - at : CHUNK, at, &got, log->path, err),
                    done);
        sl_record r;
        for (used = 0; *commits < 2 && sl_record_decode(chunk + used, got - used, &chain, &r);) {
            used += r.size;
            if (r.type == SL_RECORD_COMMIT && (*commits)++ == 0)
                *after = (sl_commit_state){.uid = g->meta.uid,
                                           .sequence = r.sequence,
                                           .log_end = at + used,
                                           .chain = chain,
                                           .rows = r.rows,
                                           .crops_end = r.crops_end};
        }
        at += used;
    }
done:
    free(chunk);
    return status;
}

/* The file that holds more than the marker counts, or NULL. */
static const sl_datafile *holds_more(const sl_folder *g, uint64_t log_size)
{
    const uint64_t counted[SL_FILES] = {sl_row_at(g, SL_FILE_EMBEDDINGS, g->committed.rows),
                                        sl_row_at(g, SL_FILE_PATCHES, g->committed.rows), g->committed.crops_end,
                                        g->committed.log_end};
    for (int k = 0; k < SL_FILES; k++)
        if ((k == SL_FILE_LOG ? log_size : g->files[k].size) > counted[k])
            return &g->files[k];
    return NULL;
}

/* With one slot damaged, was it the older one, or the newest? If a whole commit with the next number lies behind,
 * that is what it counted or was about to (a crash in its write), so that commit counts and nothing is lost; what
 * lies behind this one was never acknowledged, or it would have overwritten the whole slot. If nothing lies
 * behind, the whole slot counts. Anything else may be acknowledged faces whose log is damaged too: nobody can
 * tell, and nothing may be cut. */
static sl_status settle_on_one(sl_folder *g, uint64_t log_size, const sl_commit_state *after, sl_error *err)
{
    if (after && after->sequence == g->committed.sequence + 1) {
        g->committed = *after;
        return SL_OK;
    }
    const sl_datafile *more = holds_more(g, log_size);
    if (!more)
        return SL_OK;
    return sl_fail(err, SL_ERR_CORRUPT,
                   "%s: one of its two marks is damaged, and %s holds more than the other mark "
                   "counts (%" PRIu64
                   " faces): enrolled faces may be among it. Nothing was changed: restore the gallery's "
                   "folder from a copy, or enrol again",
                   g->marker.path, more->path, g->committed.rows);
}

sl_status sl_marker_read(sl_folder *g, sl_error *err)
{
    SL_TRY(sl_datafile_open(&g->marker, sl_generation_path(g->base.place, MARKER_NAME, g->meta.generation),
                            g->base.writable, err));
    return sl_marker_read_again(g, err);
}

sl_status sl_marker_read_again(sl_folder *g, sl_error *err)
{
    uint64_t log_size = 0;
    sl_commit_state after;
    int commits;
    SL_TRY(read_slots(g, &log_size, err));
    for (int k = 0; k < SL_FILES; k++) /* a writer may have gone on between */
        SL_TRY(sl_datafile_measure(&g->files[k], err));
    if (g->files[SL_FILE_LOG].size < g->committed.log_end)
        return sl_file_was_cut(&g->files[SL_FILE_LOG], g->committed.log_end, err);
    SL_TRY(commits_behind(g, log_size, &commits, &after, err));
    if (commits > 1)
        return sl_fail(err, SL_ERR_CORRUPT,
                       "%s: has commits that the marker (%s) does not count: the marker is damaged "
                       "or older than the log. Restore the gallery's folder from a copy",
                       g->files[SL_FILE_LOG].path, g->marker.path);
    if (!sl_marker_damaged(g)) /* a commit behind two whole slots was never acknowledged */
        return SL_OK;
    return settle_on_one(g, log_size, commits ? &after : NULL, err);
}
