/* A file that is appended to and read through a mapping. What lies beyond `end` does not count. It may lie on the disk
 * in pieces, so that its front can be given back while its end is still needed:
 *
 *     NAME.N    | bytes 0 .. P - 1 |                      rows: pieces lie side by side in memory too, one array
 *     NAME.N.1  | bytes P .. 2 P - 1 |                    others (apart): piece k has as many bytes as there were,
 *     NAME.N.2  | bytes 2 P .. :                          the rest of its P is never spoken of
 */
#ifndef SL_FOLDER_DATAFILE_H
#define SL_FOLDER_DATAFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

typedef struct {
    int fd;
    const uint8_t *base; /* of a mapping of its own, where pieces lie apart */
    size_t mapped;
} sl_piece;

typedef struct {
    char *path;      /* of the first piece */
    int fd;          /* likewise; -1: not open */
    uint64_t span;   /* P; 0: it is one file, whatever its size */
    bool apart;
    sl_piece *pieces; /* [count] */
    size_t count;
    bool named; /* pieces are new, and the folder was not synced since */
    bool writable;
    bool grows;          /* others write to it, and it is mapped on as they do */
    const uint8_t *base; /* mapping of at least [0, end), unless pieces lie apart; moves when the file grows */
    size_t mapped;
    uint64_t size;   /* of the file, as it was found */
    uint64_t end;    /* bytes that count, with those added through this handle */
    uint64_t synced; /* bytes known to be on disk */
} sl_datafile;

/* dir/NAME.GENERATION, malloc'd; NULL when there is no memory. */
char *sl_generation_path(const char *dir, const char *name, uint64_t generation);

/* open(2) of a regular file; *size (may be NULL) is its size. Whoever writes follows no symbolic link: a folder that
 * came from elsewhere must not lead writes to files outside it. SL_ERR_NOT_FOUND when there is none. *fd is -1 on
 * failure. */
sl_status sl_file_open(const char *path, int flags, int *fd, uint64_t *size, sl_error *err);

/* A new file that holds `header`, not synced yet; the name must be free. Takes over `path`. */
sl_status sl_datafile_create(sl_datafile *f, char *path, const void *header, size_t size, sl_error *err);

/* Opens an existing file; SL_ERR_NOT_FOUND when there is none. Takes over `path`. Maps nothing yet. */
sl_status sl_datafile_open(sl_datafile *f, char *path, bool writable, sl_error *err);

/* The file that is open is the first of pieces of `span` bytes: takes up those that are there. */
sl_status sl_datafile_pieces(sl_datafile *f, uint64_t span, bool apart, sl_error *err);

/* Asks the disk for `size` again. */
sl_status sl_datafile_measure(sl_datafile *f, sl_error *err);

/* Bytes that the file of one piece has. */
sl_status sl_datafile_piece_size(const sl_datafile *f, size_t piece, uint64_t *size, sl_error *err);

/* Maps [0, end), which must be within the file. */
sl_status sl_datafile_map(sl_datafile *f, uint64_t end, sl_error *err);

/* The bytes from `at` on, which is mapped. */
static inline const uint8_t *sl_datafile_at(const sl_datafile *f, uint64_t at)
{
    return f->apart ? f->pieces[at / f->span].base + at % f->span : f->base + at;
}

/* Writes at the end, within one piece. On failure nothing has changed. */
sl_status sl_datafile_append(sl_datafile *f, const void *data, size_t size, sl_error *err);

/* Goes on with the piece behind all that there are, which is empty. */
sl_status sl_datafile_next_piece(sl_datafile *f, sl_error *err);

/* Another file's piece, under a name of its own too, with `size` bytes becomes piece `k`, the last one.
 * SL_ERR_UNSUPPORTED where the disk knows no two names of one file. */
sl_status sl_datafile_adopt(sl_datafile *f, size_t k, const sl_datafile *from, size_t piece, uint64_t size,
                            sl_error *err);

/* Forgets what lies beyond `end` and cuts the file there (a failure to cut does no harm: what lies beyond
 * does not count). */
void sl_datafile_cut(sl_datafile *f, uint64_t end);

/* fdatasync, when anything was written since the last. */
sl_status sl_datafile_sync(sl_datafile *f, sl_error *err);

void sl_datafile_close(sl_datafile *f);

/* Bytes on the disk that count. */
uint64_t sl_datafile_bytes(const sl_datafile *f);

/* pread and pwrite of all `size` bytes. A read that ends early sets *got below size and is no error. */
sl_status sl_read_at(int fd, void *data, size_t size, uint64_t at, size_t *got, const char *path, sl_error *err);
sl_status sl_write_at(int fd, const void *data, size_t size, uint64_t at, const char *path, sl_error *err);

/* SL_ERR_CORRUPT: the file has less than was committed. */
sl_status sl_file_was_cut(const sl_datafile *f, uint64_t committed, sl_error *err);

#endif
