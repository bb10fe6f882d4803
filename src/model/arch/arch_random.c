/* Weights at random, as a network begins to learn from them. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "model/arch/arch.h"

#define SLOPE 0.25f /* of PReLUs, as PyTorch has it */

static bool ends_in(const char *name, const char *end)
{
    const size_t n = strlen(name), m = strlen(end);
    return n >= m && strcmp(name + n - m, end) == 0;
}

static void draw_uniform(sl_rng *rng, double reach, int64_t n, float *out)
{
    for (int64_t i = 0; i < n; i++)
        out[i] = (float)sl_rng_range(rng, -reach, reach);
}

/* Two numbers of variance 1 from two uniform ones (Box and Muller 1958). */
static void draw_normal(sl_rng *rng, int64_t n, float *out)
{
    for (int64_t i = 0; i < n; i += 2) {
        const double radius = sqrt(-2 * log(1 - sl_rng_uniform(rng))), angle = 2 * M_PI * sl_rng_uniform(rng);
        out[i] = (float)(radius * cos(angle));
        if (i + 1 < n)
            out[i + 1] = (float)(radius * sin(angle));
    }
}

/* A vector of weights that no bias follows is of a PReLU's slopes. */
static bool is_slopes(const sl_arch_tensor *tensors, size_t count, size_t i)
{
    const char *name = tensors[i].name, *next = i + 1 < count ? tensors[i + 1].name : "";
    const size_t key = strlen(name) - strlen("weight");
    return tensors[i].shape.rank == 1 && ends_in(name, "weight") &&
           (strncmp(name, next, key) != 0 || strcmp(next + key, "bias") != 0);
}

static void draw_tensor(const sl_arch *arch, const char *name, const sl_shape *shape, bool slopes, sl_rng *rng,
                        float *out)
{
    const int64_t n = sl_shape_elements(shape);
    const double fan_in = (double)(shape->rank > 1 ? sl_shape_span(shape, 1, shape->rank) : 1);
    const bool zero = ends_in(name, "bias") || ends_in(name, "running_mean");
    if (shape->rank == 3 && arch->transformer.depth)
        draw_normal(rng, n, out);
    else if (shape->rank == 2 && arch->transformer.depth)
        draw_uniform(rng, 1 / sqrt(fan_in), n, out);
    else if (shape->rank > 1)
        draw_uniform(rng, sqrt(6 / fan_in), n, out);
    else
        for (int64_t i = 0; i < n; i++)
            out[i] = slopes ? SLOPE : zero ? 0 : 1;
}

sl_status sl_arch_draw(const sl_arch *arch, uint64_t seed, sl_state_dict *dict, sl_error *err)
{
    sl_rng rng = sl_rng_seed(seed);
    sl_arch_tensor *tensors;
    size_t count;
    SL_TRY(sl_arch_tensors(arch, &tensors, &count, err));
    sl_status status = SL_OK;
    for (size_t i = 0; status == SL_OK && i < count; i++) {
        if (!tensors[i].used)
            continue;
        float *data = sl_calloc_aligned((size_t)sl_shape_elements(&tensors[i].shape), sizeof *data);
        if (!data) {
            status = sl_no_memory(err, "for a network's weights");
            break;
        }
        draw_tensor(arch, tensors[i].name, &tensors[i].shape, is_slopes(tensors, count, i), &rng, data);
        status = sl_state_dict_add(dict, tensors[i].name, &tensors[i].shape, data, true, err);
    }
    sl_arch_tensors_free(tensors, count);
    return status;
}
