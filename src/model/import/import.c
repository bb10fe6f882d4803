/* Checkpoints to models: weights by name are checked against an architecture and written as safetensors with a
 * manifest. A network that comes whole is copied. */
#define _GNU_SOURCE
#include "model/import/import.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/sha256.h"
#include "model/catalogue.h"
#include "model/network.h"
#include "net/import/weights/checkpoint.h"
#include "net/import/weights/safetensors.h"

/* ---- reading ---- */

sl_status sl_import_unknown_arch(const char *name, sl_error *err)
{
    sl_text names = {0};
    for (int i = 0; sl_arch_at(i); i++)
        sl_text_add(&names, "%s%s", i ? ", " : "", sl_arch_at(i)->name);
    sl_status status = sl_fail(err, SL_ERR_ARGUMENT, "no architecture is named \"%s\"; there are %s", name,
                               names.data ? names.data : "");
    free(names.data);
    return status;
}

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

/* A list of the lines of a text. */
static json_t *lines_json(const sl_text *text)
{
    json_t *list = json_array();
    for (const char *line = text->data, *end; line && (end = strchr(line, '\n')); line = end + 1)
        json_array_append_new(list, json_stringn(line, (size_t)(end - line)));
    return list;
}

static char *problems_json(const sl_import *m, const sl_text *problems)
{
    const sl_arch *fits = sl_arch_fitting(&m->dict);
    json_t *root = json_pack("{s:s, s:s, s:o}", "file", m->file, "architecture", m->arch->name, "problems",
                             lines_json(problems));
    if (root && fits && fits != m->arch)
        json_object_set_new(root, "fits", json_string(fits->name));
    char *text = root ? json_dumps(root, JSON_INDENT(1)) : NULL;
    json_decref(root);
    return text;
}

static void hash(const sl_mapping *map, char hex[65])
{
    uint8_t digest[32];
    sl_sha256 s;
    sl_sha256_init(&s);
    sl_sha256_update(&s, map->data, map->size);
    sl_sha256_final(&s, digest);
    sl_hex32(digest, hex);
}

/* Weights by name, for the architecture's layout that they fit best. */
static sl_status check_weights(sl_import *m, const char *arch, char **json, sl_error *err)
{
    sl_text problems = {0};
    m->format = "safetensors";
    m->arch = sl_arch_choose(arch, &m->dict);
    if (!m->arch)
        return sl_import_unknown_arch(arch, err);
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
        return sl_fail(err, SL_ERR_MEMORY, "no memory for a file's name");
    SL_TRY(sl_map_file(file, SL_MAX_MODEL_BYTES, &map, err));
    hash(&map, out->checkpoint_sha256);
    if (sl_checkpoint_is(map.data, map.size)) {
        status = sl_checkpoint_parse(map.data, map.size, &out->dict, err);
        out->dict.map = map;
        if (status == SL_OK)
            status = check_weights(out, arch, json, err);
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

/* ---- writing ---- */

sl_status sl_import_name(sl_import *m, const char *folder, const char *name, const char *ending, sl_error *err)
{
    const char *slash = folder[0] && folder[strlen(folder) - 1] == '/' ? "" : "/";
    if (asprintf(&m->name, "%s%s", name, ending) < 0)
        m->name = NULL;
    if (!m->name || asprintf(&m->manifest, "%s%s%s.json", folder, slash, m->name) < 0)
        m->manifest = NULL;
    if (!m->manifest || asprintf(&m->weights, "%s%s%s.%s", folder, slash, m->name, m->format) < 0)
        m->weights = NULL;
    if (!m->weights)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for a model's name");
    if (!sl_manifest_name(m->name))
        return sl_fail(err, SL_ERR_ARGUMENT,
                       "a model can not be named \"%s\": 1 to 63 letters, digits, '-', '_' or '.' can", m->name);
    return SL_OK;
}

static sl_status write_weights(sl_import *m, sl_error *err)
{
    const char *const said[][2] = {
        {"architecture", m->arch->name}, {"checkpoint_sha256", m->checkpoint_sha256}, {"format", "pt"}};
    sl_mapping map;
    if (m->network.data)
        SL_TRY(sl_write_file(m->weights, m->network.data, m->network.size, err));
    else
        SL_TRY(sl_safetensors_write(m->weights, &m->used, said, sizeof said / sizeof *said, err));
    SL_TRY(sl_map_file(m->weights, SL_MAX_MODEL_BYTES, &map, err));
    hash(&map, m->sha256);
    m->bytes = map.size;
    sl_unmap_file(&map);
    return SL_OK;
}

sl_status sl_import_write(sl_import *m, const sl_import_options *options, sl_error *err)
{
    char *json;
    SL_TRY(write_weights(m, err));
    SL_TRY(sl_import_manifest(m, options, &json, err));
    sl_status status = sl_write_file(m->manifest, json, strlen(json), err);
    free(json);
    return status;
}

json_t *sl_import_report(const sl_import *m)
{
    char normalisation[160];
    sl_preamble_text(&m->preamble, normalisation);
    return json_pack("{s:s, s:s, s:s, s:s, s:I, s:s, s:I, s:o, s:s?}", "name", m->name, "architecture", m->arch->name,
                     "manifest", m->manifest, "file", m->weights, "bytes", (json_int_t)m->bytes, "sha256",
                     m->sha256, "tensors", (json_int_t)m->tensors, "skipped", lines_json(&m->unknown),
                     "normalisation", m->preamble.normalises ? normalisation : NULL);
}

/* ---- the whole ---- */

/* Where the models go: `output` up to its last slash, else the models folder; *name is what is behind. */
static sl_status place(const sl_import_options *o, char **folder, const char **name, sl_error *err)
{
    const char *slash = strrchr(o->output, '/');
    *name = slash ? slash + 1 : o->output;
    if (!slash)
        return sl_models_dir(o->models_dir, folder, err);
    *folder = strndup(o->output, slash == o->output ? 1 : (size_t)(slash - o->output));
    return *folder ? SL_OK : sl_fail(err, SL_ERR_MEMORY, "no memory for a folder's name");
}

/* A model of that name: here, or a built-in one that would be hidden. */
static sl_status refuse_existing(const sl_import *m, const sl_import_options *o, sl_error *err)
{
    struct stat st;
    sl_manifest *known = NULL;
    char *path = NULL;
    bool there =
        stat(m->manifest, &st) == 0 ||
        (!strchr(o->output, '/') && sl_catalogue_find(o->models_dir, m->name, &known, &path, NULL) == SL_OK);
    sl_manifest_free(known);
    free(path);
    return there && !o->replace ? sl_fail(err, SL_ERR_EXISTS,
                                          "a model %s is there already: choose another name, or --replace it",
                                          m->name)
                                : SL_OK;
}

/* Opens what was written, as every command will. */
static sl_status try_out(const sl_import *m, const sl_import_options *o, sl_error *err)
{
    sl_network n;
    SL_TRY(sl_network_open(o->models_dir, m->manifest, m->arch->kind, &n, err));
    sl_network_close(&n);
    return SL_OK;
}

static sl_status write_all(sl_import *models, int count, const char *folder, const sl_import_options *o,
                           char **json, sl_error *err)
{
    for (int i = 0; i < count; i++)
        SL_TRY(refuse_existing(&models[i], o, err));
    SL_TRY(sl_make_dirs(folder, err));
    for (int i = 0; i < count; i++)
        SL_TRY(sl_import_write(&models[i], o, err));
    for (int i = 0; i < count; i++)
        SL_TRY(try_out(&models[i], o, err));
    json_t *list = json_array();
    for (int i = 0; i < count; i++)
        json_array_append_new(list, sl_import_report(&models[i]));
    json_t *root = json_pack("{s:s, s:o}", "model", models[count - 1].name, "models", list);
    *json = root ? json_dumps(root, JSON_INDENT(1)) : NULL;
    json_decref(root);
    return *json ? SL_OK : sl_fail(err, SL_ERR_MEMORY, "no memory for the report");
}

static sl_status read_all(const char *const *files, size_t count, const sl_import_options *o, const char *folder,
                          const char *name, sl_import models[3], char **json, sl_error *err)
{
    if (strcmp(o->arch, "mtcnn") == 0)
        return sl_import_mtcnn(files, count, folder, name, models, json, err);
    if (count != 1)
        return sl_fail(err, SL_ERR_ARGUMENT, "%s is made of one checkpoint, %zu are given", o->arch, count);
    SL_TRY(sl_import_read(files[0], o->arch, &models[0], json, err));
    if (o->corrected_scale && models[0].arch->corrected.std[0] == 0)
        return sl_fail(err, SL_ERR_ARGUMENT, "%s has no other scale of pixels than the published one",
                       models[0].arch->name);
    return sl_import_name(&models[0], folder, name, "", err);
}

sl_status sl_model_import(const char *const *files, size_t count, const sl_import_options *o, char **json,
                          sl_error *err)
{
    char *folder = NULL;
    const char *name;
    sl_import models[3] = {0};
    *json = NULL;
    if (!o || !o->arch || !o->output)
        return sl_fail(err, SL_ERR_ARGUMENT, "an import needs an architecture and a name");
    sl_status status = place(o, &folder, &name, err);
    if (status == SL_OK)
        status = read_all(files, count, o, folder, name, models, json, err);
    if (status == SL_OK)
        status = write_all(models, strcmp(o->arch, "mtcnn") == 0 ? 3 : 1, folder, o, json, err);
    for (int i = 0; i < 3; i++)
        sl_import_clear(&models[i]);
    free(folder);
    return status;
}
