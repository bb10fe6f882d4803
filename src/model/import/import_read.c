/* One checkpoint on its way in: its weights are checked against an architecture. A network that comes whole is taken as
 * it is (import_network.c). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/sha256.h"
#include "model/import/import.h"
#include "net/import/weights/checkpoint.h"

static bool is_finite(const sl_weight *w)
{
    int64_t count = sl_shape_elements(&w->shape);
    for (int64_t i = 0; i < count; i++)
        if (!isfinite(w->data[i]))
            return false;
    return true;
}

/* The weights that the architecture uses; those with numbers that are none are problems. */
static sl_status select_used(sl_import *m, sl_text *problems, sl_error *err)
{
    sl_arch_tensor *tensors;
    size_t count;
    SL_TRY(sl_arch_tensors(m->arch, &tensors, &count, err));
    sl_status status = SL_OK;
    for (size_t i = 0; status == SL_OK && i < count; i++) {
        const sl_weight *w = tensors[i].used ? sl_state_dict_find(&m->dict, tensors[i].name) : NULL;
        if (w && !is_finite(w))
            sl_text_add(problems, "%s has values that are infinite or not a number\n", w->name);
        if (w)
            status = sl_state_dict_add(&m->used, w->name, &w->shape, w->data, false, err);
    }
    sl_arch_tensors_free(tensors, count);
    m->tensors = m->used.count;
    if (status == SL_OK && problems->size)
        status = sl_fail(err, SL_ERR_FORMAT, "its weights are broken: %.600s", problems->data);
    return status;
}

static char *problems_json(const sl_import *m, const sl_text *problems)
{
    const sl_arch *fits = sl_arch_fitting(&m->dict);
    json_t *root = json_pack("{s:s, s:s, s:o}", "file", m->file, "architecture", m->arch->name, "problems",
                             sl_import_lines(problems));
    if (root && fits && strcmp(fits->name, m->arch->name) != 0)
        json_object_set_new(root, "fits", json_string(fits->name));
    char *text = root ? json_dumps(root, JSON_INDENT(1)) : NULL;
    json_decref(root);
    return text;
}

sl_status sl_import_check(sl_import *m, const char *arch, char **json, sl_error *err)
{
    sl_text problems = {0};
    m->format = "safetensors";
    m->arch = sl_arch_choose(arch, &m->dict);
    if (!m->arch)
        return sl_arch_unknown(arch, err);
    if (m->arch->fit) {
        m->fitted = sl_arch_fit(m->arch, &m->dict);
        m->arch = &m->fitted;
    }
    sl_status status = sl_arch_check(m->arch, &m->dict, &problems, &m->unknown, err);
    if (status == SL_OK)
        status = select_used(m, &problems, err);
    if (problems.size)
        *json = problems_json(m, &problems);
    free(problems.data);
    return status;
}

sl_status sl_import_read(const char *file, const char *arch, sl_import *out, char **json, sl_error *err)
{
    sl_mapping map;
    sl_status status;
    *out = (sl_import){.file = sl_strdup(file)};
    if (!out->file)
        return sl_no_memory(err, "for a file's name");
    SL_TRY(sl_map_file(file, SL_MAX_MODEL_BYTES, &map, err));
    sl_sha256_hex(map.data, map.size, out->checkpoint_sha256);
    if (sl_checkpoint_is(map.data, map.size)) {
        status = sl_checkpoint_parse(map.data, map.size, &out->dict, err);
        out->dict.map = map;
        if (status == SL_OK)
            status = sl_import_check(out, arch, json, err);
    } else {
        out->network = map;
        status = sl_import_network(out, arch, err);
    }
    return status == SL_OK ? SL_OK : sl_fail_in(err, status, "%s", file);
}

void sl_import_clear(sl_import *m)
{
    sl_state_dict_free(&m->used);
    sl_state_dict_free(&m->dict);
    sl_unmap_file(&m->network);
    free(m->embedding);
    free(m->patch_map);
    free(m->unknown.data);
    free(m->file);
    free(m->name);
    free(m->manifest);
    free(m->weights);
    *m = (sl_import){0};
}
