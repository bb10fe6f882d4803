/* The table of second looks: what each row has to hold, and what the rest of the program reads off it. */
#include "support.h"

#include <math.h>

#include "match/look.h"
#include "match/oae/oae.h"

static sl_error err;

static void every_row_is_whole(void **state)
{
    (void)state;
    int looks = 0;
    for (int i = 0; sl_look_kind_of((sl_rerank)i); i++) {
        const sl_look_kind *kind = sl_look_kind_of((sl_rerank)i);
        assert_true(kind->name && kind->words && kind->told);
        assert_true(kind->alpha >= 0 && kind->alpha <= 1);
        assert_true(((kind->reads & SL_READS_LOOK) != 0) == (kind->open != NULL));
        if (!kind->open)
            continue;
        assert_true(kind->close && kind->query && kind->scores);
        assert_true((kind->splits != NULL) == !(kind->reads & SL_READS_LEARNED));
        assert_true((kind->rule != NULL) == ((kind->reads & SL_READS_PATCHES) != 0));
        assert_true((kind->plan != NULL) == (kind->hide != NULL && kind->grid != NULL && kind->flow != NULL));
        assert_true((kind->prunes != NULL) == (kind->best != NULL));
        assert_true((kind->takes_sketches != NULL) == (kind->take_sketches != NULL));
        looks++;
    }
    assert_true(looks >= 4);
    assert_null(sl_look_kind_of((sl_rerank)-1));
}

static void looks_read_what_they_say(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        unsigned reads;
        bool moves, by_trust;
    } expected[] = {{"none", SL_READS_NOTHING, false, false},
                    {"emd", SL_READS_LOOK | SL_READS_PATCHES | SL_READS_SOLVER, true, false},
                    {"oae", SL_READS_LOOK, false, true},
                    {"maxsim", SL_READS_LOOK | SL_READS_PATCHES, true, false},
                    {"same-cell", SL_READS_LOOK | SL_READS_PATCHES, true, false},
                    {"h2l", SL_READS_LOOK | SL_READS_LEARNED, false, false},
                    {"h2", SL_READS_LOOK | SL_READS_LEARNED, false, false},
                    {"auto", SL_READS_NOTHING, false, false}};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        const sl_rerank look = (sl_rerank)sl_rerank_named(expected[i].name);
        const sl_match_options own = sl_match_defaults_of(look);
        assert_int_equal(sl_rerank_reads(look), expected[i].reads);
        assert_int_equal(sl_look_moves_patches(look), expected[i].moves);
        assert_int_equal(sl_look_is_by_trust(look), expected[i].by_trust);
        assert_int_equal(sl_looks_again(&own), expected[i].reads != 0);
        assert_int_equal(sl_looks_at(&own), expected[i].reads ? 100 : 0);
    }
    assert_int_equal(sl_rerank_reads((sl_rerank)99), SL_READS_NOTHING);
    assert_false(sl_look_moves_patches((sl_rerank)99));
}

static void candidates_are_split_for_contributions(void **state)
{
    (void)state;
    for (int i = 0; sl_look_kind_of((sl_rerank)i); i++) {
        sl_match_options o = sl_match_defaults_of((sl_rerank)i);
        assert_int_equal(sl_look_splits(&o), o.rerank == SL_RERANK_OAE);
        o.feature = SL_FEATURE_CONTRIBUTIONS;
        const bool learned = sl_rerank_reads(o.rerank) & SL_READS_LEARNED; /* reads maps, whatever the feature */
        assert_int_equal(sl_look_splits(&o), sl_looks_again(&o) && !learned);
    }
}

/* What auto stands for: by the form of the templates, and by whether statistics are known. */
static void auto_suits_the_templates(void **state)
{
    (void)state;
    float mu = 0;
    sl_oae head = {0}, statistics = {.stats = {.mu = &mu}};
    const struct {
        sl_patch_format format;
        const sl_oae *oae;
        const char *look;
        sl_feature feature;
        sl_weighting weighting;
    } cases[] = {
        {SL_PATCHES_INT8, NULL, "emd", SL_FEATURE_MAP, SL_WEIGHT_APC},
        {SL_PATCHES_F32, &head, "emd", SL_FEATURE_MAP, SL_WEIGHT_APC},
        {SL_PATCHES_INT8, &statistics, "oae", SL_FEATURE_MAP, SL_WEIGHT_APC},
        {SL_PATCHES_COMPACT, &head, "emd", SL_FEATURE_CONTRIBUTIONS, SL_WEIGHT_UNIFORM},
        {SL_PATCHES_COMPACT, &statistics, "oae", SL_FEATURE_CONTRIBUTIONS, SL_WEIGHT_UNIFORM},
        {SL_PATCHES_NONE, &statistics, "none", SL_FEATURE_MAP, SL_WEIGHT_APC},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const sl_template_shape shape = {.rows = 7, .cols = 6, .format = cases[i].format};
        sl_match_options o = sl_match_defaults();
        assert_int_equal(sl_match_options_check(&o, &err), SL_ERR_ARGUMENT);
        o.oae = cases[i].oae;
        o.grid_rows = 7, o.grid_cols = 6; /* the map's own, which is written as 0 */
        sl_match_suit(&o, &shape);
        assert_string_equal(sl_rerank_name(o.rerank), cases[i].look);
        assert_int_equal(o.feature, cases[i].feature);
        assert_int_equal(o.weighting, cases[i].weighting);
        assert_true(o.alpha == sl_match_defaults_of(o.rerank).alpha);
        assert_true(o.grid_rows == 0 && o.grid_cols == 0);
        assert_ok(sl_match_options_check(&o, &err));

        /* oae counts less beside a stage 1 that sees through covers, unless it is told how much. */
        sl_match_options encoded = sl_match_defaults(), named = sl_match_defaults_of(SL_RERANK_OAE), told = named;
        encoded.oae = named.oae = told.oae = cases[i].oae;
        encoded.encoder = named.encoder = told.encoder = 1;
        named.alpha = NAN;
        sl_match_suit(&encoded, &shape);
        sl_match_suit(&named, &shape);
        sl_match_suit(&told, &shape);
        assert_true(encoded.rerank == o.rerank && named.alpha == .3f && told.alpha == .6f);
        assert_true(encoded.alpha == (o.rerank == SL_RERANK_OAE ? .3f : o.alpha));

        const sl_match_options stage1 = sl_match_stage1(&o);
        assert_true(!sl_looks_again(&stage1) && stage1.oae == o.oae);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_whole),
        cmocka_unit_test(looks_read_what_they_say),
        cmocka_unit_test(candidates_are_split_for_contributions),
        cmocka_unit_test(auto_suits_the_templates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
