/* Attacks on networks with random weights: slopes by a photo's samples beside central differences through the whole way
 * (warp, network, cosine), bounds after rounding, seeds, what each method reaches, files, and what is refused. */
#define _GNU_SOURCE
#include <unistd.h>

#include "support.h"

#include "attack/attack.h"
#include "base/file.h"
#include "occlude/occlude.h"
#include "secondlook_train.h"

enum { WIDTH = 150, HEIGHT = 130 };

static sl_error err;
static char *dir;
static sl_image photo, other_photo;
static sl_face face, other_face;

/* A model of random weights in dir. */
static void new_model(const char *arch, const char *name, uint64_t seed)
{
    char output[600];
    snprintf(output, sizeof output, "%s/%s", dir, name);
    const sl_new_model_options options = {.arch = arch, .output = output, .models_dir = dir, .seed = seed};
    assert_ok(sl_model_new(&options, &err));
}

/* The same network under another name, fed with BGR. */
static void write_bgr(const char *from, const char *to)
{
    char path[600];
    uint8_t *text;
    size_t size;
    snprintf(path, sizeof path, "%s/%s.json", dir, from);
    assert_ok(sl_read_file(path, 1 << 16, &text, &size, &err));
    char *colour = memmem(text, size, "rgb", 3), *name = memmem(text, size, from, strlen(from));
    assert_true(colour && name);
    memcpy(colour, "bgr", 3);
    memcpy(name, to, strlen(to)); /* names of one length */
    snprintf(path, sizeof path, "%s/%s.json", dir, to);
    assert_ok(sl_write_file(path, text, size, &err));
    free(text);
}

/* Waves, the same for the same seed; in the middle of what samples may be, so that none is cut off. */
static sl_image waves(double seed)
{
    sl_image out;
    assert_ok(sl_image_new(WIDTH, HEIGHT, 3, &out, &err));
    for (int i = 0; i < WIDTH * HEIGHT * 3; i++) {
        const double x = i / 3 % WIDTH, y = (double)(i / 3 / WIDTH), c = i % 3;
        out.pixels[i] =
            (uint8_t)(128 + 40 * sin(.11 * x + seed) * cos(.07 * y * seed + c) + 30 * sin(.31 * y + c));
    }
    return out;
}

/* Five points as a crop of `scale` photo pixels a crop pixel of ArcFace's template has them, turned. */
static sl_face placed(double scale, double angle, double x, double y)
{
    sl_face out = {.has_landmarks = 1};
    const sl_align_template *t = sl_align_template_find("arcface-112");
    for (int i = 0; i < 5; i++) {
        const double px = scale * t->points[i].x, py = scale * t->points[i].y;
        out.points[i] = (sl_point){(float)(x + cos(angle) * px - sin(angle) * py),
                                   (float)(y + sin(angle) * px + cos(angle) * py)};
    }
    for (int i = 0; i < 68; i++) { /* enough of a face for glasses: jaw, eyes, mouth */
        const int at = i < 36 ? (i < 8 ? 0 : 1) : i < 42 ? 0 : i < 48 ? 1 : 3 + (i & 1);
        out.landmarks[i] = out.points[at];
        if (i == 0 || i == 16)
            out.landmarks[i].x += i ? 15 : -15;
    }
    return out;
}

static const char *const one[] = {"tinya"}, *const two[] = {"tinya", "tinyb"};

static sl_attack_options options_of(sl_attack_method method, const char *const *models, size_t count)
{
    sl_attack_options o = sl_attack_defaults();
    o.models_dir = dir;
    o.models = models;
    o.model_count = count;
    o.method = method;
    return o;
}

static uint64_t seed = 1;

static sl_image attacked(const sl_attack_options *o, bool towards, sl_attack_result *result)
{
    const sl_attack_face query = {&photo, &face}, goal = {&other_photo, &other_face};
    sl_attack *a;
    sl_image out;
    assert_ok(sl_attack_open(o, &a, &err));
    assert_ok(sl_attack_photo(a, &query, towards ? &goal : NULL, seed, &out, result, &err));
    sl_attack_close(a);
    return out;
}

/* ---- slopes ---- */

/* A photo's numbers, and of a face in it the cosine to a direction of chance. */
typedef struct {
    sl_surrogate s;
    sl_numbers x, slope;
    double cosine;
} laid_open;

static laid_open lay_open(const char *model, const char *encoder, const sl_face *f)
{
    laid_open out = {.x = {0, 0, WIDTH, HEIGHT, calloc(WIDTH * HEIGHT * 3, sizeof(float))}};
    out.slope = out.x;
    out.slope.value = calloc(WIDTH * HEIGHT * 3, sizeof(float));
    for (int i = 0; i < WIDTH * HEIGHT * 3; i++)
        out.x.value[i] = photo.pixels[i];
    assert_ok(sl_surrogate_open(model[0] == 'm' ? NULL : dir, model, encoder, &out.s, &err));
    fill_random(out.s.other, (size_t)out.s.recogniser.dim, 3, -1, 1);
    assert_ok(sl_surrogate_aim(&out.s, &photo, f->points, &err));
    assert_ok(sl_surrogate_cosine(&out.s, &out.x, &out.slope, &out.cosine, &err));
    return out;
}

static void close_open(laid_open *l)
{
    sl_surrogate_close(&l->s);
    free(l->x.value);
    free(l->slope.value);
}

/* The cosine `h` along v: what its slope says there, and what it is. */
static double central(laid_open *l, const float *v, double h)
{
    double side[2];
    for (int k = 0; k < 2; k++) {
        sl_numbers moved = l->x;
        moved.value = malloc(WIDTH * HEIGHT * 3 * sizeof(float));
        for (int i = 0; i < WIDTH * HEIGHT * 3; i++)
            moved.value[i] = (float)((double)l->x.value[i] + (k ? -h : h) * (double)v[i]);
        assert_ok(sl_surrogate_cosine(&l->s, &moved, NULL, &side[k], &err));
        free(moved.value);
    }
    return (side[0] - side[1]) / (2 * h);
}

/* Along the slope its length, along a direction of chance the product with it, sample by sample the largest ones. */
static void check_slope(const char *model, const char *encoder, const sl_face *f, int single)
{
    enum { COUNT = WIDTH * HEIGHT * 3 };
    laid_open l = lay_open(model, encoder, f);
    float *v = calloc(COUNT, sizeof *v);
    double length = 0, product = 0;
    for (int i = 0; i < COUNT; i++)
        length += (double)l.slope.value[i] * (double)l.slope.value[i];
    length = sqrt(length);
    assert_true(length > 1e-6);
    for (int i = 0; i < COUNT; i++)
        v[i] = (float)((double)l.slope.value[i] / length);
    assert_true(fabs(central(&l, v, .5) - length) < .005 * length);
    fill_random(v, COUNT, 8, -1, 1);
    for (int i = 0; i < COUNT;
         i++) { /* as much along the slope as across it, or it would be lost among so many samples */
        v[i] = (float)(.02 * (double)v[i] + (double)l.slope.value[i] / length);
        product += (double)v[i] * (double)l.slope.value[i];
    }
    assert_true(fabs(central(&l, v, .5) - product) < .005 * fabs(product));
    for (int n = 0; n < single; n++) {
        int best = 0;
        for (int i = 0; i < COUNT; i++)
            if (fabsf(l.slope.value[i]) > fabsf(l.slope.value[best]))
                best = i;
        memset(v, 0, COUNT * sizeof *v);
        v[best] = 1;
        const double want = (double)l.slope.value[best];
        assert_true(fabs(central(&l, v, 2) - want) < .03 * fabs(want));
        l.slope.value[best] = 0;
    }
    free(v);
    close_open(&l);
}

static void slopes_agree_with_central_differences(void **state)
{
    (void)state;
    const sl_face small = placed(.6, -.3, 20, 25), large = placed(1.05, .25, 30, 0), shrunk = placed(.9, .1, 5, 5),
                  outside = placed(.7, .8, -10, 40);
    check_slope("tinya", NULL, &small, 4);
    check_slope("tinya", NULL, &large, 4); /* three and more photo pixels a crop pixel: the photo is shrunk first */
    check_slope("bgrya", NULL, &shrunk, 4);
    check_slope("tinyb", NULL, &outside, 4);
}

static void slopes_of_a_grey_network(void **state)
{
    (void)state;
    new_model("arcface-r18", "grey", 5);
    check_slope("grey", NULL, &face, 0);
}

static void slopes_of_a_real_network(void **state)
{
    (void)state;
    char *path = model_path("mobilefacenet-192.tflite");
    if (!path) {
        print_message("skipped: the networks are not here: secondlook models fetch\n");
        return;
    }
    check_slope("mobilefacenet-192", NULL, &face, 3);
    check_slope("mobilefacenet-192", "auto", &face, 0); /* one sample alone is lost among its kinks */
    free(path);
}

/* What the surrogate makes of whole samples is what the pipeline makes of the crop, but for the crop's rounding. */
static double check_cosine(const char *model, const char *encoder)
{
    laid_open l = lay_open(model, encoder, &face);
    const sl_recogniser *r = &l.s.recogniser;
    const sl_plan_options options = {.threads = 1};
    sl_plan *plan;
    sl_image crop;
    assert_ok(sl_face_align(&photo, face.points, l.s.align, r->width, r->height, &crop, NULL, &err));
    assert_ok(encoder ? sl_encoder_compile(&l.s.encoder, r, true, &options, &plan, &err)
                      : sl_recogniser_compile(r, 1, &options, &plan, &err));
    assert_ok(sl_recogniser_prepare(r, &crop, sl_plan_input(plan, 0, NULL), &err));
    assert_ok(sl_plan_run(plan, &err));
    assert_true(fabs(cosine_of(sl_plan_output(plan, 0, NULL), l.s.other, (size_t)r->dim) - l.cosine) < .005);
    const double cosine = l.cosine;
    sl_image_free(&crop);
    sl_plan_free(plan);
    close_open(&l);
    return cosine;
}

static void the_cosine_is_the_pipelines(void **state)
{
    (void)state;
    check_cosine("tinya", NULL);
    char *path = model_path("mobilefacenet-192.tflite");
    if (path) /* the encoder's weights are others */
        assert_true(fabs(check_cosine("mobilefacenet-192", "auto") - check_cosine("mobilefacenet-192", NULL)) > 1e-4);
    free(path);
}

static void encoders_of_other_recognisers_are_refused(void **state)
{
    (void)state;
    sl_surrogate s;
    assert_int_equal(sl_surrogate_open(dir, "tinya", "mobilefacenet-192-covered", &s, &err), SL_ERR_MISMATCH);
    assert_non_null(strstr(err.text, "mobilefacenet-192-covered"));
    sl_surrogate_close(&s);
}

/* ---- bounds ---- */

static void check_bound(const sl_attack_options *o)
{
    sl_attack_result result;
    sl_image out = attacked(o, false, &result);
    double sum = 0;
    int largest = 0;
    size_t changed = 0;
    for (int i = 0; i < WIDTH * HEIGHT * 3; i++) {
        const int d = abs(out.pixels[i] - photo.pixels[i]);
        largest = d > largest ? d : largest;
        changed += d > 0;
        sum += d * d;
    }
    assert_int_equal(result.changed, changed);
    assert_true(result.largest == largest && changed > 0 && changed <= result.samples);
    assert_true(fabs(result.root_mean_square - sqrt(sum / (double)result.samples)) < 1e-6);
    if (o->norm == SL_ATTACK_LINF)
        assert_true(largest <= o->eps);
    else
        assert_true(sqrt(sum / (double)result.samples) <= o->eps + 1e-12);
    sl_image_free(&out);
}

static void bounds_hold_after_rounding(void **state)
{
    (void)state;
    static const double eps[] = {1, 2.6, 8, 40};
    for (int method = 0; method < 3; method++)
        for (int norm = 0; norm < 2; norm++)
            for (size_t i = 0; i < sizeof eps / sizeof *eps; i++) {
                sl_attack_options o = options_of((sl_attack_method)method, one, 1);
                o.norm = (sl_attack_norm)norm;
                o.eps = eps[i];
                o.steps = 4;
                check_bound(&o);
            }
}

static void glasses_change_nothing_else(void **state)
{
    (void)state;
    static uint8_t mark[WIDTH * HEIGHT];
    sl_attack_options o = options_of(SL_ATTACK_MOMENTUM, one, 1);
    sl_attack_result result;
    size_t marked = 0;
    o.region = SL_ATTACK_GLASSES;
    o.eps = 255;
    sl_image out = attacked(&o, false, &result);
    memset(mark, 0, sizeof mark);
    assert_ok(sl_mark_frames(&photo, face.landmarks, mark, &err));
    for (int i = 0; i < WIDTH * HEIGHT; i++) {
        marked += mark[i];
        assert_true(mark[i] || memcmp(out.pixels + 3 * i, photo.pixels + 3 * i, 3) == 0);
    }
    assert_true(marked > 100 && marked < WIDTH * HEIGHT / 5);
    assert_true(result.largest > 50 && result.changed > marked);
    sl_image_free(&out);

    sl_face bare = face;
    bare.has_landmarks = 0;
    const sl_attack_face query = {&photo, &bare};
    sl_attack *a;
    assert_ok(sl_attack_open(&o, &a, &err));
    assert_int_equal(sl_attack_photo(a, &query, NULL, 1, &out, &result, &err), SL_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.text, "libdlib-data"));
    sl_attack_close(a);
}

/* ---- what is reached ---- */

static void every_method_gets_where_it_wants(void **state)
{
    (void)state;
    for (int method = 0; method < 3; method++)
        for (int norm = 0; norm < 2; norm++) {
            sl_attack_options o = options_of((sl_attack_method)method, one, 1);
            sl_attack_result away, towards;
            o.norm = (sl_attack_norm)norm;
            sl_image out = attacked(&o, false, &away);
            sl_image_free(&out);
            out = attacked(&o, true, &towards);
            sl_image_free(&out);
            assert_true(away.before[0] > .9999 && away.after[0] < away.before[0] - .005);
            assert_true(towards.after[0] > towards.before[0] + .005);
        }
}

static void iterations_get_further_than_one_step(void **state)
{
    (void)state;
    sl_attack_options o = options_of(SL_ATTACK_FGSM, one, 1);
    sl_attack_result step, many;
    sl_image out = attacked(&o, true, &step);
    sl_image_free(&out);
    o.method = SL_ATTACK_ITERATED;
    o.steps = 20;
    out = attacked(&o, true, &many);
    sl_image_free(&out);
    assert_true(many.after[0] > step.after[0]);
}

static void several_networks_at_once(void **state)
{
    (void)state;
    sl_attack_options o = options_of(SL_ATTACK_MOMENTUM, two, 2);
    sl_attack_result both, first;
    sl_image out = attacked(&o, true, &both);
    sl_image_free(&out);
    o.model_count = 1;
    out = attacked(&o, true, &first);
    sl_image_free(&out);
    for (int i = 0; i < 2; i++)
        assert_true(both.after[i] > both.before[i]);
    assert_true(first.after[0] >= both.after[0]); /* who has one to care for gets further with it */
    assert_true(first.after[1] == 0);
}

static void seeds_tell_pictures(void **state)
{
    (void)state;
    sl_attack_options o = options_of(SL_ATTACK_MOMENTUM, one, 1);
    sl_attack_result result;
    sl_image first = attacked(&o, false, &result), again = attacked(&o, false, &result);
    seed = 2;
    sl_image other = attacked(&o, false, &result);
    seed = 1;
    assert_memory_equal(first.pixels, again.pixels, WIDTH * HEIGHT * 3);
    assert_true(memcmp(first.pixels, other.pixels, WIDTH * HEIGHT * 3) != 0);
    sl_image_free(&first);
    sl_image_free(&again);
    sl_image_free(&other);
}

static void grey_photos_become_rgb(void **state)
{
    (void)state;
    sl_attack_options o = options_of(SL_ATTACK_FGSM, one, 1);
    sl_attack_result result;
    sl_image grey, out;
    sl_attack *a;
    assert_ok(sl_image_to_grey(&photo, &grey, &err));
    const sl_attack_face query = {&grey, &face};
    assert_ok(sl_attack_open(&o, &a, &err));
    assert_ok(sl_attack_photo(a, &query, NULL, 1, &out, &result, &err));
    assert_int_equal(out.channels, 3);
    sl_image_free(&out);
    sl_image_free(&grey);
    sl_attack_close(a);
}

/* ---- files ---- */

static void files_say_what_they_are(void **state)
{
    (void)state;
    char path[600];
    uint8_t *data;
    size_t size;
    sl_image back;
    const sl_attack_result result = {.seed = 71};
    sl_attack *a;
    sl_attack_options o = options_of(SL_ATTACK_MOMENTUM, two, 2);
    o.eps = 7.5;
    assert_ok(sl_attack_open(&o, &a, &err));
    snprintf(path, sizeof path, "%s/x.png", dir);
    assert_ok(sl_attack_write(a, &result, &photo, path, &err));
    assert_ok(sl_image_read(path, &back, &err));
    assert_memory_equal(back.pixels, photo.pixels, WIDTH * HEIGHT * 3);
    assert_ok(sl_read_file(path, 1 << 20, &data, &size, &err));
    assert_non_null(memmem(data, size, "ATTACKED PICTURE", 16));
    assert_non_null(memmem(data, size, "eps 7.5", 7));
    assert_non_null(memmem(data, size, "seed 71,", 8));
    assert_non_null(memmem(data, size, "tinya, tinyb", 12));
    free(data);
    sl_image_free(&back);
    snprintf(path, sizeof path, "%s/x.jpg", dir);
    assert_int_equal(sl_attack_write(a, &result, &photo, path, &err), SL_ERR_ARGUMENT);
    assert_non_null(strstr(err.text, ".png"));
    sl_attack_close(a);
}

/* ---- what is refused ---- */

static void expect_refused(const sl_attack_options *o, sl_status status, const char *part)
{
    sl_attack *a;
    assert_int_equal(sl_attack_open(o, &a, &err), status);
    assert_null(a);
    assert_non_null(strstr(err.text, part));
}

static void options_out_of_range_are_named(void **state)
{
    (void)state;
    const sl_attack_options good = options_of(SL_ATTACK_MOMENTUM, one, 1);
    sl_attack_options o = good;
#define REFUSED(field, value, part)                                                                               \
    o = good, o.field = value;                                                                                    \
    expect_refused(&o, SL_ERR_ARGUMENT, part)
    REFUSED(eps, 0, "eps");
    REFUSED(eps, -1, "eps");
    REFUSED(eps, 256, "eps");
    REFUSED(eps, NAN, "eps");
    REFUSED(eps, .9, "8 bits");
    REFUSED(steps, 0, "steps");
    REFUSED(steps, 1001, "steps");
    REFUSED(step, -1, "step");
    REFUSED(step, INFINITY, "step");
    REFUSED(momentum, NAN, "momentum");
    REFUSED(start, -1, "start");
    REFUSED(model_count, 0, "networks");
    REFUSED(model_count, 9, "networks");
    REFUSED(models, NULL, "networks");
    REFUSED(method, (sl_attack_method)3, "method");
    REFUSED(norm, (sl_attack_norm)2, "norm");
    REFUSED(region, (sl_attack_region)-1, "region");
#undef REFUSED
    static const char *const absent[] = {"absent"};
    o = good, o.models = absent;
    expect_refused(&o, SL_ERR_NOT_FOUND, "absent");
}

static void faces_that_cannot_be_are_refused(void **state)
{
    (void)state;
    sl_attack_options o = options_of(SL_ATTACK_FGSM, one, 1);
    sl_attack_result result;
    sl_image out, hollow = {.width = 10, .height = 10, .channels = 3};
    sl_attack *a;
    sl_face bad = face;
    const sl_attack_face without = {&photo, NULL}, empty = {&hollow, &face}, query = {&photo, &bad},
                         good = {&photo, &face};
    assert_ok(sl_attack_open(&o, &a, &err));
    assert_int_equal(sl_attack_photo(a, &without, NULL, 1, &out, &result, &err), SL_ERR_ARGUMENT);
    assert_int_equal(sl_attack_photo(a, &empty, NULL, 1, &out, &result, &err), SL_ERR_ARGUMENT);
    assert_int_equal(sl_attack_photo(a, &good, &empty, 1, &out, &result, &err), SL_ERR_ARGUMENT);
    bad.points[2].x = NAN;
    assert_int_equal(sl_attack_photo(a, &query, NULL, 1, &out, &result, &err), SL_ERR_NUMERIC);
    for (int i = 0; i < 5; i++)
        bad.points[i] = (sl_point){50, 50};
    assert_int_equal(sl_attack_photo(a, &query, NULL, 1, &out, &result, &err), SL_ERR_NUMERIC);
    bad = placed(.8, 0, 4000, 4000);
    assert_int_equal(sl_attack_photo(a, &query, NULL, 1, &out, &result, &err), SL_ERR_NUMERIC);
    assert_non_null(strstr(err.text, "outside the photo"));
    assert_null(out.pixels);
    sl_attack_close(a);
    o.start = 0;
    assert_ok(sl_attack_open(&o, &a, &err));
    assert_int_equal(sl_attack_photo(a, &good, NULL, 1, &out, &result, &err), SL_ERR_ARGUMENT);
    assert_non_null(strstr(err.text, "noise"));
    sl_attack_close(a);
}

static int set_up(void **state)
{
    (void)state;
    dir = make_temp_dir();
    new_model("tiny", "tinya", 1);
    new_model("tiny", "tinyb", 2);
    write_bgr("tinya", "bgrya");
    photo = waves(1);
    other_photo = waves(1.7);
    face = placed(.9, .1, 20, 10);
    other_face = placed(.8, -.2, 20, 25);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    sl_image_free(&photo);
    sl_image_free(&other_photo);
    remove_tree(dir);
    free(dir);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slopes_agree_with_central_differences),
        cmocka_unit_test(slopes_of_a_grey_network),
        cmocka_unit_test(slopes_of_a_real_network),
        cmocka_unit_test(the_cosine_is_the_pipelines),
        cmocka_unit_test(encoders_of_other_recognisers_are_refused),
        cmocka_unit_test(bounds_hold_after_rounding),
        cmocka_unit_test(glasses_change_nothing_else),
        cmocka_unit_test(every_method_gets_where_it_wants),
        cmocka_unit_test(iterations_get_further_than_one_step),
        cmocka_unit_test(several_networks_at_once),
        cmocka_unit_test(seeds_tell_pictures),
        cmocka_unit_test(grey_photos_become_rgb),
        cmocka_unit_test(files_say_what_they_are),
        cmocka_unit_test(options_out_of_range_are_named),
        cmocka_unit_test(faces_that_cannot_be_are_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
