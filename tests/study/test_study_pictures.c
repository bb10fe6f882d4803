/* What each arm shows of a pair, beside what the other pictures' code draws of it; which arms can be had. */
#include "../explain/small_look.h"

#include "image/image.h"
#include "study/study_make.h"

static sl_error err;

static void made_up_crop(int seed, sl_image *out)
{
    float shade[64];
    fill_random(shade, 64, (uint64_t)seed, 20, 235);
    assert_ok(sl_image_new(64, 64, 3, out, &err));
    for (int i = 0; i < 64 * 64 * 3; i++)
        out->pixels[i] = (uint8_t)shade[i / 3 / 64 / 8 * 8 + i / 3 % 64 / 8];
}

/* A pair of made-up faces. */
typedef struct {
    sl_image crops[2];
    sl_template *faces[2];
    sl_pair pair;
} made_up;

static made_up *make_pair(void)
{
    float patches[SMALL_CELLS * SMALL_WIDTH];
    made_up *m = calloc(1, sizeof *m);
    for (int i = 0; i < 2; i++) {
        made_up_crop(i + 1, &m->crops[i]);
        fill_random(patches, SMALL_CELLS * SMALL_WIDTH, (uint64_t)i + 5, -1, 1);
        m->faces[i] = small_template(patches);
    }
    m->pair = (sl_pair){.query = m->faces[0],
                        .other = m->faces[1],
                        .query_crop = &m->crops[0],
                        .other_crop = &m->crops[1]};
    return m;
}

static void free_pair(made_up *m)
{
    for (int i = 0; i < 2; i++) {
        sl_image_free(&m->crops[i]);
        sl_template_free(m->faces[i]);
    }
    free(m);
}

static int largest_difference(const sl_image *a, const sl_image *b)
{
    int most = 0;
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    for (int i = 0; i < a->width * a->height * 3; i++) {
        const int d = abs(a->pixels[i] - b->pixels[i]);
        most = d > most ? d : most;
    }
    return most;
}

static void free_pictures(sl_image *a, sl_image *b)
{
    sl_image_free(a);
    sl_image_free(b);
}

/* The heat of C is the weighting that the dissertation calls APC, which is drawn elsewhere by other code. */
static void test_cc_is_apc(void **state)
{
    (void)state;
    const sl_study_options options = sl_study_defaults();
    sl_match_options match = sl_match_defaults_of(SL_RERANK_EMD);
    sl_image shown[2], weights[2];
    made_up *m = make_pair();
    match.weighting = SL_WEIGHT_APC;
    match.patch_compute = SL_COMPARE_F32;
    assert_int_equal(sl_study_shown(SL_STUDY_CC), 2);
    assert_ok(sl_study_arm_pictures(SL_STUDY_CC, &m->pair, &options, shown, &err));
    assert_ok(sl_draw_weights(&m->pair, &match, shown[0].width, &weights[0], &weights[1], &err));
    for (int i = 0; i < 2; i++)
        assert_in_range(largest_difference(&shown[i], &weights[i]), 0, 2);
    assert_true(largest_difference(&shown[0], &shown[1]) > 20);
    free_pictures(&shown[0], &shown[1]);
    free_pictures(&weights[0], &weights[1]);
    free_pair(m);
}

static void test_flow(void **state)
{
    (void)state;
    const sl_study_options options = sl_study_defaults();
    sl_image shown[1], flow;
    made_up *m = make_pair();
    const sl_match_options emd = sl_match_defaults_of(SL_RERANK_EMD);
    assert_int_equal(sl_study_shown(SL_STUDY_FLOW), 1);
    assert_ok(sl_study_arm_pictures(SL_STUDY_FLOW, &m->pair, &options, shown, &err));
    assert_ok(sl_draw_flow(&m->pair, &emd, shown[0].width, &flow, &err));
    assert_int_equal(largest_difference(shown, &flow), 0);
    free_pictures(shown, &flow);
    free_pair(m);
}

/* No colours: a pixel is its crop's times one factor in [0, 1]; and both faces' heat depends on both. */
static void test_h2l_is_brightness(void **state)
{
    (void)state;
    const sl_arch arch = small_arch_of("h2l", 1, 26, false, SL_VIT_PUBLISHED);
    sl_study_options options = sl_study_defaults();
    sl_image shown[2], face, swapped[2];
    made_up *m = make_pair();
    assert_false(sl_study_can_show(SL_STUDY_H2L, &options));
    options.look = small_look(&arch);
    assert_true(sl_study_can_show(SL_STUDY_H2L, &options));
    assert_ok(sl_study_arm_pictures(SL_STUDY_H2L, &m->pair, &options, shown, &err));
    assert_ok(sl_study_face_picture(&m->crops[0], &face, &err));
    int dark = 0, whole = 0;
    for (int i = 0; i < face.width * face.height; i++) {
        const double factor = (double)shown[0].pixels[3 * i] / face.pixels[3 * i];
        assert_true(factor <= 1.03);
        for (int c = 1; c < 3; c++)
            assert_in_range(abs(shown[0].pixels[3 * i + c] - (int)(factor * face.pixels[3 * i + c])), 0, 14);
        dark += factor < .1;
        whole += factor > .9;
    }
    assert_true(dark > 0 && whole > 0);
    const sl_pair turned = {m->pair.other, m->pair.query, m->pair.query_crop, m->pair.other_crop, NULL, NULL, NULL};
    assert_ok(sl_study_arm_pictures(SL_STUDY_H2L, &turned, &options, swapped, &err));
    assert_true(largest_difference(&shown[0], &swapped[0]) > 20);
    free_pictures(&shown[0], &shown[1]);
    free_pictures(&swapped[0], &swapped[1]);
    sl_image_free(&face);
    sl_look_close((sl_look *)options.look);
    free_pair(m);
}

static void test_what_can_be_had(void **state)
{
    (void)state;
    const sl_study_options options = sl_study_defaults();
    char name[64];
    assert_true(sl_study_can_show(SL_STUDY_NONE, &options) && sl_study_can_show(SL_STUDY_FLOW, &options));
    assert_false(sl_study_can_show(SL_STUDY_TRUST, &options));
    assert_int_equal(sl_study_shown(SL_STUDY_NONE), 0);
    sl_study_file_name(name, "0123456789abcdef", -1, 1);
    assert_string_equal(name, "0123456789abcdef-b.jpg");
    sl_study_file_name(name, "0123456789abcdef", SL_STUDY_FLOW, 0);
    assert_string_equal(name, "0123456789abcdef-flow-a.jpg");
    for (int arm = 0; arm < SL_STUDY_ARMS; arm++)
        assert_int_equal(sl_study_arm_named(sl_study_arm_name((sl_study_arm)arm)), arm);
    assert_int_equal(sl_study_arm_named("heat"), -1);
    assert_null(sl_study_arm_name(SL_STUDY_ARMS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cc_is_apc),
        cmocka_unit_test(test_flow),
        cmocka_unit_test(test_h2l_is_brightness),
        cmocka_unit_test(test_what_can_be_had),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
