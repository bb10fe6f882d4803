/* What options stand for: `auto` becomes a look by the templates and by what is known of their model, an alpha that was
 * not given the look's own. */
#include "gallery/gallery.h"
#include "match/oae/oae.h"
#include "match/second_look.h"
#include "pipeline/engine.h"

/* ---- what an engine knows of its model ---- */

/* With statistics, else the head alone, else nothing: each is an answer, and leaves nothing in err. */
static sl_status read_known(const sl_engine *engine, sl_oae **out, sl_error *err)
{
    sl_error why;
    sl_status status = sl_oae_of_engine(engine, SL_NEEDS_STATISTICS, NULL, 1, out, &why);
    if (status == SL_ERR_NOT_FOUND)
        status = sl_oae_of_engine(engine, SL_NEEDS_HEAD, NULL, 1, out, &why);
    if (status == SL_OK || status == SL_ERR_UNSUPPORTED)
        return SL_OK;
    return sl_fail(err, status, "%s", why.text);
}

sl_status sl_engine_find_known(const sl_engine *engine, const sl_oae **out, sl_error *err)
{
    sl_engine_cells *known = engine->known;
    sl_status status = SL_OK;
    pthread_mutex_lock(&known->mutex);
    if (!known->read)
        status = read_known(engine, &known->oae, err);
    known->read = status == SL_OK;
    *out = known->oae;
    pthread_mutex_unlock(&known->mutex);
    return status;
}

/* ---- settling ---- */

static sl_status check_needs(const sl_match_options *match, sl_error *err)
{
    const sl_match_need need = sl_match_needs(match);
    if (need == SL_NEEDS_STATISTICS && !(match->oae && sl_oae_has_statistics(match->oae)))
        return sl_fail(err, SL_ERR_NOT_FOUND,
                       "this look needs the model's statistics per cell: make them with "
                       "'secondlook models statistics --gallery DIR' from %d faces or more",
                       SL_OAE_LEAST_FACES);
    if (need == SL_NEEDS_HEAD && !match->oae)
        return sl_fail(err, SL_ERR_UNSUPPORTED,
                       "feature contributions needs a linear head, which this model has not: "
                       "compare maps");
    return SL_OK;
}

/* encoder: 0 where queries are embedded as the gallery's faces are. */
static sl_status find_for(const sl_engine *engine, uint64_t encoder, const sl_template_shape *shape,
                          sl_match_options *match, sl_error *err)
{
    if (!match->oae && engine)
        SL_TRY(sl_engine_find_known(engine, &match->oae, err));
    match->encoder = encoder;
    sl_match_suit(match, shape);
    return check_needs(match, err);
}

sl_status sl_match_find(const sl_engine *engine, const sl_template_shape *shape, sl_match_options *match, sl_error *err)
{
    return find_for(engine, engine ? engine->encoder.id : match->encoder, shape, match, err);
}

sl_status sl_match_settle(const sl_engine *engine, const sl_gallery *gallery, sl_match_options *match, sl_error *err)
{
    const sl_template_shape *shape = gallery ? sl_gallery_shape(gallery) : engine ? &engine->shape : NULL;
    if (!shape)
        return sl_fail(err, SL_ERR_ARGUMENT, "options are settled for an engine or a gallery");
    SL_TRY(gallery ? sl_match_find(engine, shape, match, err) : find_for(engine, 0, shape, match, err));
    SL_TRY(sl_match_options_check(match, err));
    return sl_second_look_check(match, shape, err);
}
