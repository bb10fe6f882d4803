/* Outputs and gradients of Face-ViT's transformers, small ones by formula, against PyTorch's in float64. The goldens
 * are made again by tests/torch/run. Nothing here has a corner: all hold to 1e-4 of each tensor's length, and to 1e-3
 * where batch norms go by the statistics of three photos, which magnify rounding: there a bias has no gradient but
 * that. */
#include "golden_gradient.h"

enum { MOST_NAMES = 64 };

/* The sizes of tests/torch/transformer_gradients.py. */
typedef struct {
    const char *file, *arch;
    int depth, positions, photos;
    sl_vit_form form;
    bool learns, single, published_width;
} golden_case;

static const golden_case cases[] = {
    {"vit", "vit", 2, 197, 3, SL_VIT_PRE_NORM, false, false, false},
    {"h1", "h1", 1, 129, 3, SL_VIT_PUBLISHED, false, false, true},
    {"h2", "h2", 2, 26, 3, SL_VIT_PUBLISHED, false, false, false},
    {"h2-d1", "h2", 1, 26, 3, SL_VIT_PUBLISHED, false, false, false},
    {"h2l", "h2l", 2, 26, 3, SL_VIT_PUBLISHED, true, false, false},
    {"h2l-d1-single", "h2l", 1, 0, 3, SL_VIT_PUBLISHED, false, true, false},
    {"h2l-text", "h2l", 2, 26, 3, SL_VIT_TEXT, false, false, false},
};

static sl_error err;

static sl_arch small_arch(const golden_case *c)
{
    sl_arch own = *sl_arch_find(c->arch);
    own.transformer = (sl_transformer){.depth = c->depth, .heads = 3, .hidden = 96, .width = 64, .cells = 12,
                                       .positions = c->positions, .single = c->single, .form = c->form};
    if (c->published_width)
        own.transformer.width = 512;
    own.dim = own.kind == SL_MODEL_LOOK ? 40 : own.transformer.width;
    own.patch_channels = own.transformer.width;
    return own;
}

static bool is_learnt(const char *name)
{
    return !strstr(name, "running_") && strncmp(name, "face_model.", 11) != 0;
}

/* H2's loss is over its two classes. */
static void class_loss(sl_graph *g)
{
    sl_tensor labels;
    assert_ok(sl_graph_add_tensor(g, "labels", SL_TYPE_F32, &(sl_shape){1, {-1}}, &labels, &err));
    assert_ok(sl_graph_add_input(g, labels, &err));
    FORMULA_NODE(g, SL_OP_CROSS_ENTROPY, (sl_attr){0}, "loss", sl_graph_find(g, "logits"), labels);
}

/* Shapes of the inputs, labels last; returns how many. */
static int input_shapes(const sl_arch *arch, int photos, sl_shape out[3])
{
    const sl_transformer *t = &arch->transformer;
    if (arch->kind != SL_MODEL_LOOK) {
        out[0] = (sl_shape){4, {photos, arch->channels, arch->height, arch->width}};
        out[1] = (sl_shape){1, {photos}};
        return 2;
    }
    out[0] = out[1] = (sl_shape){3, {photos, t->cells, t->width}};
    out[2] = (sl_shape){1, {strcmp(arch->name, "h2l") == 0 ? 2 * photos : photos}};
    return 3;
}

static void fill_inputs(sl_plan *plan, const sl_graph *own, int n_inputs, bool two_classes)
{
    sl_shape shape;
    for (int i = 0; i < n_inputs - 1; i++) {
        float *x = sl_plan_input(plan, i, &shape);
        const int64_t n = sl_shape_elements(&shape);
        fill_random(x, (size_t)n, formula_seed(own->tensors[own->inputs[i]].name), -1, 1);
    }
    float *labels = sl_plan_input(plan, n_inputs - 1, &shape);
    for (int64_t i = 0; i < shape.dim[0]; i++)
        labels[i] = (float)(two_classes ? i * 3 % FORMULA_CLASSES % 2 : i * 3 % FORMULA_CLASSES);
}

typedef struct {
    sl_state_dict dict;
    sl_graph *own, *training, *back;
    sl_plan *plan;
    const char *names[MOST_NAMES], *outputs[3];
    int n_names, n_outputs;
} opened;

static void fill_dict(const sl_arch *arch, opened *o)
{
    sl_arch_tensor *tensors;
    size_t count;
    assert_ok(sl_arch_tensors(arch, &tensors, &count, &err));
    for (size_t i = 0; i < count; i++) {
        if (!tensors[i].used)
            continue;
        float *data = malloc((size_t)sl_shape_elements(&tensors[i].shape) * sizeof *data);
        formula_fill(tensors[i].name, &tensors[i].shape, data);
        assert_ok(sl_state_dict_add(&o->dict, tensors[i].name, &tensors[i].shape, data, true, &err));
    }
    sl_arch_tensors_free(tensors, count);
}

static void add_loss(const sl_arch *arch, opened *o)
{
    const bool h2 = strcmp(arch->name, "h2") == 0;
    o->outputs[o->n_outputs++] = "loss";
    o->outputs[o->n_outputs++] = h2 ? "logits" : arch->kind == SL_MODEL_LOOK ? "features" : SL_ARCH_EMBEDDING;
    if (arch->kind == SL_MODEL_LOOK)
        o->outputs[o->n_outputs++] = SL_LOOK_SCORE;
    if (h2)
        class_loss(o->own);
    else
        formula_margin(o->own, sl_graph_find(o->own, o->outputs[1]), arch->dim);
}

/* The parameters that lead to the loss: those that a golden line is there for. */
static void name_params(const char *file_name, opened *o, char (*room)[256])
{
    char name[256];
    double a, b;
    FILE *file = golden_open(file_name);
    while (fscanf(file, "%255s %lf %lf", name, &a, &b) == 3)
        if (strncmp(name, "grad:", 5) == 0 && o->n_names < MOST_NAMES) {
            snprintf(room[o->n_names], sizeof *room, "%s", name + 5);
            assert_true(is_learnt(room[o->n_names]));
            o->names[o->n_names] = room[o->n_names];
            o->n_names++;
        }
    fclose(file);
}

static void fill_params(opened *o, int first)
{
    sl_shape shape;
    for (int i = 0; i < o->n_names; i++) {
        float *to = sl_plan_input(o->plan, first + i, &shape);
        formula_fill(o->names[i], &shape, to);
    }
}

static void check_case(const golden_case *c)
{
    const sl_arch arch = small_arch(c);
    char file_name[128], name[256], room[MOST_NAMES][256];
    double length, along;
    sl_shape shapes[3];
    opened o = {0};
    snprintf(file_name, sizeof file_name, "gradient-%s.txt", c->file);
    const int n_inputs = input_shapes(&arch, c->photos, shapes);
    fill_dict(&arch, &o);
    assert_ok(sl_arch_build(&arch, &o.dict, &o.own, &err));
    add_loss(&arch, &o);
    name_params(file_name, &o, room);
    const sl_training as = {.params = o.names, .n_params = o.n_names,
                            .stats = c->learns ? SL_STATS_BATCH : SL_STATS_FIXED};
    assert_ok(sl_graph_for_training(o.own, shapes, o.outputs, o.n_outputs, &as, &o.training, &err));
    assert_ok(sl_graph_gradient(o.training, o.training->outputs[0], o.training->inputs + n_inputs, o.n_names, &o.back,
                                &err));
    assert_ok(sl_plan_compile(o.back, 2, &o.plan, &err));
    fill_inputs(o.plan, o.own, n_inputs, strcmp(arch.name, "h2") == 0);
    fill_params(&o, n_inputs);
    assert_ok(sl_plan_run(o.plan, &err));
    FILE *file = golden_open(file_name);
    while (fscanf(file, "%255s %lf %lf", name, &length, &along) == 3) {
        if (strcmp(name, "loss") == 0)
            assert_true(fabs((double)sl_plan_output(o.plan, 0, NULL)[0] - length) <= 1e-5 * length);
        else
            golden_check(o.plan, golden_output(o.back, name), name, length, along, c->learns ? 1e-3 : 1e-4,
                         c->learns ? 5e-3 : 1e-6);
    }
    fclose(file);
    sl_plan_free(o.plan);
    sl_graph_free(o.back);
    sl_graph_free(o.training);
    sl_graph_free(o.own);
    sl_state_dict_free(&o.dict);
}

static void all_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        print_message("%s\n", cases[i].file);
        check_case(&cases[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_cases)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
