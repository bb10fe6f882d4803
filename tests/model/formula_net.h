/* A network with weights by formula (tests/torch/formula.py has the same), under ArcFace's margin loss over ten
 * classes, ready for a step of training: what PyTorch's gradients and times are compared with. An architecture by its
 * name, or a transformer's layer (formula_block.h). Where there is no embedding, all outputs in a row are it. */
#ifndef SL_TESTS_FORMULA_NET_H
#define SL_TESTS_FORMULA_NET_H

#include "formula_block.h"

#include "net/gradient.h"
#include "net/plan/plan.h"

enum { FORMULA_CLASSES = 10, FORMULA_HEIGHT = 27, FORMULA_WIDTH = 23 /* of the picture, where any will do */ };

typedef struct {
    sl_state_dict dict;
    sl_shape input;
    sl_graph *own, *training, *back; /* outputs: loss, the batch's statistics, gradients of names[] */
    const char **names;              /* of the parameters, the inputs from the third on */
    int n_names;
    sl_plan *plan;
    uint64_t seed; /* of the batch: 1, but where a golden says another */
} formula_net;

/* ---- the network ---- */

static inline void formula_arch(formula_net *f, const sl_arch *arch, int batch)
{
    sl_error err;
    sl_arch_tensor *tensors;
    size_t count;
    assert_ok(sl_arch_tensors(arch, &tensors, &count, &err));
    for (size_t i = 0; i < count; i++) {
        if (!tensors[i].used)
            continue;
        float *data = malloc((size_t)sl_shape_elements(&tensors[i].shape) * sizeof *data);
        formula_fill(tensors[i].name, &tensors[i].shape, data);
        assert_ok(sl_state_dict_add(&f->dict, tensors[i].name, &tensors[i].shape, data, true, &err));
    }
    sl_arch_tensors_free(tensors, count);
    assert_ok(sl_arch_build(arch, &f->dict, &f->own, &err));
    f->input = (sl_shape){4, {batch, arch->channels, arch->height, arch->width}};
    if (arch->height < 0)
        f->input.dim[2] = FORMULA_HEIGHT, f->input.dim[3] = FORMULA_WIDTH;
}

static inline void formula_build(formula_net *f, const char *name, int batch)
{
    const sl_arch *arch = sl_arch_find(name);
    const formula_block *block = formula_block_find(name);
    if (arch) {
        formula_arch(f, arch, batch);
    } else if (block) {
        f->own = formula_block_graph(block);
        f->input = (sl_shape){3, {batch, block->tokens, block->dim}};
    } else {
        fail_msg("no network %s", name);
    }
}

static inline void formula_add_name(formula_net *f, const char *name)
{
    f->names = realloc(f->names, (size_t)(f->n_names + 1) * sizeof *f->names);
    f->names[f->n_names++] = name;
}

/* What learns: the state dict but running statistics; all lists and matrices of a graph that has none. */
static inline void formula_params(formula_net *f)
{
    for (size_t i = 0; i < f->dict.count; i++)
        if (!formula_has(f->dict.weights[i].name, "running_"))
            formula_add_name(f, f->dict.weights[i].name);
    for (int i = 0; i < f->own->n_tensors && f->dict.count == 0; i++) {
        const sl_tensor_info *t = &f->own->tensors[i];
        if (t->data && t->type == SL_TYPE_F32 && t->shape.rank > 0)
            formula_add_name(f, t->name);
    }
    formula_add_name(f, "head.weight");
}

/* ---- the loss ---- */

static inline sl_tensor formula_embedding(sl_graph *g)
{
    sl_tensor flat[SL_MAX_NODE_INPUTS], x = sl_graph_find(g, SL_ARCH_EMBEDDING);
    if (x >= 0)
        return x;
    for (int i = 0; i < g->n_outputs; i++) {
        char name[32];
        snprintf(name, sizeof name, "flat %d", i);
        flat[i] = FORMULA_NODE(g, SL_OP_FLATTEN, ((sl_attr){.axis = 1}), name, g->outputs[i]);
    }
    return formula_node(g, SL_OP_CONCAT, (sl_attr){.axis = 1}, SL_ARCH_EMBEDDING, flat, g->n_outputs);
}

static inline int64_t formula_dim(const formula_net *f)
{
    sl_error err;
    sl_graph *known;
    const char *embedding = SL_ARCH_EMBEDDING;
    assert_ok(sl_graph_infer(f->own, &f->input, &embedding, 1, &known, &err));
    int64_t dim = known->tensors[known->outputs[0]].shape.dim[1];
    sl_graph_free(known);
    return dim;
}

/* Of x [N, dim]. */
static inline void formula_margin(sl_graph *g, sl_tensor x, int64_t dim)
{
    sl_error err;
    const sl_shape of = {1, {-1}};
    const sl_attr unit = {.axis = 1, .a = 1e-12f}, margin = {.fn = SL_FN_ANGLE, .a = 30, .b = 0.5f};
    sl_tensor labels, w = formula_weights(g, "head.weight", (sl_shape){2, {FORMULA_CLASSES, dim}});
    assert_ok(sl_graph_add_tensor(g, "labels", SL_TYPE_F32, &of, &labels, &err));
    assert_ok(sl_graph_add_input(g, labels, &err));
    x = FORMULA_NODE(g, SL_OP_L2NORM, unit, "unit embedding", x);
    w = FORMULA_NODE(g, SL_OP_L2NORM, unit, "unit classes", w);
    x = FORMULA_NODE(g, SL_OP_DENSE, (sl_attr){0}, "cosines", x, w);
    x = FORMULA_NODE(g, SL_OP_MARGIN, margin, "logits", x, labels);
    FORMULA_NODE(g, SL_OP_CROSS_ENTROPY, (sl_attr){0}, "loss", x, labels);
}

static inline void formula_head(formula_net *f)
{
    const sl_tensor x = formula_embedding(f->own);
    formula_margin(f->own, x, formula_dim(f));
}

/* ---- ready to run ---- */

/* What input i of the graph is: the batch, its labels, then parameters. */
static inline void formula_input(const formula_net *f, int i, const sl_shape *shape, float *out)
{
    if (i == 0)
        formula_random(out, (size_t)sl_shape_elements(shape), f->seed, -1, 1);
    else if (i > 1)
        formula_fill(f->names[i - 2], shape, out);
    for (int k = 0; i == 1 && k < shape->dim[0]; k++)
        out[k] = (float)(k * 3 % FORMULA_CLASSES);
}

/* The graph with gradients; input: whether that by the batch is wanted too, as the last output. */
static inline formula_net formula_graph(const char *name, int batch, sl_stats stats, bool input)
{
    sl_error err;
    formula_net f = {.seed = 1};
    const char *loss = "loss";
    formula_build(&f, name, batch);
    formula_params(&f);
    formula_head(&f);
    const sl_shape shapes[] = {f.input, {1, {batch}}};
    const sl_training as = {.params = f.names, .n_params = f.n_names, .stats = stats};
    assert_ok(sl_graph_for_training(f.own, shapes, &loss, 1, &as, &f.training, &err));
    sl_tensor *wrt = malloc((size_t)(f.n_names + 1) * sizeof *wrt);
    memcpy(wrt, f.training->inputs + 2, (size_t)f.n_names * sizeof *wrt);
    wrt[f.n_names] = f.training->inputs[0];
    assert_ok(sl_graph_gradient(f.training, f.training->outputs[0], wrt, f.n_names + input, &f.back, &err));
    free(wrt);
    return f;
}

static inline void formula_compile(formula_net *f, const sl_plan_options *options)
{
    sl_error err;
    sl_shape shape;
    assert_ok(sl_plan_compile_as(f->back, options, &f->plan, &err));
    for (int i = 0; i < 2 + f->n_names; i++) {
        float *to = sl_plan_input(f->plan, i, &shape);
        formula_input(f, i, &shape, to);
    }
}

static inline formula_net formula_open(const char *name, int batch, sl_stats stats, int threads, bool input)
{
    formula_net f = formula_graph(name, batch, stats, input);
    formula_compile(&f, &(sl_plan_options){.threads = threads});
    return f;
}

static inline void formula_close(formula_net *f)
{
    sl_plan_free(f->plan);
    sl_graph_free(f->back);
    sl_graph_free(f->training);
    sl_graph_free(f->own);
    sl_state_dict_free(&f->dict);
    free(f->names);
}

#endif
