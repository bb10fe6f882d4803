/* Heats of a pair: of the maps that templates hold, or of a learned look that is laid open. */
#include "explain/heat.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/names.h"
#include "match/second_look.h"
#include "pipeline/engine.h"

static const char *const names[] = {"cc", "attention", "relevance"};

const char *sl_heat_name(unsigned kind)
{
    return sl_name_of(names, 3, kind);
}
int sl_heat_named(const char *name)
{
    return sl_named(names, 3, name);
}

static sl_status allocate(int rows, int cols, sl_heat *out, sl_error *err)
{
    const size_t n = (size_t)rows * (size_t)cols;
    *out = (sl_heat){.rows = rows, .cols = cols};
    out->query = sl_calloc_aligned(n, sizeof *out->query);
    out->other = sl_calloc_aligned(n, sizeof *out->other);
    return out->query && out->other ? SL_OK : sl_no_memory(err, "for a heat map");
}

void sl_heat_free(sl_heat *heat)
{
    if (!heat)
        return;
    free(heat->query);
    free(heat->other);
    *heat = (sl_heat){0};
}

/* ---- opening ---- */

static bool is_learned(const sl_heats *h)
{
    return (sl_rerank_reads(h->options.rerank) & SL_READS_LEARNED) != 0;
}

sl_status sl_heats_open(const sl_match_options *options, const sl_template_shape *shape, bool slopes, sl_heats *out,
                        sl_error *err)
{
    *out = (sl_heats){.options = *options, .rows = shape->rows, .cols = shape->cols};
    if (!is_learned(out))
        return SL_OK;
    SL_TRY(sl_match_options_check(options, err));
    SL_TRY(sl_second_look_check(options, shape, err));
    return sl_insight_of_look(options->look, slopes, &out->inside, err);
}

void sl_heats_close(sl_heats *h)
{
    sl_insight_close(&h->inside);
}

sl_status sl_heats_pair(sl_heats *h, const sl_template *query, const sl_template *other, sl_error *err)
{
    const sl_template *of[2] = {query, other};
    h->query = query;
    h->other = other;
    if (!is_learned(h))
        return SL_OK;
    for (int i = 0; i < 2; i++) {
        const sl_patch_source face = sl_patch_source_of(of[i]);
        sl_status status = sl_look_patches(h->options.look, &face, sl_plan_input(h->inside.plan, i, NULL), err);
        if (status != SL_OK)
            return sl_fail_in(err, status, i ? "the other face" : "the query");
    }
    return sl_insight_run(&h->inside, err);
}

/* ---- cross-correlation ---- */

static sl_status cc_of_tokens(const sl_insight *inside, sl_heat *out, sl_error *err)
{
    const int cells = inside->cells, width = inside->width;
    if (!inside->photo[0] || !inside->photo[1])
        return sl_fail(err, SL_ERR_UNSUPPORTED,
                       "this look reads its class token alone, and no tokens of either face that "
                       "could be correlated: ask for relevance");
    float *whole = sl_calloc_aligned(2 * (size_t)width, sizeof *whole);
    if (!whole)
        return sl_no_memory(err, "for a heat map");
    for (int i = 0; i < 2; i++)
        sl_mean_token(inside->photo[i], cells, width, whole + i * width);
    sl_cross_correlation(inside->photo[0], cells, width, whole + width, out->query);
    sl_cross_correlation(inside->photo[1], cells, width, whole, out->other);
    free(whole);
    return SL_OK;
}

/* A face's raw map into tokens, and what stands for it as a whole: its mean patch, or its embedding. */
static sl_status read_map(const sl_template *t, bool by_embedding, float *tokens, float *whole, sl_error *err)
{
    const int cells = t->shape.rows * t->shape.cols, width = t->shape.channels;
    SL_TRY(sl_template_patches(t, tokens, err));
    for (size_t i = 0; i < (size_t)cells * (size_t)width; i++)
        if (!isfinite(tokens[i]))
            return sl_fail(err, SL_ERR_NUMERIC, "a patch map has NaN or infinity");
    if (by_embedding)
        memcpy(whole, t->embedding, (size_t)width * sizeof *whole);
    else
        sl_mean_token(tokens, cells, width, whole);
    return SL_OK;
}

static sl_status cc_of_maps(const sl_heats *h, sl_heat *out, sl_error *err)
{
    const sl_template_shape *s = &h->query->shape;
    const size_t width = (size_t)s->channels, cells = (size_t)s->rows * (size_t)s->cols, numbers = cells * width;
    const bool by_embedding = h->options.weighting == SL_WEIGHT_CC;
    if (by_embedding && s->dim != s->channels)
        return sl_fail(err, SL_ERR_ARGUMENT, "patches of %d numbers have no product with an embedding of %d",
                       s->channels, s->dim);
    float *memory = sl_calloc_aligned(2 * (numbers + width), sizeof *memory);
    if (!memory)
        return sl_no_memory(err, "for a heat map");
    float *query = memory, *other = query + numbers, *query_whole = other + numbers,
          *other_whole = query_whole + width;
    sl_status status = read_map(h->query, by_embedding, query, query_whole, err);
    if (status == SL_OK)
        status = read_map(h->other, by_embedding, other, other_whole, err);
    if (status == SL_OK) {
        sl_cross_correlation(query, (int)cells, (int)width, other_whole, out->query);
        sl_cross_correlation(other, (int)cells, (int)width, query_whole, out->other);
    }
    free(memory);
    return status;
}

/* ---- relevance ---- */

static sl_status relevance_of(const sl_insight *inside, sl_heat *out, sl_error *err)
{
    const sl_token_range photos[2] = {sl_cells_of(inside, 0), sl_cells_of(inside, 1)}, class_token = {0, 1};
    const bool by_class = !inside->photo[0];
    if (!inside->layer[0].slope)
        return sl_fail(err, SL_ERR_INTERNAL, "relevance needs slopes, which were not asked for");
    float *by_token = sl_calloc_aligned((size_t)inside->tokens, sizeof *by_token);
    if (!by_token)
        return sl_no_memory(err, "for a heat map");
    sl_status status = sl_relevance(inside, by_class ? &class_token : photos, by_class ? 1 : 2, by_token, err);
    if (status == SL_OK) {
        memcpy(out->query, by_token + photos[0].from, (size_t)inside->cells * sizeof *by_token);
        memcpy(out->other, by_token + photos[1].from, (size_t)inside->cells * sizeof *by_token);
    }
    free(by_token);
    return status;
}

/* ---- all kinds ---- */

static sl_status take(const sl_heats *h, sl_heat_kind kind, int head, sl_heat *out, sl_error *err)
{
    if (kind != SL_HEAT_CC && !is_learned(h))
        return sl_fail(err, SL_ERR_ARGUMENT,
                       "%s is told of looks that were learned, h2l and h2: the look %s has none", sl_heat_name(kind),
                       sl_rerank_name(h->options.rerank));
    switch (kind) {
    case SL_HEAT_CC: return is_learned(h) ? cc_of_tokens(&h->inside, out, err) : cc_of_maps(h, out, err);
    case SL_HEAT_ATTENTION: return sl_attention_heat(&h->inside, head, out, err);
    default: return relevance_of(&h->inside, out, err);
    }
}

sl_status sl_heats_take(const sl_heats *h, sl_heat_kind kind, int head, sl_heat *out, sl_error *err)
{
    sl_status status = allocate(h->rows, h->cols, out, err);
    if (status == SL_OK)
        status = take(h, kind, head, out, err);
    if (status != SL_OK)
        sl_heat_free(out);
    return status;
}

sl_status sl_heat_of_pair(const sl_template *query, const sl_template *other, const sl_match_options *options,
                          sl_heat_kind kind, int head, sl_heat *out, sl_error *err)
{
    sl_heats heats;
    *out = (sl_heat){0};
    if (!query || !other || !sl_heat_name(kind) || head < SL_ALL_HEADS)
        return sl_fail(err, SL_ERR_ARGUMENT,
                       "a heat map needs two templates, one of the kinds cc, attention and relevance, "
                       "and a head from 0 on or all of them");
    SL_TRY(sl_shape_check_same(&query->shape, &other->shape, err));
    sl_match_options settled = options ? *options : sl_match_defaults();
    sl_match_suit(&settled, &query->shape);
    sl_status status = sl_heats_open(&settled, &query->shape, kind == SL_HEAT_RELEVANCE, &heats, err);
    if (status == SL_OK)
        status = sl_heats_pair(&heats, query, other, err);
    if (status == SL_OK)
        status = sl_heats_take(&heats, kind, head, out, err);
    sl_heats_close(&heats);
    return status;
}

/* ---- of a recogniser's own attention ---- */

/* Relevance of one crop's cells to the cosine of its embedding with another. */
static sl_status relevance_of_crop(sl_insight *inside, const sl_recogniser *r, const sl_image *crop,
                                   const float *other, float *heat, sl_error *err)
{
    const sl_token_range class_token = {0, 1};
    SL_TRY(sl_recogniser_prepare(r, crop, sl_plan_input(inside->plan, 0, NULL), err));
    memcpy(sl_plan_input(inside->plan, 1, NULL), other, (size_t)r->dim * sizeof *other);
    SL_TRY(sl_insight_run(inside, err));
    float *by_token = sl_calloc_aligned((size_t)inside->tokens, sizeof *by_token);
    if (!by_token)
        return sl_no_memory(err, "for a heat map");
    sl_status status = sl_relevance(inside, &class_token, 1, by_token, err);
    if (status == SL_OK)
        memcpy(heat, by_token + 1, (size_t)(inside->tokens - 1) * sizeof *heat);
    free(by_token);
    return status;
}

static sl_status relevance_of_both(sl_insight *inside, const sl_recogniser *r, const sl_image *crops,
                                   sl_template *const *faces, sl_heat *out, sl_error *err)
{
    if (inside->tokens - 1 != r->rows * r->cols)
        return sl_fail(err, SL_ERR_UNSUPPORTED,
                       "%s has %d tokens beside its class token, its map is of %d x %d cells",
                       r->network.manifest->name, inside->tokens - 1, r->rows, r->cols);
    SL_TRY(allocate(r->rows, r->cols, out, err));
    SL_TRY(relevance_of_crop(inside, r, &crops[0], faces[1]->embedding, out->query, err));
    return relevance_of_crop(inside, r, &crops[1], faces[0]->embedding, out->other, err);
}

sl_status sl_heat_of_crops(sl_session *session, const sl_image *query, const sl_image *other, sl_heat *out,
                           sl_error *err)
{
    *out = (sl_heat){0};
    if (!session || !query || !other)
        return sl_fail(err, SL_ERR_ARGUMENT, "a heat map of a recogniser needs a session and two crops");
    const sl_recogniser *r = &session->engine->recogniser;
    const sl_image crops[2] = {*query, *other};
    sl_template *faces[2] = {0};
    sl_insight inside;
    sl_status status = sl_insight_of_recogniser(r, &inside, err);
    if (status == SL_OK)
        status = sl_templates_of_crops(session, crops, 2, faces, err);
    if (status == SL_OK)
        status = relevance_of_both(&inside, r, crops, faces, out, err);
    for (int i = 0; i < 2; i++)
        sl_template_free(faces[i]);
    sl_insight_close(&inside);
    if (status != SL_OK)
        sl_heat_free(out);
    return status;
}
