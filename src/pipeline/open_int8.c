/* A model's ranges for int8 (docs/int8-format.md): found and read for an engine, or measured on crops and kept. */
#include "pipeline/open_int8.h"

#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/threads.h"
#include "template/template.h"

static sl_status read_file(const char *path, const sl_recogniser *r, sl_int8_model *out, sl_error *err)
{
    const char *name = r->network.manifest->name;
    sl_status status = sl_int8_read(path, out, err);
    if (status == SL_ERR_NOT_FOUND)
        return sl_fail(err, status, "model %s has no int8 ranges, %s: make them with 'secondlook models quantise "
                       "--model %s PHOTOS...'", name, path, name);
    SL_TRY(status);
    bool ours = out->kind == SL_INT8_RECOGNISER && sl_same_model(out->fingerprint, r->fingerprint) &&
                out->dim == r->dim && out->width == r->width && out->height == r->height &&
                out->channels == r->channels_in;
    if (ours)
        return SL_OK;
    sl_int8_model_free(out);
    return sl_fail(err, SL_ERR_MISMATCH, "%s: is of another network than model %s: make it again with 'models "
                   "quantise'", path, name);
}

sl_status sl_int8_open(const char *models_dir, const sl_recogniser *r, sl_int8_model *out, sl_error *err)
{
    char *path;
    *out = (sl_int8_model){0};
    SL_TRY(sl_models_side_file(models_dir, r->network.manifest, ".int8", &path, err));
    sl_status status = read_file(path, r, out, err);
    free(path);
    return status;
}

sl_status sl_model_quantise(const sl_quantise_options *o, const sl_image *crops, size_t count, sl_int8_report *report,
                            sl_error *err)
{
    sl_recogniser r;
    sl_int8_model m = {0};
    sl_int8_report told;
    char *path = NULL;
    SL_TRY(sl_compute_check(SL_COMPUTE_INT8, err));
    SL_TRY(sl_recogniser_open(o->models_dir, o->model, &r, err));
    sl_status status = o->file ? SL_OK : sl_models_side_file(o->models_dir, r.network.manifest, ".int8", &path, err);
    if (status == SL_OK)
        status = sl_int8_make(&r, crops, count, o, &m, &told, err);
    if (status == SL_OK)
        status = sl_int8_write(&m, o->file ? o->file : path, err);
    if (status == SL_OK && report)
        *report = told;
    sl_int8_model_free(&m);
    free(path);
    sl_recogniser_close(&r);
    return status;
}
