/* A query encoder goes on from the recogniser's own layers: what it makes is what its whole network makes. */
#include "model/encoder.h"

#include <math.h>

#include "base/rng.h"
#include "support.h"

static sl_error err;

/* Numbers like those of a normalised picture. */
static void fill(float *x, size_t n)
{
    sl_rng r = sl_rng_seed(5);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)sl_rng_range(&r, -1, 1);
}

static sl_plan *compile(const sl_encoder *e, const sl_recogniser *r, bool whole)
{
    const sl_plan_options one = {.threads = 1};
    sl_plan *plan;
    assert_ok(sl_encoder_compile(e, r, whole, &one, &plan, &err));
    return plan;
}

/* But for rounding: what is asked for is not merged into what follows. */
static void assert_near(const float *found, const float *wanted, size_t n)
{
    double length = 0, off = 0;
    for (size_t i = 0; i < n; i++) {
        length += (double)wanted[i] * wanted[i];
        off += (double)(found[i] - wanted[i]) * (found[i] - wanted[i]);
    }
    assert_true(length > 0 && off < 1e-10 * length);
}

/* The recogniser with what the encoder goes on from: embedding and map stay. */
static sl_plan *compile_own(const sl_encoder *e, const sl_recogniser *r, const float *picture, size_t n)
{
    const sl_plan_options one = {.threads = 1};
    sl_plan *plain, *with;
    sl_shape shape;
    assert_ok(sl_recogniser_compile(r, 1, &one, &plain, &err));
    assert_ok(sl_recogniser_compile_with(r, 1, e->from, e->n_from, &one, &with, &err));
    memcpy(sl_plan_input(plain, 0, NULL), picture, n * sizeof *picture);
    memcpy(sl_plan_input(with, 0, NULL), picture, n * sizeof *picture);
    assert_ok(sl_plan_run(plain, &err));
    assert_ok(sl_plan_run(with, &err));
    assert_memory_equal(sl_plan_input(with, 0, NULL), picture, n * sizeof *picture); /* an encoder may begin there */
    for (int i = 0; i < 2; i++) {
        const float *wanted = sl_plan_output(plain, i, &shape);
        assert_near(sl_plan_output(with, i, NULL), wanted, (size_t)sl_shape_elements(&shape));
    }
    sl_plan_free(plain);
    return with;
}

static void feed(sl_plan *own, int n_from, sl_plan *part)
{
    for (int i = 0; i < n_from; i++) {
        sl_shape shape, given;
        float *to = sl_plan_input(part, i, &shape);
        const float *from = sl_plan_output(own, 2 + i, &given);
        assert_true(sl_shape_equal(&shape, &given));
        memcpy(to, from, (size_t)sl_shape_elements(&shape) * sizeof *to);
    }
}

static void check_part(const char *model, const char *file)
{
    char *path = model_path(file);
    sl_recogniser r;
    sl_encoder e;
    if (!path) {
        printf("skipped: %s is not there\n", file);
        skip();
    }
    free(path);
    assert_ok(sl_recogniser_open(NULL, model, &r, &err));
    assert_ok(sl_encoder_choose(NULL, "auto", &r, &e, &err));
    assert_true(e.n_from > 0);
    const size_t n = (size_t)r.channels_in * (size_t)r.width * (size_t)r.height;
    float *picture = malloc(n * sizeof *picture);
    assert_non_null(picture);
    fill(picture, n);
    sl_plan *whole = compile(&e, &r, true), *part = compile(&e, &r, false), *own = compile_own(&e, &r, picture, n);
    memcpy(sl_plan_input(whole, 0, NULL), picture, n * sizeof *picture);
    feed(own, e.n_from, part);
    assert_ok(sl_plan_run(whole, &err));
    assert_ok(sl_plan_run(part, &err));
    const float *wanted = sl_plan_output(whole, 0, NULL), *found = sl_plan_output(part, 0, NULL);
    assert_near(found, wanted, (size_t)r.dim);
    const float *recognised = sl_plan_output(own, 0, NULL);
    double apart = 0;
    for (int d = 0; d < r.dim; d++)
        apart += fabs((double)recognised[d] - (double)wanted[d]);
    assert_true(apart > .01 * r.dim); /* the encoder is another network */
    sl_plan_free(whole);
    sl_plan_free(part);
    sl_plan_free(own);
    free(picture);
    sl_encoder_close(&e);
    sl_recogniser_close(&r);
}

static void the_encoder_of_192_goes_on_from_the_recogniser(void **state)
{
    (void)state;
    check_part("mobilefacenet-192", "mobilefacenet-192.tflite");
}

static void the_encoder_of_128_goes_on_from_the_recogniser(void **state)
{
    (void)state;
    check_part("mobilefacenet-128", "mobilefacenet-128.onnx");
}

/* ---- how much it counts ---- */

static void assert_shares(const sl_encoder *e, float eyes, float mouth, float own, float of_eyes)
{
    const sl_encoder_shares s = sl_encoder_shares_of(e, eyes, mouth);
    assert_true(fabsf(s.own - own) < 1e-6f && fabsf(s.eyes - of_eyes) < 1e-6f);
}

static void shares_rise_with_the_half_that_has_more_hidden(void **state)
{
    (void)state;
    sl_manifest m = {.covered = {.2f, .4f}, .share = .8f};
    const sl_encoder e = {.manifest = &m};
    assert_shares(&e, .1f, .2f, 0, 0);
    assert_shares(&e, .1f, .3f, .4f, 0);
    assert_shares(&e, .3f, .1f, .4f, 0); /* without eyes of its own it is of those, too */
    assert_shares(&e, .9f, .9f, .8f, 0);
    assert_shares(&e, NAN, NAN, .8f, 0);
    m.covered[1] = .2f; /* a step */
    assert_shares(&e, .19f, 0, 0, 0);
    assert_shares(&e, .2f, 0, .8f, 0);
}

/* From one encoder to the other there is no step. */
static void eyes_alone_are_another_encoders(void **state)
{
    (void)state;
    sl_manifest m = {.covered = {.2f, .4f}, .share = .8f}, of_eyes = {.covered = {.1f, .2f}, .share = 1};
    sl_encoder eyes = {.manifest = &of_eyes};
    const sl_encoder e = {.manifest = &m, .eyes = &eyes};
    assert_shares(&e, .2f, .6f, .8f, 0);
    assert_shares(&e, .6f, .6f, .8f, 0);
    assert_shares(&e, .6f, .525f, .4f, .5f);
    assert_shares(&e, .6f, .2f, 0, 1);
    assert_shares(&e, .15f, 0, 0, .5f); /* each rises as its own manifest says */
    assert_shares(&e, NAN, NAN, .8f, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_encoder_of_192_goes_on_from_the_recogniser),
        cmocka_unit_test(the_encoder_of_128_goes_on_from_the_recogniser),
        cmocka_unit_test(shares_rise_with_the_half_that_has_more_hidden),
        cmocka_unit_test(eyes_alone_are_another_encoders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
