// module: gallery
/* Bytes -> the seven files of a gallery's folder -> open, verify, read everything, write, compact.
 * Input: flags, then for each file u16 size and bytes. Flags 1, 2, 4 make the checksums of meta and headers, of
 * the log and its marker, and of the rows hold, so that what lies behind them is reached too; 8 opens for writing.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "gallery/folder/format.h"
#include "gallery/gallery.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    META,
    EMBEDDINGS,
    PATCHES,
    CROPS,
    LOG,
    MARKER,
    CENTRE, /* of version 4 */
    FILES,
    FIX_HEADERS = 1,
    FIX_LOG = 2,
    FIX_ROWS = 4,
    WRITE = 8
};

typedef struct {
    uint8_t bytes[65536];
    size_t size;
} part;

static part parts[FILES];
static char dir[64];

static void cut_input(sl_reader *r)
{
    for (int f = 0; f < FILES; f++) {
        size_t size = sl_read_u16(r);
        if (size > r->size - r->at)
            size = r->size - r->at;
        const uint8_t *bytes = sl_read_bytes(r, size);
        memset(parts[f].bytes, 0, sizeof parts[f].bytes);
        if (bytes)
            memcpy(parts[f].bytes, bytes, size);
        parts[f].size = bytes ? size : 0;
    }
}

static void at_least(part *p, size_t size)
{
    if (p->size < size)
        p->size = size;
}

static void fix_headers(sl_meta *meta)
{
    part *p = &parts[META];
    p->size = SL_META_SIZE;
    memcpy(p->bytes, "SLGALRY", 8);
    const bool centred = sl_get_u32(p->bytes + 80) == SL_PATCHES_COMPACT;
    const uint32_t version = sl_get_u32(p->bytes + 8);
    if (version < 3 || version > SL_GALLERY_VERSION)
        sl_put_u32(p->bytes + 8, sl_get_u32(p->bytes + 80) > SL_PATCHES_F32 ? 2 : 1);
    sl_put_u32(p->bytes + 152, version == 4 ? SL_SEGMENT_ROWS : 0);
    sl_put_u32(p->bytes + 12, SL_META_SIZE);
    sl_put_u64(p->bytes + 24, 1);
    sl_put_u32(p->bytes + 84, 0);
    const size_t name = strnlen((char *)p->bytes + 88, 63);
    memset(p->bytes + 88 + name, 0, 64 - name);
    memset(p->bytes + 156, 0, SL_META_SIZE - 156);
    sl_put_u32(p->bytes + 252, sl_crc32c(0, p->bytes, 252));
    if (sl_meta_decode(p->bytes, p->size, meta, NULL) != SL_OK)
        return;
    const size_t centre = sl_centre_bytes(&meta->shape);
    if (centred && centre <= sizeof parts[0].bytes - SL_HEADER_SIZE) {
        const size_t at = meta->segment_rows ? 0 : SL_HEADER_SIZE;
        part *file = meta->segment_rows ? &parts[CENTRE] : &parts[PATCHES];
        at_least(file, at + centre);
        sl_put_u32(p->bytes + 84, sl_crc32c(0, file->bytes + at, centre));
        sl_put_u32(p->bytes + 252, sl_crc32c(0, p->bytes, 252));
    }
    for (int k = 0; k < SL_FILES; k++) {
        if (!sl_has_header((sl_file_kind)k, meta))
            continue;
        at_least(&parts[EMBEDDINGS + k], SL_HEADER_SIZE);
        sl_header_encode((sl_file_kind)k, meta, parts[EMBEDDINGS + k].bytes);
    }
}

/* Row checksums of the ADD record at `record`. */
static void fix_rows(const sl_meta *meta, uint8_t *record)
{
    uint64_t row = sl_get_u32(record + 8), stride[2] = {sl_row_stride(SL_FILE_EMBEDDINGS, &meta->shape),
                                                        sl_row_stride(SL_FILE_PATCHES, &meta->shape)};
    for (int k = 0; k < 2; k++) {
        uint64_t at = sl_rows_at(SL_FILE_EMBEDDINGS + k, meta) + row * stride[k];
        if (at + stride[k] <= sizeof parts[0].bytes) {
            at_least(&parts[EMBEDDINGS + k], at + stride[k]);
            sl_put_u32(record + 16 + 4 * k, sl_crc32c(0, parts[EMBEDDINGS + k].bytes + at, stride[k]));
        }
    }
    uint64_t crop_at = sl_get_u64(record + 24), crop_size = sl_get_u32(record + 32);
    if (crop_at < sizeof parts[0].bytes && crop_size < sizeof parts[0].bytes - crop_at) {
        at_least(&parts[CROPS], crop_at + crop_size);
        sl_put_u32(record + 36, sl_crc32c(0, parts[CROPS].bytes + crop_at, crop_size));
    }
}

/* Seals every record by its own size, and lets the marker count them all. */
static void fix_log(const sl_meta *meta, int flags)
{
    part *log = &parts[LOG];
    sl_commit_state state = {.uid = meta->uid,
                             .crops_end = sl_rows_at(SL_FILE_CROPS, meta),
                             .log_end = SL_HEADER_SIZE,
                             .chain = sl_get_u32(log->bytes + 60)};
    while (state.log_end + 12 <= log->size) {
        uint8_t *record = log->bytes + state.log_end;
        size_t size = sl_get_u32(record);
        if (size < 12 || size > log->size - state.log_end)
            break;
        uint32_t type = sl_get_u32(record + 4);
        if (type == SL_RECORD_ADD && size >= SL_ADD_FIXED) {
            if (flags & FIX_ROWS)
                fix_rows(meta, record);
            state.rows++;
            state.crops_end += sl_get_u32(record + 12) & 2 ? sl_get_u32(record + 32) : 0;
        } else if (type == SL_RECORD_VACANT && size == SL_VACANT_SIZE) {
            state.rows += sl_get_u32(record + 8);
            state.crops_end += sl_get_u64(record + 12);
        } else if (type == SL_RECORD_COMMIT && size == SL_COMMIT_SIZE) {
            state.sequence = sl_get_u64(record + 8);
        }
        state.chain = sl_crc32c(state.chain, record, size - 4);
        sl_put_u32(record + size - 4, state.chain);
        state.log_end += size;
    }
    parts[MARKER].size = SL_MARKER_SIZE;
    sl_slot_encode(&state, parts[MARKER].bytes);
    sl_slot_encode(&state, parts[MARKER].bytes + SL_SLOT_STEP);
}

static void write_files(void)
{
    static const char *const names[FILES] = {"gallery.meta", "embeddings.1", "patches.1",
                                             "crops.1",      "log.1",        "commit.1",
                                             "centre.1"};
    for (int f = 0; f < FILES; f++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", dir, names[f]);
        FILE *file = fopen(path, "wb");
        if (!file || fwrite(parts[f].bytes, 1, parts[f].size, file) != parts[f].size || fclose(file) != 0)
            abort();
    }
}

/* 1 when everything could be read. */
static int read_all(const sl_gallery *g)
{
    int whole = 1;
    const float *embeddings;
    sl_gallery_info info;
    sl_gallery_get_info(g, &info);
    for (size_t i = 0; i < sl_gallery_size(g); i++) {
        sl_entry entry;
        sl_template *t = NULL;
        sl_image crop;
        size_t found;
        if (sl_gallery_entry(g, i, &entry, NULL) || sl_gallery_find(g, entry.image, &found, NULL) || found != i)
            abort();
        whole &= sl_gallery_template(g, i, &t, NULL) == SL_OK;
        sl_template_free(t);
        if (entry.has_crop && sl_gallery_crop(g, i, &crop, NULL) == SL_OK)
            sl_image_free(&crop);
        if (sl_gallery_label_id(g, i) >= sl_gallery_label_bound(g))
            abort();
    }
    return whole & (sl_gallery_embeddings(g, &embeddings, NULL) == SL_OK);
}

/* A face of the gallery's kind, of zeros but for the embedding. */
static sl_template *zero_face(const sl_template_shape *s)
{
    const size_t patches = (size_t)(s->rows * s->cols);
    sl_template *t = NULL;
    float *numbers = calloc(patches * (size_t)s->channels + (size_t)s->dim, sizeof *numbers);
    numbers[0] = 1;
    if (s->format <= SL_PATCHES_F32 ? sl_template_make(s, numbers, numbers, &t, NULL) : sl_template_alloc(s, &t, NULL))
        abort();
    memcpy(t->embedding, numbers, (size_t)s->dim * sizeof *numbers);
    if (t->codes) {
        memset(t->codes, 0, patches * sl_code_bytes(s->dim));
        memset(t->patch_scales, 0, patches * sizeof(float));
    }
    free(numbers);
    return t;
}

/* A writer's life on top of what was found. */
static void write_more(void)
{
    sl_gallery *g;
    if (sl_gallery_open_shape(dir, SL_GALLERY_WRITE, NULL, NULL, &g, NULL) != SL_OK)
        return;
    const sl_template_shape *s = sl_gallery_shape(g);
    sl_template *t = zero_face(s);
    sl_entry entry = {.label = "label", .image = "image"};
    uint8_t hash[32] = {1};
    size_t before = sl_gallery_size(g), removed, found;
    entry.photo_sha256 = hash;
    int added = sl_gallery_add(g, &entry, t, NULL, NULL) == SL_OK;
    if (added && sl_gallery_find_photo(g, hash, "label", &found, NULL) == SL_OK &&
        strcmp(sl_gallery_label(g, found), "label") != 0)
        abort();
    added &= sl_gallery_replace(g, "image", &entry, t, NULL, NULL) == SL_OK;
    if (sl_gallery_commit(g, NULL) != SL_OK || sl_gallery_size(g) != before + (size_t)added)
        abort();
    if (sl_gallery_remove(g, added ? "image" : NULL, "label", &removed, NULL) != SL_OK || removed < (size_t)added)
        abort();
    size_t after = sl_gallery_size(g);
    sl_template_free(t);
    sl_gallery_close(g);
    int compacted = sl_gallery_compact(dir, NULL, NULL, NULL) == SL_OK;
    if (sl_gallery_open_shape(dir, SL_GALLERY_READ, NULL, NULL, &g, NULL) != SL_OK || sl_gallery_size(g) != after)
        abort();
    int whole = read_all(g);
    sl_gallery_close(g);
    if (compacted && removed && (!whole || sl_gallery_verify(dir, NULL, NULL, NULL) != SL_OK))
        abort();
}

static void remove_dir(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", dir);
    if (system(command) != 0)
        perror(dir);
}

/* Files of a compaction's new generation would be found by the next input. */
static void clean(void)
{
    static const char *const names[] = {"embeddings", "patches", "crops", "log", "commit", "centre"};
    for (size_t k = 0; k < 6; k++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s.2", dir, names[k]);
        unlink(path);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!*dir) {
        snprintf(dir, sizeof dir, "%s/secondlook-fuzz-XXXXXX",
                 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
        if (!mkdtemp(dir))
            abort();
        atexit(remove_dir);
    }
    sl_reader r = sl_reader_of(data, size);
    int flags = sl_read_u8(&r);
    sl_meta meta = {0};
    cut_input(&r);
    if (flags & FIX_HEADERS)
        fix_headers(&meta);
    if (meta.generation && flags & FIX_LOG)
        fix_log(&meta, flags);
    write_files();
    int verified = sl_gallery_verify(dir, NULL, NULL, NULL) == SL_OK;
    sl_gallery *g;
    int whole = 0;
    if (sl_gallery_open_shape(dir, SL_GALLERY_READ, NULL, NULL, &g, NULL) == SL_OK) {
        whole = read_all(g);
        sl_gallery_close(g);
    }
    if (verified && !whole)
        abort();
    if (flags & WRITE)
        write_more();
    clean();
    return 0;
}
