/* Pooling to smaller grids, and the comparison of templates. */
#include "reference.h"

#include "match/patch/pool_map.h"
#include "template/template.h"

static sl_error err;

/* Cell (y, x) of adaptive average pooling, straight from the rule: floor and ceil of the exact quotients. */
static double pooled_cell(const float *map, int rows, int cols, int channels, int to_rows, int to_cols, int y,
                          int x, int c)
{
    int y0 = (int)floor((double)y * rows / to_rows), y1 = (int)ceil((y + 1.0) * rows / to_rows);
    int x0 = (int)floor((double)x * cols / to_cols), x1 = (int)ceil((x + 1.0) * cols / to_cols);
    double sum = 0;
    for (int i = y0; i < y1; i++)
        for (int j = x0; j < x1; j++)
            sum += map[(i * cols + j) * channels + c];
    return sum / ((y1 - y0) * (x1 - x0));
}

static void pooling_by_its_rule(void **state)
{
    (void)state;
    enum { C = 5 };
    static const int shapes[][4] = {{7, 7, 4, 4}, {8, 8, 4, 4},  {7, 6, 3, 4}, {5, 3, 1, 1},
                                    {4, 4, 4, 4}, {16, 1, 5, 1}, {3, 9, 2, 7}};
    float map[64 * C], out[64 * C];
    fill_random(map, 64 * C, 4, -2, 2);
    for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++) {
        const int *s = shapes[k];
        sl_pool_map(map, s[0], s[1], C, out, s[2], s[3]);
        for (int i = 0; i < s[2] * s[3] * C; i++)
            assert_near(out[i], pooled_cell(map, s[0], s[1], C, s[2], s[3], i / C / s[3], i / C % s[3], i % C),
                        1e-6);
    }
    /* 7 to 4: overlapping windows, rows 0-1, 1-3, 3-5, 5-6. */
    for (int i = 0; i < 7; i++)
        map[i] = (float)(1 << i);
    sl_pool_map(map, 7, 1, 1, out, 4, 1);
    assert_near(out[0], (1 + 2) / 2., 0);
    assert_near(out[1], (2 + 4 + 8) / 3., 1e-6);
    assert_near(out[2], (8 + 16 + 32) / 3., 1e-5);
    assert_near(out[3], (32 + 64) / 2., 0);
}

/* A pooled grid gives what the pooled map gives. */
static void grids_equal_pooled_maps(void **state)
{
    (void)state;
    enum { C = 48 };
    static float q[64 * C], b[64 * C], q4[16 * C], b4[16 * C];
    make_map(q, 64, C, 1, 1);
    make_map(b, 64, C, 1, 2);
    for (int side = 7; side <= 8; side++)
        for (int precision = 0; precision < 2; precision++) {
            sl_match_options o = sl_match_defaults_of(SL_RERANK_EMD);
            o.patch_compute = precision;
            o.weighting =
                side == 8 ? SL_WEIGHT_APC : SL_WEIGHT_SC; /* 7 to 4: the mean of the raw map is another */
            sl_pool_map(q, side, side, C, q4, 4, 4);
            sl_pool_map(b, side, side, C, b4, 4, 4);
            sl_patch_map query = {side, side, C, q, NULL, 0, NULL}, candidate = {side, side, C, b, NULL, 0, NULL};
            sl_patch_map query4 = {4, 4, C, q4, NULL, 0, NULL}, candidate4 = {4, 4, C, b4, NULL, 0, NULL};
            float pooled, direct, plan[16 * 16], plan4[16 * 16];
            assert_ok(sl_emd_compare(&query4, &candidate4, 1, &o, &direct, NULL, &err));
            assert_ok(sl_emd_plan(&query4, &candidate4, &o, plan4, NULL, NULL, &err));
            o.grid_rows = o.grid_cols = 4;
            assert_ok(sl_emd_compare(&query, &candidate, 1, &o, &pooled, NULL, &err));
            assert_ok(sl_emd_plan(&query, &candidate, &o, plan, NULL, NULL, &err));
            assert_near(pooled, direct, 1e-4);
            assert_close(plan, plan4, 256, 1e-4);
        }
}

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
    sl_template *b8 = make_template(SL_PATCHES_INT8, 2, 7), *other = make_template(SL_PATCHES_F32, 2, 8);
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

    o = sl_match_defaults_of(SL_RERANK_EMD);
    assert_int_equal(sl_compare(a, other, &o, &s, &err), SL_ERR_MISMATCH);
    assert_non_null(strstr(err.text, "different models"));
    o.alpha = 1.01f;
    assert_int_equal(sl_compare(a, b, &o, &s, &err), SL_ERR_ARGUMENT);
    assert_non_null(strstr(err.text, "alpha"));
    o.alpha = NAN;
    assert_int_equal(sl_compare(a, b, &o, &s, &err), SL_ERR_ARGUMENT);
    o = sl_match_defaults_of(SL_RERANK_EMD);
    o.weighting = SL_WEIGHT_LMK;
    assert_int_equal(sl_compare(a, b, &o, &s, &err), SL_ERR_ARGUMENT);
    assert_non_null(strstr(err.text, "landmarks"));
    sl_template_free(a);
    sl_template_free(b);
    sl_template_free(b8);
    sl_template_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pooling_by_its_rule),
        cmocka_unit_test(grids_equal_pooled_maps),
        cmocka_unit_test(templates_compare),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
