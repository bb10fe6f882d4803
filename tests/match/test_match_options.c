/* Options: the names of their values, and the name of a look. */
#include "support.h"

#include "match/match.h"

/* Every value under its name and back; the number behind the last has no name. Files and JSON hold these names. */
#define CHECK_NAMES(type, kind, ...)                                                                                  \
    do {                                                                                                              \
        static const char *const expected[] = {__VA_ARGS__};                                                          \
        const int count = (int)(sizeof expected / sizeof *expected);                                                  \
        for (int i = 0; i < count; i++)                                                                               \
            if (expected[i]) {                                                                                        \
                assert_string_equal(sl_##kind##_name((type)i), expected[i]);                                          \
                assert_int_equal(sl_##kind##_named(expected[i]), i);                                                  \
            } else {                                                                                                  \
                assert_null(sl_##kind##_name((type)i));                                                               \
            }                                                                                                         \
        assert_null(sl_##kind##_name((type)count));                                                                   \
        assert_null(sl_##kind##_name((type)-1));                                                                      \
        assert_int_equal(sl_##kind##_named("nobody"), -1);                                                            \
        assert_int_equal(sl_##kind##_named(""), -1);                                                                  \
        assert_int_equal(sl_##kind##_named(NULL), -1);                                                                \
    } while (0)

static void values_have_names(void **state)
{
    (void)state;
    CHECK_NAMES(sl_rerank, rerank, "none", "emd", "oae", "maxsim", "same-cell", "auto", "h2l", "h2");
    CHECK_NAMES(sl_feature, feature, "map", "contributions");
    CHECK_NAMES(sl_weighting, weighting, "uniform", "apc", "cc", "sc", "sc-text", "lmk", "trust", "uew");
    CHECK_NAMES(sl_solver, solver, "sinkhorn", "converged", "exact", "published");
    CHECK_NAMES(sl_patch_compute, patch_compute, "int8", "f32", "bf16");
    CHECK_NAMES(sl_patch_format, patches, "int8", "f32", NULL, "compact", "none");
}

/* The name of a look holds what it reads, nothing else. */
static void a_look_is_named_by_what_it_reads(void **state)
{
    (void)state;
    char key[SL_MATCH_KEY], other[SL_MATCH_KEY];
    for (int look = SL_RERANK_NONE; look < SL_RERANK_AUTO; look++) {
        const sl_match_options usual = sl_match_defaults_of((sl_rerank)look);
        const bool patches = look != SL_RERANK_NONE && look != SL_RERANK_OAE;
        sl_match_key(&usual, key);
        sl_match_options changed[7] = {usual, usual, usual, usual, usual, usual, usual};
        changed[0].weighting = SL_WEIGHT_SC;
        changed[1].feature = SL_FEATURE_CONTRIBUTIONS;
        changed[2].grid_rows = changed[2].grid_cols = 4;
        changed[3].solver = SL_SOLVER_EXACT;
        changed[4].patch_compute = SL_COMPARE_F32;
        changed[5].alpha = .25f;
        changed[6].encoder = 7; /* other queries' scores mean something else, stage 1's too */
        const bool reads[7] = {patches, patches, patches, look == SL_RERANK_EMD, false, look != SL_RERANK_NONE, true};
        for (int i = 0; i < 7; i++) {
            sl_match_key(&changed[i], other);
            assert_int_equal(strcmp(key, other) != 0, reads[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_have_names),
        cmocka_unit_test(a_look_is_named_by_what_it_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
