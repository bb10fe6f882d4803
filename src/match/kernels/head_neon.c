#include "match/kernels/head_body.h"

HEAD_KERNEL(neon);
