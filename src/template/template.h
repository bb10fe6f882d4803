/* A template: what is kept of one face. Immutable once made; made by src/pipeline from a network's
 * outputs, or read back from a gallery. */
#ifndef SL_TEMPLATE_TEMPLATE_H
#define SL_TEMPLATE_TEMPLATE_H

#include <stdbool.h>
#include <string.h>

#include "base/status.h"

/* What all templates of one gallery share. */
typedef struct {
    uint8_t fingerprint[32]; /* of the engine; templates of different ones are never compared */
    int dim;                 /* D, 1 .. 4096 */
    int rows, cols;          /* patch grid, R = rows * cols, 1 .. 256 patches */
    int channels;            /* C, 1 .. 4096 */
    sl_patch_format format;  /* of the patches */
    const float *centre;     /* compact: [R, D] what contributions are stored around; else NULL */
} sl_template_shape;

/* Numbers of a face's contributions, R D. */
static inline size_t sl_contribution_count(const sl_template_shape *shape)
{
    return (size_t)shape->rows * (size_t)shape->cols * (size_t)shape->dim;
}

/* Bytes of a compact patch: 4 bits a dimension. */
static inline size_t sl_code_bytes(int dim)
{
    return ((size_t)dim + 1) / 2;
}

struct sl_template {
    sl_template_shape shape;
    float *embedding;    /* [D], unit length */
    float *patch_scales; /* int8, compact: [R]; raw patch r, channel c = patch_scales[r] * patches_i8[r * C + c] */
    int8_t *patches_i8;  /* int8: [R, C], |q| <= 127, the largest of each patch is 127 (all 0 for a zero patch) */
    float *patches_f32;  /* f32: [R, C] raw */
    uint8_t *codes;      /* compact: [R, sl_code_bytes(D)] around `centre`, its own copy of shape.centre */
    float *centre;
    int has_landmarks;
    sl_point landmarks[68]; /* in units of the crop's width and height, usually in [0, 1) */
    sl_box box;             /* in the photo */
    sl_quality quality;
    float hidden;       /* how much of the face is hidden, where somebody looked already, .. */
    uint32_t hidden_by; /* .. by the statistics of this checksum (sl_oae_checksum); 0: nobody did */
};

/* A template of an embedding of any length (normalised here; SL_ERR_NUMERIC when it is zero or not
 * finite) and a raw patch map [R, C] float, stored in shape->format; of the format none patches are NULL. */
sl_status sl_template_make(const sl_template_shape *shape, const float *embedding, const float *patches,
                           sl_template **out, sl_error *err);

/* Is it the number of a format, as galleries hold it? */
bool sl_patch_format_is_known(uint32_t number);

/* SL_ERR_ARGUMENT for what no template can have: a size out of range, an unknown format. */
sl_status sl_shape_check(const sl_template_shape *shape, sl_error *err);

/* Are two things (templates, galleries, statistics, engines) of one model? Then they may be compared. */
static inline bool sl_same_model(const uint8_t fingerprint[32], const uint8_t other[32])
{
    return memcmp(fingerprint, other, 32) == 0;
}

/* Have their templates as many numbers? (Those of one model have, but for damage and arrays of a caller's own.) */
bool sl_same_sizes(const sl_template_shape *a, const sl_template_shape *b);

/* SL_ERR_MISMATCH for templates that cannot be compared: of two models, or of two shapes. */
sl_status sl_shape_check_same(const sl_template_shape *a, const sl_template_shape *b, sl_error *err);

/* An uninitialised template with its arrays for `shape` (the shape is checked). */
sl_status sl_template_alloc(const sl_template_shape *shape, sl_template **out, sl_error *err);

/* Raw patches [R, C] to int8 with one scale each: q [R, C], scales [R]; a patch whose largest value is
 * below 1e-30 is all zero. Values must be finite. */
void sl_patches_quantise(const float *patches, int count, int channels, int8_t *q, float *scales);

/* Contributions y [R, D] less `centre` [R, D] to 4 bits each: codes [R, sl_code_bytes(D)], scales [R]. Byte i of a
 * patch has dimension i in its lower half and dimension i + sl_code_bytes(D) in its upper one; k stands for the odd
 * level 2 k - 15, so y = centre + rotate(scale * level). The scale is that of least squares. Values must be finite. */
void sl_contributions_quantise(const float *y, const float *centre, int count, int dim, uint8_t *codes,
                               float *scales);

/* The share of |y - centre|^2 that the codes lose: .0115 of normal numbers (Max, 1960), less as each patch has the
 * scale that suits it; measured on 192 numbers of a law with long tails, mixed. */
#define SL_CODES_LOSE .0106f

/* The converse: y [R, D]. */
void sl_contributions_dequantise(const uint8_t *codes, const float *scales, const float *centre, int count, int dim,
                                 float *y);

/* x [D] by blocks of n = 64 dimensions, or of the largest power of two that divides D where that is less: Sylvester's
 * Hadamard matrix over sqrt(n), which is its own inverse. */
void sl_contributions_rotate(float *x, int dim);

/* The converse of sl_patches_quantise: out [R, C] = scales[r] * q[r, c]. */
void sl_patches_dequantise(const int8_t *q, const float *scales, int count, int channels, float *out);

#endif
