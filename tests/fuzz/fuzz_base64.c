// module: server
/* A picture in JSON: what is decoded is never longer than three quarters. */
#include <stdlib.h>

#include "http/base64.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *out;
    size_t bytes;
    if (sv_base64_decode((const char *)data, size, &out, &bytes)) {
        if (bytes > size / 4 * 3 + 3)
            abort();
        for (size_t i = 0; i < bytes; i++)
            out[i] ^= 1;
    } else if (out) {
        abort();
    }
    free(out);
    return 0;
}
