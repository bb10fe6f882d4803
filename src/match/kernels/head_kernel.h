/* Products with the weights of a linear head, by instruction set. */
#ifndef SL_MATCH_HEAD_KERNEL_H
#define SL_MATCH_HEAD_KERNEL_H

#include <stddef.h>

#include "base/cpu.h"

/* out [rows, SL_HEAD_COLUMNS] += a [rows, n] x weights [n, SL_HEAD_COLUMNS]; rows of a are `stride` apart. */
typedef void (*sl_head_kernel)(const float *a, size_t stride, int rows, int n, const float *weights, float *out);

extern const sl_head_kernel sl_head_kernel_scalar, sl_head_kernel_avx2, sl_head_kernel_avx512, sl_head_kernel_neon;

/* The kernel for an instruction set the machine has. */
sl_head_kernel sl_head_kernel_for(sl_isa isa);

#endif
