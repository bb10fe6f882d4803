// module: gallery
/* Bytes -> codes.1 and index.1 of a gallery whose other files are whole -> open, search, verify, write, upgrade.
 * Input: flags, u16 size of the codes, codes, index. Flag 1 makes headers and checksums hold, so that what lies
 * behind them is reached too; without it, whatever the bytes, the answer is that of a plain scan. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "gallery/folder/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FIX = 1, FACES = 36, DIM = 5, K = 4, MOST = 1 << 16 };

static char dir[64];
static sl_meta meta;
static uint8_t chains[FACES / SL_CODE_ROWS][4];
static uint32_t last_chain;
static uint64_t log_end;

static void remove_dir(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", dir);
    if (system(command) != 0)
        perror(dir);
}

static void numbers_of(int n, float out[DIM])
{
    uint32_t state = (uint32_t)n * 2654435761u + 1;
    for (int d = 0; d < DIM; d++)
        out[d] = (float)((state = state * 1664525u + 1013904223u) >> 8) / (1 << 23) - 1;
}

static void add_face(sl_gallery *g, int n)
{
    float x[DIM];
    char image[16], label[16];
    sl_template *t;
    numbers_of(n, x);
    snprintf(image, sizeof image, "i%d", n);
    snprintf(label, sizeof label, "l%d", n / 2);
    if (sl_template_make(sl_gallery_shape(g), x, NULL, &t, NULL) != SL_OK)
        abort();
    if (sl_gallery_add(g, &(sl_entry){.image = image, .label = label}, t, NULL, NULL) != SL_OK)
        abort();
    sl_template_free(t);
}

/* The gallery, once, and what its derived files must fit. */
static void make_gallery(void)
{
    const sl_template_shape shape = {.dim = DIM, .rows = 1, .cols = 1, .channels = 1, .format = SL_PATCHES_NONE};
    sl_gallery *g;
    snprintf(dir, sizeof dir, "%s/secondlook-fuzz-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp(dir) || sl_gallery_open_shape(dir, SL_GALLERY_CREATE, &shape, "fuzz", &g, NULL) != SL_OK)
        abort();
    atexit(remove_dir);
    for (int n = 0; n < FACES; n++)
        add_face(g, n);
    if (sl_gallery_commit(g, NULL) != SL_OK)
        abort();
    const sl_folder *f = (const sl_folder *)g;
    meta = f->meta;
    for (size_t i = 0; i < FACES / SL_CODE_ROWS; i++) {
        const uint8_t *record = sl_record_bytes(f, (uint32_t)(i * SL_CODE_ROWS) + SL_CODE_ROWS - 1);
        memcpy(chains[i], record + sl_get_u32(record) - 4, 4);
    }
    last_chain = f->committed.chain;
    log_end = f->committed.log_end;
    sl_gallery_close(g);
}

static void fix_codes(uint8_t *bytes, size_t size)
{
    const size_t stride = sl_codes_stride(DIM);
    if (size < SL_HEADER_SIZE)
        return;
    sl_derived_header_encode("SLCODES", &meta, stride, bytes);
    for (size_t i = 0; i < FACES / SL_CODE_ROWS && SL_HEADER_SIZE + (i + 1) * stride <= size; i++) {
        uint8_t *group = bytes + SL_HEADER_SIZE + i * stride;
        memcpy(group + stride - 64, chains[i], 4);
        sl_put_u32(group + stride - 4, sl_crc32c(0, group, stride - 4));
    }
}

static void fix_index(uint8_t *bytes, size_t size)
{
    uint8_t own[SL_HEADER_SIZE];
    if (size < SL_HEADER_SIZE)
        return;
    memcpy(own, bytes, sizeof own);
    sl_derived_header_encode("SLINDEX", &meta, log_end, bytes);
    memcpy(bytes + 44, own + 44, 10); /* rows, labels, slots */
    sl_put_u32(bytes + 40, last_chain);
    sl_put_u32(bytes + 56, sl_crc32c(0, bytes + SL_HEADER_SIZE, size - SL_HEADER_SIZE));
    sl_put_u32(bytes + 60, sl_crc32c(0, bytes, 60));
}

static void write_file(const char *name, const uint8_t *bytes, size_t size)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0)
        abort();
}

static void search(const sl_gallery *g, int exact)
{
    float query[DIM], found[K], wanted[K];
    uint32_t index[K], right[K];
    sl_vectors all = {.count = sl_gallery_size(g), .dim = DIM};
    numbers_of(99, query);
    const sl_vectors asked = {query, 1, DIM};
    if (sl_gallery_size(g) < FACES || sl_gallery_top(g, &asked, K, 1, index, found, NULL) != SL_OK)
        abort();
    if (!exact)
        return;
    if (sl_gallery_embeddings(g, &all.data, NULL) != SL_OK ||
        sl_cosine_top(&all, &asked, K, 1, right, wanted, NULL) != SL_OK || memcmp(index, right, sizeof right) != 0 ||
        memcmp(found, wanted, sizeof wanted) != 0)
        abort();
}

static void read_all(const sl_gallery *g, int exact)
{
    for (size_t i = 0; i < sl_gallery_size(g); i++) {
        size_t found;
        if (sl_gallery_label_id(g, i) >= sl_gallery_label_bound(g))
            abort();
        if (sl_gallery_find(g, sl_gallery_image(g, i), &found, NULL) == SL_OK ? exact && found != i : exact)
            abort();
    }
    search(g, exact);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t codes[MOST], index[MOST];
    if (!*dir)
        make_gallery();
    sl_reader r = sl_reader_of(data, size);
    const int flags = sl_read_u8(&r), exact = !(flags & FIX);
    size_t codes_size = sl_read_u16(&r), index_size;
    codes_size = codes_size < r.size - r.at ? codes_size : r.size - r.at;
    index_size = r.size - r.at - codes_size < MOST ? r.size - r.at - codes_size : MOST;
    if (codes_size)
        memcpy(codes, r.data + r.at, codes_size);
    if (index_size)
        memcpy(index, r.data + r.at + codes_size, index_size);
    if (flags & FIX) {
        fix_codes(codes, codes_size);
        fix_index(index, index_size);
    }
    write_file("codes.1", codes, codes_size);
    write_file("index.1", index, index_size);
    sl_gallery *g;
    if (sl_gallery_open_shape(dir, SL_GALLERY_READ, NULL, NULL, &g, NULL) != SL_OK)
        abort();
    read_all(g, exact);
    sl_gallery_close(g);
    sl_gallery_verify(dir, NULL, NULL, NULL);
    if (sl_gallery_upgrade(dir, NULL, NULL, NULL) != SL_OK)
        abort();
    if (exact && sl_gallery_verify(dir, NULL, NULL, NULL) != SL_OK)
        abort();
    return 0;
}
