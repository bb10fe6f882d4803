/* What a second look needs of a model, opened for the command that asks for it. */
#define _GNU_SOURCE
#include "common/look_needs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/cli.h"
#include "common/output.h"
#include "common/output_files.h"
#include "common/progress.h"

/* Of the engine's model, where one is open, else of the one named, else (NULL) of the gallery's. */
static sl_status open_cells(const cli_models *models, const sl_engine *engine, const char *model, sl_match_need need,
                            const sl_gallery *gallery, sl_oae **out, sl_error *err)
{
    const char *dir = models->engine.models_dir;
    if (engine)
        return sl_oae_of_engine(engine, need, gallery, models->threads, out, err);
    return need == SL_NEEDS_HEAD ? sl_oae_open_head(dir, model, gallery, out, err)
                                 : sl_oae_open(dir, model, gallery, models->threads, out, err);
}

/* As much as the model has, at least what is needed. */
static sl_status open_known(const cli_models *models, const sl_engine *engine, sl_match_need need,
                            const sl_gallery *gallery, sl_oae **out, sl_error *err)
{
    sl_gallery_info info = {0};
    if (gallery)
        sl_gallery_get_info(gallery, &info);
    const char *model = models->engine.model ? models->engine.model : gallery ? info.model : NULL;
    const sl_gallery *source = need == SL_NEEDS_STATISTICS ? gallery : NULL;
    sl_status status = open_cells(models, engine, model, SL_NEEDS_STATISTICS, source, out, err);
    bool missing = status == SL_ERR_NOT_FOUND || status == SL_ERR_UNSUPPORTED;
    if (missing && need != SL_NEEDS_STATISTICS) {
        status = open_cells(models, engine, model, SL_NEEDS_HEAD, NULL, out, err);
        missing = status == SL_ERR_NOT_FOUND || status == SL_ERR_UNSUPPORTED;
    }
    return missing && need == SL_NEEDS_NOTHING ? SL_OK : status;
}

/* A look that was chosen by itself keeps what was given beside it, where it reads that. */
static sl_status settle_chosen(cli_match *match, const sl_engine *engine, const sl_gallery *gallery, sl_error *err)
{
    const sl_match_options given = match->match;
    sl_status status = sl_match_settle(engine, gallery, &match->match, err);
    if (!isnan(given.alpha))
        match->match.alpha = given.alpha;
    if (status || !cli_reads_patches(&match->match))
        return status;
    if (match->feature_given)
        match->match.feature = given.feature;
    if (match->weighting_given)
        match->match.weighting = given.weighting;
    return sl_match_settle(engine, gallery, &match->match, err);
}

static void tell_unread(const cli_match *match)
{
    if (match->patch_option && !cli_reads_patches(&match->match))
        cli_warn("the look %s does not read %s: it is for --rerank emd, maxsim and same-cell",
                 sl_rerank_name(match->match.rerank), match->patch_option);
}

sl_status cli_look_open(const char *models_dir, const char *text, sl_look **out, sl_error *err)
{
    const char *colon = strrchr(text, ':');
    const int precision = colon ? cli_precision_named(colon + 1) : -1;
    *out = NULL;
    if (precision < 0)
        return sl_look_open(models_dir, text, SL_COMPUTE_F32, out, err);
    char *name = strndup(text, (size_t)(colon - text));
    if (!name) {
        *err = (sl_error){SL_ERR_MEMORY, "no memory for a look's name"};
        return SL_ERR_MEMORY;
    }
    sl_status status = sl_look_open(models_dir, name, (sl_compute)precision, out, err);
    free(name);
    return status;
}

/* The look that was learned, where one is asked for; and said where it is named for nothing. */
static sl_status open_learned(cli_match *match, const cli_models *models, sl_error *err)
{
    const bool reads = (sl_rerank_reads(match->match.rerank) & SL_READS_LEARNED) != 0;
    if (match->look_name && !reads)
        cli_warn("the look %s does not read --look: it is for --rerank h2l and h2",
                 sl_rerank_name(match->match.rerank));
    if (!match->look_name || !reads || match->look)
        return SL_OK;
    sl_status status = cli_look_open(models->engine.models_dir, match->look_name, &match->look, err);
    match->match.look = match->look;
    return status;
}

int cli_open_oae(cli_match *match, const cli_models *models, const sl_engine *engine, const sl_gallery *gallery,
                   sl_oae **out)
{
    sl_error err = {0};
    *out = NULL;
    if (cli_match_suit(match, gallery))
        cli_tell_suited();
    if (open_known(models, engine, sl_match_needs(&match->match), gallery, out, &err))
        return cli_fail(NULL, &err);
    match->match.oae = *out;
    if (open_learned(match, models, &err))
        return cli_fail(NULL, &err);
    if (match->look_given ? sl_match_settle(engine, gallery, &match->match, &err)
                          : settle_chosen(match, engine, gallery, &err))
        return cli_fail(NULL, &err);
    tell_unread(match);
    return CLI_OK;
}
