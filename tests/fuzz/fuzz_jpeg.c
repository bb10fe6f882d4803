// module: image
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "image/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3 || memcmp(data, "\xff\xd8\xff", 3) != 0)
        return -1;
    sl_image image;
    sl_error err;
    if (sl_image_decode(data, size, &image, &err) == SL_OK && (image.channels != 3 || !image.pixels))
        abort();
    sl_image_free(&image);
    return 0;
}
