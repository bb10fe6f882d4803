#include "model/delta.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define ENDING ".scale"
enum { STEPS = 127 };

static size_t rows_of(const sl_shape *shape)
{
    return shape->rank > 1 ? (size_t)shape->dim[0] : 1;
}

static size_t numbers_of(const sl_shape *shape)
{
    return (size_t)sl_shape_elements(shape);
}

static sl_status name_scale(const char *name, char out[SL_MAX_WEIGHT_NAME + 8], sl_error *err)
{
    if (snprintf(out, SL_MAX_WEIGHT_NAME + 8, "%s" ENDING, name) <= SL_MAX_WEIGHT_NAME)
        return SL_OK;
    return sl_fail(err, SL_ERR_LIMIT, "the name of the weights %.80s is too long", name);
}

/* ---- making ---- */

static void difference_of(const float *own, const float *other, size_t rows, size_t each, float *steps, float *scales)
{
    for (size_t r = 0; r < rows; r++, own += each, other += each, steps += each) {
        float most = 0;
        for (size_t i = 0; i < each; i++)
            most = fmaxf(most, fabsf(other[i] - own[i]));
        scales[r] = most / STEPS;
        for (size_t i = 0; i < each; i++)
            steps[i] = most > 0 ? rintf((other[i] - own[i]) / most * STEPS) : 0;
    }
}

static sl_status add_difference(const sl_graph *own, const sl_weights_of *w, sl_state_dict *out, sl_error *err)
{
    const sl_tensor t = sl_graph_find(own, w->name);
    char scale[SL_MAX_WEIGHT_NAME + 8];
    if (t < 0 || !own->tensors[t].data || own->tensors[t].type != SL_TYPE_F32)
        return sl_fail(err, SL_ERR_INTERNAL, "the network has no weights %.200s", w->name);
    const sl_shape *shape = &own->tensors[t].shape;
    const size_t n = numbers_of(shape), rows = rows_of(shape);
    const sl_shape of_scales = {1, {(int64_t)rows}};
    SL_TRY(name_scale(w->name, scale, err));
    float *steps = sl_calloc_aligned(n + 1, sizeof *steps), *scales = sl_calloc_aligned(rows + 1, sizeof *scales);
    if (!steps || !scales) {
        free(steps);
        free(scales);
        return sl_no_memory(err, "for a difference of weights");
    }
    difference_of(own->tensors[t].data, w->value, rows, rows ? n / rows : 0, steps, scales);
    sl_status status = sl_state_dict_add(out, w->name, shape, steps, true, err);
    if (status != SL_OK)
        free(scales);
    return status == SL_OK ? sl_state_dict_add(out, scale, &of_scales, scales, true, err) : status;
}

sl_status sl_delta_make(const sl_graph *own, const sl_weights_of *weights, int count, sl_state_dict *out, bool *bytes,
                        sl_error *err)
{
    *out = (sl_state_dict){0};
    sl_status status = SL_OK;
    for (int i = 0; status == SL_OK && i < count; i++) {
        status = add_difference(own, &weights[i], out, err);
        bytes[2 * i] = true;
        bytes[2 * i + 1] = false;
    }
    if (status != SL_OK)
        sl_state_dict_free(out);
    return status;
}

/* ---- use ---- */

static bool all_finite(const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i]))
            return false;
    return true;
}

/* The scales of a weight's steps. NULL: it has none that fit it. */
static const sl_weight *scales_of(const sl_state_dict *delta, const sl_weight *steps)
{
    char name[SL_MAX_WEIGHT_NAME + 8];
    const sl_weight *w = name_scale(steps->name, name, NULL) == SL_OK ? sl_state_dict_find(delta, name) : NULL;
    return w && w->shape.rank == 1 && (size_t)w->shape.dim[0] == rows_of(&steps->shape) ? w : NULL;
}

/* The constant of `own` that a weight is steps of; NULL: none. */
static const sl_tensor_info *own_of(const sl_graph *own, const sl_weight *w)
{
    const sl_tensor t = sl_graph_find(own, w->name);
    return t >= 0 && own->tensors[t].data && own->tensors[t].type == SL_TYPE_F32 ? &own->tensors[t] : NULL;
}

sl_status sl_delta_check(const sl_state_dict *delta, const sl_graph *own, sl_error *err)
{
    size_t found = 0;
    for (size_t i = 0; i < delta->count; i++) {
        const sl_weight *w = &delta->weights[i];
        const sl_tensor_info *t = own_of(own, w);
        if (!t)
            continue;
        const sl_weight *scales = scales_of(delta, w);
        if (!scales || !sl_shape_equal(&w->shape, &t->shape))
            return sl_fail(err, SL_ERR_FORMAT, "the weights %.200s are of another shape, or have no scales", w->name);
        if (!all_finite(w->data, numbers_of(&w->shape)) || !all_finite(scales->data, rows_of(&w->shape)))
            return sl_fail(err, SL_ERR_FORMAT, "the weights %.200s are not finite", w->name);
        found++;
    }
    if (found > 0 && 2 * found == delta->count)
        return SL_OK;
    return sl_fail(err, SL_ERR_FORMAT, "%zu of its %zu tensors are no weights of the network, and no scales of any",
                   delta->count - 2 * found, delta->count);
}

static void add_steps(const sl_weight *steps, const float *scales, const float *own, float *out)
{
    const size_t rows = rows_of(&steps->shape), each = rows ? numbers_of(&steps->shape) / rows : 0;
    const float *step = steps->data;
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < each; i++)
            *out++ = *own++ + scales[r] * *step++;
}

sl_status sl_delta_weights(const sl_state_dict *delta, const sl_graph *own, sl_weights_of **out, int *count,
                           float **owned, sl_error *err)
{
    size_t numbers = 0;
    for (size_t i = 0; i < delta->count; i++)
        numbers += numbers_of(&delta->weights[i].shape);
    *count = 0;
    *owned = sl_calloc_aligned(numbers + 1, sizeof **owned);
    *out = calloc(delta->count + 1, sizeof **out);
    if (!*owned || !*out) {
        free(*owned);
        free(*out);
        return sl_no_memory(err, "for a network's weights");
    }
    float *to = *owned;
    for (size_t i = 0; i < delta->count; i++) {
        const sl_weight *w = &delta->weights[i];
        const sl_tensor_info *t = own_of(own, w);
        if (!t)
            continue;
        add_steps(w, scales_of(delta, w)->data, t->data, to);
        (*out)[(*count)++] = (sl_weights_of){w->name, to};
        to += numbers_of(&w->shape);
    }
    return SL_OK;
}
