// module: image
#include <stdint.h>
#include <stdlib.h>

#include "image/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int orientation = sl_exif_orientation(data, size);
    sl_image image;
    if (orientation < 1 || orientation > 8)
        abort();
    if (sl_image_new(5, 3, 3, &image, NULL) != SL_OK)
        return 0;
    if (sl_image_orient(&image, orientation, NULL) == SL_OK && image.width != (orientation < 5 ? 5 : 3))
        abort();
    sl_image_free(&image);
    return 0;
}
