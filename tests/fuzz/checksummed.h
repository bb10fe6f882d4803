/* For files that end with a CRC-32C of what is before it: with a wrong one a parser sees nothing. */
#ifndef SL_TESTS_FUZZ_CHECKSUMMED_H
#define SL_TESTS_FUZZ_CHECKSUMMED_H

#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"

/* Parses the file as it is, and once more with a checksum that holds. */
static inline int parse_with_right_checksum_too(const uint8_t *data, size_t size,
                                                void (*parse)(const void *data, size_t size))
{
    parse(data, size);
    if (size < 4)
        return 0;
    uint8_t *copy = malloc(size);
    if (!copy)
        return 0;
    uint32_t crc = sl_crc32c(0, data, size - 4);
    memcpy(copy, data, size);
    memcpy(copy + size - 4, &crc, 4);
    parse(copy, size);
    free(copy);
    return 0;
}

#endif
