// module: model
/* A user's manifest. */
#include "model/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sl_error err;
    sl_manifest *m;
    if (sl_manifest_parse((const char *)data, size, "fuzz", &m, &err) == SL_OK)
        sl_manifest_free(m);
    return 0;
}
