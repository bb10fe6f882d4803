#include "support.h"

#include "template/template.h"

static sl_template_shape shape_of(int dim, int rows, int cols, int channels, sl_patch_format format)
{
    return (sl_template_shape){
        .dim = dim, .rows = rows, .cols = cols, .channels = channels, .format = format};
}

static void embedding_is_normalised(void **state)
{
    (void)state;
    sl_error err;
    sl_template *t;
    sl_template_shape s = shape_of(2, 1, 2, 2, SL_PATCHES_F32);
    assert_ok(sl_template_make(&s, (float[]){3, -4}, (float[]){1, 2, 3, 4}, &t, &err));
    int dim, rows, cols, channels;
    const float *e = sl_template_embedding(t, &dim);
    assert_int_equal(dim, 2);
    assert_close(e, (float[]){.6f, -.8f}, 2, 1e-7);
    sl_template_grid(t, &rows, &cols, &channels);
    assert_int_equal(rows * 100 + cols * 10 + channels, 122);
    float raw[4];
    assert_ok(sl_template_patches(t, raw, &err));
    assert_close(raw, (float[]){1, 2, 3, 4}, 4, 0);
    sl_template_free(t);
    sl_template_free(NULL);
}

static void int8_by_hand(void **state)
{
    (void)state;
    sl_error err;
    sl_template *t;
    sl_template_shape s = shape_of(1, 1, 3, 3, SL_PATCHES_INT8);
    /* scales 2/127, 0 (all zero), 254/127 = 2 */
    const float raw[9] = {1, -2, 0, 0, 0, 0, 254, 3, -100};
    assert_ok(sl_template_make(&s, (float[]){7}, raw, &t, &err));
    assert_close(t->patch_scales, (float[]){2.f / 127, 0, 2}, 3, 0);
    const int8_t q[9] = {64, -127, 0, 0, 0, 0, 127, 2, -50}; /* 63.5 and 1.5 go to even */
    assert_memory_equal(t->patches_i8, q, 9);
    float back[9];
    assert_ok(sl_template_patches(t, back, &err));
    assert_close(back, (float[]){128.f / 127, -2, 0, 0, 0, 0, 254, 4, -100}, 9, 1e-6);
    sl_template_free(t);
}

static void int8_error_is_half_a_step(void **state)
{
    (void)state;
    enum { R = 49, C = 513 };
    static float raw[R * C], back[R * C], scales[R];
    static int8_t q[R * C];
    fill_random(raw, R * C, 5, -40, 13);
    raw[7] = 1e30f;
    raw[C + 3] = 3e-31f; /* patch 1 is made tiny below */
    for (int c = 0; c < C; c++)
        raw[C + c] = c == 3 ? 3e-31f : 0;
    sl_patches_quantise(raw, R, C, q, scales);
    sl_patches_dequantise(q, scales, R, C, back);
    for (int r = 0; r < R; r++) {
        int largest = 0;
        for (int c = 0; c < C; c++) {
            int v = abs(q[r * C + c]);
            largest = v > largest ? v : largest;
        }
        assert_int_equal(largest, r == 1 ? 0 : 127);
        assert_close(raw + r * C, back + r * C, C, scales[r] * .501 + 1e-30);
    }
}

/* What a template does not have is an error, not zeros. */
static void forms_without(void **state)
{
    (void)state;
    sl_error err;
    sl_template *t;
    enum { R = 2, D = 6 };
    float y[R * D], out[R * D], centre[R * D];
    fill_random(y, R * D, 3, -2, 2);
    fill_random(centre, R * D, 4, -1, 1);
    sl_template_shape s = shape_of(D, 1, R, D, SL_PATCHES_COMPACT);
    s.centre = centre;
    assert_ok(sl_template_alloc(&s, &t, &err));
    sl_contributions_quantise(y, centre, R, D, t->codes, t->patch_scales);
    out[0] = 77;
    assert_int_equal(sl_template_patches(t, out, &err), SL_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.text, "sl_template_contributions"));
    assert_true(out[0] == 77);
    assert_ok(sl_template_contributions(t, out, &err));
    for (int r = 0; r < R; r++) { /* mixed again, each dimension lies within half a level of what was put in */
        float difference[D];
        for (int d = 0; d < D; d++)
            difference[d] = out[r * D + d] - y[r * D + d];
        sl_contributions_rotate(difference, D);
        for (int d = 0; d < D; d++) {
            const int k = d < D / 2 ? t->codes[r * D / 2 + d] & 15 : t->codes[r * D / 2 + d - D / 2] >> 4;
            assert_true(k == 0 || k == 15 || fabsf(difference[d]) <= t->patch_scales[r] * 1.0001f);
        }
    }
    sl_template_free(t);
    s = shape_of(D, 1, R, D, SL_PATCHES_NONE);
    assert_ok(sl_template_alloc(&s, &t, &err));
    assert_int_equal(sl_template_patches(t, out, &err), SL_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.text, "--patches int8"));
    assert_int_equal(sl_template_contributions(t, out, &err), SL_ERR_UNSUPPORTED);
    sl_template_free(t);
    s = shape_of(D, 1, R, D, SL_PATCHES_INT8);
    assert_ok(sl_template_make(&s, y, y, &t, &err));
    assert_int_equal(sl_template_contributions(t, out, &err), SL_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.text, "a patch map"));
    sl_template_free(t);
}

/* Mixing is defined by its sums and differences, one by one. */
static void mixed_as_defined(void **state)
{
    (void)state;
    enum { MOST = 192 };
    static const struct {
        int dim, mixed;
    } cases[] = {{1, 1}, {3, 1}, {6, 2}, {12, 4}, {40, 8}, {48, 16}, {96, 32}, {128, 64}, {192, 64}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        const int dim = cases[c].dim, n = cases[c].mixed;
        float x[MOST], want[MOST];
        fill_random(x, (size_t)dim, 5 + c, -3, 3);
        memcpy(want, x, (size_t)dim * sizeof *want);
        for (int step = 1; step < n; step *= 2)
            for (int i = 0; i < dim; i++)
                if (!(i & step)) {
                    const float a = want[i], b = want[i + step];
                    want[i] = a + b;
                    want[i + step] = a - b;
                }
        sl_contributions_rotate(x, dim);
        for (int i = 0; i < dim; i++)
            assert_true(x[i] == want[i] * (1 / sqrtf((float)n)));
    }
}

static void bad_values(void **state)
{
    (void)state;
    sl_error err;
    sl_template *t;
    sl_template_shape s = shape_of(2, 1, 1, 2, SL_PATCHES_INT8);
    const float good[2] = {1, 2};
    assert_int_equal(sl_template_make(&s, (float[]){0, 0}, good, &t, &err), SL_ERR_NUMERIC);
    assert_non_null(strstr(err.text, "all zero"));
    assert_null(t);
    assert_int_equal(sl_template_make(&s, (float[]){1, NAN}, good, &t, &err), SL_ERR_NUMERIC);
    assert_int_equal(sl_template_make(&s, (float[]){INFINITY, 1}, good, &t, &err), SL_ERR_NUMERIC);
    assert_int_equal(sl_template_make(&s, good, (float[]){1, -INFINITY}, &t, &err), SL_ERR_NUMERIC);
    assert_non_null(strstr(err.text, "value 1 of patch 0"));
    assert_null(t);
    /* tiny and huge lengths are fine */
    assert_ok(sl_template_make(&s, (float[]){1e-30f, 0}, good, &t, &err));
    assert_true(t->embedding[0] == 1);
    sl_template_free(t);
    assert_ok(sl_template_make(&s, (float[]){3e38f, 3e38f}, good, &t, &err));
    assert_close(t->embedding, (float[]){.70710678f, .70710678f}, 2, 1e-7);
    sl_template_free(t);
}

static void bad_shapes(void **state)
{
    (void)state;
    sl_error err;
    sl_template *t;
    const sl_template_shape shapes[] = {
        shape_of(0, 1, 1, 1, 0),    shape_of(4097, 1, 1, 1, 0), shape_of(1, 0, 1, 1, 0),
        shape_of(1, 17, 16, 1, 0),  shape_of(1, 1, 257, 1, 0),  shape_of(1, 65536, 65536, 1, 0),
        shape_of(1, 1, 1, 0, 0),    shape_of(1, 1, 1, 4097, 0), shape_of(1, 1, 1, -1, 0),
        shape_of(-1, -1, -1, 1, 1), shape_of(1, 1, 1, 1, 2),
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        assert_int_equal(sl_template_alloc(&shapes[i], &t, &err), SL_ERR_ARGUMENT);
        assert_null(t);
    }
    sl_template_shape largest = shape_of(4096, 16, 16, 4096, SL_PATCHES_F32);
    assert_ok(sl_template_alloc(&largest, &t, &err));
    t->embedding[4095] = t->patches_f32[16 * 16 * 4096 - 1] = 1;
    sl_template_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(embedding_is_normalised),
        cmocka_unit_test(int8_by_hand),
        cmocka_unit_test(int8_error_is_half_a_step),
        cmocka_unit_test(forms_without),
        cmocka_unit_test(mixed_as_defined),
        cmocka_unit_test(bad_values),
        cmocka_unit_test(bad_shapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
