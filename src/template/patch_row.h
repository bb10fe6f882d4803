/* How a face's patches lie in a gallery: one row, whose parts begin at multiples of 64, with zeros between them.
 *
 *     | patches ..        0 | scales [R] ..  0 | 68 landmarks (x, y) ..  0 |
 *     0                     scales_at          landmarks_at                stride
 *
 * Patches are int8, f32 or compact codes, or none; scales stand beside int8 and codes only. A face without landmarks
 * has zeros there. Numbers are little-endian. */
#ifndef SL_TEMPLATE_PATCH_ROW_H
#define SL_TEMPLATE_PATCH_ROW_H

#include "template/patch_source.h"

typedef struct {
    size_t patches_bytes, scales_at, landmarks_at, stride;
} sl_row_layout;

sl_row_layout sl_patch_row_layout(const sl_template_shape *shape);

/* The patches of a row, in place: 64-byte aligned where the row is. shape->centre is what compact ones are around. */
sl_patch_source sl_patch_row_source(const uint8_t *row, const sl_template_shape *shape);

/* Its landmarks. */
const sl_point *sl_patch_row_landmarks(const uint8_t *row, const sl_template_shape *shape);

/* The parts of a face into a template that has room for them (sl_template_alloc); landmarks NULL: it has none. And the
 * patches and landmarks of a template as a row of its own format [stride]. */
void sl_template_fill(sl_template *t, const float *embedding, const sl_patch_source *stored, const sl_point *landmarks);
void sl_patch_row_of(const sl_template *t, uint8_t *row);

/* Are the values such that kernels may use them: finite, q not -128, the embedding of unit length? And are the gaps
 * of a patch row zero? */
bool sl_embedding_sound(const uint8_t *row, int dim);
bool sl_patch_row_sound(const uint8_t *row, const sl_template_shape *shape);
bool sl_centre_sound(const float *centre, const sl_template_shape *shape);

/* Are `count` floats at p (any alignment) all finite? Are these bytes all zero? */
bool sl_all_finite(const uint8_t *p, size_t count);
bool sl_all_zero(const uint8_t *from, const uint8_t *to);

/* The next multiple of 64. */
static inline size_t sl_round64(size_t n)
{
    return (n + 63) & ~(size_t)63;
}

#endif
