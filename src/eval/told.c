#include "eval/told.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/names.h"
#include "match/look.h"

static const char *const names[] = {"cc", "attention", "relevance", "weights", "flow", "trust", "shares", "random"};

const char *sl_told_name(unsigned kind)
{
    return sl_name_of(names, SL_TOLD_KINDS, kind);
}

/* ---- which there are ---- */

static bool has(const sl_match_options *o, const sl_insight *inside, sl_told kind)
{
    const bool learned = (sl_rerank_reads(o->rerank) & SL_READS_LEARNED) != 0,
               moves = sl_look_moves_patches(o->rerank);
    switch (kind) {
    case SL_TOLD_CC: return learned ? inside->photo[0] != NULL : o->rerank == SL_RERANK_NONE;
    case SL_TOLD_ATTENTION: return learned && inside->layer[0].rows == inside->tokens;
    case SL_TOLD_RELEVANCE: return learned;
    case SL_TOLD_WEIGHTS:
    case SL_TOLD_FLOW: return moves;
    case SL_TOLD_TRUST: return sl_look_is_by_trust(o->rerank);
    case SL_TOLD_SHARES: return !learned;
    default: return true;
    }
}

int sl_told_of(const sl_match_options *match, const sl_insight *inside, sl_told kinds[SL_TOLD_KINDS])
{
    int n = 0;
    for (sl_told kind = 0; kind < SL_TOLD_KINDS; kind++)
        if (has(match, inside, kind))
            kinds[n++] = kind;
    return n;
}

/* ---- what they say ---- */

static sl_status by_heat(sl_heat_kind kind, const sl_parts *p, const sl_heats *heats, float *importance,
                         sl_error *err)
{
    sl_heat heat;
    SL_TRY(sl_heats_take(heats, kind, SL_ALL_HEADS, &heat, err));
    memcpy(importance, heat.query, (size_t)p->patches * sizeof *importance);
    sl_heat_free(&heat);
    return SL_OK;
}

static sl_status by_flow(const sl_parts *p, float *importance, sl_error *err)
{
    sl_tiles tiles;
    SL_TRY(sl_tiles_new(p->rows, p->cols, &tiles, err));
    sl_flow_tiles(p->plan, p->patches, tiles.tile, importance);
    sl_tiles_free(&tiles);
    return SL_OK;
}

static sl_status by_shares(const sl_parts *p, float *importance, sl_error *err)
{
    sl_attribution why;
    SL_TRY(sl_attribute(p->query, p->other, &p->options, &why, err));
    memcpy(importance, why.shares, (size_t)p->patches * sizeof *importance);
    sl_attribution_free(&why);
    return SL_OK;
}

sl_status sl_told_importance(sl_told kind, const sl_parts *p, const sl_heats *heats, float *importance, sl_error *err)
{
    const size_t bytes = (size_t)p->patches * sizeof *importance;
    switch (kind) {
    case SL_TOLD_CC:
    case SL_TOLD_ATTENTION:
    case SL_TOLD_RELEVANCE: return by_heat((sl_heat_kind)kind, p, heats, importance, err);
    case SL_TOLD_WEIGHTS: memcpy(importance, p->query_weights, bytes); return SL_OK;
    case SL_TOLD_FLOW: return by_flow(p, importance, err);
    case SL_TOLD_TRUST: memcpy(importance, p->trust, bytes); return SL_OK;
    case SL_TOLD_SHARES: return by_shares(p, importance, err);
    default: return sl_fail(err, SL_ERR_INTERNAL, "chance calls no cell important");
    }
}
