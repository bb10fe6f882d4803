/* The weightings: the table, and what each makes of patches that can be weighed by hand. */
#include "reference.h"

#include "match/patch/weighting.h"

static sl_error err;

/* ---- the table ---- */

static void every_row_is_whole(void **state)
{
    (void)state;
    int rows = 0;
    for (; sl_weighting_of((sl_weighting)rows); rows++) {
        const sl_weighting_kind *kind = sl_weighting_of((sl_weighting)rows);
        assert_true(kind->name && *kind->name && kind->words && *kind->words);
        assert_true((kind->fixed != NULL) != (kind->pair != NULL)); /* by itself, or of a pair */
        assert_false(kind->fixed && (kind->pool || kind->sketched));
        assert_false((kind->landmarks || kind->trust) && !kind->fixed);
    }
    assert_true(rows > SL_WEIGHT_TRUST);
    assert_null(sl_weighting_of((sl_weighting)-1));
}

/* ---- by hand ---- */

/* Two patches of two channels: q = (1, 0), (0, 2); n = (3, 4), (0, -5). Unit n = (.6, .8), (0, -1).
 * S[s][m]: .6 .8 / 0 -1. */
static const float hand_q[] = {1, 0, 0, 2}, hand_n[] = {3, 4, 0, -5};

static void hand_weights(sl_weighting weighting, const float *eq, const float *en, float *wq, float *wn)
{
    sl_patch_map q = {1, 2, 2, hand_q, eq, 2, NULL}, n = {1, 2, 2, hand_n, en, 2, NULL};
    sl_match_options o = emd_options_of(weighting, SL_COMPARE_F32);
    assert_ok(sl_emd_plan(&q, &n, &o, NULL, wq, wn, &err));
    o.patch_compute = SL_COMPARE_INT8;
    float i8[4];
    assert_ok(sl_emd_plan(&q, &n, &o, NULL, i8, i8 + 2, &err));
    assert_close(i8, wq, 2, 0.01);
    assert_close(i8 + 2, wn, 2, 0.01);
}

static void weights_by_hand(void **state)
{
    (void)state;
    float wq[2], wn[2];
    hand_weights(SL_WEIGHT_UNIFORM, NULL, NULL, wq, wn);
    assert_near(wq[0], .5, 1e-7);
    assert_near(wn[1], .5, 1e-7);
    /* APC: g_q = (.5, 1) / |.|, g_n = (1.5, -.5) / |.|. u = [g_q . n] = (1.1, -1)+ -> 1, 0; v = (1.5, -.5)+ -> 1,
     * 0. */
    hand_weights(SL_WEIGHT_APC, NULL, NULL, wq, wn);
    assert_near(wn[0], 1, 1e-6);
    assert_near(wn[1], 0, 0);
    assert_near(wq[0], 1, 1e-6);
    assert_near(wq[1], 0, 0);
    /* CC: g_q = (3, 1), g_n = (1, 3): u = (2.6, -1)+ -> 1, 0; v = (1, 3) -> .25, .75. */
    hand_weights(SL_WEIGHT_CC, (float[]){3, 1}, (float[]){1, 3}, wq, wn);
    assert_near(wn[0], 1, 1e-6);
    assert_near(wq[0], .25, 1e-6);
    assert_near(wq[1], .75, 1e-6);
    /* SC: distances .4 .2 / 1 2: u = (.6, 3) / 3.6, v = (1.4, 2.2) / 3.6. */
    hand_weights(SL_WEIGHT_SC, NULL, NULL, wq, wn);
    assert_near(wn[0], .6 / 3.6, 1e-6);
    assert_near(wn[1], 3 / 3.6, 1e-6);
    assert_near(wq[0], 1.4 / 3.6, 1e-6);
    /* SC as the text has it: u = (1.4, -1)+ -> 1, 0; v = (.6, -.2)+ -> 1, 0. */
    hand_weights(SL_WEIGHT_SC_TEXT, NULL, NULL, wq, wn);
    assert_near(wn[0], 1, 1e-6);
    assert_near(wn[1], 0, 0);
    assert_near(wq[0], 1, 1e-6);
    assert_near(wq[1], 0, 0);
}

static void landmark_weights(void **state)
{
    (void)state;
    sl_point q[68], n[68];
    for (int i = 0; i < 68; i++) {
        q[i] = (sl_point){0.1f, 0.1f};   /* cell 0 of a 2x2 grid */
        n[i] = (sl_point){-0.01f, 0.5f}; /* outside */
    }
    q[0] = (sl_point){0.5f, 0.49f};  /* cell 1 */
    q[48] = (sl_point){0.99f, 0.5f}; /* cell 3, a mouth corner: twice */
    q[1] = (sl_point){1.0f, 0.2f};   /* outside */
    n[10] = (sl_point){0, 0.999f};   /* cell 2 */
    float map[4 * 3], wq[4], wn[4], plan[16], score;
    fill_random(map, 12, 1, 0, 1);
    sl_patch_map query = {2, 2, 3, map, NULL, 0, q}, candidate = {2, 2, 3, map, NULL, 0, n};
    sl_match_options o = emd_options_of(SL_WEIGHT_LMK, SL_COMPARE_F32);
    assert_ok(sl_emd_plan(&query, &candidate, &o, plan, wq, wn, &err));
    /* Query: 72 counts less the one outside; 1 in cell 1, 2 in cell 3, 68 in cell 0. */
    assert_near(wq[0], 68.0 / 71, 1e-6);
    assert_near(wq[1], 1.0 / 71, 1e-6);
    assert_near(wq[2], 0, 0);
    assert_near(wq[3], 2.0 / 71, 1e-6);
    assert_near(wn[2], 1, 1e-6);
    assert_near(wn[0] + wn[1] + wn[3], 0, 0);
    assert_near(plan[2 * 4 + 0], 68.0 / 71, 1e-6); /* all mass flows from cell 2 */
    n[10].x = 5;                                   /* now all are outside: no weight, no score */
    assert_ok(sl_emd_compare(&query, &candidate, 1, &o, &score, NULL, &err));
    assert_near(score, 0, 0);
    candidate.landmarks = NULL;
    assert_int_equal(sl_emd_compare(&query, &candidate, 1, &o, &score, NULL, &err), SL_ERR_ARGUMENT);
    assert_non_null(strstr(err.text, "68 landmarks"));
    assert_non_null(strstr(err.text, "candidate 0"));
}

/* Totals that differ are for the published iteration alone. */
static void joint_weights_want_the_published_solver(void **state)
{
    (void)state;
    float map[4 * 3];
    make_map(map, 4, 3, 1, 1);
    const sl_patch_map face = {2, 2, 3, map, NULL, 0, NULL};
    sl_match_options o = emd_options_of(SL_WEIGHT_UEW, SL_COMPARE_F32);
    float score;
    assert_ok(sl_emd_compare(&face, &face, 1, &o, &score, NULL, &err));
    assert_true(score > .3f && score < .7f); /* the query's total is about a half */
    for (o.solver = SL_SOLVER_CONVERGED; o.solver <= SL_SOLVER_EXACT; o.solver++) {
        assert_int_equal(sl_emd_compare(&face, &face, 1, &o, &score, NULL, &err), SL_ERR_ARGUMENT);
        assert_non_null(strstr(err.text, "uew"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_whole),
        cmocka_unit_test(weights_by_hand),
        cmocka_unit_test(landmark_weights),
        cmocka_unit_test(joint_weights_want_the_published_solver),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
