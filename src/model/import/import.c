/* Checkpoints to models: weights by name are checked against an architecture and written as safetensors with a
 * manifest. A network that comes whole is copied. */
#include "model/import/import.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/network.h"
#include "model/place.h"
#include "model/recogniser.h"

/* ---- the report ---- */

static json_t *report_entry(const sl_import *m)
{
    char normalisation[160];
    sl_preamble_text(&m->preamble, normalisation);
    return json_pack("{s:s, s:s, s:s, s:s, s:I, s:s, s:I, s:o, s:s?}", "name", m->name, "architecture", m->arch->name,
                     "manifest", m->manifest, "file", m->weights, "bytes", (json_int_t)m->bytes, "sha256",
                     m->sha256, "tensors", (json_int_t)m->tensors, "skipped", sl_import_lines(&m->unknown),
                     "normalisation", m->preamble.normalises ? normalisation : NULL);
}

/* ---- the whole ---- */

/* Opens what was written, as every command will. A map that was asked for and is not there leaves no model. */
static sl_status try_out(const sl_import *m, const sl_import_options *o, sl_error *err)
{
    sl_network n;
    if (o->patch_map) {
        sl_recogniser r;
        sl_status status = sl_recogniser_open(o->models_dir, m->manifest, &r, err);
        if (status == SL_OK)
            sl_recogniser_close(&r);
        else
            unlink(m->manifest);
        return status;
    }
    SL_TRY(sl_network_open(o->models_dir, m->manifest, m->arch->kind, &n, err));
    sl_network_close(&n);
    return SL_OK;
}

/* A look is written behind its backbone, whose fingerprint is that of the files written. */
static sl_status write_model(sl_import *models, int i, const sl_import_options *o, sl_error *err)
{
    if (i == 1 && models[i].arch->kind == SL_MODEL_LOOK)
        SL_TRY(sl_import_look_at(&models[i], o->models_dir, models[0].manifest, models[0].name, err));
    return sl_import_write(&models[i], o, err);
}

static sl_status write_models(sl_import *models, int count, const char *folder, const sl_import_options *o,
                              char **json, sl_error *err)
{
    for (int i = 0; i < count; i++)
        if (!o->replace)
            SL_TRY(sl_model_refuse_existing(o->models_dir, o->output, models[i].name, models[i].manifest, err));
    SL_TRY(sl_make_dirs(folder, err));
    for (int i = 0; i < count; i++)
        SL_TRY(write_model(models, i, o, err));
    for (int i = 0; i < count; i++)
        SL_TRY(try_out(&models[i], o, err));
    json_t *list = json_array();
    for (int i = 0; i < count; i++)
        json_array_append_new(list, report_entry(&models[i]));
    json_t *root = json_pack("{s:s, s:o}", "model", models[count - 1].name, "models", list);
    *json = root ? json_dumps(root, JSON_INDENT(1)) : NULL;
    json_decref(root);
    return *json ? SL_OK : sl_no_memory(err, "for the report");
}

/* The look last, behind its backbone where the checkpoint has that inside. */
static sl_status read_look(const char *file, const sl_import_options *o, const char *folder, const char *name,
                           sl_import models[3], int *made, char **json, sl_error *err)
{
    bool inside;
    SL_TRY(sl_import_look(file, o, folder, name, &models[0], &models[1], &inside, json, err));
    *made = 2;
    if (inside)
        return SL_OK;
    *made = 1;
    models[0] = models[1];
    models[0].arch = &models[0].fitted;
    models[1] = (sl_import){0};
    return SL_OK;
}

static sl_status read_files(const char *const *files, size_t count, const sl_import_options *o, const char *folder,
                            const char *name, sl_import models[3], int *made, char **json, sl_error *err)
{
    const sl_arch *arch = sl_arch_find(o->arch);
    if (o->patch_map && (strcmp(o->arch, "mtcnn") == 0 || (arch && arch->kind == SL_MODEL_LOOK)))
        return sl_fail(err, SL_ERR_ARGUMENT, "%s is no recogniser: it has no patch map", o->arch);
    *made = 3;
    if (strcmp(o->arch, "mtcnn") == 0)
        return sl_import_mtcnn(files, count, folder, name, models, json, err);
    *made = 1;
    if (count != 1)
        return sl_fail(err, SL_ERR_ARGUMENT, "%s is made of one checkpoint, %zu are given", o->arch, count);
    if (arch && arch->kind == SL_MODEL_LOOK)
        return read_look(files[0], o, folder, name, models, made, json, err);
    if (o->backbone)
        return sl_fail(err, SL_ERR_ARGUMENT, "%s is no second look: it reads no other network's maps", o->arch);
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
    int made = 0;
    *json = NULL;
    if (!o || !o->arch || !o->output)
        return sl_fail(err, SL_ERR_ARGUMENT, "an import needs an architecture and a name");
    sl_status status = sl_model_place(o->models_dir, o->output, &folder, &name, err);
    if (status == SL_OK)
        status = read_files(files, count, o, folder, name, models, &made, json, err);
    if (status == SL_OK)
        status = write_models(models, made, folder, o, json, err);
    for (int i = 0; i < 3; i++)
        sl_import_clear(&models[i]);
    free(folder);
    return status;
}
