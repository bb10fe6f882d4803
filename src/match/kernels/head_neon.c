/* The linear head's product with NEON. */
#include "match/kernels/head_body.h"

HEAD_KERNEL(neon);
