/* Query encoders averaged: the mean of weights, between them and the recogniser's own, and what is refused. */
#include "drawn_shapes.h"

#include <math.h>

#include "model/delta.h"
#include "model/encoder.h"

static sl_error err;

/* An encoder of the tiny model in `folder`, learned by another seed. */
static void make_encoder(const char *folder, const char *name, uint64_t seed, char path[600])
{
    char model[512], output[600];
    sl_train_options o = options_for(folder, model, sizeof model);
    sl_trainer *t;
    o.loss = SL_LOSS_DISTILL;
    o.augmentation = "covered";
    o.batch_statistics = 0;
    o.learn = seed % 2 ? "layer4|head" : "head"; /* one has weights that the other has not */
    o.steps = 3;
    o.seed = seed;
    snprintf(output, sizeof output, "%s/%s", folder, name);
    snprintf(path, 600, "%s/%s.json", folder, name);
    assert_ok(sl_trainer_open(&o, &shapes, NULL, NULL, &t, &err));
    assert_ok(sl_trainer_run(t, NULL, NULL, &err));
    const sl_train_output out = {.output = output, .last = 1, .encoder = 1};
    assert_ok(sl_trainer_save(t, &out, &err));
    sl_trainer_close(t);
}

/* What the encoder's weight `name` has beyond the recogniser's, [count]; zeros where it does not have it. */
static void difference_of(const sl_recogniser *r, const char *path, const char *name, float *out, size_t count)
{
    sl_encoder e;
    sl_graph *made;
    const sl_graph *base;
    sl_weights_of *weights;
    float *owned;
    int n;
    memset(out, 0, count * sizeof *out);
    assert_ok(sl_encoder_open(NULL, path, r, &e, &err));
    assert_ok(sl_encoder_base(r, 1, &made, &base, &err));
    assert_ok(sl_delta_weights(&e.delta, base, &weights, &n, &owned, &err));
    const float *own = base->tensors[sl_graph_find(base, name)].data;
    for (int i = 0; i < n; i++)
        for (size_t k = 0; k < count && strcmp(weights[i].name, name) == 0; k++)
            out[k] = weights[i].value[k] - own[k];
    free(weights);
    free(owned);
    sl_graph_free(made);
    sl_encoder_close(&e);
}

static float greatest(const float *x, size_t count)
{
    float most = 0;
    for (size_t k = 0; k < count; k++)
        most = fmaxf(most, fabsf(x[k]));
    return most;
}

static void expect_mean(const sl_recogniser *r, const char *const paths[3], const char *name, size_t count)
{
    float *x = malloc(3 * count * sizeof *x);
    for (int i = 0; i < 3; i++)
        difference_of(r, paths[i], name, x + (size_t)i * count, count);
    const float *a = x, *b = x + count, *mean = x + 2 * count;
    assert_true(greatest(mean, count) > 0);
    const float step = (greatest(a, count) + greatest(b, count)) / 127;
    for (size_t k = 0; k < count; k++)
        assert_true(fabsf(mean[k] - .5f * a[k] - .25f * b[k]) < step);
    free(x);
}

/* More than 1 is told and read like any other. */
static void assert_share(const char *path, float share)
{
    sl_manifest *m;
    char *where;
    assert_ok(sl_catalogue_find(NULL, path, &m, &where, &err));
    assert_float_equal(m->share, share, 1e-6);
    sl_manifest_free(m);
    free(where);
}

static void test_mean(void **state)
{
    (void)state;
    char a[600], b[600], mean[600], output[600], *folder = make_temp_dir();
    make_encoder(folder, "a", 1, a);
    make_encoder(folder, "b", 2, b);
    snprintf(output, sizeof output, "%s/mean", folder);
    snprintf(mean, sizeof mean, "%s/mean.json", folder);
    char model[600];
    snprintf(model, sizeof model, "%s/tiny.json", folder);
    const sl_encoder_part parts[] = {{a, .5}, {b, .25}};
    const sl_train_output out = {.output = output, .share = 1.25};
    assert_ok(sl_train_average(NULL, model, parts, 2, &out, &err));
    assert_share(mean, 1.25f);
    assert_share(a, SL_ENCODER_SHARE);
    sl_recogniser r;
    assert_ok(sl_recogniser_open(NULL, model, &r, &err));
    sl_graph *made;
    const sl_graph *base;
    assert_ok(sl_encoder_base(&r, 1, &made, &base, &err));
    int seen = 0;
    for (int t = 0; t < base->n_tensors; t++) {
        const char *name = base->tensors[t].name;
        const bool head = strncmp(name, "head", 4) == 0, layer = strncmp(name, "layer4", 6) == 0;
        if (!base->tensors[t].data || base->tensors[t].shape.rank < 2 || !(head || layer))
            continue;
        expect_mean(&r, (const char *const[]){a, b, mean}, name, (size_t)sl_shape_elements(&base->tensors[t].shape));
        seen++;
    }
    assert_true(seen > 1);
    assert_int_equal(sl_train_average(NULL, model, parts, 2, &out, &err), SL_ERR_EXISTS);
    sl_graph_free(made);
    sl_recogniser_close(&r);
    remove_tree(folder);
    free(folder);
}

static void test_refused(void **state)
{
    (void)state;
    const sl_train_output out = {.output = "x"}, nameless = {0};
    const sl_encoder_part fine = {"nobody", 1}, none = {"nobody", 0}, much = {"nobody", 1.1}, nan = {"nobody", NAN};
    for (int i = 0; i < 3; i++) {
        const sl_train_output wrong = {.output = "x", .share = (const double[]){-1, 2.1, NAN}[i]};
        assert_int_equal(sl_train_average(NULL, NULL, &fine, 1, &wrong, &err), SL_ERR_ARGUMENT);
        assert_non_null(strstr(err.text, "share"));
    }
    const sl_encoder_part two[] = {{"nobody", .6}, {"nobody", .5}};
    const sl_encoder_part *const bad[] = {&none, &much, &nan};
    for (int i = 0; i < 3; i++)
        assert_int_equal(sl_train_average(NULL, NULL, bad[i], 1, &out, &err), SL_ERR_ARGUMENT);
    assert_int_equal(sl_train_average(NULL, NULL, two, 2, &out, &err), SL_ERR_ARGUMENT);
    assert_non_null(strstr(err.text, "1.1 together"));
    assert_int_equal(sl_train_average(NULL, NULL, two, 0, &out, &err), SL_ERR_ARGUMENT);
    assert_int_equal(sl_train_average(NULL, NULL, &fine, 1, &nameless, &err), SL_ERR_ARGUMENT);
    assert_int_equal(sl_train_average(NULL, NULL, &fine, 1, NULL, &err), SL_ERR_ARGUMENT);
    assert_int_equal(sl_train_average(NULL, NULL, &fine, 1, &out, &err), SL_ERR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_mean), cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
