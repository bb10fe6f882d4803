/* How a patch set lies in memory, by its layout: what fills sets and what multiplies them agree on this.
 *
 *     row 0        patch 0     C numbers, zeros up to the row's stride
 *     ..
 *     row R - 1    patch R - 1
 *     row R ..     the pooled vector, where the weighting has one (int8: in two rows)
 *     last row     zeros, where the count would be odd */
#ifndef SL_MATCH_SET_SHAPE_H
#define SL_MATCH_SET_SHAPE_H

#include <stdbool.h>
#include <stddef.h>

#include "match/match.h"

typedef struct {
    int row_count;     /* R patches, the pooled vector (1 row; int8: 2, see below), a zero row to an even count */
    size_t row_stride; /* elements: C rounded up to 64 (int8) or LANES (f32, bf16) */
} sl_set_shape;

sl_set_shape sl_set_shape_of(const sl_match_layout *layout);
size_t sl_set_row_stride(const sl_match_layout *layout); /* its row_stride alone */
size_t sl_set_element_bytes(const sl_match_layout *layout); /* of its rows: 1 (int8), 4, or 2: bf16 for vdpbf16ps */

/* Whether sets hold a pooled vector g of their own (sl_weighting_pool): the embedding always, the mean of the patches
 * where cells of the grid overlap. Where they tile the map, it is a mix of the set's patches, sum of share * p, and
 * g_other . p the same mix of S. */
bool sl_has_pooled(const sl_match_layout *layout);

/* int8: the pooled unit vector is rounded to 15 bits, g = factor * G, and takes part in the int8 product as
 * two rows, G = SL_POOLED_BASE * high + low, whose row factors are SL_POOLED_BASE * factor and factor. */
enum { SL_POOLED_BASE = 128, SL_POOLED_MAX = 127 * SL_POOLED_BASE + 63 };

#endif
