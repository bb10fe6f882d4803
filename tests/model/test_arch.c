/* The architectures: their tensors by name and shape, and the golden figures (float64, the published modules, synthetic
 * fill) that the plan must reproduce, and for one of them the reference layers. */
#include "synthetic.h"

#include "model/head/head.h"
#include "net/layers/layers.h"
#include "net/plan/plan.h"

static sl_error err;

/* ---- networks of the synthetic fill, each made once ---- */

typedef struct {
    const sl_arch *arch;
    sl_state_dict dict;
    sl_graph *graph;
} network;

static network networks[8];

static network *synthetic(const char *name)
{
    network *n = networks;
    while (n->arch && strcmp(n->arch->name, name) != 0)
        n++;
    if (!n->arch) {
        n->arch = sl_arch_find(name);
        assert_non_null(n->arch);
        synthetic_dict(n->arch, &n->dict);
        assert_ok(sl_arch_build(n->arch, &n->dict, &n->graph, &err));
    }
    return n;
}

static int free_networks(void **state)
{
    (void)state;
    for (network *n = networks; n->arch; n++) {
        sl_graph_free(n->graph);
        sl_state_dict_free(&n->dict);
    }
    return 0;
}

/* ---- golden rows ---- */

typedef struct {
    const char *output;
    double sum, norm, first[4], last;
} golden_row;

/* Each figure is given with nine digits; the bound is relative to the tensor's norm. */
static void check_row(const char *arch, const golden_row *want, const float *y, int64_t count)
{
    double sum = 0, square = 0, bound = 1e-5 * want->norm;
    for (int64_t i = 0; i < count; i++) {
        sum += (double)y[i];
        square += (double)y[i] * (double)y[i];
    }
    double got[7] = {sum, sqrt(square), (double)y[0], (double)y[1], (double)y[2], (double)y[3], (double)y[count - 1]};
    const double expected[7] = {want->sum,      want->norm,     want->first[0], want->first[1],
                                want->first[2], want->first[3], want->last};
    for (int i = 0; i < 7; i++)
        if (!(fabs(got[i] - expected[i]) <= bound))
            fail_msg("%s, %s: figure %d is %.10g, expected %.10g", arch, want->output, i, got[i], expected[i]);
}

static sl_graph *specialize(const sl_arch *arch, const sl_graph *g, int batch, const golden_row *rows, int n_rows)
{
    const char *names[4];
    const sl_shape shape = {4, {batch, arch->channels, arch->height, arch->width}};
    sl_graph *special;
    for (int i = 0; i < n_rows; i++)
        names[i] = rows[i].output;
    assert_ok(sl_graph_specialize(g, &shape, names, n_rows, &special, &err));
    return special;
}

static void fill_input(float *x, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        x[i] = (float)(.9 * sin(.01 * (double)i));
}

/* A batch of two, so that a mix-up of faces would show: both are the golden picture. */
static void check_by_plan(const network *n, const golden_row *rows, int n_rows)
{
    sl_plan *plan;
    sl_shape shape;
    sl_graph *special = specialize(n->arch, n->graph, 2, rows, n_rows);
    assert_ok(sl_plan_compile(special, 1, &plan, &err));
    float *x = sl_plan_input(plan, 0, &shape);
    int64_t half = sl_shape_elements(&shape) / 2;
    fill_input(x, half);
    fill_input(x + half, half);
    assert_ok(sl_plan_run(plan, &err));
    for (int i = 0; i < n_rows; i++) {
        const float *y = sl_plan_output(plan, i, &shape);
        half = sl_shape_elements(&shape) / 2;
        check_row(n->arch->name, &rows[i], y, half);
        check_row(n->arch->name, &rows[i], y + half, half);
    }
    sl_plan_free(plan);
    sl_graph_free(special);
}

static void check_by_reference(const network *n, const golden_row *rows, int n_rows)
{
    sl_graph *special = specialize(n->arch, n->graph, 1, rows, n_rows);
    int64_t count = (int64_t)n->arch->channels * n->arch->height * n->arch->width;
    float *x = malloc((size_t)count * sizeof *x), *y[4];
    fill_input(x, count);
    for (int i = 0; i < n_rows; i++)
        y[i] = malloc((size_t)sl_shape_elements(&special->tensors[special->outputs[i]].shape) * sizeof *y[i]);
    assert_ok(sl_reference_run(special, (const float *const *)&x, y, &err));
    for (int i = 0; i < n_rows; i++) {
        check_row(n->arch->name, &rows[i], y[i], sl_shape_elements(&special->tensors[special->outputs[i]].shape));
        free(y[i]);
    }
    free(x);
    sl_graph_free(special);
}

static const golden_row arcface[] = {
    {"patch_map", 2226.336637, 30.65483983, {.0165802156, .0192251733, .0190147358, .0186358365}, .0216598165},
    {"embedding", 1.024886845, 2.198935698, {.16196232, .122001111, .0366483978, -.0289034087}, .0140882973},
};
static const golden_row cosface[] = {
    {"patch_map", 521.6759006, 7.637482916, {.0430658909, .0495325856, .049957542, .0511104746}, -.0168408616},
};
static const golden_row facenet[] = {
    {"patch_map", 818.2651889, 13.51625918, {-.0171004644, -.0155265994, -.0139973589, -.0160149246}, .257010262},
};

static void arcface_is_golden(void **state)
{
    (void)state;
    check_by_plan(synthetic("arcface-r18"), arcface, 2);
}

static void cosface_is_golden(void **state)
{
    (void)state;
    check_by_plan(synthetic("cosface-s20"), cosface, 1);
}

static void facenet_is_golden(void **state)
{
    (void)state;
    check_by_plan(synthetic("facenet-ir1"), facenet, 1);
    check_by_reference(synthetic("facenet-ir1"), facenet, 1);
}

/* ---- tensors and shapes ---- */

/* Every tensor of `arch` as a piece of one block of zeros. */
static float *zero_dict(const sl_arch *arch, sl_state_dict *dict)
{
    sl_arch_tensor *tensors;
    size_t count;
    int64_t largest = 0;
    assert_ok(sl_arch_tensors(arch, &tensors, &count, &err));
    for (size_t i = 0; i < count; i++)
        if (sl_shape_elements(&tensors[i].shape) > largest)
            largest = sl_shape_elements(&tensors[i].shape);
    float *zeros = calloc((size_t)largest, sizeof *zeros);
    for (size_t i = 0; i < count; i++)
        if (tensors[i].used)
            assert_ok(sl_state_dict_add(dict, tensors[i].name, &tensors[i].shape, zeros, false, &err));
    sl_arch_tensors_free(tensors, count);
    return zeros;
}

/* The parameters that the papers' tables and the published files have, training heads left out. */
static void architectures_have_their_sizes(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t parameters; /* running statistics not counted */
    } known[] = {{"arcface-r18", 25627081}, {"cosface-s20", 22666944}, {"facenet-ir1", 23482624},
                 {"iresnet18", 24025600},   {"iresnet50", 43590848},   {"iresnet100", 65156160},
                 {"ir50", 43574976},        {"ir101-plain", 65128768}, {"ir152", 70737600},   {"irse50", 43797696}};
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        sl_arch_tensor *tensors;
        size_t count;
        int64_t sum = 0;
        assert_ok(sl_arch_tensors(sl_arch_find(known[k].name), &tensors, &count, &err));
        for (size_t i = 0; i < count; i++)
            if (tensors[i].used && !ends_with(tensors[i].name, "running_mean") &&
                !ends_with(tensors[i].name, "running_var"))
                sum += sl_shape_elements(&tensors[i].shape);
        sl_arch_tensors_free(tensors, count);
        if (sum != known[k].parameters)
            fail_msg("%s has %lld parameters, expected %lld", known[k].name, (long long)sum,
                     (long long)known[k].parameters);
    }
}

/* What the table says of input, embedding and patch map is what the graph has. */
static void tables_and_graphs_agree(void **state)
{
    (void)state;
    for (int i = 0; sl_arch_at(i); i++) {
        const sl_arch *arch = sl_arch_at(i);
        if (arch->kind != SL_MODEL_RECOGNISER)
            continue;
        sl_state_dict dict = {0};
        sl_graph *g, *special;
        float *zeros = zero_dict(arch, &dict);
        assert_ok(sl_arch_build(arch, &dict, &g, &err));
        const golden_row rows[2] = {{.output = SL_ARCH_EMBEDDING}, {.output = SL_ARCH_PATCH_MAP}};
        special = specialize(arch, g, 1, rows, 2);
        const sl_shape *embedding = &special->tensors[special->outputs[0]].shape,
                       *map = &special->tensors[special->outputs[1]].shape;
        assert_int_equal(sl_shape_elements(embedding), arch->dim);
        assert_int_equal(map->dim[1], arch->patch_channels);
        assert_int_equal(map->dim[2], arch->rows);
        assert_int_equal(map->dim[3], arch->cols);
        assert_string_equal(g->tensors[g->outputs[g->n_outputs - 1]].name, SL_ARCH_EMBEDDING);
        sl_graph_free(special);
        sl_graph_free(g);
        sl_state_dict_free(&dict);
        free(zeros);
    }
}

/* The further maps of ArcFace: 4x4 is the exact mean of 2x2 cells of 8x8. */
static void pooled_map_is_the_mean(void **state)
{
    (void)state;
    const network *n = synthetic("arcface-r18");
    const golden_row rows[3] = {
        {.output = SL_ARCH_PATCH_MAP}, {.output = "patch_map_4x4"}, {.output = "patch_map_16x16"}};
    sl_plan *plan;
    sl_shape shape;
    sl_graph *special = specialize(n->arch, n->graph, 1, rows, 3);
    assert_ok(sl_plan_compile(special, 1, &plan, &err));
    fill_input(sl_plan_input(plan, 0, NULL), 128 * 128);
    assert_ok(sl_plan_run(plan, &err));
    const float *map = sl_plan_output(plan, 0, NULL), *pooled = sl_plan_output(plan, 1, &shape);
    assert_int_equal(sl_shape_elements(&shape), 512 * 16);
    for (int i = 0; i < 512 * 16; i++) {
        const float *cell = map + i / 16 * 64 + i % 16 / 4 * 16 + i % 4 * 2;
        assert_true(fabsf(pooled[i] - (cell[0] + cell[1] + cell[8] + cell[9]) / 4) < 1e-6f);
    }
    sl_plan_output(plan, 2, &shape);
    assert_true(shape.dim[1] == 256 && shape.dim[2] == 16 && shape.dim[3] == 16);
    sl_plan_free(plan);
    sl_graph_free(special);
}

/* embedding = b + sum over cells of what each gives, up to its length (FaceNet's is made 1). */
static void contributions_add_up(void **state)
{
    (void)state;
    static const char *const names[] = {"arcface-r18", "cosface-s20", "facenet-ir1", "iresnet18", "ir50-plain"};
    const golden_row rows[2] = {{.output = SL_ARCH_EMBEDDING}, {.output = SL_ARCH_PATCH_MAP}};
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        const network *n = synthetic(names[k]);
        const sl_arch *arch = n->arch;
        sl_plan *plan;
        sl_head h;
        sl_shape shape;
        float made[512];
        assert_ok(sl_head_of_graph(n->graph, SL_ARCH_PATCH_MAP, SL_ARCH_EMBEDDING, arch->patch_channels, arch->rows,
                                   arch->cols, 1, &h, &err));
        assert_int_equal(h.dim, arch->dim);
        sl_graph *special = specialize(arch, n->graph, 1, rows, 2);
        assert_ok(sl_plan_compile(special, 1, &plan, &err));
        float *x = sl_plan_input(plan, 0, &shape);
        fill_input(x, sl_shape_elements(&shape));
        assert_ok(sl_plan_run(plan, &err));
        const float *map = sl_plan_output(plan, 1, NULL);
        for (int d = 0; d < h.dim; d++) {
            double sum = (double)h.bias[d];
            for (int i = 0; i < h.channels * h.cells; i++)
                sum += (double)map[i] * (double)sl_head_weights(&h, d / SL_HEAD_COLUMNS, i % h.cells,
                                                                i / h.cells)[d % SL_HEAD_COLUMNS];
            made[d] = (float)sum;
        }
        assert_true(cosine_of(made, sl_plan_output(plan, 0, NULL), (size_t)h.dim) > 1 - 1e-6);
        sl_head_free(&h);
        sl_plan_free(plan);
        sl_graph_free(special);
    }
}

/* ---- checking ---- */

static void all_problems_are_listed(void **state)
{
    (void)state;
    const sl_arch *arch = sl_arch_find("cosface-s20");
    sl_state_dict dict = {0};
    float *zeros = zero_dict(arch, &dict);
    strcpy(dict.weights[0].name, "layer1.0.Weight"); /* one missing, one unknown */
    dict.weights[1].shape.dim[0] = 63;               /* one of another shape */
    sl_text problems = {0}, unknown = {0};
    sl_graph *g;
    assert_int_equal(sl_arch_check(arch, &dict, &problems, &unknown, &err), SL_ERR_FORMAT);
    assert_string_equal(problems.data, "layer1.0.weight [64, 3, 3, 3] is missing\n"
                                       "layer1.0.bias is [63] and should be [64]\n");
    assert_string_equal(unknown.data, "layer1.0.Weight\n");
    assert_non_null(strstr(err.text, "2 of its tensors"));
    assert_non_null(strstr(err.text, "layer1.0.bias is [63] and should be [64]"));
    assert_int_equal(sl_arch_build(arch, &dict, &g, &err), SL_ERR_FORMAT);
    assert_null(g);
    free(problems.data);
    free(unknown.data);
    sl_state_dict_free(&dict);
    free(zeros);

    assert_int_equal(sl_arch_check(arch, &dict, NULL, NULL, &err), SL_ERR_FORMAT); /* empty: more than one text holds */
    assert_non_null(strstr(err.text, " more"));
}

static void layouts_are_told_apart(void **state)
{
    (void)state;
    static const char *const names[2] = {"mobilefacenet", "mobilefacenet-prelu"};
    for (int i = 0; i < 2; i++) {
        sl_state_dict dict = {0};
        float *zeros = zero_dict(sl_arch_find(names[i]), &dict);
        assert_string_equal(sl_arch_choose("mobilefacenet", &dict)->name, names[i]);
        assert_null(sl_arch_choose("mobile", &dict));
        sl_state_dict_free(&dict);
        free(zeros);
    }
    assert_null(sl_arch_find("resnet"));
}

/* Names, shapes and order as in the list of the published files, beside the checkout. */
static void tensors_are_the_published_ones(void **state)
{
    (void)state;
    static const char *const names[3] = {"arcface-r18", "cosface-s20", "facenet-ir1"};
    char *path = shared_path("backbone-tensors.txt"), line[256];
    if (!path) {
        print_message("skipped: ../shared/backbone-tensors.txt is not there\n");
        skip();
    }
    FILE *f = fopen(path, "r");
    free(path);
    assert_non_null(f);
    sl_arch_tensor *tensors = NULL;
    size_t count = 0, at = 0;
    for (int section = 0; fgets(line, sizeof line, f);) {
        if (line[0] == '#') {
            assert_int_equal(at, count);
            sl_arch_tensors_free(tensors, count);
            assert_in_range(section, 0, 2);
            assert_ok(sl_arch_tensors(sl_arch_find(names[section++]), &tensors, &count, &err));
            at = 0;
            continue;
        }
        char name[128], shape[64], have[64] = "";
        assert_int_equal(sscanf(line, "%127s %63s", name, shape), 2);
        assert_true(at < count);
        assert_string_equal(tensors[at].name, name);
        for (int i = 0; i < tensors[at].shape.rank; i++)
            sprintf(have + strlen(have), "%s%d", i ? "x" : "", (int)tensors[at].shape.dim[i]);
        assert_string_equal(*have ? have : "scalar", shape);
        at++;
    }
    assert_int_equal(at, count);
    sl_arch_tensors_free(tensors, count);
    fclose(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arcface_is_golden),
        cmocka_unit_test(cosface_is_golden),
        cmocka_unit_test(facenet_is_golden),
        cmocka_unit_test(architectures_have_their_sizes),
        cmocka_unit_test(tables_and_graphs_agree),
        cmocka_unit_test(pooled_map_is_the_mean),
        cmocka_unit_test(contributions_add_up),
        cmocka_unit_test(all_problems_are_listed),
        cmocka_unit_test(layouts_are_told_apart),
        cmocka_unit_test(tensors_are_the_published_ones),
    };
    return cmocka_run_group_tests(tests, NULL, free_networks);
}
