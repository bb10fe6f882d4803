#include "common/encoded.h"

#include <string.h>

#include "common/cli.h"
#include "common/gallery_model.h"
#include "common/progress.h"
#include "secondlook_eval.h"

bool cli_keeps_crops(const sl_gallery *gallery)
{
    sl_entry entry;
    for (size_t i = 0; i < sl_gallery_size(gallery) && i < 16; i++)
        if (!sl_gallery_entry(gallery, i, &entry, NULL) && entry.has_crop)
            return true;
    return false;
}

int cli_encode(const sl_engine *engine, const sl_gallery *gallery, const char *place, const char *dir,
               sl_patch_format form, int threads, sl_gallery **out)
{
    sl_error err = {0};
    const sl_gallery_options made = {.engine = engine, .patches = form};
    *out = NULL;
    sl_status status = sl_gallery_open(dir, SL_GALLERY_CREATE, &made, out, &err);
    cli_progress_start("crops");
    if (!status)
        status = sl_gallery_encode(engine, gallery, threads, cli_progress_step, NULL, *out, &err);
    cli_progress_end();
    if (!status)
        return CLI_OK;
    sl_gallery_close(*out);
    *out = NULL;
    return cli_fail(place, &err);
}

int cli_encode_queries(cli_galleries *g, const cli_models *models, const sl_engine *engine)
{
    sl_gallery *encoded;
    if (!sl_engine_encoder(engine))
        return CLI_OK;
    int code = cli_encode(engine, g->queries, g->queries_dir ? g->queries_dir : g->gallery_dir, ":memory:",
                          SL_PATCHES_INT8, models->threads, &encoded);
    if (code)
        return code;
    if (g->queries != g->gallery)
        sl_gallery_close(g->queries);
    g->queries = encoded;
    return CLI_OK;
}

int cli_open_searching(cli_galleries *g, cli_models *models, sl_engine **engine)
{
    const char *const name = models->engine.encoder;
    int code = CLI_OK;
    cli_usual_encoder(models);
    if (name && strcmp(name, "none"))
        code = cli_open_for_gallery(models, g->gallery_dir, g->gallery, engine, NULL);
    else
        *engine = cli_engine_if_here(models, g->gallery);
    if (code || !*engine)
        return code;
    if (name || !sl_engine_encoder(*engine) || cli_keeps_crops(g->queries))
        return cli_encode_queries(g, models, *engine);
    cli_warn("%s keeps no crops for the query encoder: its faces search as they were enrolled (enroll --keep-crops)",
             g->queries_dir ? g->queries_dir : g->gallery_dir);
    sl_engine_close(*engine);
    models->engine.encoder = "none";
    *engine = cli_engine_if_here(models, g->gallery);
    return CLI_OK;
}
