// module: image
#include "decode_any.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) { return decode_any(sl_decode_gif, NULL, data, size); }
