// module: image
#include "decode_any.h"

static bool is_large(const uint8_t *data, size_t size)
{
    return size >= 26 && (uint64_t)sl_get_u16(data + 18) * sl_get_u16(data + 22) > 1000000;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) { return decode_any(sl_decode_bmp, is_large, data, size); }
