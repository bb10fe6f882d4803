// module: gallery
/* A backup's headers: what is read is read again as it was written. (What lies behind them is fuzz_gallery's.) */
#include <stdlib.h>
#include <string.h>

#include "gallery/folder/tar_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char name[SL_TAR_NAME], again[SL_TAR_NAME];
    uint8_t block[SL_TAR_BLOCK];
    uint64_t bytes, bytes_again;
    if (size < SL_TAR_BLOCK || !sl_tar_header_decode(data, name, &bytes))
        return 0;
    if (!memchr(name, 0, sizeof name) || bytes > INT64_MAX)
        abort();
    sl_tar_header_encode(name, bytes, block);
    if (!sl_tar_header_decode(block, again, &bytes_again) || strcmp(name, again) != 0 || bytes != bytes_again)
        abort();
    return 0;
}
