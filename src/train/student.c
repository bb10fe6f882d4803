#include "train/student.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/arch/arch.h"
#include "net/flop.h"

/* ---- the cut ---- */

static sl_status find_cut(sl_student *s, bool *depends, sl_error *err)
{
    SL_TRY(sl_graph_boundary(s->net, depends, s->cut, SL_MAX_CUT, &s->n_cut, err));
    if (s->n_cut > SL_MAX_CUT)
        return sl_fail(err, SL_ERR_LIMIT,
                       "what learns is spread so that its layers read more than %d tensors of those "
                       "that do not: choose weights that lie together",
                       SL_MAX_CUT);
    return depends[s->embedding] ? SL_OK
                                 : sl_fail(err, SL_ERR_ARGUMENT, "no weight that learns leads to the embedding");
}

static sl_shape picture_shape(const sl_student *s)
{
    const sl_recogniser *r = &s->recogniser;
    return (sl_shape){4, {s->batch, r->channels_in, r->height, r->width}};
}

/* Outputs of net: the embedding, then the cut but for the pictures. */
static int list_outputs(const sl_student *s, bool embedding, const char *names[SL_MAX_CUT + 1])
{
    int count = 0;
    if (embedding)
        names[count++] = s->net->tensors[s->embedding].name;
    for (int i = 0; i < s->n_cut; i++)
        if (!sl_student_cut_is_picture(s, i))
            names[count++] = s->net->tensors[s->cut[i]].name;
    return count;
}

static sl_status shape_cut(sl_student *s, sl_error *err)
{
    const char *names[SL_MAX_CUT + 1];
    const sl_shape picture = picture_shape(s);
    const int count = list_outputs(s, false, names);
    sl_graph *shaped = NULL;
    if (count)
        SL_TRY(sl_graph_infer(s->net, &picture, names, count, &shaped, err));
    for (int i = 0, at = 0; i < s->n_cut; i++)
        s->cut_shapes[i] =
            sl_student_cut_is_picture(s, i) ? picture : shaped->tensors[shaped->outputs[at++]].shape;
    sl_graph_free(shaped);
    return SL_OK;
}

/* ---- opening ---- */

static sl_status find_parts(sl_student *s, const char *learn, sl_error *err)
{
    const size_t tensors = (size_t)s->net->n_tensors + 1;
    bool *weight = calloc(tensors, sizeof *weight);
    s->learning = calloc(tensors, sizeof *s->learning);
    sl_status status = weight && s->learning ? SL_OK : sl_no_memory(err, "for a part of a network");
    if (status == SL_OK) {
        const sl_network *n = &s->recogniser.network;
        status = sl_learning_weights(s->net, &n->weights, learn, n->manifest->name, weight, s->learning,
                                     &s->n_learning, err);
    }
    if (status == SL_OK)
        status = find_cut(s, weight, err);
    free(weight);
    return status == SL_OK ? shape_cut(s, err) : status;
}

/* The network once more with dropout, where it is asked for. */
static sl_status make_dropping(sl_student *s, const sl_train_options *o, sl_error *err)
{
    const sl_network *n = &s->recogniser.network;
    const sl_arch *row = n->manifest->arch ? sl_arch_find(n->manifest->arch) : NULL;
    if (!(o->dropout > 0) && !(o->embedding_dropout > 0))
        return SL_OK;
    if (!row || !row->transformer.depth)
        return sl_fail(err, SL_ERR_ARGUMENT, "dropout is for transformers, and %s is none", n->manifest->name);
    if (o->learn)
        return sl_fail(err, SL_ERR_ARGUMENT, "with dropout a network learns as a whole: not with learn \"%.200s\"",
                       o->learn);
    s->n_cut = 1;
    s->cut[0] = s->net->inputs[0];
    s->cut_shapes[0] = picture_shape(s);
    sl_arch own = *row;
    if (n->manifest->form >= 0)
        own.transformer.form = (sl_vit_form)n->manifest->form;
    own.transformer.dropout = (float)o->dropout;
    own.transformer.embedding_dropout = (float)o->embedding_dropout;
    return sl_arch_build(&own, &n->weights, &s->dropping, err);
}

static sl_status open_student(const sl_train_options *o, sl_student *s, sl_error *err)
{
    SL_TRY(sl_recogniser_open(o->models_dir, o->model, &s->recogniser, err));
    const sl_network *network = &s->recogniser.network;
    if (!network->manifest->arch)
        SL_TRY(sl_recogniser_graph(&s->recogniser, s->batch, &s->fused, err));
    s->net = s->fused ? s->fused : network->graph;
    s->embedding = sl_graph_find(s->net, network->manifest->embedding);
    if (s->embedding < 0)
        return sl_fail(err, SL_ERR_INTERNAL, "the embedding of %s is lost", network->manifest->name);
    SL_TRY(find_parts(s, o->learn, err));
    return make_dropping(s, o, err);
}

sl_status sl_student_open(const sl_train_options *options, sl_student *out, sl_error *err)
{
    *out = (sl_student){.batch = options->batch};
    sl_status status = open_student(options, out, err);
    if (status != SL_OK)
        sl_student_close(out);
    return status;
}

void sl_student_close(sl_student *s)
{
    free(s->learning);
    sl_graph_free(s->fused);
    sl_graph_free(s->dropping);
    sl_recogniser_close(&s->recogniser);
    *s = (sl_student){0};
}

/* ---- graphs and plans ---- */

static sl_status compile(const sl_student *s, const sl_graph *g, const char *const *names, int count,
                         const sl_plan_options *options, sl_plan **out, double *flop, sl_error *err)
{
    const sl_shape picture = picture_shape(s);
    sl_graph *special;
    SL_TRY(sl_graph_specialize(g, &picture, names, count, &special, err));
    sl_status status = sl_plan_compile_as(special, options, out, err);
    *flop = sl_graph_flop(special);
    sl_graph_free(special);
    return status;
}

sl_status sl_student_front(const sl_student *s, bool embedding, const sl_plan_options *options, sl_plan **out,
                           double *flop, sl_error *err)
{
    const char *names[SL_MAX_CUT + 1];
    const int count = list_outputs(s, embedding, names);
    *out = NULL;
    *flop = 0;
    return count ? compile(s, s->net, names, count, options, out, flop, err) : SL_OK;
}

static sl_status part_of(const sl_student *s, sl_graph **out, sl_error *err)
{
    if (s->dropping)
        return sl_graph_reweighed(s->dropping, NULL, 0, out, err);
    return sl_graph_cut(s->net, s->cut, s->cut_shapes, s->n_cut, &s->embedding, 1, out, err);
}

sl_status sl_student_part(const sl_student *s, sl_graph **out, sl_tensor *embedding, sl_error *err)
{
    const sl_attr flat = {.axis = 1};
    const sl_shape unknown = {.rank = -1};
    SL_TRY(part_of(s, out, err));
    sl_tensor raw = sl_graph_find(*out, s->net->tensors[s->embedding].name);
    sl_status status = sl_graph_add_tensor(*out, "train:embedding", SL_TYPE_F32, &unknown, embedding, err);
    if (status == SL_OK)
        status = sl_graph_add_node(*out, SL_OP_FLATTEN, "train:embedding", &flat, &raw, 1, embedding, 1, err);
    if (status != SL_OK) {
        sl_graph_free(*out);
        *out = NULL;
    }
    return status;
}

sl_status sl_student_compile(const sl_student *s, const sl_weights_of *weights, int count,
                             const sl_plan_options *options, sl_plan **out, sl_error *err)
{
    const char *name = s->net->tensors[s->embedding].name;
    sl_graph *g;
    SL_TRY(sl_graph_reweighed(s->net, weights, count, &g, err));
    double flop;
    sl_status status = compile(s, g, &name, 1, options, out, &flop, err);
    sl_graph_free(g);
    return status;
}
