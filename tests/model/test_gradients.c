/* Gradients of whole networks, in training and with frozen statistics, against PyTorch's in float64. The goldens are
 * made again by tests/torch/run.
 *
 * With frozen statistics all are compared to 1e-4 of each gradient's length. Gradients jump where a number is so near
 * a corner of a ReLU that float32 and float64 come out on two sides of it, one in some million numbers: pictures are
 * taken where none does, by any instruction set (the golden tells the seed). In training batch norms of three
 * pictures magnify rounding: PyTorch's own gradients in float32 are up to 4e-4 of their length away from those in
 * float64 for MobileFaceNet, and 7e-2 for FaceNet, whose last maps have nine cells. What adds a constant before a
 * batch norm has no gradient but rounding. None of this is there in double: the scalar reference, compiled so
 * (double_gradients, which tests/torch/run runs), is within 3e-8 of PyTorch on ArcFace-18 and FaceNet with frozen
 * statistics and on MobileFaceNet in training.
 * net/test_gradient has each kind's gradient to 1e-5 where corners are not in the way. */
#include "golden_gradient.h"

typedef struct {
    int batch;
    double loss;     /* of its value */
    double bound;    /* of the gradient's length */
    double rounding; /* what a gradient of nothing may be */
} tolerance;

static void check_gradient(const formula_net *f, const char *name, double length, double product, const tolerance *t)
{
    char own[320];
    const bool picture = strcmp(name, "input") == 0;
    snprintf(own, sizeof own, "grad:%s", picture ? f->back->tensors[f->back->inputs[0]].name : name);
    golden_check(f->plan, golden_output(f->back, own), name, length, product, t->bound, t->rounding);
}

static void check_loss(double loss, double wanted, double bound)
{
    if (!(fabs(loss - wanted) <= bound * wanted))
        fail_msg("loss %.9g; PyTorch %.9g", loss, wanted);
}

static void check(const char *arch, const char *mode, sl_stats stats, tolerance t)
{
    sl_error err;
    char file_name[128], name[256];
    double length, product;
    int lines = 0;
    snprintf(file_name, sizeof file_name, "gradient-%s-%s.txt", arch, mode);
    FILE *file = golden_open(file_name);
    assert_int_equal(fscanf(file, "%255s %lf %lf", name, &length, &product), 3); /* the loss, and the batch's seed */
    formula_net f = formula_graph(arch, t.batch, stats, true);
    f.seed = (uint64_t)product;
    formula_compile(&f, &(sl_plan_options){.threads = 2});
    assert_ok(sl_plan_run(f.plan, &err));
    check_loss((double)sl_plan_output(f.plan, 0, NULL)[0], length, t.loss);
    for (; fscanf(file, "%255s %lf %lf", name, &length, &product) == 3; lines++)
        check_gradient(&f, name, length, product, &t);
    assert_int_equal(lines, f.n_names + 1);
    fclose(file);
    formula_close(&f);
}

/* Batch norms of three pictures magnify rounding: the loss by 2e-5 where convolutions sum in another order (arm64). */
static const tolerance exact = {1, 1e-5, 1e-4, 1e-6},
#ifdef __x86_64__
                       off_corners = {1, 1e-5, 1e-4, 1e-6},
#else /* pictures were looked for by x86's instruction sets: elsewhere one number may fall on the other side */
                       off_corners = {1, 1e-5, 5e-3, 2e-4},
#endif
                       small_maps = {3, 1e-4, 5e-2, 1e-3}, training = {3, 1e-4, 2e-2, 1e-3};

/* Networks without a batch norm have one mode. */
static void test_plain(void **state)
{
    (void)state;
    static const char *const names[] = {"mtcnn-pnet", "mtcnn-rnet", "mtcnn-onet", "small-layer", "cosface-s20"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        check(names[i], "frozen", SL_STATS_FIXED, exact);
}

static void test_iresnet(void **state)
{
    (void)state;
    check("iresnet18", "frozen", SL_STATS_FIXED, off_corners);
    check("iresnet18", "train", SL_STATS_BATCH, training);
}

static void test_facenet(void **state)
{
    (void)state;
    check("facenet-ir1", "frozen", SL_STATS_FIXED, off_corners);
    check("facenet-ir1", "train", SL_STATS_BATCH, small_maps);
}

static void test_mobilefacenet(void **state)
{
    (void)state;
    check("mobilefacenet", "frozen", SL_STATS_FIXED, exact);
    check("mobilefacenet", "train", SL_STATS_BATCH, training);
}

static void test_arcface(void **state)
{
    (void)state;
    check("arcface-r18", "frozen", SL_STATS_FIXED, off_corners);
    check("arcface-r18", "train", SL_STATS_BATCH, training);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),        cmocka_unit_test(test_iresnet), cmocka_unit_test(test_facenet),
        cmocka_unit_test(test_mobilefacenet),
        cmocka_unit_test(test_arcface),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
