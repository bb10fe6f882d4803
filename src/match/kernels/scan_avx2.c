#if defined(__x86_64__)
#include "match/kernels/scan_body.h"

SCAN_TABLE(avx2);
#endif
