/* A template: what is kept of one face. Immutable once made; made by src/pipeline from a network's
 * outputs, or read back from a gallery. */
#ifndef SL_GALLERY_TEMPLATE_H
#define SL_GALLERY_TEMPLATE_H

#include "base/status.h"

/* What all templates of one gallery share. */
typedef struct {
    uint8_t fingerprint[32]; /* of the engine; templates of different ones are never compared */
    int dim;                 /* D, 1 .. 4096 */
    int rows, cols;          /* patch grid, R = rows * cols, 1 .. 256 patches */
    int channels;            /* C, 1 .. 4096 */
    sl_precision precision;  /* of the patches */
} sl_template_shape;

struct sl_template {
    sl_template_shape shape;
    float *embedding;    /* [D], unit length */
    float *patch_scales; /* int8: [R]; raw patch r, channel c = patch_scales[r] * patches_i8[r * C + c] */
    int8_t *patches_i8;  /* int8: [R, C], |q| <= 127, the largest of each patch is 127 (all 0 for a zero patch) */
    float *patches_f32;  /* f32: [R, C] raw */
    int has_landmarks;
    sl_point landmarks[68]; /* in units of the crop's width and height, usually in [0, 1) */
    sl_box box;             /* in the photo */
    sl_quality quality;
};

/* A template of an embedding of any length (normalised here; SL_ERR_NUMERIC when it is zero or not
 * finite) and a raw patch map [R, C] float, stored in shape->precision. */
sl_status sl_template_make(const sl_template_shape *shape, const float *embedding, const float *patches,
                           sl_template **out, sl_error *err);

/* An uninitialised template with its arrays for `shape` (the shape is checked). */
sl_status sl_template_alloc(const sl_template_shape *shape, sl_template **out, sl_error *err);

/* Raw patches [R, C] to int8 with one scale each: q [R, C], scales [R]; a patch whose largest value is
 * below 1e-30 is all zero. Values must be finite. */
void sl_patches_quantise(const float *patches, int count, int channels, int8_t *q, float *scales);

/* The converse: out [R, C] = scales[r] * q[r, c]. */
void sl_patches_dequantise(const int8_t *q, const float *scales, int count, int channels, float *out);

#endif
