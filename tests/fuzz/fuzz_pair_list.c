// module: train
/* A list of pairs: its pictures collected. */
#include "train/data/pair_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sl_error err;
    sl_photo *photos;
    size_t count;
    if (sl_pair_photos_parse((const char *)data, size, "fuzz", "base", &photos, &count, &err) == SL_OK)
        sl_photos_free(photos, count);
    return 0;
}
