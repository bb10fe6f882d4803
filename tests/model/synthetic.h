/* The synthetic fill that golden figures of the backbones were made with: every tensor of a state dict is a wave of its
 * own, so that a wrong order, a missing layer or a swapped pair of weights shows. */
#ifndef SL_TESTS_SYNTHETIC_H
#define SL_TESTS_SYNTHETIC_H

#include "support.h"

#include "model/arch/arch.h"

static inline bool ends_with(const char *name, const char *end)
{
    size_t a = strlen(name), b = strlen(end);
    return a >= b && strcmp(name + a - b, end) == 0;
}

/* A norm's weight has a bias beside it; another weight of one axis is a PReLU's slope. */
static inline bool is_slope(const sl_arch_tensor *t, size_t left)
{
    char bias[256];
    int stem = (int)strlen(t->name) - (int)strlen("weight");
    snprintf(bias, sizeof bias, "%.*sbias", stem, t->name);
    for (size_t i = 0; i < left; i++)
        if (strcmp(t[i].name, bias) == 0)
            return false;
    return true;
}

static inline bool is_token(const sl_arch_tensor *t)
{
    return strcmp(t->name, "sep") == 0 || strcmp(t->name, "pos_embedding") == 0 || strcmp(t->name, "cls_token") == 0;
}

/* t: number of the tensor in its state dict, those named num_batches_tracked not counted. */
static inline void synthetic_values(const sl_arch_tensor *tensor, size_t left, double t, float *out)
{
    int64_t count = sl_shape_elements(&tensor->shape);
    bool variance = ends_with(tensor->name, "running_var"), mean = ends_with(tensor->name, "running_mean"),
         weight = ends_with(tensor->name, "weight"), deep = tensor->shape.rank > 1,
         slope = weight && !deep && is_slope(tensor, left);
    double gain = deep ? sqrt(3.0 * (double)tensor->shape.dim[0] / (double)count) : 0;
    for (int64_t n = 0; n < count; n++) {
        double i = (double)n;
        if (is_token(tensor))
            out[n] = (float)(.5 * sin(.37 * i + t));
        else if (variance)
            out[n] = (float)(1 + .5 * pow(sin(.7 * i + t), 2));
        else if (mean)
            out[n] = (float)(.1 * sin(.3 * i + t));
        else if (weight && deep)
            out[n] = (float)(gain * sin(0.618033988749895 * i + t));
        else if (weight)
            out[n] = (float)((slope ? .25 : 1) + .1 * sin(.3 * i + t));
        else
            out[n] = (float)(.1 * sin(.5 * i + t));
    }
}

/* The whole state dict, in the order of `arch`. */
static inline void synthetic_dict(const sl_arch *arch, sl_state_dict *dict)
{
    sl_error err;
    sl_arch_tensor *tensors;
    size_t count;
    assert_ok(sl_arch_tensors(arch, &tensors, &count, &err));
    int t = 0;
    for (size_t i = 0; i < count; i++) {
        if (ends_with(tensors[i].name, "num_batches_tracked"))
            continue;
        float *data = malloc((size_t)sl_shape_elements(&tensors[i].shape) * sizeof *data);
        assert_non_null(data);
        synthetic_values(&tensors[i], count - i, t++, data);
        assert_ok(sl_state_dict_add(dict, tensors[i].name, &tensors[i].shape, data, true, &err));
    }
    sl_arch_tensors_free(tensors, count);
}

#endif
