// module: model
/* int8 ranges, from a file that anybody may have written. */
#include "checksummed.h"

#include "model/int8/int8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse(const void *data, size_t size)
{
    sl_error err;
    sl_int8_model m;
    if (sl_int8_parse(data, size, "fuzz", &m, &err) == SL_OK)
        sl_range_find(&m.ranges, "fuzz");
    sl_int8_model_free(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return parse_with_right_checksum_too(data, size, parse);
}
