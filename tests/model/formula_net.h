/* An architecture with weights by formula (tests/torch/formula.py has the same), under ArcFace's margin loss over ten
 * classes, ready for a step of training: what PyTorch's gradients are compared with. */
#ifndef SL_TESTS_FORMULA_NET_H
#define SL_TESTS_FORMULA_NET_H

#include "support.h"

#include "model/arch/arch.h"
#include "net/gradient.h"
#include "net/plan/plan.h"

enum { FORMULA_CLASSES = 10 };

typedef struct {
    sl_state_dict dict;
    sl_graph *own, *training, *back; /* outputs: loss, the batch's statistics, gradients of names[] */
    const char **names;              /* of the parameters, the inputs from the third on */
    int n_names;
    sl_plan *plan;
} formula_net;

static inline uint32_t formula_seed(const char *name) /* FNV-1a */
{
    uint32_t h = 0x811c9dc5u;
    for (; *name; name++)
        h = (h ^ (uint8_t)*name) * 0x01000193u;
    return h;
}

static inline bool formula_has(const char *name, const char *part) { return strstr(name, part) != NULL; }

static inline void formula_fill(const char *name, const sl_shape *shape, float *out)
{
    int64_t n = sl_shape_elements(shape);
    float low = 0.8f, high = 1.2f; /* scales of batch norms */
    if (shape->rank > 1) {
        high = (float)sqrt(3.0 / (double)sl_shape_span(shape, 1, shape->rank));
        low = -high;
    } else if (formula_has(name, "running_var")) {
        low = 0.5f, high = 1.5f;
    } else if (formula_has(name, "running_mean") || formula_has(name, "bias")) {
        low = -0.1f, high = 0.1f;
    } else if (formula_has(name, "prelu")) {
        low = 0.1f, high = 0.4f;
    }
    fill_random(out, (size_t)n, formula_seed(name), low, high);
}

static inline sl_tensor formula_node(sl_graph *g, sl_op op, const sl_attr *attr, const char *name, sl_tensor a, sl_tensor b)
{
    sl_error err;
    sl_tensor out;
    assert_ok(sl_graph_add_tensor(g, name, SL_TYPE_F32, &(sl_shape){.rank = -1}, &out, &err));
    assert_ok(sl_graph_add_node(g, op, name, attr, (sl_tensor[]){a, b}, b < 0 ? 1 : 2, &out, 1, &err));
    return out;
}

static inline void formula_head(sl_graph *g, int dim)
{
    sl_error err;
    const sl_shape shape = {2, {FORMULA_CLASSES, dim}}, of = {1, {-1}};
    const sl_attr unit = {.axis = 1, .a = 1e-12f}, margin = {.fn = SL_FN_ANGLE, .a = 30, .b = 0.5f};
    float *weights = malloc((size_t)sl_shape_elements(&shape) * sizeof *weights);
    sl_tensor w, labels, x = sl_graph_find(g, SL_ARCH_EMBEDDING);
    formula_fill("head.weight", &shape, weights);
    assert_ok(sl_graph_add_const(g, "head.weight", SL_TYPE_F32, &shape, weights, true, &w, &err));
    assert_ok(sl_graph_add_tensor(g, "labels", SL_TYPE_F32, &of, &labels, &err));
    assert_ok(sl_graph_add_input(g, labels, &err));
    x = formula_node(g, SL_OP_L2NORM, &unit, "unit embedding", x, -1);
    w = formula_node(g, SL_OP_L2NORM, &unit, "unit classes", w, -1);
    x = formula_node(g, SL_OP_DENSE, NULL, "cosines", x, w);
    x = formula_node(g, SL_OP_MARGIN, &margin, "logits", x, labels);
    formula_node(g, SL_OP_CROSS_ENTROPY, NULL, "loss", x, labels);
}

static inline void formula_dict(const sl_arch *arch, formula_net *f)
{
    sl_error err;
    sl_arch_tensor *tensors;
    size_t count;
    assert_ok(sl_arch_tensors(arch, &tensors, &count, &err));
    f->names = calloc(count + 1, sizeof *f->names);
    for (size_t i = 0; i < count; i++) {
        if (!tensors[i].used)
            continue;
        float *data = malloc((size_t)sl_shape_elements(&tensors[i].shape) * sizeof *data);
        formula_fill(tensors[i].name, &tensors[i].shape, data);
        assert_ok(sl_state_dict_add(&f->dict, tensors[i].name, &tensors[i].shape, data, true, &err));
    }
    sl_arch_tensors_free(tensors, count);
    for (size_t i = 0; i < f->dict.count; i++)
        if (!formula_has(f->dict.weights[i].name, "running_"))
            f->names[f->n_names++] = f->dict.weights[i].name;
    f->names[f->n_names++] = "head.weight";
}

static inline void formula_inputs(formula_net *f, int batch)
{
    sl_shape shape;
    float *x = sl_plan_input(f->plan, 0, &shape), *labels = sl_plan_input(f->plan, 1, NULL);
    fill_random(x, (size_t)sl_shape_elements(&shape), 1, -1, 1);
    for (int i = 0; i < batch; i++)
        labels[i] = (float)(i * 3 % FORMULA_CLASSES);
    for (int i = 0; i < f->n_names; i++) {
        float *to = sl_plan_input(f->plan, 2 + i, &shape);
        formula_fill(f->names[i], &shape, to);
    }
}

/* input: whether the gradient by the pictures is wanted too, as the last output. */
static inline formula_net formula_open(const char *name, int batch, sl_stats stats, int threads, bool input)
{
    sl_error err;
    formula_net f = {0};
    const sl_arch *arch = sl_arch_find(name);
    const char *loss = "loss";
    formula_dict(arch, &f);
    assert_ok(sl_arch_build(arch, &f.dict, &f.own, &err));
    formula_head(f.own, arch->dim);
    const sl_shape shapes[] = {{4, {batch, arch->channels, arch->height, arch->width}}, {1, {batch}}};
    const sl_training as = {.params = f.names, .n_params = f.n_names, .stats = stats};
    assert_ok(sl_graph_for_training(f.own, shapes, &loss, 1, &as, &f.training, &err));
    sl_tensor *wrt = malloc((size_t)(f.n_names + 1) * sizeof *wrt);
    memcpy(wrt, f.training->inputs + 2, (size_t)f.n_names * sizeof *wrt);
    wrt[f.n_names] = f.training->inputs[0];
    assert_ok(sl_graph_gradient(f.training, f.training->outputs[0], wrt, f.n_names + input, &f.back, &err));
    free(wrt);
    assert_ok(sl_plan_compile(f.back, threads, &f.plan, &err));
    formula_inputs(&f, batch);
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
