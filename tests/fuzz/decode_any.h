/* What the fuzz targets of the picture formats share: a decoder gets the bytes, whatever they begin with. */
#ifndef SL_TESTS_DECODE_ANY_H
#define SL_TESTS_DECODE_ANY_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "image/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* is_large: large pictures are slow, and no other than small ones; NULL: all are decoded. */
static inline int decode_any(sl_decoder *decoder, bool (*is_large)(const uint8_t *data, size_t size),
                             const uint8_t *data, size_t size)
{
    sl_image image = {0};
    sl_icc icc = {0};
    sl_error err = {0};
    if (is_large && is_large(data, size))
        return 0;
    if (decoder(data, size, &(sl_decode_how){.most = SL_MAX_PIXELS}, &image, &icc, &err) == SL_OK) {
        if (image.channels != 3 || sl_image_check(&image, &err) != SL_OK)
            abort();
        if (sl_icc_to_srgb(&icc, &image, &err) != SL_OK)
            abort();
    }
    sl_icc_free(&icc);
    sl_image_free(&image);
    return 0;
}

#endif
