/* Trainers: a tiny network learns drawn shapes; runs that are stopped go on bit for bit; and what is refused. */
#include "drawn_shapes.h"

#include <unistd.h>

static sl_trainer *open_trainer(const sl_train_options *o)
{
    sl_error err;
    sl_trainer *t;
    assert_ok(sl_trainer_open(o, &shapes, NULL, NULL, &t, &err));
    return t;
}

static double mean_loss(sl_trainer *t, int steps)
{
    double sum = 0;
    for (int i = 0; i < steps; i++) {
        sl_error err;
        sl_train_report r;
        assert_ok(sl_trainer_step(t, &r, &err));
        sum += r.loss / steps;
    }
    return sum;
}

static void expect_refused(const sl_train_options *o, sl_status status, const char *text)
{
    sl_error err = {0};
    sl_trainer *t;
    assert_int_equal(sl_trainer_open(o, &shapes, NULL, NULL, &t, &err), status);
    assert_null(t);
    if (!strstr(err.text, text))
        fail_msg("\"%s\" does not say \"%s\"", err.text, text);
}

/* ---- tests ---- */

/* Each loss once, both optimisers, both kinds of statistics. */
static void test_learns(void **state)
{
    (void)state;
    char model[512], *folder = make_temp_dir();
    for (int loss = SL_LOSS_ARCFACE; loss <= SL_LOSS_SOFTMAX; loss++) {
        sl_train_options o = options_for(folder, model, sizeof model);
        const bool adamw = loss == SL_LOSS_COSFACE;
        o.loss = (sl_train_loss)loss;
        o.margin = .2;
        o.batch_statistics = !adamw;
        o.optimiser = adamw ? SL_OPTIMISER_ADAMW : SL_OPTIMISER_SGD;
        o.rate = adamw ? .003 : .05;
        o.steps = 60;
        sl_trainer *t = open_trainer(&o);
        double first = mean_loss(t, 10);
        mean_loss(t, 40);
        double last = mean_loss(t, 10);
        if (!(last < .6 * first))
            fail_msg("loss %d: %g at the start, %g at the end", loss, first, last);
        sl_trainer_close(t);
    }
    remove_tree(folder);
    free(folder);
}

/* Runs to the end, closing and resuming after each of these many steps (0: never). */
static void run_in_parts(sl_train_options o, const char *run, const int *stops, bool checkpoint)
{
    sl_error err;
    o.run = run;
    for (int i = 0; stops[i]; i++) {
        sl_trainer *t = open_trainer(&o);
        mean_loss(t, stops[i]);
        if (checkpoint)
            assert_ok(sl_trainer_checkpoint(t, &err));
        sl_trainer_close(t);
        o.resume = 1;
    }
    sl_trainer *t = open_trainer(&o);
    assert_ok(sl_trainer_run(t, NULL, NULL, &err));
    sl_trainer_close(t);
}

static void test_resumes_bit_for_bit(void **state)
{
    (void)state;
    char model[512], whole[512], parts[512], lost[512], *folder = make_temp_dir();
    snprintf(whole, sizeof whole, "%s/whole", folder);
    snprintf(parts, sizeof parts, "%s/parts", folder);
    snprintf(lost, sizeof lost, "%s/lost", folder);
    sl_train_options o = options_for(folder, model, sizeof model);
    o.accumulate = 2;
    o.held_out = .4;
    run_in_parts(o, whole, (int[]){0}, false);
    run_in_parts(o, parts, (int[]){3, 1, 7, 0}, true); /* the checkpoint is of that step */
    run_in_parts(o, lost, (int[]){11, 9, 0}, false);   /* and here of one before it: steps are done again */
    assert_same_files(whole, parts, "checkpoint.safetensors");
    assert_same_files(whole, lost, "checkpoint.safetensors");
    remove_tree(folder);
    free(folder);
}

static void test_refuses_another_run(void **state)
{
    (void)state;
    char model[512], run[512], *folder = make_temp_dir();
    snprintf(run, sizeof run, "%s/run", folder);
    sl_train_options o = options_for(folder, model, sizeof model);
    o.steps = 8;
    run_in_parts(o, run, (int[]){0}, false);
    o.run = run;
    o.resume = 1;
    sl_train_options other = o;
    other.rate = .04;
    expect_refused(&other, SL_ERR_MISMATCH, "rate 0.05");
    other = o;
    other.learn = "layer4|head";
    expect_refused(&other, SL_ERR_MISMATCH, "learn");
    other = o;
    other.seed = 5;
    expect_refused(&other, SL_ERR_MISMATCH, "seed");
    char path[600];
    snprintf(path, sizeof path, "%s/checkpoint.safetensors", run);
    assert_int_equal(truncate(path, 20000), 0);
    expect_refused(&o, SL_ERR_FORMAT, "checkpoint.safetensors");
    assert_int_equal(remove(path), 0);
    expect_refused(&o, SL_ERR_NOT_FOUND, "checkpoint.safetensors");
    remove_tree(folder);
    free(folder);
}

static void test_says_what_it_needs(void **state)
{
    (void)state;
    char model[512], *folder = make_temp_dir();
    sl_error err;
    const sl_train_options o = options_for(folder, model, sizeof model);
    sl_train_options bad = o;
    bad.learn = "no such weights";
    expect_refused(&bad, SL_ERR_NOT_FOUND, "none of the");
    bad = o;
    bad.learn = "head(";
    expect_refused(&bad, SL_ERR_ARGUMENT, "regular expression");
    bad = o;
    bad.batch = 0;
    expect_refused(&bad, SL_ERR_ARGUMENT, "a batch of 1 to 4096");
    bad = o;
    bad.batch = 4096;
    const sl_new_model_options large = {.arch = "mobilefacenet", .output = "large", .models_dir = folder};
    assert_ok(sl_model_new(&large, &err));
    bad.model = "large";
    bad.models_dir = folder;
    expect_refused(&bad, SL_ERR_LIMIT, "smaller batch");
    bad = o;
    bad.rate = NAN;
    expect_refused(&bad, SL_ERR_ARGUMENT, "a rate");
    bad = o;
    bad.augmentation = "nonsense";
    expect_refused(&bad, SL_ERR_ARGUMENT, "nonsense");
    bad = o;
    bad.resume = 1;
    expect_refused(&bad, SL_ERR_ARGUMENT, "folder of the run");
    assert_int_equal(sl_train_recipe("nonsense", &bad, &err), SL_ERR_ARGUMENT);
    assert_non_null(strstr(err.text, "dissertation"));
    remove_tree(folder);
    free(folder);
}

static void test_tells_divergence(void **state)
{
    (void)state;
    sl_error err = {0};
    char model[512], *folder = make_temp_dir();
    sl_train_options o = options_for(folder, model, sizeof model);
    o.rate = 90;
    o.weight_decay = 1; /* each step is to multiply the weights by -89 */
    o.momentum = 0;
    o.batch_statistics = 0;
    o.steps = 100;
    sl_trainer *t = open_trainer(&o);
    assert_int_equal(sl_trainer_run(t, NULL, NULL, &err), SL_ERR_NUMERIC);
    assert_non_null(strstr(err.text, "lower rate"));
    sl_trainer_close(t);
    remove_tree(folder);
    free(folder);
}

/* What is frozen stays to the bit, and the model made of the weights is a model like any other. */
static void test_saves_a_model(void **state)
{
    (void)state;
    sl_error err;
    char model[512], made[512], file[512], *folder = make_temp_dir(), *before, *after;
    sl_train_options o = options_for(folder, model, sizeof model);
    o.learn = "^(layer4|head)";
    o.steps = 5;
    sl_trainer *t = open_trainer(&o);
    sl_train_standing s = sl_trainer_standing(t);
    assert_int_equal(s.weights, 32 * 64 * 9 + 3 * 64 + 64 * 16 * 32 + 32 + SHAPES * 32);
    assert_int_equal(s.people, SHAPES);
    assert_ok(sl_trainer_run(t, NULL, NULL, &err));
    snprintf(made, sizeof made, "%s/made", folder);
    const sl_train_output out = {.output = made};
    assert_ok(sl_trainer_save(t, &out, &err));
    assert_int_equal(sl_trainer_save(t, &out, &err), SL_ERR_EXISTS);
    sl_trainer_close(t);
    snprintf(file, sizeof file, "%s/made.json", folder);
    snprintf(made, sizeof made, "%s/made.onnx", folder);
    assert_ok(sl_model_inspect(NULL, model, &before, &err));
    assert_ok(sl_model_inspect(NULL, file, &after, &err));
    assert_string_not_equal(before, after);
    assert_ok(sl_model_export(NULL, file, made, &err));
    free(before);
    free(after);
    remove_tree(folder);
    free(folder);
}

/* A network that comes whole learns as it is run, and becomes one again. */
static void test_whole_network(void **state)
{
    (void)state;
    sl_error err;
    char model[512], path[600], *folder = make_temp_dir(), *said;
    sl_train_options o = options_for(folder, model, sizeof model);
    snprintf(path, sizeof path, "%s/whole.onnx", folder);
    assert_ok(sl_model_export(NULL, model, path, &err));
    snprintf(path, sizeof path, "%s/whole.json", folder);
    FILE *file = fopen(path, "w");
    fputs("{\"name\": \"whole\", \"kind\": \"recogniser\", \"format\": \"onnx\", \"file\": \"whole.onnx\", "
          "\"licence\": \"none\", \"provenance\": \"a test\", "
          "\"input\": {\"width\": 32, \"height\": 32, \"colour\": \"rgb\", \"mean\": [127.5], \"std\": [128]}, "
          "\"alignment\": \"arcface-112\", \"embedding\": \"embedding\", \"patch_map\": \"patch_map\"}", file);
    fclose(file);
    o.model = path;
    o.batch_statistics = 0; /* they are merged into the convolutions */
    o.loss = SL_LOSS_DISTILL;
    o.target_covered = .5;
    o.augmentation = "covered";
    o.optimiser = SL_OPTIMISER_ADAMW;
    o.rate = 1e-3;
    o.keep = .5;
    o.held_out = .4;
    o.steps = 12;
    sl_trainer *t = open_trainer(&o);
    double first = mean_loss(t, 4);
    mean_loss(t, 4);
    assert_true(mean_loss(t, 4) < first);
    snprintf(model, sizeof model, "%s/again", folder);
    const sl_train_output out = {.output = model, .last = 1};
    assert_ok(sl_trainer_save(t, &out, &err));
    sl_trainer_close(t);
    snprintf(path, sizeof path, "%s/again.json", folder);
    assert_ok(sl_model_inspect(NULL, path, &said, &err));
    assert_non_null(strstr(said, "\"problems\": []"));
    free(said);
    o.model = path; /* and learns once more */
    t = open_trainer(&o);
    mean_loss(t, 1);
    sl_trainer_close(t);
    remove_tree(folder);
    free(folder);
}

/* The same pictures again and again are learned by heart; what is kept is what would have been drawn: the first step of
 * both has the same loss where the pool's walk has the pictures of the first batch, all of them. */
static void test_pool(void **state)
{
    (void)state;
    sl_error err;
    char model[512], whole[512], parts[512], *folder = make_temp_dir();
    snprintf(whole, sizeof whole, "%s/whole", folder);
    snprintf(parts, sizeof parts, "%s/parts", folder);
    sl_train_options o = options_for(folder, model, sizeof model);
    o.loss = SL_LOSS_DISTILL;
    o.target_covered = .5;
    o.augmentation = "covered";
    o.optimiser = SL_OPTIMISER_ADAMW;
    o.batch_statistics = 0;
    o.rate = 1e-3;
    o.steps = 40;
    o.learn = "layer4|head";
    o.accumulate = 1;
    sl_trainer *t = open_trainer(&o);
    const double drawn = mean_loss(t, 1);
    sl_trainer_close(t);
    o.pool = (uint64_t)o.batch;
    t = open_trainer(&o);
    const double kept = mean_loss(t, 1);
    if (!(fabs(kept - drawn) < 1e-5))
        fail_msg("%g drawn, %g kept", drawn, kept);
    mean_loss(t, 34);
    assert_true(mean_loss(t, 5) < .9 * drawn);
    sl_trainer_close(t);
    o.pool = 3 * (uint64_t)o.batch - 1; /* the last batch is drawn, and not kept, as a whole */
    o.steps = 9;
    run_in_parts(o, whole, (int[]){0}, false);
    run_in_parts(o, parts, (int[]){4, 0}, true);
    assert_same_files(whole, parts, "checkpoint.safetensors");
    o.run = whole, o.resume = 1, o.until = 3; /* all is done: nothing is drawn any more */
    t = open_trainer(&o);
    assert_ok(sl_trainer_run(t, NULL, NULL, &err));
    assert_int_equal(sl_trainer_standing(t).step, 9);
    sl_trainer_close(t);
    o.resume = 0;
    t = open_trainer(&o);
    assert_ok(sl_trainer_run(t, NULL, NULL, &err));
    assert_int_equal(sl_trainer_standing(t).step, 3);
    sl_trainer_close(t);
    o.resume = 1, o.pool--;
    expect_refused(&o, SL_ERR_MISMATCH, "pool");
    o.learn = NULL, o.target_covered = 0, o.resume = 0; /* all learns, and nobody is asked: nothing lies before it */
    expect_refused(&o, SL_ERR_ARGUMENT, "pool");
    remove_tree(folder);
    free(folder);
}

/* Says stop once so many are to be drawn and a batch of them is. */
static int stop_in_pool(void *context, size_t done, size_t total)
{
    const size_t *pool = context;
    return done && total == *pool;
}

static void test_a_pool_that_is_drawn_can_be_stopped(void **state)
{
    (void)state;
    char model[512], *folder = make_temp_dir();
    sl_train_options o = options_for(folder, model, sizeof model);
    size_t pool = 1000003; /* would take minutes */
    o.loss = SL_LOSS_DISTILL;
    o.learn = "head";
    o.batch_statistics = 0;
    o.pool = pool;
    sl_trainer *t;
    sl_error err;
    assert_int_equal(sl_trainer_open(&o, &shapes, stop_in_pool, &pool, &t, &err), SL_ERR_INTERRUPTED);
    assert_null(t);
    remove_tree(folder);
    free(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_learns),
        cmocka_unit_test(test_pool),
        cmocka_unit_test(test_a_pool_that_is_drawn_can_be_stopped),
        cmocka_unit_test(test_resumes_bit_for_bit),
        cmocka_unit_test(test_refuses_another_run),
        cmocka_unit_test(test_says_what_it_needs),
        cmocka_unit_test(test_tells_divergence),
        cmocka_unit_test(test_saves_a_model),
        cmocka_unit_test(test_whole_network),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
