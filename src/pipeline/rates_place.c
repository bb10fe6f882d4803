/* Where rates are kept: a gallery's beside its files, a model's in the models folder or in the library itself. */
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

enum { NOTE_NAME = 32 };

/* calibration-1A2B3C4D.rates, by look and statistics. */
static void note_name(const char *look, uint32_t statistics, char out[NOTE_NAME])
{
    uint32_t name = sl_crc32c(sl_crc32c(0, look, strlen(look)), &statistics, sizeof statistics);
    snprintf(out, NOTE_NAME, "calibration-%08x.rates", name);
}

static sl_status check_gallery(const sl_rates *r, const sl_gallery *gallery, uint32_t statistics, const char *path,
                               sl_error *err)
{
    size_t faces = sl_gallery_size(gallery);
    if (!sl_same_model(r->fingerprint, sl_gallery_shape(gallery)->fingerprint) ||
        r->gallery_id != sl_gallery_id(gallery) || r->statistics != statistics)
        return sl_fail(err, SL_ERR_MISMATCH, "%s: was measured on another gallery: " REMEDY, path);
    if (faces < r->faces / 2 || faces / 2 > r->faces)
        return sl_fail(err, SL_ERR_MISMATCH,
                       "%s: was measured when the gallery had %llu faces, it has %zu now: " REMEDY, path,
                       (unsigned long long)r->faces, faces);
    return SL_OK;
}

static sl_status read_note(const sl_gallery *gallery, const char *note, const char *place, const char *look,
                           sl_rates *out, sl_error *err)
{
    uint8_t *text;
    size_t size;
    SL_TRY(sl_gallery_read_note(gallery, note, MAX_BYTES, &text, &size, err));
    sl_status status = sl_rates_parse((const char *)text, size, place, look, out, err);
    free(text);
    return status;
}

sl_status sl_gallery_rates(const sl_gallery *gallery, const sl_match_options *match, uint32_t statistics, sl_rates *out,
                           sl_error *err)
{
    char look[SL_MATCH_KEY], note[NOTE_NAME];
    sl_match_key(match, look);
    note_name(look, statistics, note);
    *out = (sl_rates){0};
    char *place = sl_gallery_note_place(gallery, note);
    if (!place)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for a calibration's name");
    sl_status status = read_note(gallery, note, place, look, out, err);
    if (status == SL_OK)
        status = check_gallery(out, gallery, statistics, place, err);
    free(place);
    return status;
}

sl_status sl_gallery_rates_keep(const sl_gallery *gallery, const sl_rates *rates, sl_error *err)
{
    char note[NOTE_NAME], *text = sl_rates_text(rates, 1, "this gallery");
    note_name(rates->look, rates->statistics, note);
    sl_status status = text ? sl_gallery_write_note(gallery, note, text, strlen(text), err)
                            : sl_fail(err, SL_ERR_MEMORY, "no memory for a calibration");
    free(text);
    return status;
}

sl_status sl_calibration_remove(const sl_gallery *gallery, const sl_match_options *match, sl_error *err)
{
    char look[SL_MATCH_KEY], note[NOTE_NAME];
    sl_match_key(match, look);
    note_name(look, sl_match_statistics(match), note);
    sl_status status = sl_gallery_write_note(gallery, note, NULL, 0, err);
    if (status == SL_ERR_NOT_FOUND)
        return sl_fail(err, status, "%s/%s: there is no calibration for \"%s\" to remove", sl_gallery_place(gallery),
                       note, look);
    return status;
}

/* ---- a model's ---- */

static sl_status read_file(const char *path, const char *look, sl_rates *out, sl_error *err)
{
    uint8_t *text;
    size_t size;
    SL_TRY(sl_read_file(path, MAX_BYTES, &text, &size, err));
    sl_status status = sl_rates_parse((const char *)text, size, path, look, out, err);
    free(text);
    return status;
}

/* Those of queries that an encoder embedded lie beside the encoder. */
static sl_status file_of(const sl_engine *engine, bool encoded, char **path, sl_error *err)
{
    const sl_manifest *m = encoded ? engine->encoder.manifest : engine->recogniser.network.manifest;
    return sl_models_side_file(engine->models_dir, m, ".rates", path, err);
}

sl_status sl_model_rates_file(const sl_engine *engine, char **path, sl_error *err)
{
    return file_of(engine, engine->encoder.manifest != NULL, path, err);
}

static bool fits(const sl_rates *r, const sl_engine *engine, uint32_t statistics)
{
    return sl_same_model(r->fingerprint, engine->recogniser.fingerprint) && r->statistics == statistics;
}

sl_status sl_model_rates(const sl_engine *engine, const sl_match_options *match, uint32_t statistics, sl_rates *out,
                         sl_error *err)
{
    char look[SL_MATCH_KEY], *path;
    sl_match_key(match, look);
    SL_TRY(file_of(engine, match->encoder && match->encoder == engine->encoder.id, &path, err));
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
    return sl_fail(err, SL_ERR_NOT_FOUND, "model %s has no false match rates for the look \"%s\": calibrate the "
                   "gallery with 'secondlook calibrate', measure the model with 'secondlook models threshold', or give "
                   "a threshold", engine->info.name, look);
}
