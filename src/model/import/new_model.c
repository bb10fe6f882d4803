/* Recognisers with random weights: a state dict is drawn, and imported as any other. */
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"
#include "model/arch/arch.h"
#include "net/import/weights/safetensors.h"
#include "secondlook_train.h"

#define SLOPE 0.25f /* of PReLUs, as PyTorch has it */

static bool ends_in(const char *name, const char *end)
{
    const size_t n = strlen(name), m = strlen(end);
    return n >= m && strcmp(name + n - m, end) == 0;
}

/* A tensor of the kernel's (rank 2 and more) is uniform in +- sqrt(6 / fan-in), of variance 2 / fan-in; of the
 * others slopes are .25, scales and variances 1, biases and means 0. */
static void draw_tensor(const char *name, const sl_shape *shape, sl_rng *rng, float *out)
{
    const int64_t n = sl_shape_elements(shape);
    const double most = sqrt(6.0 / (double)(shape->rank > 1 ? sl_shape_span(shape, 1, shape->rank) : 1));
    const bool slope = strstr(name, "prelu") != NULL,
               zero = ends_in(name, "bias") || ends_in(name, "running_mean");
    for (int64_t i = 0; i < n; i++)
        out[i] = shape->rank > 1 ? (float)sl_rng_range(rng, -most, most) : slope ? SLOPE : zero ? 0 : 1;
}

static sl_status draw_all(const sl_arch_tensor *tensors, size_t count, uint64_t seed, sl_state_dict *dict,
                          sl_error *err)
{
    sl_rng rng = sl_rng_seed(seed);
    for (size_t i = 0; i < count; i++) {
        if (!tensors[i].used)
            continue;
        float *data = sl_calloc_aligned((size_t)sl_shape_elements(&tensors[i].shape), sizeof *data);
        if (!data)
            return sl_no_memory(err, "for a network's weights");
        draw_tensor(tensors[i].name, &tensors[i].shape, &rng, data);
        SL_TRY(sl_state_dict_add(dict, tensors[i].name, &tensors[i].shape, data, true, err));
    }
    return SL_OK;
}

static sl_status write_random(const sl_arch *arch, uint64_t seed, const char *path, sl_error *err)
{
    sl_state_dict dict = {0};
    sl_arch_tensor *tensors;
    size_t count;
    SL_TRY(sl_arch_tensors(arch, &tensors, &count, err));
    sl_status status = draw_all(tensors, count, seed, &dict, err);
    if (status == SL_OK)
        status = sl_safetensors_write(path, &dict, NULL, 0, err);
    sl_state_dict_free(&dict);
    sl_arch_tensors_free(tensors, count);
    return status;
}

/* A file of the system's temporary folder, told by architecture and seed: it is what the manifest names as its
 * source. */
static sl_status import_random(const sl_arch *arch, const sl_new_model_options *o, const char *folder,
                               sl_error *err)
{
    char *path, *json = NULL;
    if (asprintf(&path, "%s/%s-random-%llu.safetensors", folder, arch->name, (unsigned long long)o->seed) < 0)
        return sl_no_memory(err, "for a file's name");
    const char *const files[] = {path};
    const sl_import_options import = {.arch = arch->name,
                                      .output = o->output,
                                      .models_dir = o->models_dir,
                                      .licence = "random numbers",
                                      .replace = o->replace};
    sl_status status = write_random(arch, o->seed, path, err);
    if (status == SL_OK)
        status = sl_model_import(files, 1, &import, &json, err);
    remove(path);
    free(path);
    free(json);
    return status;
}

sl_status sl_model_new(const sl_new_model_options *o, sl_error *err)
{
    char folder[] = "/tmp/secondlook-new-XXXXXX";
    if (!o || !o->arch || !o->output)
        return sl_fail(err, SL_ERR_ARGUMENT, "a new model needs an architecture and a name");
    const sl_arch *arch = sl_arch_find(o->arch);
    if (!arch)
        return sl_arch_unknown(o->arch, err);
    if (arch->kind != SL_MODEL_RECOGNISER)
        return sl_fail(err, SL_ERR_UNSUPPORTED, "%s is no recogniser", o->arch);
    if (!mkdtemp(folder))
        return sl_fail(err, SL_ERR_IO, "%s: no folder can be made there", folder);
    sl_status status = import_random(arch, o, folder, err);
    remove(folder);
    return status;
}
