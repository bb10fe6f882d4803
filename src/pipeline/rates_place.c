/* Where rates are kept: a gallery's beside its files, a model's in the models folder or in the library itself. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/file.h"
#include "base/mem.h"
#include "gallery/gallery.h"
#include "match/oae/oae.h"
#include "model/builtin_files.h"
#include "pipeline/engine.h"
#include "pipeline/rates.h"
#include "secondlook_eval.h"

enum { MAX_BYTES = 1 << 20 };

#define REMEDY "run 'secondlook calibrate' for this gallery and this look"

/* ---- a gallery's ---- */

uint32_t sl_match_statistics(const sl_match_options *match)
{
    return match->oae ? sl_oae_checksum(match->oae) : 0;
}

/* DIR/calibration-1A2B3C4D.rates, by look and statistics; NULL when there is no memory. */
static char *gallery_path(const sl_gallery *gallery, const char *look, uint32_t statistics)
{
    char *path;
    uint32_t name = sl_crc32c(sl_crc32c(0, look, strlen(look)), &statistics, sizeof statistics);
    return asprintf(&path, "%s/calibration-%08x.rates", sl_gallery_place(gallery), name) < 0 ? NULL : path;
}

static sl_status read_file(const char *path, const char *look, sl_rates *out, sl_error *err)
{
    uint8_t *text;
    size_t size;
    SL_TRY(sl_read_file(path, MAX_BYTES, &text, &size, err));
    sl_status status = sl_rates_parse((const char *)text, size, path, look, out, err);
    free(text);
    return status;
}

static sl_status check_gallery(const sl_rates *r, const sl_gallery *gallery, uint32_t statistics, const char *path,
                               sl_error *err)
{
    size_t faces = sl_gallery_size(gallery);
    if (memcmp(r->fingerprint, sl_gallery_shape(gallery)->fingerprint, sizeof r->fingerprint) != 0 ||
        r->gallery_id != sl_gallery_id(gallery) || r->statistics != statistics)
        return sl_fail(err, SL_ERR_MISMATCH, "%s: was measured on another gallery: " REMEDY, path);
    if (faces < r->faces / 2 || faces / 2 > r->faces)
        return sl_fail(err, SL_ERR_MISMATCH,
                       "%s: was measured when the gallery had %llu faces, it has %zu now: " REMEDY, path,
                       (unsigned long long)r->faces, faces);
    return SL_OK;
}

sl_status sl_gallery_rates(const sl_gallery *gallery, const sl_match_options *match, uint32_t statistics, sl_rates *out,
                           sl_error *err)
{
    char look[SL_MATCH_KEY];
    sl_match_key(match, look);
    *out = (sl_rates){0};
    char *path = gallery_path(gallery, look, statistics);
    if (!path)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for a calibration's name");
    sl_status status = read_file(path, look, out, err);
    if (status == SL_OK)
        status = check_gallery(out, gallery, statistics, path, err);
    free(path);
    return status;
}

sl_status sl_gallery_rates_keep(const sl_gallery *gallery, const sl_rates *rates, sl_error *err)
{
    char *path = gallery_path(gallery, rates->look, rates->statistics);
    sl_status status = path ? sl_rates_write(rates, 1, "this gallery", path, err)
                            : sl_fail(err, SL_ERR_MEMORY, "no memory for a calibration's name");
    free(path);
    return status;
}

sl_status sl_calibration_remove(const sl_gallery *gallery, const sl_match_options *match, sl_error *err)
{
    char look[SL_MATCH_KEY];
    sl_match_key(match, look);
    char *path = gallery_path(gallery, look, sl_match_statistics(match));
    if (!path)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for a calibration's name");
    sl_status status = SL_OK;
    if (remove(path) != 0)
        status = sl_fail(err, SL_ERR_NOT_FOUND, "%s: there is no calibration for \"%s\" to remove", path, look);
    free(path);
    return status;
}

/* ---- a model's ---- */

static bool fits(const sl_rates *r, const sl_engine *engine, uint32_t statistics)
{
    return memcmp(r->fingerprint, engine->recogniser.fingerprint, sizeof r->fingerprint) == 0 &&
           r->statistics == statistics;
}

sl_status sl_model_rates(const sl_engine *engine, const sl_match_options *match, uint32_t statistics, sl_rates *out,
                         sl_error *err)
{
    const sl_manifest *m = engine->recogniser.network.manifest;
    char look[SL_MATCH_KEY], *path;
    sl_match_key(match, look);
    SL_TRY(sl_models_side_file(engine->models_dir, m, ".rates", &path, err));
    sl_status status = read_file(path, look, out, err);
    free(path);
    if (status == SL_OK && fits(out, engine, statistics))
        return SL_OK;
    if (status != SL_OK && status != SL_ERR_NOT_FOUND)
        return status;
    for (const sl_builtin_file *f = sl_builtin_rates; f->data; f++)
        if (sl_rates_parse((const char *)f->data, f->size, f->name, look, out, NULL) == SL_OK &&
            fits(out, engine, statistics))
            return SL_OK;
    *out = (sl_rates){0};
    return sl_fail(err, SL_ERR_NOT_FOUND, "model %s has no false match rates for the look \"%s\": calibrate the gallery "
                   "with 'secondlook calibrate', measure the model with 'secondlook models threshold', or give a "
                   "threshold", m->name, look);
}

sl_status sl_model_rates_file(const sl_engine *engine, char **path, sl_error *err)
{
    return sl_models_side_file(engine->models_dir, engine->recogniser.network.manifest, ".rates", path, err);
}
