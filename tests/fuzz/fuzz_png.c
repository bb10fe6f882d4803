// module: image
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "image/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t crc_of(const uint8_t *p, size_t count)
{
    uint32_t crc = 0xffffffffu;
    while (count--) {
        crc ^= *p++;
        for (int k = 0; k < 8; k++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

/* Rewrites the checksums, which a fuzzer does not guess. */
static void mend_checksums(uint8_t *data, size_t size)
{
    for (size_t at = 8; size - at >= 12;) {
        size_t length = sl_get_be32(data + at);
        if (length > size - at - 12)
            return;
        uint32_t crc = crc_of(data + at + 4, length + 4);
        for (int i = 0; i < 4; i++)
            data[at + 8 + length + (size_t)i] = (uint8_t)(crc >> (24 - 8 * i));
        at += length + 12;
    }
}

static void decode(const uint8_t *data, size_t size)
{
    sl_image image;
    sl_error err;
    if (sl_image_decode(data, size, &image, &err) == SL_OK && (image.channels != 3 || !image.pixels))
        abort();
    sl_image_free(&image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 8 || memcmp(data, "\x89PNG\r\n\x1a\n", 8) != 0)
        return -1;
    if (size >= 24 && (uint64_t)sl_get_be32(data + 16) * sl_get_be32(data + 20) > 1000000 && data[23] & 3)
        return 0; /* large pictures are slow: a quarter of them will do */
    decode(data, size);
    uint8_t *copy = malloc(size);
    if (!copy)
        return 0;
    memcpy(copy, data, size);
    mend_checksums(copy, size);
    decode(copy, size);
    free(copy);
    return 0;
}
