/* A bank gives the same scores as comparing without preparing, for every precision and weighting. */
#include "support.h"

enum { ROWS = 5, COLS = 3, CHANNELS = 37, COUNT = 11, MAP = ROWS * COLS * CHANNELS };

static sl_error err;
static float query_patches[MAP], patches[COUNT][MAP], embeddings[COUNT + 1][CHANNELS];
static sl_patch_map query, candidates[COUNT];

static int setup(void **state)
{
    (void)state;
    fill_random(query_patches, MAP, 1, -.2f, 1);
    for (int i = 0; i <= COUNT; i++)
        fill_random(embeddings[i], CHANNELS, 50 + (uint64_t)i, -.5f, 1);
    query = (sl_patch_map){.rows = ROWS, .cols = COLS, .channels = CHANNELS, .patches = query_patches,
                           .embedding = embeddings[COUNT], .dim = CHANNELS};
    for (int i = 0; i < COUNT; i++) {
        fill_random(patches[i], MAP, 100 + (uint64_t)i, -.2f, 1);
        candidates[i] = query;
        candidates[i].patches = patches[i];
        candidates[i].embedding = embeddings[i];
    }
    return 0;
}

static void scores_are_those_of_compare(void **state)
{
    (void)state;
    const sl_weighting weightings[] = {SL_WEIGHT_UNIFORM, SL_WEIGHT_APC, SL_WEIGHT_CC, SL_WEIGHT_SC, SL_WEIGHT_SC_TEXT};
    for (int w = 0; w < 5; w++)
        for (int p = 0; p < 2; p++)
            for (int threads = 1; threads <= 3; threads += 2) {
                sl_match_options o = sl_match_defaults_of(SL_RERANK_EMD);
                o.weighting = weightings[w];
                o.patch_compute = (sl_patch_compute)p;
                o.threads = threads;
                sl_emd_bank *bank;
                float a[COUNT], b[COUNT];
                int ia[COUNT], ib[COUNT];
                assert_ok(sl_emd_compare(&query, candidates, COUNT, &o, a, ia, &err));
                assert_ok(sl_emd_bank_open(candidates, COUNT, &o, &bank, &err));
                for (int again = 0; again < 2; again++) {
                    assert_ok(sl_emd_bank_compare(bank, &query, b, ib, &err));
                    assert_memory_equal(a, b, sizeof a);
                    assert_memory_equal(ia, ib, sizeof ia);
                }
                sl_emd_bank_close(bank);
            }
}

static void wrong_sizes_are_refused(void **state)
{
    (void)state;
    sl_emd_bank *bank;
    float scores[COUNT];
    assert_int_equal(sl_emd_bank_open(candidates, 0, NULL, &bank, &err), SL_ERR_ARGUMENT);
    sl_patch_map odd[2] = {candidates[0], candidates[1]};
    odd[1].rows = COLS;
    odd[1].cols = ROWS;
    assert_int_equal(sl_emd_bank_open(odd, 2, NULL, &bank, &err), SL_ERR_MISMATCH);
    assert_non_null(strstr(err.text, "candidate 1"));
    float kept = patches[1][7];
    patches[1][7] = NAN;
    assert_int_equal(sl_emd_bank_open(candidates, 2, NULL, &bank, &err), SL_ERR_NUMERIC);
    assert_non_null(strstr(err.text, "candidate 1"));
    patches[1][7] = kept;
    assert_ok(sl_emd_bank_open(candidates, 2, NULL, &bank, &err));
    assert_int_equal(sl_emd_bank_compare(bank, &odd[1], scores, NULL, &err), SL_ERR_MISMATCH);
    sl_emd_bank_close(bank);
    sl_emd_bank_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_are_those_of_compare),
        cmocka_unit_test(wrong_sizes_are_refused),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
