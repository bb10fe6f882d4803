/* index.N: the tables of names that a reading of the log makes, so that an opener need not make them.
 *
 *     | header, 64 | seed of the tables | label of every row | slots of the table of images | slots of that of labels |
 *
 * It is of the log's first rows, and of nothing that a removal changes. The log is read and checked all the same. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/file.h"
#include "base/mem.h"
#include "gallery/folder/store.h"

enum { SEED_SIZE = 8, CAPACITY_MOST = 32 /* as a power of two */ };

typedef struct {
    uint64_t log_end; /* of the state that it was made of */
    uint32_t chain, rows, labels;
    int images_log2, labels_log2; /* slots of the tables */
    uint32_t body_crc;
} index_header;

static char *path_of(const sl_folder *g)
{
    return sl_generation_path(g->base.place, "index", g->meta.generation);
}

static size_t body_size(const index_header *h)
{
    return SEED_SIZE + (size_t)h->rows * sizeof(uint32_t) +
           (((size_t)1 << h->images_log2) + ((size_t)1 << h->labels_log2)) * sizeof(sl_table_slot);
}

/* ---- the header ---- */

static void encode(const sl_folder *g, const index_header *h, uint8_t out[SL_HEADER_SIZE])
{
    sl_derived_header_encode("SLINDEX", &g->meta, h->log_end, out);
    sl_put_u32(out + 40, h->chain);
    sl_put_u32(out + 44, h->rows);
    sl_put_u32(out + 48, h->labels);
    out[52] = (uint8_t)h->images_log2;
    out[53] = (uint8_t)h->labels_log2;
    sl_put_u32(out + 56, h->body_crc);
    sl_put_u32(out + 60, sl_crc32c(0, out, 60));
}

/* False for all that is not of this generation, and for numbers that cannot be. */
static bool decode(const sl_folder *g, const uint8_t *data, size_t size, index_header *h)
{
    uint8_t again[SL_HEADER_SIZE];
    if (size < SL_HEADER_SIZE)
        return false;
    *h = (index_header){.log_end = sl_get_u64(data + 32),
                        .chain = sl_get_u32(data + 40),
                        .rows = sl_get_u32(data + 44),
                        .labels = sl_get_u32(data + 48),
                        .images_log2 = data[52],
                        .labels_log2 = data[53],
                        .body_crc = sl_get_u32(data + 56)};
    encode(g, h, again);
    return memcmp(again, data, sizeof again) == 0 && h->rows > 0 && h->rows <= SL_ROWS_MAX && h->labels > 0 &&
           h->labels <= h->rows && h->images_log2 < CAPACITY_MOST && h->labels_log2 < CAPACITY_MOST &&
           h->rows <= ((uint64_t)1 << h->images_log2) / 2 && h->labels <= ((uint64_t)1 << h->labels_log2) / 2 &&
           size - SL_HEADER_SIZE == body_size(h);
}

/* Was it made of the log that is here? Its last record ended in this very checksum. */
static bool is_of_log(const sl_folder *g, const index_header *h)
{
    return h->log_end <= g->committed.log_end && h->log_end > SL_HEADER_SIZE && h->rows <= g->committed.rows &&
           sl_get_u32(g->files[SL_FILE_LOG].base + h->log_end - 4) == h->chain;
}

/* ---- reading ---- */

/* Slots of a table of `used` numbers below `used`, each once: whoever looks for one comes to an end. */
static bool slots_sound(const uint8_t *data, size_t capacity, uint32_t used)
{
    size_t count = 0, beyond = 0;
    for (size_t i = 0; i < capacity; i++) {
        const uint32_t number = sl_get_u32(data + i * sizeof(sl_table_slot) + 4);
        count += number != SL_TABLE_NONE;
        beyond += number != SL_TABLE_NONE && number >= used;
    }
    return count == used && beyond == 0;
}

/* Labels are numbered as they come, and all of them do. */
static bool labels_sound(const uint8_t *row_labels, const index_header *h)
{
    uint32_t seen = 0;
    for (size_t row = 0; row < h->rows; row++) {
        const uint32_t label = sl_get_u32(row_labels + row * sizeof(uint32_t));
        if (label > seen)
            return false;
        seen += label == seen;
    }
    return seen == h->labels;
}

static bool take_table(sl_table *t, const uint8_t *data, int log2, uint32_t used)
{
    const size_t capacity = (size_t)1 << log2;
    sl_table_slot *slots = slots_sound(data, capacity, used) ? sl_realloc_array(NULL, capacity, sizeof *slots) : NULL;
    if (!slots)
        return false;
    memcpy(slots, data, capacity * sizeof *slots);
    free(t->slots);
    t->slots = slots;
    t->capacity = capacity;
    t->used = used;
    return true;
}

static bool take(sl_folder *g, const index_header *h, const uint8_t *body)
{
    const uint8_t *labels = body + SEED_SIZE, *images = labels + (size_t)h->rows * sizeof(uint32_t);
    const uint8_t *names = images + ((size_t)1 << h->images_log2) * sizeof(sl_table_slot);
    if (!labels_sound(labels, h) || !sl_index_make_room(g, h->rows, h->labels) ||
        !take_table(&g->images, images, h->images_log2, h->rows) ||
        !take_table(&g->label_table, names, h->labels_log2, h->labels))
        return false;
    g->images.seed = g->label_table.seed = sl_get_u64(body);
    memcpy(g->row_label, labels, (size_t)h->rows * sizeof *g->row_label);
    return true;
}

static bool read_index(const sl_folder *g, sl_mapping *file, index_header *h)
{
    char *path = path_of(g);
    const bool there = path && sl_map_file(path, SIZE_MAX, file, NULL) == SL_OK;
    free(path);
    if (there && decode(g, file->data, file->size, h) && is_of_log(g, h) &&
        sl_crc32c(0, file->data + SL_HEADER_SIZE, file->size - SL_HEADER_SIZE) == h->body_crc)
        return true;
    if (there)
        sl_unmap_file(file);
    return false;
}

bool sl_index_load(sl_folder *g)
{
    sl_mapping file;
    index_header h;
    if (!read_index(g, &file, &h))
        return false;
    const bool taken = take(g, &h, file.data + SL_HEADER_SIZE);
    sl_unmap_file(&file);
    if (taken) {
        g->known = g->indexed = h.rows;
    } else { /* what was taken in part */
        sl_table_clear(&g->images);
        sl_table_clear(&g->label_table);
    }
    return taken;
}

/* ---- writing ---- */

static int log2_of(size_t capacity)
{
    return __builtin_ctzll(capacity);
}

void sl_index_save(sl_folder *g)
{
    index_header h = {.log_end = g->committed.log_end,
                      .chain = g->committed.chain,
                      .rows = g->rows,
                      .labels = g->base.label_bound,
                      .images_log2 = log2_of(g->images.capacity),
                      .labels_log2 = log2_of(g->label_table.capacity)};
    const size_t size = SL_HEADER_SIZE + body_size(&h);
    uint8_t *bytes = malloc(size);
    char *path = path_of(g);
    if (bytes && path) {
        uint8_t *at = bytes + SL_HEADER_SIZE;
        sl_put_u64(at, g->images.seed);
        at += SEED_SIZE;
        memcpy(at, g->row_label, h.rows * sizeof *g->row_label);
        at += h.rows * sizeof *g->row_label;
        memcpy(at, g->images.slots, g->images.capacity * sizeof *g->images.slots);
        at += g->images.capacity * sizeof *g->images.slots;
        memcpy(at, g->label_table.slots, g->label_table.capacity * sizeof *g->label_table.slots);
        h.body_crc = sl_crc32c(0, bytes + SL_HEADER_SIZE, size - SL_HEADER_SIZE);
        encode(g, &h, bytes);
        if (sl_write_file(path, bytes, size, NULL) == SL_OK)
            g->indexed = g->rows;
    }
    free(bytes);
    free(path);
}

void sl_index_save_if_due(sl_folder *g, uint32_t due)
{
    if (!g->dirty && !g->base.broken && !g->vacant && !g->compacting && g->rows == g->committed.rows &&
        g->rows >= g->indexed && g->rows - g->indexed >= due)
        sl_index_save(g);
}

uint64_t sl_index_bytes(const sl_folder *g)
{
    struct stat st;
    char *path = path_of(g);
    const bool there = path && stat(path, &st) == 0;
    free(path);
    return there ? (uint64_t)st.st_size : 0;
}

/* ---- verifying ---- */

static bool is_number(const void *context, uint32_t number, const char *text, size_t size)
{
    (void)text, (void)size;
    return *(const uint32_t *)context == number;
}

/* Is every name found where it lies? */
static bool finds_all(const sl_folder *g, const sl_table *images, const sl_table *labels, const uint8_t *row_labels,
                      uint32_t rows)
{
    for (uint32_t row = 0; row < rows; row++) {
        const sl_face_record face = sl_row_record(g, row);
        if (sl_get_u32(row_labels + row * sizeof(uint32_t)) != g->row_label[row] ||
            sl_table_find(images, face.image, face.image_size, is_number, &row) != row ||
            sl_table_find(labels, face.label, face.label_size, is_number, &g->row_label[row]) != g->row_label[row])
            return false;
    }
    return true;
}

static bool agrees(const sl_folder *g, const index_header *h, const uint8_t *body)
{
    const uint8_t *row_labels = body + SEED_SIZE;
    sl_table images = {.seed = sl_get_u64(body)}, labels = images;
    const uint8_t *slots = row_labels + (size_t)h->rows * sizeof(uint32_t);
    const bool sound = take_table(&images, slots, h->images_log2, h->rows) &&
                       take_table(&labels, slots + ((size_t)1 << h->images_log2) * sizeof(sl_table_slot),
                                  h->labels_log2, h->labels) &&
                       finds_all(g, &images, &labels, row_labels, h->rows);
    sl_table_free(&images);
    sl_table_free(&labels);
    return sound;
}

sl_status sl_index_check(const sl_folder *g, sl_error *err)
{
    sl_mapping file;
    index_header h;
    char *path = path_of(g);
    if (!path)
        return sl_fail(err, SL_ERR_MEMORY, "%s: no memory", g->base.place);
    const bool there = sl_map_file(path, SIZE_MAX, &file, NULL) == SL_OK;
    if (there)
        sl_unmap_file(&file);
    bool sound = !there;
    if (there && read_index(g, &file, &h)) {
        sound = agrees(g, &h, file.data + SL_HEADER_SIZE);
        sl_unmap_file(&file);
    }
    const sl_status status =
        sound ? SL_OK
              : sl_fail(err, SL_ERR_CORRUPT, "%s: is damaged, or of another log (the gallery opens without it, and is "
                        "right): secondlook gallery upgrade makes it anew", path);
    free(path);
    return status;
}
