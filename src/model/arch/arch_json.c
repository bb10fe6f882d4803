/* An architecture as JSON: its input, as a manifest says it, and the tensors that belong into its weights. */
#include <jansson.h>
#include <stdlib.h>

#include "model/arch/arch.h"

static json_t *three_numbers(const float *v)
{
    return json_pack("[f, f, f]", (double)v[0], (double)v[1], (double)v[2]);
}

static json_t *arch_input_json(const sl_arch *arch)
{
    json_t *input = json_pack("{s:i, s:i, s:s, s:o, s:o}", "width", arch->width, "height", arch->height, "colour",
                              sl_colour_names[arch->colour], "mean", three_numbers(arch->published.mean), "std",
                              three_numbers(arch->published.std));
    if (arch->corrected.std[0] != 0)
        json_object_set_new(input, "corrected",
                            json_pack("{s:o, s:o}", "mean", three_numbers(arch->corrected.mean), "std",
                                      three_numbers(arch->corrected.std)));
    return input;
}

static json_t *tensors_json(const sl_arch_tensor *tensors, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *shape = json_array();
        for (int k = 0; k < tensors[i].shape.rank; k++)
            json_array_append_new(shape, json_integer(tensors[i].shape.dim[k]));
        json_t *tensor = json_pack("{s:s, s:o}", "name", tensors[i].name, "shape", shape);
        if (!tensors[i].used)
            json_object_set_new(tensor, "used", json_false());
        json_array_append_new(list, tensor);
    }
    return list;
}

sl_status sl_arch_inspect(const sl_arch *arch, char **json, sl_error *err)
{
    sl_arch_tensor *tensors;
    size_t count;
    *json = NULL;
    SL_TRY(sl_arch_tensors(arch, &tensors, &count, err));
    json_t *root = json_pack("{s:s, s:s, s:o}", "architecture", arch->name, "title", arch->title, "input",
                             arch_input_json(arch));
    if (root && arch->kind == SL_MODEL_RECOGNISER) {
        json_object_set_new(root, "alignment", json_string(arch->alignment));
        json_object_set_new(root, "embedding_dim", json_integer(arch->dim));
        json_object_set_new(root, "patch_grid", json_pack("[i, i, i]", arch->rows, arch->cols, arch->patch_channels));
    }
    json_object_set_new(root, "tensors", tensors_json(tensors, count));
    *json = root ? json_dumps(root, JSON_INDENT(1) | JSON_REAL_PRECISION(7)) : NULL;
    json_decref(root);
    sl_arch_tensors_free(tensors, count);
    return *json ? SL_OK : sl_fail(err, SL_ERR_MEMORY, "%s: no memory for its description", arch->name);
}
