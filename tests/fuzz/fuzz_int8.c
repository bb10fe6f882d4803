// module: model
/* int8 ranges, from a file that anybody may have written. */
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "model/int8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse(const void *data, size_t size)
{
    sl_error err;
    sl_int8_model m;
    if (sl_int8_parse(data, size, "fuzz", &m, &err) == SL_OK)
        sl_range_find(&m.ranges, "fuzz");
    sl_int8_model_free(&m);
}

/* As it is, and once more with a checksum that holds. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
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
