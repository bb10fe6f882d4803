/* Galleries for an engine: those of compact patches get what makes contributions of the engine's maps. */
#include <stdlib.h>
#include <string.h>

#include "gallery/gallery.h"
#include "match/oae/oae.h"
#include "pipeline/engine.h"

/* ---- the encoder ---- */

typedef struct {
    sl_oae *oae;
    sl_contributor *contributor;
} encoder;

static void encoder_close(void *context)
{
    encoder *p = context;
    sl_contributor_close(p->contributor);
    sl_oae_close(p->oae);
    free(p);
}

static sl_status contributions_of(void *context, const sl_template *t, float *out, sl_error *err)
{
    const encoder *p = context;
    const sl_head *h = &p->oae->head;
    sl_patch_source face = sl_patch_source_of(t);
    SL_TRY(sl_contributor_fill(p->contributor, &face, 1, 0, err));
    memcpy(out, face.contributions, (size_t)h->cells * (size_t)h->dim * sizeof *out);
    return SL_OK;
}

/* Takes over the cells, NULL: reads the head alone. */
static sl_status add_encoder(sl_gallery *gallery, const sl_engine *engine, sl_oae *oae, sl_error *err)
{
    encoder *p = calloc(1, sizeof *p);
    sl_status status = p ? SL_OK : sl_fail(err, SL_ERR_MEMORY, "no memory for the contributions of faces");
    if (status == SL_OK && !oae)
        status = sl_oae_of_engine(engine, SL_NEEDS_HEAD, NULL, 1, &oae, err);
    if (status == SL_OK)
        status = sl_contributor_open(&oae->head, 1, 1, &p->contributor, err);
    if (status != SL_OK) {
        sl_oae_close(oae);
        free(p);
        return status;
    }
    p->oae = oae;
    return sl_gallery_set_encoder(gallery, &(sl_contribution_encoder){contributions_of, encoder_close, p}, err);
}

/* ---- opening ---- */

/* A gallery of compact patches is created around the mean contributions of ordinary faces. */
static sl_status create_compact(const char *dir, const sl_engine *engine, sl_template_shape *shape, sl_oae **oae,
                                sl_gallery **out, sl_error *err)
{
    sl_status status = sl_gallery_open_shape(dir, SL_GALLERY_WRITE, shape, engine->info.name, out, err);
    if (status != SL_ERR_NOT_FOUND)
        return status;
    status = sl_oae_of_engine(engine, SL_NEEDS_STATISTICS, NULL, 1, oae, err);
    if (status != SL_OK)
        return sl_fail_in(err, status, "compact patches");
    shape->centre = (*oae)->stats.mu;
    return sl_gallery_open_shape(dir, SL_GALLERY_CREATE, shape, engine->info.name, out, err);
}

sl_status sl_gallery_open(const char *dir, sl_gallery_mode mode, const sl_gallery_options *options, sl_gallery **out,
                          sl_error *err)
{
    const sl_engine *engine = options ? options->engine : NULL;
    *out = NULL;
    if (!engine) {
        if (mode == SL_GALLERY_CREATE)
            return sl_fail(err, SL_ERR_ARGUMENT, "%s: a new gallery needs an engine, whose model it is for", dir);
        return sl_gallery_open_shape(dir, mode, NULL, NULL, out, err);
    }
    sl_template_shape shape = engine->shape;
    sl_oae *oae = NULL;
    shape.format = options->patches;
    sl_status status = mode == SL_GALLERY_CREATE && options->patches == SL_PATCHES_COMPACT
                           ? create_compact(dir, engine, &shape, &oae, out, err)
                           : sl_gallery_open_shape(dir, mode, &shape, engine->info.name, out, err);
    if (status == SL_OK && mode != SL_GALLERY_READ && sl_gallery_shape(*out)->format == SL_PATCHES_COMPACT) {
        status = add_encoder(*out, engine, oae, err);
        oae = NULL;
    }
    sl_oae_close(oae);
    if (status != SL_OK) {
        sl_gallery_close(*out);
        *out = NULL;
    }
    return status;
}

sl_status sl_gallery_open_arrays(const char *dir, sl_gallery_mode mode, int dim, int rows, int cols, int channels,
                                 sl_patch_format patches, sl_gallery **out, sl_error *err)
{
    const sl_template_shape shape = {.dim = dim, .rows = rows, .cols = cols, .channels = channels, .format = patches};
    return sl_gallery_open_shape(dir, mode, &shape, "arrays", out, err);
}
