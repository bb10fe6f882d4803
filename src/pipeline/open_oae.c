/* The occlusion-aware second look of a model: its head from the network, its statistics from where they are. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "gallery/gallery.h"
#include "match/oae/oae.h"
#include "model/builtin_files.h"
#include "model/head/head.h"
#include "pipeline/engine.h"

enum { MOST_BYTES = 64 << 20 };

static void read_shape(const sl_recogniser *r, sl_template_shape *shape)
{
    *shape = (sl_template_shape){.dim = r->dim, .rows = r->rows, .cols = r->cols, .channels = r->channels};
    memcpy(shape->fingerprint, r->fingerprint, sizeof shape->fingerprint);
}

static bool fits(const sl_oae_stats *s, const sl_template_shape *shape)
{
    return sl_same_model(s->fingerprint, shape->fingerprint) && s->dim == shape->dim &&
           s->rows == shape->rows && s->cols == shape->cols;
}

/* ---- where statistics come from ---- */

/* From the models folder. SL_OK with *found false when there is no file. */
static sl_status from_file(sl_oae *o, const char *path, bool *found, sl_error *err)
{
    uint8_t *data;
    size_t size;
    sl_status status = sl_read_file(path, MOST_BYTES, &data, &size, err);
    *found = status != SL_ERR_NOT_FOUND;
    if (status != SL_OK)
        return *found ? status : SL_OK;
    status = sl_oae_stats_parse(data, size, path, &o->stats, err);
    free(data);
    if (status == SL_OK && !fits(&o->stats, &o->shape))
        status = sl_fail(err, SL_ERR_MISMATCH, "%s: is of another model: make it again with 'models statistics'", path);
    return status;
}

/* From NAME.oae there, or NAME.cells, as the version before called it. *path: where it is, or would be; the
 * caller's. */
static sl_status from_folder(sl_oae *o, const char *models_dir, const sl_manifest *m, char **path, bool *found,
                             sl_error *err)
{
    char *former = NULL;
    *found = false;
    sl_status status = sl_models_side_file(models_dir, m, ".oae", path, err);
    if (status == SL_ERR_NOT_FOUND) /* there is no models folder: the built-in ones are left */
        return SL_OK;
    if (status == SL_OK)
        status = from_file(o, *path, found, err);
    if (status != SL_OK || *found)
        return status;
    SL_TRY(sl_models_side_file(models_dir, m, ".cells", &former, err));
    status = from_file(o, former, found, err);
    if (*found) {
        free(*path);
        *path = former;
    } else {
        free(former);
    }
    return status;
}

static bool from_builtin(sl_oae *o)
{
    for (const sl_builtin_file *f = sl_builtin_oae; f->data; f++) {
        sl_oae_stats s;
        if (sl_oae_stats_parse(f->data, f->size, f->name, &s, NULL) != SL_OK)
            continue;
        if (fits(&s, &o->shape)) {
            o->stats = s;
            return true;
        }
        sl_oae_stats_free(&s);
    }
    return false;
}

static sl_status from_gallery(sl_oae *o, const sl_gallery *gallery, const char *path, int threads, sl_error *err)
{
    const sl_template_shape *shape = gallery ? sl_gallery_shape(gallery) : NULL;
    bool ours = shape && sl_same_model(shape->fingerprint, o->shape.fingerprint);
    if (!ours || sl_gallery_size(gallery) < SL_OAE_LEAST_FACES)
        return sl_fail(err, SL_ERR_NOT_FOUND, "no statistics per cell for this model: neither %s nor built in%s; make "
                       "them with 'secondlook models statistics --gallery DIR' from %d faces or more", path,
                       ours ? ", and the gallery is too small" : "", SL_OAE_LEAST_FACES);
    return sl_oae_stats_make(sl_gallery_faces(gallery), &o->head, threads, NULL, NULL, &o->stats, err);
}

static sl_status find_stats(sl_oae *o, const char *models_dir, const sl_manifest *m, const sl_gallery *gallery,
                            int threads, sl_error *err)
{
    char *path = NULL;
    bool found;
    sl_status status = from_folder(o, models_dir, m, &path, &found, err);
    const char *source = path;
    if (status == SL_OK && !found) {
        source = from_builtin(o) ? "built in" : NULL;
        if (!source) {
            source = "this gallery";
            status = from_gallery(o, gallery, path ? path : "in a models folder", threads, err);
        }
    }
    if (status == SL_OK && !(o->source = sl_strdup(source)))
        status = sl_fail(err, SL_ERR_MEMORY, "no memory for a path");
    free(path);
    return status;
}

/* ---- the public functions ---- */

/* The recogniser asked for: by name, else the gallery's, else the default. */
static sl_status open_recogniser(const char *models_dir, const char *model, const sl_gallery *gallery,
                                 sl_recogniser *out, sl_error *err)
{
    sl_gallery_info info;
    if (!model && gallery) {
        sl_gallery_get_info(gallery, &info);
        model = info.model;
    }
    return sl_recogniser_open(models_dir, model, out, err);
}

static sl_status cells_of(const char *models_dir, const sl_recogniser *r, const sl_gallery *gallery, bool statistics,
                          int threads, sl_oae **out, sl_error *err)
{
    sl_oae *o = calloc(1, sizeof *o);
    sl_status status = o ? SL_OK : sl_fail(err, SL_ERR_MEMORY, "no memory for the statistics per cell");
    if (status == SL_OK) {
        read_shape(r, &o->shape);
        status = sl_head_of_recogniser(r, 1, &o->head, err); /* small products: threads only wait */
    }
    if (status == SL_OK && statistics)
        status = find_stats(o, models_dir, r->network.manifest, gallery, threads, err);
    if (status != SL_OK) {
        sl_oae_close(o);
        return status;
    }
    *out = o;
    return SL_OK;
}

static sl_status open_cells(const char *models_dir, const char *model, const sl_gallery *gallery, bool statistics,
                            int threads, sl_oae **out, sl_error *err)
{
    sl_recogniser r;
    *out = NULL;
    SL_TRY(open_recogniser(models_dir, model, gallery, &r, err));
    sl_status status = cells_of(models_dir, &r, gallery, statistics, threads, out, err);
    sl_recogniser_close(&r);
    return status;
}

sl_status sl_oae_open(const char *models_dir, const char *model, const sl_gallery *gallery, int threads,
                        sl_oae **out, sl_error *err)
{
    return open_cells(models_dir, model, gallery, true, threads, out, err);
}

sl_status sl_oae_open_head(const char *models_dir, const char *model, const sl_gallery *gallery, sl_oae **out,
                             sl_error *err)
{
    return open_cells(models_dir, model, gallery, false, 1, out, err);
}

sl_status sl_oae_of_engine(const sl_engine *engine, sl_match_need need, const sl_gallery *gallery, int threads,
                             sl_oae **out, sl_error *err)
{
    *out = NULL;
    if (need != SL_NEEDS_HEAD && need != SL_NEEDS_STATISTICS)
        return sl_fail(err, SL_ERR_ARGUMENT, "cells of an engine: %d is nothing that a second look needs", (int)need);
    return cells_of(engine->models_dir, &engine->recogniser, gallery, need == SL_NEEDS_STATISTICS, threads, out, err);
}

void sl_oae_close(sl_oae *oae)
{
    if (!oae)
        return;
    sl_head_free(&oae->head);
    sl_oae_stats_free(&oae->stats);
    free(oae->source);
    free(oae);
}

const char *sl_oae_source(const sl_oae *oae) { return oae->source; }

static sl_status calibrate(const sl_recogniser *r, const sl_gallery *gallery, const char *path, int threads,
                           sl_progress_fn progress, void *context, sl_error *err)
{
    sl_head head;
    sl_oae_stats stats;
    if (!sl_same_model(sl_gallery_shape(gallery)->fingerprint, r->fingerprint))
        return sl_fail(err, SL_ERR_MISMATCH, "the gallery was made by another model than %s",
                       r->network.manifest->name);
    SL_TRY(sl_head_of_recogniser(r, 1, &head, err));
    sl_status status = sl_oae_stats_make(sl_gallery_faces(gallery), &head, threads, progress, context, &stats, err);
    sl_head_free(&head);
    SL_TRY(status);
    status = sl_oae_stats_write(&stats, path, err);
    sl_oae_stats_free(&stats);
    return status;
}

sl_status sl_oae_make_statistics(const char *models_dir, const char *model, const sl_gallery *gallery, const char *file,
                             int threads, sl_progress_fn progress, void *context, sl_error *err)
{
    sl_recogniser r;
    char *path = NULL;
    if (!gallery)
        return sl_fail(err, SL_ERR_ARGUMENT, "statistics per cell are made from a gallery");
    SL_TRY(open_recogniser(models_dir, model, gallery, &r, err));
    const sl_manifest *m = r.network.manifest;
    sl_status status = file ? SL_OK : sl_models_side_file(models_dir, m, ".oae", &path, err);
    if (status == SL_OK)
        status = calibrate(&r, gallery, file ? file : path, threads, progress, context, err);
    free(path);
    sl_recogniser_close(&r);
    return status;
}

sl_status sl_oae_hidden(const sl_oae *oae, const sl_template *face, float *hidden, sl_error *err)
{
    if (!face)
        return sl_fail(err, SL_ERR_ARGUMENT, "what is hidden is read from a template");
    SL_TRY(sl_oae_check(oae, &face->shape, true, "hidden", err));
    if (face->hidden_by && face->hidden_by == sl_oae_checksum(oae)) {
        *hidden = face->hidden;
        return SL_OK;
    }
    sl_patch_source source = sl_patch_source_of(face);
    sl_hidden found;
    SL_TRY(sl_hidden_of_face(oae, &source, &found, err));
    *hidden = found.all;
    return SL_OK;
}

sl_status sl_oae_trust(const sl_oae *oae, const sl_template *face, float *trust, sl_error *err)
{
    if (!face)
        return sl_fail(err, SL_ERR_ARGUMENT, "trust is read from a template");
    SL_TRY(sl_oae_check(oae, &face->shape, true, "trust", err));
    sl_patch_source source = sl_patch_source_of(face);
    return sl_trust_of_face(oae, &source, trust, err);
}
