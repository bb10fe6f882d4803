/* The engine: recogniser, detector and landmark model, found, checked and read once, then shared by all threads. */
#include "pipeline/engine.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/mem.h"
#include "base/sha256.h"

/* The landmark model: the one asked for, or dlib's where its file happens to be. */
static sl_status open_landmarks(const sl_engine_options *o, sl_engine *e, sl_error *err)
{
    if (o->landmarks && strcmp(o->landmarks, "none") == 0)
        return SL_OK;
    sl_network file;
    sl_status status = sl_network_open(o->models_dir, o->landmarks ? o->landmarks : "dlib-68", SL_MODEL_LANDMARKS,
                                       &file, err);
    if (status == SL_ERR_NOT_FOUND && !o->landmarks)
        return SL_OK;
    SL_TRY(status);
    status = sl_shape_predictor_read(file.map.data, file.map.size, &e->landmarks, err);
    if (status != SL_OK)
        status = sl_fail_in(err, status, "%s", file.path);
    else if (sl_shape_predictor_points(e->landmarks) != 68)
        status = sl_fail(err, SL_ERR_UNSUPPORTED, "%s: gives %d points, 68 are needed", file.path,
                         sl_shape_predictor_points(e->landmarks));
    sl_network_close(&file);
    return status;
}

static sl_status open_detector(const sl_engine_options *o, sl_engine *e, sl_error *err)
{
    SL_TRY(sl_detector_model_open(o->models_dir, o->detector ? o->detector : SL_DEFAULT_DETECTOR,
                                  o->points == SL_POINTS_DETECTOR, &e->detector, err));
    e->detector_threshold = o->detector_threshold > 0 ? o->detector_threshold : e->detector.threshold;
    return SL_OK;
}

/* Weights that outgrow a core's caches are read from memory once for all crops of a batch; where they fit, eight crops'
 * activations crowd them out and a crop alone is faster (docs/performance.md, "Enrolment"). */
static int best_batch(const sl_engine *e)
{
    static const size_t number_size[] = {[SL_COMPUTE_F32] = 4, [SL_COMPUTE_BF16] = 2, [SL_COMPUTE_INT8] = 1};
    size_t weights = e->recogniser.network.map.size / sizeof(float) * number_size[e->precision];
    return weights > (size_t)32 << 20 ? SL_EMBED_BATCH : 1;
}

static sl_status open_parts(const sl_engine_options *o, sl_engine *e, sl_error *err)
{
    SL_TRY(sl_compute_check(o->precision, err));
    e->precision = o->precision;
    e->as_is = o->as_is != 0;
    e->min_face = o->min_face;
    e->max_faces = o->max_faces;
    if (o->min_face < 0 || o->max_faces < 0)
        return sl_fail(err, SL_ERR_ARGUMENT, "min_face and max_faces must not be negative");
    e->weights = sl_weights_new();
    e->known = calloc(1, sizeof *e->known);
    if (o->models_dir)
        e->models_dir = sl_strdup(o->models_dir);
    if (!e->weights || !e->known || (o->models_dir && !e->models_dir))
        return sl_fail(err, SL_ERR_MEMORY, "no memory for an engine");
    pthread_mutex_init(&e->known->mutex, NULL);
    SL_TRY(sl_recogniser_open(o->models_dir, o->model, &e->recogniser, err));
    if (o->precision == SL_COMPUTE_INT8)
        SL_TRY(sl_int8_open(o->models_dir, &e->recogniser, &e->int8, err));
    SL_TRY(sl_encoder_choose(o->models_dir, o->encoder, &e->recogniser, &e->encoder, err));
    e->batch = best_batch(e);
    const sl_recogniser *r = &e->recogniser;
    const sl_manifest *m = r->network.manifest;
    e->align = sl_align_template_find(m->alignment);
    if (!e->align)
        return sl_fail(err, SL_ERR_FORMAT, "model %s: no alignment template is named \"%s\"; there are arcface-112, "
                       "arcface-128, cosface-96x112 and facenet-160", m->name, m->alignment);
    SL_TRY(open_detector(o, e, err));
    SL_TRY(open_landmarks(o, e, err));
    SL_TRY(sl_catalogue_describe(m, r->network.path, &e->info, err));
    e->info.embedding_dim = r->dim;
    e->info.patch_rows = r->rows;
    e->info.patch_cols = r->cols;
    e->info.patch_channels = r->channels;
    sl_hex32(r->fingerprint, e->fingerprint);
    e->shape = (sl_template_shape){.dim = r->dim, .rows = r->rows, .cols = r->cols, .channels = r->channels,
                                   .format = SL_PATCHES_INT8};
    memcpy(e->shape.fingerprint, r->fingerprint, sizeof e->shape.fingerprint);
    return SL_OK;
}

sl_status sl_engine_open(const sl_engine_options *options, sl_engine **out, sl_error *err)
{
    static const sl_engine_options defaults;
    *out = NULL;
    sl_engine *e = calloc(1, sizeof *e);
    if (!e)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for an engine");
    sl_status status = open_parts(options ? options : &defaults, e, err);
    if (status != SL_OK)
        sl_engine_close(e);
    else
        *out = e;
    return status;
}

void sl_engine_close(sl_engine *e)
{
    if (!e)
        return;
    sl_encoder_close(&e->encoder);
    sl_recogniser_close(&e->recogniser);
    if (e->known) {
        sl_oae_close(e->known->oae);
        pthread_mutex_destroy(&e->known->mutex);
        free(e->known);
    }
    free(e->models_dir);
    sl_int8_model_free(&e->int8);
    sl_weights_free(e->weights);
    sl_detector_model_close(&e->detector);
    sl_shape_predictor_free(e->landmarks);
    sl_model_info_clear(&e->info);
    free(e);
}

const sl_model_info *sl_engine_model(const sl_engine *engine) { return &engine->info; }

const char *sl_engine_encoder(const sl_engine *engine)
{
    return engine->encoder.manifest ? engine->encoder.manifest->name : NULL;
}

uint64_t sl_engine_encoder_id(const sl_engine *engine) { return engine->encoder.id; }

float sl_engine_encodes_from(const sl_engine *engine)
{
    const sl_encoder *e = &engine->encoder;
    const float own = e->manifest ? e->manifest->covered[0] : 1, eyes = e->eyes ? e->eyes->manifest->covered[0] : 1;
    return own < eyes ? own : eyes;
}

const char *sl_engine_fingerprint(const sl_engine *engine) { return engine->fingerprint; }
