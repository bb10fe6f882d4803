/* Scales of a layer computed in int8: y = s_x s_w[o] (sum q_x q_w + q_b) for output channel o. */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "net/plan/plan_build.h"

/* Channels whose weights are this much smaller than the layer's count as 0: training leaves some that are denormal,
 * whose own scale would overflow. */
#define DEAD 1e-6f

static float most_of(const float *x, size_t count)
{
    float most = 0;
    for (size_t i = 0; i < count; i++)
        most = fmaxf(most, fabsf(x[i]));
    return most;
}

sl_status sl_int8_scales(const sl_build *b, const sl_node *n, sl_int8 *out, sl_error *err)
{
    const sl_tensor_info *w = &b->g->tensors[n->inputs[1]];
    const float *weights = w->data;
    out->count = (int)w->shape.dim[0];
    size_t count = (size_t)out->count, depth = (size_t)sl_shape_elements(&w->shape) / count;
    out->to_weights = sl_calloc_aligned(count, sizeof(float));
    out->to_output = sl_calloc_aligned(count, sizeof(float));
    if (!out->to_weights || !out->to_output)
        return sl_build_no_memory(err);
    float input = sl_range_find(b->ranges, b->g->tensors[n->inputs[0]].name)->scale;
    float largest = most_of(weights, count * depth);
    for (size_t o = 0; o < count; o++) {
        float most = most_of(weights + o * depth, depth);
        float scale = largest > 0 ? fmaxf(most, largest * DEAD) / 127 : 1;
        out->to_weights[o] = 1 / scale;
        out->to_output[o] = input * scale;
    }
    return SL_OK;
}

void sl_int8_free(sl_int8 *x)
{
    free(x->to_weights);
    free(x->to_output);
    *x = (sl_int8){0};
}

sl_status sl_int8_bias(sl_build *b, sl_tensor t, const sl_int8 *scales, int *buffer, sl_error *err)
{
    const float *bias = b->g->tensors[t].data;
    size_t bytes = (size_t)scales->count * sizeof *bias;
    float *scaled = sl_plan_memory(b, bytes);
    *buffer = scaled ? sl_const_buffer(b, scaled, bytes) : -1;
    if (*buffer < 0)
        return sl_build_no_memory(err);
    for (int o = 0; o < scales->count; o++)
        scaled[o] = sl_scaled_bias(bias[o], scales->to_output[o]);
    return SL_OK;
}
