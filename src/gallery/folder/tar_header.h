/* The one kind of tar header that a backup has: a regular file (POSIX ustar; sizes of 8 GiB and more as GNU tar has
 * them). No times, owners or folders: one gallery's backup is always the same bytes. */
#ifndef SL_FOLDER_TAR_HEADER_H
#define SL_FOLDER_TAR_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SL_TAR_BLOCK 512
#define SL_TAR_NAME 100

/* name: shorter than SL_TAR_NAME. */
void sl_tar_header_encode(const char *name, uint64_t size, uint8_t out[SL_TAR_BLOCK]);

/* false: it is no header of a regular file, or damaged. name: with its NUL. */
bool sl_tar_header_decode(const uint8_t block[SL_TAR_BLOCK], char name[SL_TAR_NAME], uint64_t *size);

/* Bytes that fill a file's last block up. */
static inline size_t sl_tar_padding(uint64_t size)
{
    return (size_t)(-size % SL_TAR_BLOCK);
}

#endif
