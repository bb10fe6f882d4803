/* The bytes of a folder's files: encoders, and decoders that trust nothing. */
#include "gallery/folder/format.h"

#include <math.h>
#include <string.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/utf8.h"
#include "gallery/naming.h"

static const char meta_magic[8] = "SLGALRY";
static const char slot_magic[8] = "SLCOMIT";
static const char file_magic[SL_FILES][8] = {"SLEMBED", "SLPATCH", "SLCROPS", "SLLOG"};
const char *const sl_file_names[SL_FILES] = {"embeddings", "patches", "crops", "log"};

_Static_assert(SL_PATCHES_INT8 == 0 && SL_PATCHES_F32 == 1 && SL_PATCHES_COMPACT == 3 && SL_PATCHES_NONE == 4,
               "galleries on disk have these numbers");

enum { ADD_HAS_LANDMARKS = 1, ADD_HAS_CROP = 2, ADD_HAS_HASH = 4 };

/* ---- gallery.meta ---- */

/* Before version 3 the patches decided it. */
static bool version_fits(uint32_t version, const sl_template_shape *shape)
{
    return version >= SL_HASH_VERSION || version == (shape->format > SL_PATCHES_F32 ? 2 : 1);
}

static bool segment_sound(uint32_t rows)
{
    return rows >= 64 && rows <= 1 << 20 && (rows & (rows - 1)) == 0;
}

void sl_meta_encode(const sl_meta *meta, uint8_t out[SL_META_SIZE])
{
    memset(out, 0, SL_META_SIZE);
    memcpy(out, meta_magic, 8);
    sl_put_u32(out + 8, meta->version);
    sl_put_u32(out + 12, SL_META_SIZE);
    sl_put_u64(out + 16, meta->uid);
    sl_put_u64(out + 24, meta->generation);
    memcpy(out + 32, meta->shape.fingerprint, 32);
    sl_put_u32(out + 64, (uint32_t)meta->shape.dim);
    sl_put_u32(out + 68, (uint32_t)meta->shape.rows);
    sl_put_u32(out + 72, (uint32_t)meta->shape.cols);
    sl_put_u32(out + 76, (uint32_t)meta->shape.channels);
    sl_put_u32(out + 80, (uint32_t)meta->shape.format);
    sl_put_u32(out + 84, meta->centre_crc);
    memcpy(out + 88, meta->model, strnlen(meta->model, 63));
    sl_put_u32(out + 152, meta->segment_rows);
    sl_put_u32(out + 252, sl_crc32c(0, out, 252));
}

sl_status sl_meta_decode(const uint8_t *data, size_t size, sl_meta *out, sl_error *err)
{
    if (size < 12)
        return sl_fail(err, SL_ERR_CORRUPT, "has %zu bytes instead of %d", size, SL_META_SIZE);
    if (memcmp(data, meta_magic, 8) != 0)
        return sl_fail(err, SL_ERR_FORMAT, "does not begin as a secondlook gallery's");
    const uint32_t version = sl_get_u32(data + 8);
    if (version < 1 || version > SL_GALLERY_VERSION)
        return sl_fail(err, SL_ERR_UNSUPPORTED,
                       "is of format version %u, this program reads 1 to %d: use the program that made it", version,
                       SL_GALLERY_VERSION);
    if (size != SL_META_SIZE || sl_get_u32(data + 12) != SL_META_SIZE)
        return sl_fail(err, SL_ERR_CORRUPT, "has %zu bytes instead of %d", size, SL_META_SIZE);
    if (sl_get_u32(data + 252) != sl_crc32c(0, data, 252))
        return sl_fail(err, SL_ERR_CORRUPT, "is damaged (checksum)");
    uint32_t number[5]; /* dim, rows, cols, channels, precision */
    for (int i = 0; i < 5; i++) {
        number[i] = sl_get_u32(data + 64 + 4 * i);
        if (number[i] > 4096)
            return sl_fail(err, SL_ERR_FORMAT, "has an impossible template shape");
    }
    *out = (sl_meta){
        .uid = sl_get_u64(data + 16), .generation = sl_get_u64(data + 24), .version = version,
        .segment_rows = version < 4 ? 0 : sl_get_u32(data + 152), .centre_crc = sl_get_u32(data + 84)};
    out->shape = (sl_template_shape){.dim = (int)number[0],
                                     .rows = (int)number[1],
                                     .cols = (int)number[2],
                                     .channels = (int)number[3],
                                     .format = (sl_patch_format)number[4]};
    memcpy(out->shape.fingerprint, data + 32, 32);
    memcpy(out->model, data + 88, 63);
    if (out->generation == 0 || out->generation > SL_GENERATION_MAX ||
        sl_shape_check(&out->shape, NULL) || !sl_model_name_sound(out->model) || !version_fits(version, &out->shape) ||
        (version >= 4 && !segment_sound(out->segment_rows)))
        return sl_fail(err, SL_ERR_FORMAT, "has an impossible generation, template shape or model name");
    uint8_t again[SL_META_SIZE]; /* one state has one form: what is read is what would be written */
    sl_meta_encode(out, again);
    if (memcmp(again, data, sizeof again) != 0 || (out->centre_crc && !sl_centre_bytes(&out->shape)))
        return sl_fail(err, SL_ERR_FORMAT, "has something where the format has zeros");
    return SL_OK;
}

/* ---- data files ---- */

size_t sl_centre_bytes(const sl_template_shape *shape)
{
    return shape->format == SL_PATCHES_COMPACT ? sl_round64(sl_contribution_count(shape) * sizeof(float)) : 0;
}

uint64_t sl_rows_at(sl_file_kind kind, const sl_meta *meta)
{
    if (!sl_has_header(kind, meta))
        return 0;
    return SL_HEADER_SIZE + (kind == SL_FILE_PATCHES ? sl_centre_bytes(&meta->shape) : 0);
}

uint64_t sl_row_stride(sl_file_kind kind, const sl_template_shape *shape)
{
    return kind == SL_FILE_EMBEDDINGS ? (uint64_t)shape->dim * sizeof(float)
           : kind == SL_FILE_PATCHES  ? sl_patch_row_layout(shape).stride
                                      : 0;
}

static void encode_header(const char magic[8], uint32_t version, const sl_meta *meta, uint64_t stride,
                          uint8_t out[SL_HEADER_SIZE])
{
    memset(out, 0, SL_HEADER_SIZE);
    memcpy(out, magic, 8);
    sl_put_u32(out + 8, version);
    sl_put_u32(out + 12, SL_HEADER_SIZE);
    sl_put_u64(out + 16, meta->uid);
    sl_put_u64(out + 24, meta->generation);
    sl_put_u64(out + 32, stride);
    sl_put_u32(out + 60, sl_crc32c(0, out, 60));
}

void sl_header_encode(sl_file_kind kind, const sl_meta *meta, uint8_t out[SL_HEADER_SIZE])
{
    encode_header(file_magic[kind], meta->version, meta, sl_row_stride(kind, &meta->shape), out);
}

void sl_derived_header_encode(const char *magic, const sl_meta *meta, uint64_t stride, uint8_t out[SL_HEADER_SIZE])
{
    encode_header(magic, SL_DERIVED_VERSION, meta, stride, out);
}

uint32_t sl_centre_crc(const sl_template_shape *shape)
{
    static const uint8_t zeros[64];
    const size_t bytes = sl_contribution_count(shape) * sizeof(float);
    return sl_crc32c(sl_crc32c(0, shape->centre, bytes), zeros, sl_centre_bytes(shape) - bytes);
}

bool sl_centre_holds(const float *padded, const sl_meta *meta)
{
    const size_t size = sl_centre_bytes(&meta->shape);
    const uint8_t *end = (const uint8_t *)padded + size;
    return sl_crc32c(0, padded, size) == meta->centre_crc && sl_centre_sound(padded, &meta->shape) &&
           sl_all_zero((const uint8_t *)(padded + sl_contribution_count(&meta->shape)), end);
}

/* ---- commit marker ---- */

void sl_slot_encode(const sl_commit_state *state, uint8_t out[SL_SLOT_SIZE])
{
    memset(out, 0, SL_SLOT_SIZE);
    memcpy(out, slot_magic, 8);
    sl_put_u64(out + 8, state->uid);
    sl_put_u64(out + 16, state->sequence);
    sl_put_u64(out + 24, state->log_end);
    sl_put_u64(out + 32, state->rows);
    sl_put_u64(out + 40, state->crops_end);
    sl_put_u32(out + 48, state->chain);
    sl_put_u32(out + 60, sl_crc32c(0, out, 60));
}

bool sl_slot_decode(const uint8_t data[SL_SLOT_SIZE], uint64_t uid, sl_commit_state *out)
{
    if (memcmp(data, slot_magic, 8) != 0 || sl_get_u32(data + 60) != sl_crc32c(0, data, 60))
        return false;
    *out = (sl_commit_state){.uid = sl_get_u64(data + 8),
                             .sequence = sl_get_u64(data + 16),
                             .log_end = sl_get_u64(data + 24),
                             .rows = sl_get_u64(data + 32),
                             .crops_end = sl_get_u64(data + 40),
                             .chain = sl_get_u32(data + 48)};
    return sl_get_u64(data + 52) == 0 && out->uid == uid && out->rows <= SL_ROWS_MAX &&
           out->log_end >= SL_HEADER_SIZE && out->log_end <= INT64_MAX && out->crops_end <= INT64_MAX &&
           out->sequence <= INT64_MAX;
}

/* ---- log records ---- */

/* Closes a record of `size` bytes with size, type and checksum. */
static size_t seal(uint8_t *out, sl_record_type type, size_t size, uint32_t *chain)
{
    sl_put_u32(out, (uint32_t)size);
    sl_put_u32(out + 4, (uint32_t)type);
    *chain = sl_crc32c(*chain, out, size - 4);
    sl_put_u32(out + size - 4, *chain);
    return size;
}

size_t sl_add_record_size(const sl_face_record *face)
{
    return SL_ADD_FIXED + face->image_size + 1 + face->label_size + 1 + (face->photo_sha256 ? SL_PHOTO_HASH_SIZE : 0) +
           4;
}

size_t sl_add_encode(const sl_face_record *face, uint32_t *chain, uint8_t *out)
{
    const sl_box *b = &face->box;
    const sl_quality *q = &face->quality;
    const float numbers[9] = {b->x0, b->y0, b->x1, b->y1, q->size, q->sharpness, q->pose, q->detector, q->overall};
    sl_put_u32(out + 8, face->row);
    sl_put_u32(out + 12, (face->has_landmarks ? ADD_HAS_LANDMARKS : 0u) | (face->has_crop ? ADD_HAS_CROP : 0u) |
                             (face->photo_sha256 ? ADD_HAS_HASH : 0u));
    sl_put_u32(out + 16, face->embedding_crc);
    sl_put_u32(out + 20, face->patches_crc);
    sl_put_u64(out + 24, face->crop_at);
    sl_put_u32(out + 32, face->crop_size);
    sl_put_u32(out + 36, face->crop_crc);
    for (int i = 0; i < 9; i++)
        sl_put_f32(out + 40 + 4 * i, numbers[i]);
    sl_put_u16(out + 76, (uint16_t)face->image_size);
    sl_put_u16(out + 78, (uint16_t)face->label_size);
    memcpy(out + SL_ADD_FIXED, face->image, face->image_size);
    out[SL_ADD_FIXED + face->image_size] = 0;
    uint8_t *label = out + SL_ADD_FIXED + face->image_size + 1;
    memcpy(label, face->label, face->label_size);
    label[face->label_size] = 0;
    if (face->photo_sha256)
        memcpy(label + face->label_size + 1, face->photo_sha256, SL_PHOTO_HASH_SIZE);
    return seal(out, SL_RECORD_ADD, sl_add_record_size(face), chain);
}

size_t sl_remove_encode(uint32_t row, uint32_t *chain, uint8_t *out)
{
    sl_put_u32(out + 8, row);
    return seal(out, SL_RECORD_REMOVE, SL_REMOVE_SIZE, chain);
}

size_t sl_vacant_encode(uint32_t rows, uint64_t crops, uint32_t *chain, uint8_t *out)
{
    sl_put_u32(out + 8, rows);
    sl_put_u64(out + 12, crops);
    return seal(out, SL_RECORD_VACANT, SL_VACANT_SIZE, chain);
}

size_t sl_commit_encode(uint64_t sequence, uint64_t rows, uint64_t crops_end, uint32_t *chain, uint8_t *out)
{
    sl_put_u64(out + 8, sequence);
    sl_put_u64(out + 16, rows);
    sl_put_u64(out + 24, crops_end);
    return seal(out, SL_RECORD_COMMIT, SL_COMMIT_SIZE, chain);
}

void sl_face_decode(const uint8_t *record, sl_face_record *out)
{
    float n[9];
    memcpy(n, record + 40, sizeof n);
    uint32_t flags = sl_get_u32(record + 12);
    *out = (sl_face_record){
        .row = sl_get_u32(record + 8),
        .has_landmarks = flags & ADD_HAS_LANDMARKS,
        .has_crop = flags & ADD_HAS_CROP,
        .embedding_crc = sl_get_u32(record + 16),
        .patches_crc = sl_get_u32(record + 20),
        .crop_at = sl_get_u64(record + 24),
        .crop_size = sl_get_u32(record + 32),
        .crop_crc = sl_get_u32(record + 36),
        .box = {n[0], n[1], n[2], n[3]},
        .quality = {n[4], n[5], n[6], n[7], n[8]},
        .image_size = sl_get_u16(record + 76),
        .label_size = sl_get_u16(record + 78),
        .image = (const char *)record + SL_ADD_FIXED,
    };
    out->label = out->image + out->image_size + 1;
    if (flags & ADD_HAS_HASH)
        out->photo_sha256 = (const uint8_t *)out->label + out->label_size + 1;
}

/* The parts of an ADD record whose whole size and checksum hold already. */
static bool face_sound(const uint8_t *data, size_t size, sl_face_record *face)
{
    if (size < SL_ADD_FIXED + 6)
        return false;
    sl_face_decode(data, face);
    return sl_get_u32(data + 12) <= (ADD_HAS_LANDMARKS | ADD_HAS_CROP | ADD_HAS_HASH) &&
           size == sl_add_record_size(face) && face->image[face->image_size] == 0 &&
           face->label[face->label_size] == 0 && sl_name_sound(face->image, face->image_size) &&
           sl_name_sound(face->label, face->label_size) && sl_all_finite(data + 40, 9);
}

bool sl_record_decode(const uint8_t *data, size_t available, uint32_t *chain, sl_record *out)
{
    if (available < 12)
        return false;
    size_t size = sl_get_u32(data);
    if (size < 12 || size > available)
        return false;
    uint32_t crc = sl_crc32c(*chain, data, size - 4);
    if (crc != sl_get_u32(data + size - 4))
        return false;
    *out = (sl_record){.type = (sl_record_type)sl_get_u32(data + 4), .size = size};
    switch (out->type) {
    case SL_RECORD_ADD:
        if (!face_sound(data, size, &out->face))
            return false;
        break;
    case SL_RECORD_REMOVE:
        if (size != SL_REMOVE_SIZE)
            return false;
        out->removed_row = sl_get_u32(data + 8);
        break;
    case SL_RECORD_VACANT:
        if (size != SL_VACANT_SIZE)
            return false;
        out->vacant_rows = sl_get_u32(data + 8);
        out->vacant_crops = sl_get_u64(data + 12);
        break;
    case SL_RECORD_COMMIT:
        if (size != SL_COMMIT_SIZE)
            return false;
        out->sequence = sl_get_u64(data + 8);
        out->rows = sl_get_u64(data + 16);
        out->crops_end = sl_get_u64(data + 24);
        break;
    default: return false;
    }
    *chain = crc;
    return true;
}
