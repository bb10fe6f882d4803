/* The directory of a zip archive, checked entry by entry. */
#include "net/import/weights/zip.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/mem.h"

/* Signatures and sizes of the records (APPNOTE.TXT 6.3, sections 4.3.6 to 4.3.16). */
enum {
    END_SIG = 0x06054b50, /* end of the central directory */
    END_SIZE = 22,
    LOCATOR_SIG = 0x07064b50, /* says where the zip64 end is */
    LOCATOR_SIZE = 20,
    END64_SIG = 0x06064b50,
    END64_SIZE = 56,
    ENTRY_SIG = 0x02014b50, /* in the directory */
    ENTRY_SIZE = 46,
    LOCAL_SIG = 0x04034b50, /* before the data */
    LOCAL_SIZE = 30,
    MAX_COMMENT = 0xffff,
    ZIP64_EXTRA = 1,
    FLAG_ENCRYPTED = 1
};

typedef struct {
    uint64_t offset, size, count;
} directory;

static sl_status damaged_zip(sl_error *err, const char *what)
{
    return sl_fail(err, SL_ERR_FORMAT, "the zip archive is damaged: %s", what);
}

/* The record at the file's end that lies behind the last entry, or NULL. */
static const uint8_t *find_end(const uint8_t *data, size_t size)
{
    for (size_t back = END_SIZE; back <= size && back <= END_SIZE + MAX_COMMENT; back++)
        if (sl_get_u32(data + size - back) == END_SIG && sl_get_u16(data + size - back + 20) == back - END_SIZE)
            return data + size - back;
    return NULL;
}

/* The zip64 record, where there is one, says what does not fit into the plain one. */
static sl_status find_directory(const uint8_t *data, size_t size, directory *d, sl_error *err)
{
    const uint8_t *end = find_end(data, size);
    if (!end)
        return damaged_zip(err, "it has no end record; was the file cut short?");
    *d = (directory){sl_get_u32(end + 16), sl_get_u32(end + 12), sl_get_u16(end + 10)};
    if (end - data < LOCATOR_SIZE || sl_get_u32(end - LOCATOR_SIZE) != LOCATOR_SIG)
        return SL_OK;
    uint64_t at = sl_get_u64(end - LOCATOR_SIZE + 8);
    if (size < END64_SIZE || at > size - END64_SIZE || sl_get_u32(data + at) != END64_SIG)
        return damaged_zip(err, "its zip64 end record is not where it should be");
    *d = (directory){sl_get_u64(data + at + 48), sl_get_u64(data + at + 40), sl_get_u64(data + at + 32)};
    return SL_OK;
}

/* Sizes and offset that are too large for 32 bits stand in an extra field, in this order. */
static sl_status read_zip64(sl_reader extra, uint64_t *size, uint64_t *packed, uint64_t *offset, sl_error *err)
{
    while (extra.size - extra.at >= 4 && !extra.failed) {
        uint16_t id = sl_read_u16(&extra), length = sl_read_u16(&extra);
        const uint8_t *p = sl_read_bytes(&extra, length);
        if (id != ZIP64_EXTRA || !p)
            continue;
        sl_reader r = sl_reader_of(p, length);
        uint64_t *const fields[3] = {size, packed, offset};
        for (int i = 0; i < 3; i++)
            if (*fields[i] == UINT32_MAX)
                *fields[i] = sl_read_u64(&r);
        if (!r.failed)
            return SL_OK;
    }
    return damaged_zip(err, "the sizes of a large entry are missing");
}

/* Steps over the entry's own header to its data. */
static sl_status locate_entry(const uint8_t *data, size_t size, uint64_t offset, uint64_t bytes, sl_record *entry,
                              sl_error *err)
{
    if (size < LOCAL_SIZE || offset > size - LOCAL_SIZE || sl_get_u32(data + offset) != LOCAL_SIG)
        return damaged_zip(err, "an entry is not where the directory says");
    uint64_t start = offset + LOCAL_SIZE + sl_get_u16(data + offset + 26) + sl_get_u16(data + offset + 28);
    if (start > size || bytes > size - start)
        return damaged_zip(err, "an entry reaches beyond the file's end");
    entry->data = data + start;
    entry->size = (size_t)bytes;
    return SL_OK;
}

static sl_status read_entry(const uint8_t *data, size_t size, sl_reader *r, sl_record *entry, sl_error *err)
{
    const uint8_t *p = sl_read_bytes(r, ENTRY_SIZE);
    if (!p || sl_get_u32(p) != ENTRY_SIG)
        return damaged_zip(err, "its directory has fewer entries than it says");
    uint16_t flags = sl_get_u16(p + 8), method = sl_get_u16(p + 10), name_size = sl_get_u16(p + 28),
             extra_size = sl_get_u16(p + 30), comment_size = sl_get_u16(p + 32);
    uint64_t packed = sl_get_u32(p + 20), bytes = sl_get_u32(p + 24), offset = sl_get_u32(p + 42);
    const uint8_t *name = sl_read_bytes(r, name_size), *extra = sl_read_bytes(r, extra_size);
    sl_read_bytes(r, comment_size);
    if (r->failed)
        return damaged_zip(err, "its directory ends inside an entry");
    *entry = (sl_record){.name = (const char *)name, .name_size = name_size};
    if (method != 0 || (flags & FLAG_ENCRYPTED))
        return sl_fail(err, SL_ERR_UNSUPPORTED,
                       "the zip archive's entry %.*s is %s; torch.save stores entries as they "
                       "are, so this is no checkpoint, or one that was packed again: unpack it and save it anew",
                       name_size > 200 ? 200 : name_size, name, method ? "compressed" : "encrypted");
    if (bytes == UINT32_MAX || packed == UINT32_MAX || offset == UINT32_MAX)
        SL_TRY(read_zip64(sl_reader_of(extra, extra_size), &bytes, &packed, &offset, err));
    if (bytes != packed)
        return damaged_zip(err, "a stored entry has two sizes");
    return locate_entry(data, size, offset, bytes, entry, err);
}

static sl_status read_directory(const uint8_t *data, size_t size, const directory *d, sl_records *out,
                                sl_error *err)
{
    sl_reader r = sl_reader_of(data + d->offset, (size_t)d->size);
    for (; out->count < d->count; out->count++)
        SL_TRY(read_entry(data, size, &r, &out->items[out->count], err));
    return sl_records_sort(out, err);
}

sl_status sl_zip_read(const uint8_t *data, size_t size, sl_records *out, sl_error *err)
{
    directory d = {0};
    *out = (sl_records){0};
    SL_TRY(find_directory(data, size, &d, err));
    if (d.offset > size || d.size > size - d.offset || d.count > d.size / ENTRY_SIZE)
        return damaged_zip(err, "its directory reaches beyond the file's end");
    out->items = calloc((size_t)d.count + 1, sizeof *out->items);
    if (!out->items)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for the %llu entries of a zip archive",
                       (unsigned long long)d.count);
    sl_status status = read_directory(data, size, &d, out, err);
    if (status != SL_OK)
        sl_records_free(out);
    return status;
}
