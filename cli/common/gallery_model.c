/* An engine for a gallery: the model asked for, else the gallery's own, if it is here and the same. */
#include "common/gallery_model.h"

#include <stdbool.h>
#include <string.h>

#include "common/cli.h"
#include "common/output.h"
#include "common/photo_work.h"

/* The name the gallery keeps is known here, as a model of the library or a manifest in the models folder. */
static bool is_known(const cli_models *models, const char *name)
{
    sl_model_info *infos;
    size_t count;
    bool known = false;
    if (sl_models_list(models->engine.models_dir, &infos, &count, NULL))
        return true; /* the engine says what is wrong with the folder */
    for (size_t i = 0; i < count; i++)
        known = known || !strcmp(infos[i].name, name);
    sl_models_free(infos, count);
    return known;
}

static int check_fingerprint(const char *dir, const sl_gallery_info *info, const sl_engine *engine)
{
    const char *own = sl_engine_fingerprint(engine);
    if (!strcmp(info->fingerprint, own))
        return CLI_OK;
    cli_warn("%s: made by model %s (fingerprint %.12s...), not by the %s that is here (%.12s...): name the manifest "
             "that it was made with by --model, or enrol the photos in a new gallery",
             dir, info->model, info->fingerprint, sl_engine_model(engine)->name, own);
    return CLI_FAILED;
}

int cli_open_for_gallery(const cli_models *models, const char *dir, const sl_gallery *gallery, sl_engine **engine,
                         sl_session **session)
{
    cli_models own = *models;
    sl_gallery_info info;
    sl_gallery_get_info(gallery, &info);
    if (!own.engine.model && !is_known(models, info.model)) {
        cli_warn("%s: made by model %s, and no model here has that name: name its manifest by --model", dir,
                 info.model);
        return CLI_FAILED;
    }
    if (!own.engine.model)
        own.engine.model = info.model;
    int code = cli_open(&own, engine, session);
    return code ? code : check_fingerprint(dir, &info, *engine);
}

sl_engine *cli_engine_if_here(const cli_models *models, const sl_gallery *gallery)
{
    sl_engine_options own = models->engine;
    sl_gallery_info info;
    sl_engine *engine = NULL;
    sl_gallery_get_info(gallery, &info);
    own.model = own.model ? own.model : info.model;
    sl_engine_open(&own, &engine, NULL);
    return engine;
}

int cli_open_with_gallery(const cli_models *models, const char *dir, sl_engine **engine, sl_session **session,
                          sl_gallery **gallery)
{
    sl_error err = {0};
    *engine = NULL;
    if (session)
        *session = NULL;
    if (sl_gallery_open(dir, SL_GALLERY_READ, NULL, gallery, &err))
        return cli_fail(dir, &err);
    /* what is open is the caller's to close, as ever */
    return cli_open_for_gallery(models, dir, *gallery, engine, session);
}

int cli_open_to_add(const cli_models *models, const char *dir, sl_engine **engine)
{
    sl_error err = {0};
    sl_gallery *there = NULL;
    const sl_status status = sl_gallery_open(dir, SL_GALLERY_READ, NULL, &there, &err);
    if (status == SL_ERR_NOT_FOUND)
        return cli_open(models, engine, NULL);
    if (status)
        return cli_fail(dir, &err);
    const int code = cli_open_for_gallery(models, dir, there, engine, NULL);
    sl_gallery_close(there);
    return code;
}
