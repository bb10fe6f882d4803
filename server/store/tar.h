/* tar archives, in memory and bit by bit: what people import, and what export writes. */
#ifndef SERVER_TAR_H
#define SERVER_TAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef struct {
    const uint8_t *data; /* [size], the archive */
    size_t size, at;
} sv_tar;

enum { SV_TAR_NAME = 1024 };
typedef struct {
    char name[SV_TAR_NAME]; /* as it stands there: relative or not */
    const uint8_t *data;    /* [size], in the archive */
    size_t size;
} sv_tar_file;

/* The next plain file: ustar, with long names as GNU and POSIX (pax) write them. 1; 0 at the end; -1 with *wrong where
 * the archive cannot be read on. Folders, links and devices are passed over. */
int sv_tar_next(sv_tar *tar, sv_tar_file *out, const char **wrong);

/* Writes a plain file; its name has 99 bytes at most. And the archive's end. false: it cannot be written. */
bool sv_tar_write(FILE *f, const char *name, const void *data, size_t size);
bool sv_tar_end(FILE *f);

#endif
