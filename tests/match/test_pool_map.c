/* Pooling to smaller grids. */
#include "reference.h"

#include "match/patch/pool_map.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pooling_by_its_rule),
        cmocka_unit_test(grids_equal_pooled_maps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
