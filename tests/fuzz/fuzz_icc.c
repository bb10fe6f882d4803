// module: image
/* A colour profile of a picture of four pixels; of greys, where it is one of greys. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "image/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t pixels[12] = {200, 10, 30, 0, 255, 7, 90, 90, 90, 255, 255, 255};
    bool grey = size >= 20 && memcmp(data + 16, "GRAY", 4) == 0;
    sl_icc icc = {0};
    sl_image image;
    sl_error err = {0};
    if (sl_icc_copy(data, size, &icc, &err) != SL_OK || sl_image_new(2, 2, 3, &image, &err) != SL_OK)
        return 0;
    memcpy(image.pixels, pixels, sizeof pixels);
    if (grey)
        memcpy(image.pixels, pixels + 6, 6);
    sl_icc_to_srgb(&icc, &image, &err);
    sl_image_free(&image);
    sl_icc_free(&icc);
    return 0;
}
