/* The comparison of two templates. */
#include "reference.h"

#include "template/template.h"

static sl_error err;

enum { DIM = 24, ROWS = 3, COLS = 5, N = ROWS * COLS };

static sl_template *make_template(sl_patch_format format, uint64_t photo, uint8_t model)
{
    sl_template_shape shape = {
        .fingerprint = {model}, .dim = DIM, .rows = ROWS, .cols = COLS, .channels = DIM, .format = format};
    float embedding[DIM], map[N * DIM];
    sl_template *t;
    fill_random(embedding, DIM, 40 + photo, -0.2f, 1);
    make_map(map, N, DIM, 1, photo);
    assert_ok(sl_template_make(&shape, embedding, map, &t, &err));
    return t;
}

static void templates_compare(void **state)
{
    (void)state;
    sl_template *a = make_template(SL_PATCHES_F32, 1, 7), *b = make_template(SL_PATCHES_F32, 2, 7);
    sl_template *b8 = make_template(SL_PATCHES_INT8, 2, 7);
    sl_score s, s8;
    sl_match_options o = sl_match_defaults_of(SL_RERANK_EMD);
    assert_ok(sl_compare(a, b, NULL, &s, &err));
    const double cosine = cosine_of(a->embedding, b->embedding, DIM);
    assert_near(s.stage1, cosine, 1e-6);
    assert_near(s.score, 0.7 * s.stage2 + 0.3 * s.stage1, 1e-6);
    assert_true(s.iterations >= 1);

    float stage2; /* the same through maps */
    sl_patch_map qa = {ROWS, COLS, DIM, a->patches_f32, a->embedding, DIM, NULL};
    sl_patch_map qb = {ROWS, COLS, DIM, b->patches_f32, b->embedding, DIM, NULL};
    assert_ok(sl_emd_compare(&qa, &qb, 1, &o, &stage2, NULL, &err));
    assert_memory_equal(&stage2, &s.stage2, sizeof stage2);

    assert_ok(sl_compare(a, b8, &o, &s8, &err)); /* stored in int8, compared in int8: nearly the same */
    assert_near(s8.stage2, s.stage2, 6e-3);
    o.weighting = SL_WEIGHT_CC;
    assert_ok(sl_compare(a, b, &o, &s, &err));
    assert_ok(sl_compare(a, a, &o, &s, &err));
    assert_near(s.stage1, 1, 1e-6);
    assert_true(s.stage2 > 0.8f);

    o = sl_match_defaults_of(SL_RERANK_EMD);
    o.rerank = SL_RERANK_NONE;
    assert_ok(sl_compare(a, b, &o, &s, &err));
    assert_true(isnan(s.stage2));
    assert_true(s.score == s.stage1);
    for (o.rerank = SL_RERANK_EMD, o.alpha = 0; o.alpha <= 1; o.alpha += 1) {
        assert_ok(sl_compare(a, b, &o, &s, &err));
        assert_true(s.score == (o.alpha > 0 ? s.stage2 : s.stage1));
    }
    o.alpha = NAN; /* not given */
    assert_ok(sl_compare(a, b, &o, &s, &err));
    assert_near(s.score, 0.7 * s.stage2 + 0.3 * s.stage1, 1e-6);

    sl_template_free(a);
    sl_template_free(b);
    sl_template_free(b8);
}

static void what_cannot_be_compared_is_refused(void **state)
{
    (void)state;
    sl_template *a = make_template(SL_PATCHES_F32, 1, 7), *b = make_template(SL_PATCHES_F32, 2, 7);
    sl_template *other = make_template(SL_PATCHES_F32, 2, 8);
    sl_score s;
    sl_match_options o = sl_match_defaults_of(SL_RERANK_EMD);
    assert_int_equal(sl_compare(a, other, &o, &s, &err), SL_ERR_MISMATCH);
    assert_non_null(strstr(err.text, "different models"));
    o.alpha = 1.01f;
    assert_int_equal(sl_compare(a, b, &o, &s, &err), SL_ERR_ARGUMENT);
    assert_non_null(strstr(err.text, "alpha"));
    o = sl_match_defaults_of(SL_RERANK_EMD);
    o.weighting = SL_WEIGHT_LMK;
    assert_int_equal(sl_compare(a, b, &o, &s, &err), SL_ERR_ARGUMENT);
    assert_non_null(strstr(err.text, "landmarks"));
    sl_template_free(a);
    sl_template_free(b);
    sl_template_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(templates_compare),
        cmocka_unit_test(what_cannot_be_compared_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
