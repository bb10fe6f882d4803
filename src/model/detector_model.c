/* Opening a detector's networks: the named model's own, and the stages before it that its manifest names. */
#include "model/detector_model.h"

static sl_status open_stage(const char *models_dir, int i, sl_detector_model *d, sl_error *err)
{
    const sl_manifest *m = d->networks[d->kind->networks - 1].manifest;
    if (!m->stages[i])
        return sl_fail(err, SL_ERR_ARGUMENT, "model %s is one of %s's %d networks: ask for the model that has "
                       "\"stages\" in its manifest", m->name, d->kind->name, d->kind->networks);
    sl_status status = sl_network_open(models_dir, m->stages[i], SL_MODEL_DETECTOR, &d->networks[i], err);
    return status == SL_OK ? SL_OK : sl_fail_in(err, status, "detector %s, stage %d", m->name, i + 1);
}

static sl_status open_points(const char *models_dir, sl_detector_model *d, sl_error *err)
{
    const sl_manifest *m = d->networks[d->kind->networks - 1].manifest;
    sl_status status = sl_network_open(models_dir, m->points, SL_MODEL_POINTS, &d->points, err);
    return status == SL_OK ? SL_OK : sl_fail_in(err, status, "detector %s, its points", m->name);
}

sl_status sl_detector_model_open(const char *models_dir, const char *name, bool own_points, sl_detector_model *out,
                                 sl_error *err)
{
    sl_network last;
    *out = (sl_detector_model){0};
    SL_TRY(sl_network_open(models_dir, name, SL_MODEL_DETECTOR, &last, err));
    out->kind = last.manifest->detector;
    out->threshold = last.manifest->detector_threshold;
    out->networks[out->kind->networks - 1] = last;
    sl_status status = SL_OK;
    for (int i = 0; i < out->kind->networks - 1 && status == SL_OK; i++)
        status = open_stage(models_dir, i, out, err);
    if (status == SL_OK && (status = sl_detector_kind_check(out->kind, last.graph, err)) != SL_OK)
        sl_fail_in(err, status, "detector %s", last.manifest->name);
    if (status == SL_OK && last.manifest->points && !own_points)
        status = open_points(models_dir, out, err);
    if (status != SL_OK)
        sl_detector_model_close(out);
    return status;
}

void sl_detector_model_close(sl_detector_model *model)
{
    for (int i = 0; i < SL_DETECTOR_NETWORKS; i++)
        sl_network_close(&model->networks[i]);
    sl_network_close(&model->points);
    *model = (sl_detector_model){0};
}

sl_status sl_detector_model_start(const sl_detector_model *model, int threads, sl_detector **out, sl_error *err)
{
    sl_detector_options options = sl_detector_defaults(threads);
    options.points = model->points.graph;
    sl_detector_network networks[SL_DETECTOR_NETWORKS];
    for (int i = 0; i < model->kind->networks; i++)
        networks[i] = (sl_detector_network){model->networks[i].graph, model->networks[i].manifest->transposed};
    return sl_detector_open(model->kind, networks, &options, out, err);
}
