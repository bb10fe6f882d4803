#if defined(__x86_64__)
#include "match/kernels/head_body.h"

HEAD_KERNEL(avx2);
#endif
