/* A transformer's inner tensors and their slopes, as outputs of a plan. */
#include "pipeline/insight.h"

#include <math.h>
#include <stdio.h>

#include "model/append_cosine.h"
#include "model/arch/arch.h"
#include "net/gradient.h"
#include "pipeline/look_network.h"

enum { NAME = 64, MOST_OUTPUTS = SL_INSIGHT_LAYERS + 3 };

/* ---- which tensors ---- */

/* The target, attention of every layer, and where they are there, both photos' tokens. */
typedef struct {
    const char *name[MOST_OUTPUTS];
    char attention[SL_INSIGHT_LAYERS][NAME];
    int layers, count;
} wanted;

static sl_status find_tensors(const sl_graph *g, const char *target, wanted *w, sl_error *err)
{
    static const char *const tokens[] = {SL_LOOK_TOKENS_FIRST, SL_LOOK_TOKENS_SECOND};
    *w = (wanted){.name = {target}, .count = 1};
    for (; w->layers < SL_INSIGHT_LAYERS; w->layers++) {
        char *name = w->attention[w->layers];
        snprintf(name, NAME, SL_ATTENTION, w->layers);
        if (sl_graph_find(g, name) < 0)
            break;
        w->name[w->count++] = name;
    }
    if (!w->layers)
        return sl_fail(err, SL_ERR_UNSUPPORTED,
                       "this network has no attention that could be drawn: it is none of h2l, h2, h1 "
                       "and vit");
    for (int i = 0; i < 2 && sl_graph_find(g, tokens[i]) >= 0; i++)
        w->name[w->count++] = tokens[i];
    return SL_OK;
}

/* ---- the plan ---- */

static void bind_outputs(const wanted *w, bool slopes, sl_insight *out)
{
    const sl_plan *plan = out->plan;
    sl_shape s = {0};
    out->target = sl_plan_output(plan, 0, NULL);
    out->layers = w->layers;
    for (int i = 0; i < w->layers; i++) {
        out->layer[i].attention =
            sl_plan_output(plan, 1 + i, &s); /* [1, heads, tokens, tokens] or [1, heads, tokens] */
        out->layer[i].slope = slopes ? sl_plan_output(plan, w->count + i, NULL) : NULL;
        out->layer[i].rows = s.rank == 4 ? (int)s.dim[2] : 1;
        out->heads = (int)s.dim[1];
        out->tokens = (int)s.dim[s.rank - 1];
    }
    for (int i = 1 + w->layers; i < w->count; i++) {
        out->photo[i - 1 - w->layers] = sl_plan_output(plan, i, &s);
        out->width = (int)s.dim[s.rank - 1];
    }
}

static sl_status compile(const sl_graph *g, const sl_shape *shapes, const char *target, bool slopes, sl_insight *out,
                         sl_error *err)
{
    const sl_training fixed = {.stats = SL_STATS_FIXED};
    sl_tensor attention[SL_INSIGHT_LAYERS];
    wanted w;
    SL_TRY(find_tensors(g, target, &w, err));
    SL_TRY(sl_graph_for_training(g, shapes, w.name, w.count, &fixed, &out->forward, err));
    const sl_graph *made = out->forward;
    for (int i = 0; i < w.layers; i++)
        attention[i] = made->outputs[1 + i];
    if (slopes)
        SL_TRY(sl_graph_gradient(made, made->outputs[0], attention, w.layers, &out->back, err));
    SL_TRY(sl_plan_compile(slopes ? out->back : made, 1, &out->plan, err));
    bind_outputs(&w, slopes, out);
    return SL_OK;
}

sl_status sl_insight_of_look(const sl_look *look, bool slopes, sl_insight *out, sl_error *err)
{
    const sl_look_network *l = (const sl_look_network *)look;
    const sl_shape shape = {3, {1, look->cells, look->channels}}, shapes[2] = {shape, shape};
    *out = (sl_insight){.cells = look->cells};
    sl_status status = compile(l->graph, shapes, SL_LOOK_SCORE, slopes, out, err);
    return status == SL_OK ? SL_OK : sl_fail_in(err, status, "the look %s", look->name);
}

/* ---- a recogniser: the cosine to an embedding that is given ---- */

sl_status sl_insight_of_recogniser(const sl_recogniser *r, sl_insight *out, sl_error *err)
{
    const sl_shape shapes[2] = {{4, {1, r->channels_in, r->height, r->width}}, {2, {1, r->dim}}};
    *out = (sl_insight){0};
    const sl_graph *own = r->network.graph;
    const sl_manifest *m = r->network.manifest;
    out->whole = sl_graph_new();
    if (!out->whole)
        return sl_no_memory(err, "to lay a network open");
    SL_TRY(sl_graph_copy(own, NULL, out->whole, err));
    SL_TRY(sl_append_cosine(out->whole, sl_graph_find(own, m->embedding), r->dim, err));
    sl_status status = compile(out->whole, shapes, SL_COSINE, true, out, err);
    return status == SL_OK ? SL_OK : sl_fail_in(err, status, "%s", m->name);
}

/* ---- a run ---- */

void sl_insight_close(sl_insight *i)
{
    sl_plan_free(i->plan);
    sl_graph_free(i->back);
    sl_graph_free(i->forward);
    sl_graph_free(i->whole);
    *i = (sl_insight){0};
}

sl_status sl_insight_run(sl_insight *i, sl_error *err)
{
    SL_TRY(sl_plan_run(i->plan, err));
    return isfinite(*i->target) ? SL_OK : sl_fail(err, SL_ERR_NUMERIC, "the network gives no number for this pair");
}
