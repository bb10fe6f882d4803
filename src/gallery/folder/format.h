/* The bytes of a gallery's files (docs/gallery-format.md): encoders, and decoders that trust nothing.
 * All numbers are little-endian. Pure functions on buffers; files are handled by datafile.c and folder.c. */
#ifndef SL_FOLDER_FORMAT_H
#define SL_FOLDER_FORMAT_H

#include <stdbool.h>

#include "base/utf8.h"
#include "template/patch_row.h"

#define SL_GALLERY_VERSION 4 /* of new galleries; older ones are read and written as they are */
#define SL_HASH_VERSION 3    /* the first that keeps hashes of photos */
#define SL_META_SIZE 256
#define SL_HEADER_SIZE 64
#define SL_SLOT_SIZE 64
#define SL_SLOT_STEP 4096 /* the two slots of a commit marker lie in different disk sectors */
#define SL_MARKER_SIZE (SL_SLOT_STEP + SL_SLOT_SIZE)
#define SL_ROWS_MAX 0x7ffffffe /* faces, removed ones included */
#define SL_SEGMENT_ROWS 16384     /* rows of a segment: a new gallery's files lie in pieces of so many */
#define SL_CROPS_SPAN (1ULL << 36) /* where a segment's crops begin, of all crops; no segment has as many bytes */
#define SL_GENERATION_MAX 1000000000000000

/* gallery.meta: what the gallery is, and which generation of its files counts. */
typedef struct {
    uint64_t uid;        /* random; every file of the gallery carries it */
    uint64_t generation; /* N of embeddings.N, patches.N, crops.N, log.N, commit.N */
    uint32_t version;    /* of the format: SL_GALLERY_VERSION, or older */
    uint32_t segment_rows; /* 0 before version 4, when each file is one, with a header */
    sl_template_shape shape; /* decoded without its centre, which lies in the patch file */
    uint32_t centre_crc;     /* 0 without one */
    char model[64];
} sl_meta;

void sl_meta_encode(const sl_meta *meta, uint8_t out[SL_META_SIZE]);
sl_status sl_meta_decode(const uint8_t *data, size_t size, sl_meta *out, sl_error *err);

/* Data files: rows, blobs or records. Those of records, and before version 4 all, begin with a header of 64 bytes. */
typedef enum { SL_FILE_EMBEDDINGS, SL_FILE_PATCHES, SL_FILE_CROPS, SL_FILE_LOG, SL_FILES } sl_file_kind;

extern const char *const sl_file_names[SL_FILES];

/* Bytes of one row: D floats; a patch row (below); 0 for crops and log. */
uint64_t sl_row_stride(sl_file_kind kind, const sl_template_shape *shape);

void sl_header_encode(sl_file_kind kind, const sl_meta *meta, uint8_t out[SL_HEADER_SIZE]);

/* Header of a file that is derived from those, and may be missing: its own magic (7 letters), and version. */
#define SL_DERIVED_VERSION 1
void sl_derived_header_encode(const char *magic, const sl_meta *meta, uint64_t stride, uint8_t out[SL_HEADER_SIZE]);

/* Bytes of the centre [R, D] floats, which compact patches are stored around, filled up to a multiple of 64: a file of
 * its own, before version 4 behind the header of the patch file. 0 for other patches. */
size_t sl_centre_bytes(const sl_template_shape *shape);

/* Where the rows, or crops, begin. */
uint64_t sl_rows_at(sl_file_kind kind, const sl_meta *meta);

static inline bool sl_has_header(sl_file_kind kind, const sl_meta *meta)
{
    return kind == SL_FILE_LOG || !meta->segment_rows;
}

/* Checksum of shape->centre as it lies in the file. */
uint32_t sl_centre_crc(const sl_template_shape *shape);

/* Is that the centre, as it was read with the zeros behind it, that the meta speaks of? */
bool sl_centre_holds(const float *padded, const sl_meta *meta);

/* A commit marker's slot: the acknowledged state. */
typedef struct {
    uint64_t uid, sequence;
    uint64_t log_end; /* bytes of the log that count */
    uint32_t chain;   /* the log's running checksum there */
    uint64_t rows;    /* of embeddings and patches */
    uint64_t crops_end;
} sl_commit_state;

void sl_slot_encode(const sl_commit_state *state, uint8_t out[SL_SLOT_SIZE]);
bool sl_slot_decode(const uint8_t data[SL_SLOT_SIZE], uint64_t uid, sl_commit_state *out);

typedef enum { SL_RECORD_ADD = 1, SL_RECORD_REMOVE = 2, SL_RECORD_COMMIT = 3, SL_RECORD_VACANT = 4 } sl_record_type;

#define SL_ADD_FIXED 80 /* bytes before the strings */
#define SL_PHOTO_HASH_SIZE 32
#define SL_ADD_MAX (SL_ADD_FIXED + 2 * (SL_NAME_MAX + 1) + SL_PHOTO_HASH_SIZE + 4)
#define SL_REMOVE_SIZE 16
#define SL_COMMIT_SIZE 36
#define SL_VACANT_SIZE 24

/* One face in the log. Strings and hash point into the log. */
typedef struct {
    uint32_t row;
    bool has_landmarks, has_crop;
    uint32_t embedding_crc, patches_crc, crop_crc, crop_size;
    uint64_t crop_at;
    sl_box box;
    sl_quality quality;
    const char *image, *label;
    size_t image_size, label_size; /* bytes without NUL */
    const uint8_t *photo_sha256;   /* [SL_PHOTO_HASH_SIZE] of the photo's file, or NULL. Not before version 3 */
} sl_face_record;

/* One record of the log. Each carries a checksum that continues the one before it, so that no record
 * can be changed, dropped, moved or taken from elsewhere. */
typedef struct {
    sl_record_type type;
    size_t size;
    sl_face_record face;                /* SL_RECORD_ADD */
    uint32_t removed_row;               /* SL_RECORD_REMOVE */
    uint32_t vacant_rows;               /* SL_RECORD_VACANT: so many rows hold nothing, */
    uint64_t vacant_crops;              /* and so many bytes of crops */
    uint64_t sequence, rows, crops_end; /* SL_RECORD_COMMIT */
} sl_record;

/* Bytes of the ADD record of these names, with or without a hash. */
size_t sl_add_record_size(const sl_face_record *face);

/* Encoders write a whole record, advance *chain and return its size. */
size_t sl_add_encode(const sl_face_record *face, uint32_t *chain, uint8_t *out);
size_t sl_remove_encode(uint32_t row, uint32_t *chain, uint8_t *out);
size_t sl_vacant_encode(uint32_t rows, uint64_t crops, uint32_t *chain, uint8_t *out);
size_t sl_commit_encode(uint64_t sequence, uint64_t rows, uint64_t crops_end, uint32_t *chain, uint8_t *out);

/* False when there is no whole and sound record at `data`; *chain is advanced only when there is. */
bool sl_record_decode(const uint8_t *data, size_t available, uint32_t *chain, sl_record *out);

/* The face in a record that was decoded before. */
void sl_face_decode(const uint8_t *record, sl_face_record *out);

#endif
