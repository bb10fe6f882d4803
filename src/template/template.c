/* Templates: made of a network's outputs, and their patches in the form that they are stored in. */
#include "template/template.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static size_t patch_count(const sl_template_shape *shape)
{
    return (size_t)shape->rows * (size_t)shape->cols;
}

static size_t value_count(const sl_template_shape *shape)
{
    return patch_count(shape) * (size_t)shape->channels;
}

/* The arrays of patches as this precision has them; false when there is no memory. */
static bool allocate_patches(sl_template *t)
{
    const sl_template_shape *s = &t->shape;
    switch (s->format) {
    case SL_PATCHES_INT8:
        t->patch_scales = sl_alloc_aligned(patch_count(s) * sizeof(float));
        t->patches_i8 = sl_alloc_aligned(value_count(s));
        return t->patch_scales && t->patches_i8;
    case SL_PATCHES_F32:
        t->patches_f32 = sl_alloc_aligned(value_count(s) * sizeof(float));
        return t->patches_f32;
    case SL_PATCHES_COMPACT:
        t->patch_scales = sl_alloc_aligned(patch_count(s) * sizeof(float));
        t->codes = sl_alloc_aligned(patch_count(s) * sl_code_bytes(s->dim));
        t->centre = sl_alloc_aligned(sl_contribution_count(s) * sizeof(float));
        if (t->centre && s->centre)
            memcpy(t->centre, s->centre, sl_contribution_count(s) * sizeof(float));
        t->shape.centre = t->centre;
        return t->patch_scales && t->codes && t->centre;
    case SL_PATCHES_NONE: return true;
    }
    return false;
}

sl_status sl_shape_check(const sl_template_shape *shape, sl_error *err)
{
    if (shape->dim < 1 || shape->dim > 4096)
        return sl_fail(err, SL_ERR_ARGUMENT, "embedding dimension %d: must be 1 .. 4096", shape->dim);
    if (shape->rows < 1 || shape->cols < 1 || shape->rows > 256 || shape->cols > 256 ||
        shape->rows * shape->cols > 256)
        return sl_fail(err, SL_ERR_ARGUMENT, "patch grid %d x %d: must have 1 .. 256 patches", shape->rows,
                       shape->cols);
    if (shape->channels < 1 || shape->channels > 4096)
        return sl_fail(err, SL_ERR_ARGUMENT, "%d patch channels: must be 1 .. 4096", shape->channels);
    if (!sl_patch_format_is_known((uint32_t)shape->format))
        return sl_fail(err, SL_ERR_ARGUMENT, "patch format %d: must be int8 (0), f32 (1), compact (3) or none (4)",
                       (int)shape->format);
    return SL_OK;
}

bool sl_same_sizes(const sl_template_shape *a, const sl_template_shape *b)
{
    return a->dim == b->dim && a->rows == b->rows && a->cols == b->cols && a->channels == b->channels;
}

sl_status sl_shape_check_same(const sl_template_shape *a, const sl_template_shape *b, sl_error *err)
{
    if (!sl_same_model(a->fingerprint, b->fingerprint))
        return sl_fail(err, SL_ERR_MISMATCH,
                       "the two faces were described by different models and cannot be compared: enrol both with one");
    if (!sl_same_sizes(a, b))
        return sl_fail(err, SL_ERR_MISMATCH,
                       "the two faces' templates have different shapes (%d, %dx%dx%d and %d, %dx%dx%d): enrol both "
                       "with one model", a->dim, a->rows, a->cols, a->channels, b->dim, b->rows, b->cols, b->channels);
    return SL_OK;
}

sl_status sl_template_alloc(const sl_template_shape *shape, sl_template **out, sl_error *err)
{
    *out = NULL;
    SL_TRY(sl_shape_check(shape, err));
    if (shape->format == SL_PATCHES_COMPACT && !shape->centre)
        return sl_fail(err, SL_ERR_ARGUMENT, "compact patches need what they are stored around");
    sl_template *t = calloc(1, sizeof *t);
    if (!t)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for a template");
    t->shape = *shape;
    t->embedding = sl_alloc_aligned((size_t)shape->dim * sizeof(float));
    if (!t->embedding || !allocate_patches(t)) {
        sl_template_free(t);
        return sl_fail(err, SL_ERR_MEMORY, "no memory for a template");
    }
    *out = t;
    return SL_OK;
}

void sl_template_free(sl_template *t)
{
    if (!t)
        return;
    free(t->embedding);
    free(t->patch_scales);
    free(t->patches_i8);
    free(t->patches_f32);
    free(t->codes);
    free(t->centre);
    free(t);
}

void sl_patches_quantise(const float *patches, int count, int channels, int8_t *q, float *scales)
{
    for (int r = 0; r < count; r++, patches += channels, q += channels) {
        float largest = 0;
        for (int c = 0; c < channels; c++)
            largest = fmaxf(largest, fabsf(patches[c]));
        bool zero = largest < 1e-30f; /* its scale would be lost among subnormal numbers */
        double factor = zero ? 0 : 127.0 / largest;
        scales[r] = zero ? 0 : largest / 127;
        for (int c = 0; c < channels; c++)
            q[c] = (int8_t)lrint(patches[c] * factor);
    }
}

void sl_patches_dequantise(const int8_t *q, const float *scales, int count, int channels, float *out)
{
    for (int r = 0; r < count; r++)
        for (int c = 0; c < channels; c++)
            *out++ = scales[r] * *q++;
}

/* out = v / |v|. */
static sl_status normalise(const float *v, int dim, float *out, sl_error *err)
{
    double sum = 0;
    for (int i = 0; i < dim; i++)
        sum += (double)v[i] * v[i];
    if (!(sum > 0) || !isfinite(sum))
        return sl_fail(err, SL_ERR_NUMERIC, "the embedding is %s: the network's output cannot be used",
                       sum == 0 ? "all zero" : "not finite");
    double factor = 1 / sqrt(sum);
    for (int i = 0; i < dim; i++)
        out[i] = (float)(v[i] * factor);
    return SL_OK;
}

sl_status sl_template_make(const sl_template_shape *shape, const float *embedding, const float *patches,
                           sl_template **out, sl_error *err)
{
    sl_template *t;
    *out = NULL;
    if (shape->format == SL_PATCHES_COMPACT || (shape->format == SL_PATCHES_NONE) != !patches)
        return sl_fail(err, SL_ERR_ARGUMENT, "a template of a patch map is int8 or f32, one without is none");
    SL_TRY(sl_template_alloc(shape, &t, err));
    sl_status status;
    SL_TRY_GOTO(normalise(embedding, shape->dim, t->embedding, err), fail);
    for (size_t i = 0; patches && i < value_count(shape); i++)
        if (!isfinite(patches[i])) {
            status = sl_fail(err, SL_ERR_NUMERIC,
                             "value %zu of patch %zu is not finite: the network's output can "
                             "not be used",
                             i % (size_t)shape->channels, i / (size_t)shape->channels);
            goto fail;
        }
    if (shape->format == SL_PATCHES_INT8)
        sl_patches_quantise(patches, (int)patch_count(shape), shape->channels, t->patches_i8, t->patch_scales);
    else if (shape->format == SL_PATCHES_F32)
        memcpy(t->patches_f32, patches, value_count(shape) * sizeof(float));
    *out = t;
    return SL_OK;
fail:
    sl_template_free(t);
    return status;
}

const float *sl_template_embedding(const sl_template *t, int *dim)
{
    if (dim)
        *dim = t->shape.dim;
    return t->embedding;
}

void sl_template_grid(const sl_template *t, int *rows, int *cols, int *channels)
{
    if (rows)
        *rows = t->shape.rows;
    if (cols)
        *cols = t->shape.cols;
    if (channels)
        *channels = t->shape.channels;
}

sl_status sl_template_patches(const sl_template *t, float *out, sl_error *err)
{
    const sl_template_shape *s = &t->shape;
    if (t->patches_i8)
        sl_patches_dequantise(t->patches_i8, t->patch_scales, (int)patch_count(s), s->channels, out);
    else if (t->patches_f32)
        memcpy(out, t->patches_f32, value_count(s) * sizeof(float));
    else
        return sl_fail(err, SL_ERR_UNSUPPORTED, "the template has no patch map, but %s: enrol into a gallery of int8 "
                       "or f32 patches (enroll --patches int8), or make it again from the photo",
                       t->codes ? "compact patches (sl_template_contributions gives those)" : "an embedding alone");
    return SL_OK;
}

sl_status sl_template_contributions(const sl_template *t, float *out, sl_error *err)
{
    const sl_template_shape *s = &t->shape;
    if (!t->codes)
        return sl_fail(err, SL_ERR_UNSUPPORTED, "the template has no contributions, but %s: enrol into a gallery of "
                       "compact patches (enroll --patches compact)",
                       t->patches_i8 || t->patches_f32 ? "a patch map" : "an embedding alone");
    sl_contributions_dequantise(t->codes, t->patch_scales, t->centre, (int)patch_count(s), s->dim, out);
    return SL_OK;
}
