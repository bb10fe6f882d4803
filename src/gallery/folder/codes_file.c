/* Codes of rows in a file: written behind each other by commits, mapped by whoever searches. */
#include "gallery/folder/codes_file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/mem.h"
#include "base/threads.h"
#include "gallery/folder/store.h"

enum {
    TRAILER = 64,      /* u32 the log's checksum, zeros, u32 checksum of the group */
    AT_ONCE = 4096,    /* rows that are coded in one piece: a multiple of SL_CODE_ROWS */
    TAIL_MOST = 16384, /* rows without stored codes that a search codes itself */
};

size_t sl_codes_stride(int dim)
{
    return sizeof(sl_code_group) + ((size_t)dim + 3) / 4 * 4 * SL_CODE_ROWS + TRAILER;
}

static uint64_t end_of(const sl_folder *g, uint32_t rows)
{
    return SL_HEADER_SIZE + (uint64_t)(rows / SL_CODE_ROWS) * sl_codes_stride(g->meta.shape.dim);
}

static void encode_header(const sl_folder *g, uint8_t out[SL_HEADER_SIZE])
{
    sl_derived_header_encode("SLCODES", &g->meta, sl_codes_stride(g->meta.shape.dim), out);
}

/* ---- one group ---- */

static void seal(const sl_folder *g, size_t group, uint8_t *bytes)
{
    const size_t stride = sl_codes_stride(g->meta.shape.dim);
    memset(bytes + stride - TRAILER, 0, TRAILER);
    sl_put_u32(bytes + stride - TRAILER, g->group_chain[group]);
    sl_put_u32(bytes + stride - 4, sl_crc32c(0, bytes, stride - 4));
}

static bool group_holds(const sl_folder *g, size_t group)
{
    const size_t stride = sl_codes_stride(g->meta.shape.dim);
    const uint8_t *bytes = g->codes.file.base + SL_HEADER_SIZE + group * stride;
    return sl_get_u32(bytes + stride - 4) == sl_crc32c(0, bytes, stride - 4) &&
           sl_get_u32(bytes + stride - TRAILER) == g->group_chain[group];
}

static sl_status damaged(const sl_folder *g, size_t group, sl_error *err)
{
    return sl_fail(err, SL_ERR_CORRUPT, "%s: the codes of rows %zu to %zu are damaged, or of other faces (searches do "
                   "without, and are right): secondlook gallery upgrade makes them anew", g->codes.file.path,
                   group * SL_CODE_ROWS, group * SL_CODE_ROWS + SL_CODE_ROWS - 1);
}

/* ---- searching ---- */

static sl_status look_at_groups(void *context, size_t first, int groups, sl_error *err)
{
    const sl_folder *g = ((const sl_codes_side *)context)->gallery;
    _Atomic uint8_t *held = g->codes.held;
    for (size_t group = first; group < first + (size_t)groups; group++) {
        if (atomic_load_explicit(&held[group], memory_order_acquire))
            continue;
        if (!group_holds(g, group)) {
            atomic_store((atomic_bool *)&g->codes.damaged, true);
            return damaged(g, group, err);
        }
        atomic_store_explicit(&held[group], 1, memory_order_release);
    }
    return SL_OK;
}

static sl_status look_at_row(void *context, size_t i, bool *skip, sl_error *err)
{
    const sl_codes_side *side = context;
    const sl_folder *g = side->gallery;
    const uint32_t row = side->first + (uint32_t)i;
    *skip = g->row_removed[row];
    return *skip ? SL_OK : sl_hold_embedding(g, row, err);
}

/* No row's norm, nor that of what its codes stand for, is larger (sl_embedding_sound; half a step of each code). */
static float largest_norm(int dim)
{
    return 1.001f + 1.001f * sqrtf((float)dim) / 254;
}

/* Codes of the few rows behind those that have some. *sound: all of them could be coded. */
static sl_status make_tail(sl_folder *g, bool *sound, sl_error *err)
{
    sl_codes_file *c = &g->codes;
    *sound = true;
    sl_scan_codes_free(&c->tail);
    for (uint32_t row = c->rows; row < g->rows && *sound; row++)
        if (!g->row_removed[row])
            SL_TRY(sl_hold_embedding(g, row, err));
        else
            *sound = sl_check_embedding(g, row, NULL) == SL_OK;
    if (!*sound || g->rows == c->rows)
        return SL_OK;
    return sl_scan_codes_make((const float *)sl_row_bytes(g, SL_FILE_EMBEDDINGS, c->rows), g->rows - c->rows,
                              g->meta.shape.dim, 1, &c->tail, err);
}

static void make_block(sl_folder *g, int side, uint32_t first, uint32_t count, const sl_scan_codes *codes)
{
    sl_codes_file *c = &g->codes;
    c->sides[side] = (sl_codes_side){g, first};
    c->guards[side] = (sl_scan_guard){side == 0 ? look_at_groups : NULL, look_at_row, &c->sides[side]};
    c->blocks[side] = (sl_scan_block){.rows = (const float *)sl_row_bytes(g, SL_FILE_EMBEDDINGS, first),
                                      .stride = (size_t)g->meta.shape.dim,
                                      .count = count,
                                      .first = first,
                                      .codes = codes,
                                      .guard = &c->guards[side]};
}

/* What searches read, as long as the rows are these; others may be reading it. *sound as above. */
static sl_status make_blocks(sl_folder *g, bool *sound, sl_error *err)
{
    sl_codes_file *c = &g->codes;
    const int dim = g->meta.shape.dim;
    *sound = true;
    if (c->tail_end == g->rows)
        return SL_OK;
    c->tail_end = 0;
    SL_TRY(make_tail(g, sound, err));
    if (!*sound)
        return SL_OK;
    c->stored = (sl_scan_codes){.groups = (uint8_t *)c->file.base + SL_HEADER_SIZE,
                                .stride = sl_codes_stride(dim),
                                .count = c->rows,
                                .dim = dim,
                                .quads = (dim + 3) / 4,
                                .norm = largest_norm(dim),
                                .ahead = SL_CODE_AHEAD * (ptrdiff_t)sl_codes_stride(dim)};
    make_block(g, 0, 0, c->rows, &c->stored);
    make_block(g, 1, c->rows, g->rows - c->rows, &c->tail);
    c->tail_end = g->rows;
    return SL_OK;
}

sl_status sl_folder_coded(sl_gallery *gallery, sl_scan_block blocks[2], size_t *count, sl_error *err)
{
    sl_folder *g = (sl_folder *)gallery;
    sl_codes_file *c = &g->codes;
    bool sound;
    *count = 0;
    if (c->file.fd < 0 || atomic_load(&c->damaged) || c->rows == 0 || g->rows - c->rows > TAIL_MOST)
        return SL_OK;
    SL_TRY(make_blocks(g, &sound, err));
    if (!sound)
        return SL_OK;
    memcpy(blocks, c->blocks, sizeof c->blocks);
    *count = g->rows > c->rows ? 2 : 1;
    return SL_OK;
}

/* ---- opening ---- */

/* Room in `held` for the groups of so many rows; without memory there are no codes. */
static bool reserve(sl_codes_file *c, uint32_t rows)
{
    const uint32_t groups = rows / SL_CODE_ROWS;
    if (groups <= c->room)
        return true;
    _Atomic uint8_t *larger = sl_realloc_array((void *)c->held, groups, sizeof *larger);
    if (!larger)
        return false;
    memset((void *)(larger + c->room), 0, groups - c->room);
    c->held = larger;
    c->room = groups;
    return true;
}

static char *path_of(const sl_folder *g)
{
    return sl_generation_path(g->base.place, "codes", g->meta.generation);
}

/* Maps what there is of committed rows. */
static bool take_up(sl_folder *g)
{
    sl_codes_file *c = &g->codes;
    const uint64_t groups = (c->file.size - SL_HEADER_SIZE) / sl_codes_stride(g->meta.shape.dim);
    const uint64_t committed = g->committed.rows / SL_CODE_ROWS;
    const uint32_t rows = (uint32_t)(groups < committed ? groups : committed) * SL_CODE_ROWS;
    if (!reserve(c, rows) || sl_datafile_map(&c->file, end_of(g, rows), NULL) != SL_OK)
        return false;
    c->rows = rows;
    c->tail_end = 0;
    return true;
}

void sl_codes_open(sl_folder *g)
{
    sl_codes_file *c = &g->codes;
    uint8_t expected[SL_HEADER_SIZE], found[SL_HEADER_SIZE];
    size_t got;
    if (g->vacant || sl_datafile_open(&c->file, path_of(g), g->base.writable, NULL) != SL_OK)
        return;
    encode_header(g, expected);
    c->file.grows = !g->base.writable;
    if (c->file.size < SL_HEADER_SIZE ||
        sl_read_at(c->file.fd, found, sizeof found, 0, &got, c->file.path, NULL) != SL_OK || got != sizeof found ||
        memcmp(expected, found, sizeof found) != 0 || !take_up(g))
        sl_codes_close(c);
}

void sl_codes_follow(sl_folder *g)
{
    sl_codes_file *c = &g->codes;
    struct stat st;
    if (c->file.fd >= 0 && fstat(c->file.fd, &st) == 0 && st.st_nlink > 0) {
        c->file.size = (uint64_t)st.st_size;
        if (c->file.size < end_of(g, c->rows) || !take_up(g))
            sl_codes_close(c);
        return;
    }
    sl_codes_close(c); /* they were made anew, or are there now */
    sl_codes_open(g);
}

void sl_codes_close(sl_codes_file *c)
{
    sl_datafile_close(&c->file);
    sl_scan_codes_free(&c->tail);
    free((void *)c->held);
    *c = (sl_codes_file){.file = {.fd = -1}};
}

/* ---- writing ---- */

sl_status sl_codes_create(sl_folder *g, sl_error *err)
{
    uint8_t header[SL_HEADER_SIZE];
    encode_header(g, header);
    SL_TRY(sl_datafile_create(&g->codes.file, path_of(g), header, sizeof header, err));
    return sl_datafile_sync(&g->codes.file, err);
}

/* Codes of rows [first, first + count), whole groups, behind the others. */
static sl_status append_rows(sl_folder *g, uint32_t first, uint32_t count, uint8_t *bytes, sl_error *err)
{
    sl_codes_file *c = &g->codes;
    const int dim = g->meta.shape.dim;
    const size_t stride = sl_codes_stride(dim), groups = count / SL_CODE_ROWS;
    sl_scan_codes codes;
    for (uint32_t row = first; row < first + count; row++)
        SL_TRY(sl_hold_embedding(g, row, err));
    SL_TRY(sl_scan_codes_make((const float *)sl_row_bytes(g, SL_FILE_EMBEDDINGS, first), count, dim,
                              count < AT_ONCE ? 1 : sl_cpu_count(), &codes, err));
    for (size_t i = 0; i < groups; i++) {
        memcpy(bytes + i * stride, sl_code_group_at(&codes, i), codes.stride);
        seal(g, first / SL_CODE_ROWS + i, bytes + i * stride);
    }
    sl_scan_codes_free(&codes);
    return sl_datafile_append(&c->file, bytes, groups * stride, err);
}

static sl_status append_all(sl_folder *g, sl_ticker *ticker, sl_error *err)
{
    sl_codes_file *c = &g->codes;
    const uint32_t end = g->rows / SL_CODE_ROWS * SL_CODE_ROWS;
    const uint32_t most = end - c->rows < AT_ONCE ? end - c->rows : AT_ONCE;
    uint8_t *bytes = sl_alloc_aligned(most / SL_CODE_ROWS * sl_codes_stride(g->meta.shape.dim));
    sl_status status = bytes && reserve(c, end) ? SL_OK
                                                : sl_fail(err, SL_ERR_MEMORY, "%s: no memory for codes", c->file.path);
    while (status == SL_OK && c->rows < end) {
        const uint32_t count = end - c->rows < most ? end - c->rows : most;
        status = append_rows(g, c->rows, count, bytes, err);
        if (status == SL_OK) {
            c->rows += count;
            if (ticker)
                status = sl_tick(ticker, c->rows, err);
        }
    }
    free(bytes);
    return status == SL_OK ? sl_datafile_sync(&c->file, err) : status;
}

sl_status sl_codes_append(sl_folder *g, sl_ticker *ticker, sl_error *err)
{
    sl_codes_file *c = &g->codes;
    if (c->file.fd < 0 || g->vacant || g->compacting || g->rows / SL_CODE_ROWS * SL_CODE_ROWS <= c->rows)
        return SL_OK;
    const sl_status status = append_all(g, ticker, err);
    c->tail_end = 0;
    if (status != SL_OK) { /* what is there is of committed rows, or is cut off by the next writer */
        sl_datafile_cut(&c->file, end_of(g, g->committed.rows < c->rows ? (uint32_t)g->committed.rows : c->rows));
        sl_codes_close(c);
    }
    return status;
}

void sl_codes_cut(sl_folder *g)
{
    sl_codes_file *c = &g->codes;
    const uint32_t committed = (uint32_t)g->committed.rows / SL_CODE_ROWS * SL_CODE_ROWS;
    if (c->file.fd < 0)
        return;
    c->rows = c->rows < committed ? c->rows : committed;
    c->tail_end = 0;
    if (c->room > c->rows / SL_CODE_ROWS) /* other rows may come there */
        memset((void *)(c->held + c->rows / SL_CODE_ROWS), 0, c->room - c->rows / SL_CODE_ROWS);
    if (c->file.size > end_of(g, c->rows) || c->file.end > end_of(g, c->rows))
        sl_datafile_cut(&c->file, end_of(g, c->rows));
    c->file.size = c->file.end;
}

/* ---- verifying ---- */

sl_status sl_codes_check(const sl_folder *g, sl_error *err)
{
    for (size_t group = 0; g->codes.file.fd >= 0 && group < g->codes.rows / SL_CODE_ROWS; group++)
        if (!group_holds(g, group))
            return damaged(g, group, err);
    return SL_OK;
}
