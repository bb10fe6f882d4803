/* Rows of patches: where their parts are, and whether their values may be used. */
#include "template/patch_row.h"

#include <math.h>
#include <string.h>

#include "base/bytes.h"

sl_row_layout sl_patch_row_layout(const sl_template_shape *shape)
{
    size_t patches = (size_t)shape->rows * (size_t)shape->cols, values = patches * (size_t)shape->channels;
    bool scaled = shape->format == SL_PATCHES_INT8 || shape->format == SL_PATCHES_COMPACT;
    sl_row_layout l = {0};
    switch (shape->format) {
    case SL_PATCHES_INT8: l.patches_bytes = values; break;
    case SL_PATCHES_F32: l.patches_bytes = values * sizeof(float); break;
    case SL_PATCHES_COMPACT: l.patches_bytes = patches * sl_code_bytes(shape->dim); break;
    case SL_PATCHES_NONE: break;
    }
    l.scales_at = sl_round64(l.patches_bytes);
    l.landmarks_at = l.scales_at + (scaled ? sl_round64(patches * sizeof(float)) : 0);
    l.stride = sl_round64(l.landmarks_at + 68 * sizeof(sl_point));
    return l;
}

sl_patch_source sl_patch_row_source(const uint8_t *row, const sl_template_shape *shape)
{
    const float *scales = (const float *)(row + sl_patch_row_layout(shape).scales_at);
    switch (shape->format) {
    case SL_PATCHES_INT8: return (sl_patch_source){.patches_i8 = (const int8_t *)row, .patch_scales = scales};
    case SL_PATCHES_F32: return (sl_patch_source){.patches_f32 = (const float *)row};
    case SL_PATCHES_COMPACT:
        return (sl_patch_source){.codes = row, .patch_scales = scales, .centre = shape->centre};
    case SL_PATCHES_NONE: break;
    }
    return (sl_patch_source){0};
}

const sl_point *sl_patch_row_landmarks(const uint8_t *row, const sl_template_shape *shape)
{
    return (const sl_point *)(row + sl_patch_row_layout(shape).landmarks_at);
}

void sl_template_fill(sl_template *t, const float *embedding, const sl_patch_source *stored, const sl_point *landmarks)
{
    const sl_template_shape *s = &t->shape;
    const size_t bytes = sl_patch_row_layout(s).patches_bytes;
    memcpy(t->embedding, embedding, (size_t)s->dim * sizeof(float));
    if (stored->patches_i8)
        memcpy(t->patches_i8, stored->patches_i8, bytes);
    if (stored->patches_f32)
        memcpy(t->patches_f32, stored->patches_f32, bytes);
    if (stored->codes)
        memcpy(t->codes, stored->codes, bytes);
    if (stored->patch_scales)
        memcpy(t->patch_scales, stored->patch_scales, (size_t)s->rows * (size_t)s->cols * sizeof(float));
    t->has_landmarks = landmarks != NULL;
    if (landmarks)
        memcpy(t->landmarks, landmarks, sizeof t->landmarks);
}

void sl_patch_row_of(const sl_template *t, uint8_t *row)
{
    const sl_template_shape *s = &t->shape;
    const sl_row_layout l = sl_patch_row_layout(s);
    const void *patches = t->patches_i8    ? (const void *)t->patches_i8
                          : t->patches_f32 ? (const void *)t->patches_f32
                                           : t->codes;
    memset(row, 0, l.stride);
    if (l.patches_bytes)
        memcpy(row, patches, l.patches_bytes);
    if (l.landmarks_at > l.scales_at)
        memcpy(row + l.scales_at, t->patch_scales, (size_t)s->rows * (size_t)s->cols * sizeof(float));
    if (t->has_landmarks)
        memcpy(row + l.landmarks_at, t->landmarks, sizeof t->landmarks);
}

bool sl_all_finite(const uint8_t *p, size_t count)
{
    uint32_t bad = 0;
    for (size_t i = 0; i < count; i++)
        bad |= (sl_get_u32(p + 4 * i) & 0x7f800000u) == 0x7f800000u;
    return !bad;
}

/* Nothing may hide in what fills a gap: it would be dropped, or kept, by whoever writes the row again. */
bool sl_all_zero(const uint8_t *from, const uint8_t *to)
{
    uint8_t bits = 0;
    while (from < to)
        bits |= *from++;
    return !bits;
}

bool sl_embedding_sound(const uint8_t *row, int dim)
{
    double sum = 0;
    for (int i = 0; i < dim; i++) {
        double v = sl_get_f32(row + 4 * i);
        sum += v * v;
    }
    return fabs(sum - 1) < 1e-3; /* false for NaN and infinity too */
}

/* Does the upper half of each patch's last byte, which stands for no dimension where D is odd, hold nothing? */
static bool codes_sound(const uint8_t *codes, size_t patches, int dim)
{
    const size_t bytes = sl_code_bytes(dim);
    uint8_t bits = 0;
    for (size_t r = 0; dim % 2 && r < patches; r++)
        bits |= codes[r * bytes + bytes - 1] & 0xf0;
    return !bits;
}

bool sl_patch_row_sound(const uint8_t *row, const sl_template_shape *shape)
{
    sl_row_layout l = sl_patch_row_layout(shape);
    const size_t patches = (size_t)shape->rows * (size_t)shape->cols;
    const bool scaled = l.landmarks_at > l.scales_at;
    const uint8_t *scales = row + l.scales_at, *landmarks = row + l.landmarks_at;
    uint32_t bad = scaled && !sl_all_finite(scales, patches);
    switch (shape->format) {
    case SL_PATCHES_INT8:
        for (size_t i = 0; i < l.patches_bytes; i++)
            bad |= row[i] == 0x80;
        break;
    case SL_PATCHES_F32: bad |= !sl_all_finite(row, l.patches_bytes / 4); break;
    case SL_PATCHES_COMPACT: bad |= !codes_sound(row, patches, shape->dim); break;
    case SL_PATCHES_NONE: break;
    }
    return !bad && sl_all_finite(landmarks, 136) && sl_all_zero(row + l.patches_bytes, scales) &&
           sl_all_zero(scales + (scaled ? patches * sizeof(float) : 0), landmarks) &&
           sl_all_zero(landmarks + 68 * sizeof(sl_point), row + l.stride);
}

bool sl_centre_sound(const float *centre, const sl_template_shape *shape)
{
    return sl_all_finite((const uint8_t *)centre, sl_contribution_count(shape));
}
