/* The second look of every kind: scores against plain double arithmetic on every instruction set, plans, what must
 * not matter, and what must be refused. */
#include "gallery/gallery.h"
#include "linear_model.h"
#include "reference.h"

#include "match/oae/oae.h"
#include "match/kernels/match_kernels.h"
#include "match/patch/pool_map.h"
#include "match/second_look.h"

enum { FACES = 1000, CANDIDATES = 9, MANY = 300 };

static const sl_rerank looks[] = {SL_RERANK_EMD, SL_RERANK_MAXSIM, SL_RERANK_SAME_CELL};
static sl_oae oae;
static char *dir;
static sl_gallery *gallery;

static int open_world(void **state)
{
    (void)state;
    char path[600];
    dir = make_temp_dir();
    snprintf(path, sizeof path, "%s/faces", dir);
    gallery = make_gallery(path, FACES);
    oae = (sl_oae){.head = make_head(), .shape = shape};
    return sl_oae_stats_make(sl_gallery_faces(gallery), &oae.head, 2, NULL, NULL, &oae.stats, &err);
}

static int close_world(void **state)
{
    (void)state;
    sl_gallery_close(gallery);
    sl_head_free(&oae.head);
    sl_oae_stats_free(&oae.stats);
    remove_tree(dir);
    free(dir);
    return 0;
}

static sl_match_options options_of(sl_rerank rerank, sl_feature feature, sl_weighting weighting)
{
    sl_match_options o = sl_match_defaults_of(rerank);
    o.feature = feature;
    o.weighting = weighting;
    o.patch_compute = SL_COMPARE_F32;
    o.threads = 1;
    o.oae = &oae;
    return o;
}

static sl_status listed(void *context, size_t i, sl_patch_source *out, sl_error *e)
{
    (void)e;
    *out = ((const sl_patch_source *)context)[i];
    return SL_OK;
}

static sl_status look_at(const sl_match_options *o, const sl_patch_source *query, size_t n, sl_patch_source *faces,
                         float *scores, int *iterations)
{
    sl_second_look *look;
    sl_status status = sl_second_look_open(o, &shape, &look, &err);
    if (status != SL_OK)
        return status;
    status = sl_second_look_query(look, query, &err);
    if (status == SL_OK)
        status = sl_second_look_scores(look, n, listed, faces, scores, iterations, &err);
    sl_second_look_close(look);
    return status;
}

/* ---- scores in double ---- */

/* What is compared of a face, raw, pooled to rows x cols by the windows' sums: out [rows * cols, *width]. */
static void slow_patches(const sl_template *t, const sl_match_options *o, int rows, int cols, float *out, int *width)
{
    float raw[CELLS * DIM];
    const sl_patch_source source = sl_patch_source_of(t);
    *width = o->feature == SL_FEATURE_MAP ? CHANNELS : DIM;
    if (o->feature == SL_FEATURE_MAP)
        assert_ok(sl_template_patches(t, raw, &err));
    else
        assert_ok(sl_contributions(&oae.head, &source, 1, raw, &err));
    sl_pool_map(raw, ROWS, COLS, *width, out, rows, cols);
    for (int i = 0; i < rows * cols && o->patch_compute == SL_COMPARE_INT8; i++) {
        float largest = 0, *x = out + i * *width;
        for (int c = 0; c < *width; c++)
            largest = fmaxf(largest, fabsf(x[c]));
        for (int c = 0; c < *width; c++)
            x[c] = rintf(x[c] * (127 / largest));
    }
}

/* The query's trust on the grid, of total 1, on both sides. */
static void slow_trust(ref_pair *p, const sl_template *query, int rows, int cols)
{
    const sl_patch_source source = sl_patch_source_of(query);
    float trust[CELLS];
    double sum = 0;
    assert_ok(sl_trust_of_face(&oae, &source, trust, &err));
    for (int y = 0; y < rows; y++)
        for (int x = 0; x < cols; x++) {
            double window = 0, count = 0;
            for (int r = y * ROWS / rows; r < ((y + 1) * ROWS + rows - 1) / rows; r++)
                for (int c = x * COLS / cols; c < ((x + 1) * COLS + cols - 1) / cols; c++, count++)
                    window += (double)trust[r * COLS + c];
            p->u[y * cols + x] = window / count;
            sum += window / count;
        }
    for (int i = 0; i < rows * cols; i++)
        p->u[i] = p->v[i] = p->u[i] / sum;
}

static double slow_score(const sl_template *query, const sl_template *other, const sl_match_options *o)
{
    static ref_pair p;
    const int rows = o->grid_rows ? o->grid_rows : ROWS, cols = o->grid_cols ? o->grid_cols : COLS, n = rows * cols;
    float q[CELLS * DIM], c[CELLS * DIM];
    double g_q[DIM], g_n[DIM], score = 0;
    int width;
    slow_patches(query, o, rows, cols, q, &width);
    slow_patches(other, o, rows, cols, c, &width);
    for (int d = 0; d < DIM; d++)
        g_q[d] = query->embedding[d], g_n[d] = other->embedding[d];
    const int cc = o->weighting == SL_WEIGHT_CC;
    ref_weights(&p, q, c, n, width, o->weighting, cc ? g_q : NULL, cc ? g_n : NULL);
    if (o->weighting == SL_WEIGHT_TRUST)
        slow_trust(&p, query, rows, cols);
    else if (p.weightless)
        return 0;
    if (o->rerank == SL_RERANK_EMD) {
        ref_sinkhorn(&p, .05, 100, .1);
        return p.score;
    }
    for (int m = 0; m < n; m++) {
        double best = -2;
        for (int s = 0; s < n; s++)
            best = fmax(best, p.S[s * n + m]);
        score += o->rerank == SL_RERANK_MAXSIM ? p.v[m] * best : (p.u[m] + p.v[m]) / 2 * p.S[m * n + m];
    }
    return score;
}

/* ---- tests ---- */

static void check_scores(const sl_match_options *o, sl_template **faces, double bound)
{
    sl_patch_source sources[CANDIDATES];
    float scores[CANDIDATES];
    for (int i = 0; i < CANDIDATES; i++)
        sources[i] = sl_patch_source_of(faces[i]);
    for (int isa = 0; isa < sl_isa_count(); isa++) {
        sl_match_use_isa(&sl_isas[isa]);
        assert_ok(look_at(o, &sources[0], CANDIDATES, sources, scores, NULL));
        for (int i = 0; i < CANDIDATES; i++)
            assert_near(scores[i], slow_score(faces[0], faces[i], o), bound);
    }
    sl_match_use_isa(NULL);
}

static void for_every_look(void (*check)(sl_match_options *, sl_template **))
{
    sl_template *faces[CANDIDATES];
    for (int i = 0; i < CANDIDATES; i++)
        faces[i] = make_face((uint64_t)(7000 + i));
    for (size_t look = 0; look < sizeof looks / sizeof *looks; look++)
        for (int feature = 0; feature < 2; feature++) {
            sl_match_options o = options_of(looks[look], (sl_feature)feature, SL_WEIGHT_UNIFORM);
            check(&o, faces);
        }
    for (int i = 0; i < CANDIDATES; i++)
        sl_template_free(faces[i]);
}

static void every_weighting(sl_match_options *o, sl_template **faces)
{
    static const sl_weighting weightings[] = {SL_WEIGHT_UNIFORM, SL_WEIGHT_APC,     SL_WEIGHT_SC,
                                              SL_WEIGHT_SC_TEXT, SL_WEIGHT_TRUST,   SL_WEIGHT_CC};
    for (size_t i = 0; i < sizeof weightings / sizeof *weightings; i++) {
        o->weighting = weightings[i];
        if (o->weighting != SL_WEIGHT_CC || o->feature == SL_FEATURE_CONTRIBUTIONS)
            check_scores(o, faces, 1e-5);
    }
}

static void weightings_are_the_definition(void **state)
{
    (void)state;
    for_every_look(every_weighting);
}

static void every_grid(sl_match_options *o, sl_template **faces)
{
    static const int grids[][2] = {{2, 4}, {3, 3}, {1, 1}};
    for (int weighting = 0; weighting < 2; weighting++)
        for (size_t i = 0; i < sizeof grids / sizeof *grids; i++) {
            o->weighting = weighting ? SL_WEIGHT_TRUST : SL_WEIGHT_UNIFORM;
            o->grid_rows = grids[i][0];
            o->grid_cols = grids[i][1];
            check_scores(o, faces, 1e-5);
        }
}

static void grids_are_the_definition(void **state)
{
    (void)state;
    for_every_look(every_grid);
}

static void in_int8(sl_match_options *o, sl_template **faces)
{
    o->patch_compute = SL_COMPARE_INT8;
    check_scores(o, faces, 1e-5);
    o->weighting = SL_WEIGHT_TRUST;
    check_scores(o, faces, 1e-5);
}

static void int8_is_the_definition_on_rounded_patches(void **state)
{
    (void)state;
    for_every_look(in_int8);
}

static void two_patches_by_hand(void **state)
{
    (void)state;
    sl_template *query, *other;
    sl_score score;
    sl_match_options o = sl_match_defaults_of(SL_RERANK_MAXSIM);
    assert_ok(sl_template_of_arrays((float[]){1, 0}, 2, (float[]){1, 0, 3, 0}, 1, 2, 2, &query, &err));
    assert_ok(sl_template_of_arrays((float[]){.6f, .8f}, 2, (float[]){0, 2, 4, 3}, 1, 2, 2, &other, &err));
    o.patch_compute = SL_COMPARE_F32;
    /* S, the other's patch by the query's: (0 0; .8 .8) */
    assert_ok(sl_compare(query, other, &o, &score, &err));
    assert_near(score.stage2, .8, 1e-6);
    assert_near(score.score, .7 * .8 + .3 * .6, 1e-6);
    assert_int_equal(score.iterations, 0);
    assert_ok(sl_compare(other, query, &o, &score, &err)); /* with the other's eyes */
    assert_near(score.stage2, (0 + .8) / 2, 1e-6);
    o.rerank = SL_RERANK_SAME_CELL;
    assert_ok(sl_compare(query, other, &o, &score, &err));
    assert_near(score.stage2, (0 + .8) / 2, 1e-6);
    /* apc: g_query = (1 0), g_other = (4 5) / 6.403; u = (0 1), v = (1/2 1/2) */
    o.weighting = SL_WEIGHT_APC;
    assert_ok(sl_compare(query, other, &o, &score, &err));
    assert_near(score.stage2, .5 / 2 * 0 + (1 + .5) / 2 * .8, 1e-6);
    sl_template_free(query);
    sl_template_free(other);
}

/* More candidates than are taken together, on several threads, with and without contributions at hand. */
static void company_threads_and_a_bank_do_not_matter(void **state)
{
    (void)state;
    static sl_patch_source sources[MANY], ready[MANY];
    static float scores[MANY], again[MANY];
    static int iterations[MANY], its_again[MANY];
    sl_contribution_bank *bank;
    assert_ok(sl_contribution_bank_open(&oae.head, sl_gallery_faces(gallery), 2, NULL, NULL, &bank, &err));
    for (size_t look = 0; look < sizeof looks / sizeof *looks; look++) {
        sl_match_options o = options_of(looks[look], SL_FEATURE_CONTRIBUTIONS, SL_WEIGHT_TRUST);
        sl_second_look *opened;
        assert_ok(sl_second_look_open(&o, &shape, &opened, &err));
        for (size_t i = 0; i < MANY; i++) {
            assert_ok(sl_second_look_face(opened, sl_gallery_faces(gallery), i, &sources[i], &err));
            ready[i] = sources[i];
            ready[i].contributions = sl_contribution_bank_at(bank, i);
        }
        assert_ok(sl_second_look_query(opened, &sources[5], &err));
        assert_ok(sl_second_look_scores(opened, MANY, listed, sources, scores, iterations, &err));
        assert_ok(sl_second_look_scores(opened, MANY, listed, ready, again, its_again, &err));
        assert_memory_equal(scores, again, sizeof scores);
        assert_memory_equal(iterations, its_again, sizeof iterations);
        assert_true(o.rerank == SL_RERANK_EMD ? iterations[9] > 0 : iterations[9] == 0);
        assert_ok(sl_second_look_scores(opened, 1, listed, sources + 299, again, NULL, &err));
        assert_memory_equal(scores + 299, again, sizeof *again);
        sl_second_look_close(opened);
        o.threads = 3;
        assert_ok(look_at(&o, &ready[5], MANY, sources, again, its_again));
        assert_memory_equal(scores, again, sizeof scores);
        assert_memory_equal(iterations, its_again, sizeof iterations);
    }
    sl_contribution_bank_close(bank);
}

static void check_plan(sl_match_options *o, sl_template **faces)
{
    float plan[CELLS * CELLS], v[CELLS], u[CELLS], score;
    sl_patch_source query = sl_patch_source_of(faces[0]), other = sl_patch_source_of(faces[1]);
    sl_second_look *look;
    int rows, cols;
    o->weighting = SL_WEIGHT_TRUST;
    assert_ok(sl_second_look_open(o, &shape, &look, &err));
    sl_second_look_grid(look, &rows, &cols);
    assert_true(rows == ROWS && cols == COLS);
    assert_ok(sl_second_look_query(look, &query, &err));
    assert_ok(sl_second_look_scores(look, 1, listed, &other, &score, NULL, &err));
    assert_ok(sl_second_look_plan(look, &other, plan, NULL, v, u, &err));
    sl_second_look_close(look);
    if (o->rerank != SL_RERANK_MAXSIM)
        assert_memory_equal(u, v, sizeof u);
    float x[CELLS * DIM], y[CELLS * DIM];
    static ref_pair p;
    int width;
    double sum = 0;
    slow_patches(faces[0], o, ROWS, COLS, x, &width);
    slow_patches(faces[1], o, ROWS, COLS, y, &width);
    ref_weights(&p, x, y, CELLS, width, SL_WEIGHT_UNIFORM, NULL, NULL);
    for (int m = 0; m < CELLS; m++) {
        double column = 0, row = 0;
        for (int s = 0; s < CELLS; s++) {
            column += (double)plan[s * CELLS + m];
            row += (double)plan[m * CELLS + s];
            sum += (double)plan[s * CELLS + m] * p.S[s * CELLS + m];
            if (o->rerank == SL_RERANK_SAME_CELL && s != m)
                assert_true(plan[s * CELLS + m] == 0);
        }
        assert_near(column, v[m], 1e-6); /* every query patch is served */
        if (o->rerank != SL_RERANK_EMD) /* whose rows hold only nearly */
            assert_near(row, u[m], 1e-6);
    }
    assert_near(sum, score, 1e-5);
}

static void plans_give_the_scores(void **state)
{
    (void)state;
    for_every_look(check_plan);
}

static void maxsim_is_no_less_than_emd(void **state)
{
    (void)state;
    sl_patch_source sources[50];
    float emd[50], best[50];
    sl_second_look *look;
    for (int feature = 0; feature < 2; feature++) {
        sl_match_options o = options_of(SL_RERANK_EMD, (sl_feature)feature, SL_WEIGHT_UNIFORM);
        assert_ok(sl_second_look_open(&o, &shape, &look, &err));
        for (size_t i = 0; i < 50; i++)
            assert_ok(sl_second_look_face(look, sl_gallery_faces(gallery), i, &sources[i], &err));
        sl_second_look_close(look);
        assert_ok(look_at(&o, sources, 50, sources, emd, NULL));
        o.rerank = SL_RERANK_MAXSIM;
        assert_ok(look_at(&o, sources, 50, sources, best, NULL));
        for (int i = 0; i < 50; i++)
            assert_true(best[i] >= emd[i] - 1e-6f);
    }
}

/* ---- options ---- */

static void options_say_what_they_need(void **state)
{
    (void)state;
    const struct {
        sl_rerank rerank;
        sl_feature feature;
        sl_weighting weighting;
        sl_match_need need;
    } cases[] = {
        {SL_RERANK_NONE, SL_FEATURE_CONTRIBUTIONS, SL_WEIGHT_TRUST, SL_NEEDS_NOTHING},
        {SL_RERANK_OAE, SL_FEATURE_MAP, SL_WEIGHT_APC, SL_NEEDS_STATISTICS},
        {SL_RERANK_EMD, SL_FEATURE_MAP, SL_WEIGHT_CC, SL_NEEDS_NOTHING},
        {SL_RERANK_MAXSIM, SL_FEATURE_CONTRIBUTIONS, SL_WEIGHT_SC, SL_NEEDS_HEAD},
        {SL_RERANK_SAME_CELL, SL_FEATURE_MAP, SL_WEIGHT_TRUST, SL_NEEDS_STATISTICS},
        {SL_RERANK_EMD, SL_FEATURE_CONTRIBUTIONS, SL_WEIGHT_TRUST, SL_NEEDS_STATISTICS},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sl_match_options o = options_of(cases[i].rerank, cases[i].feature, cases[i].weighting);
        assert_int_equal(sl_match_needs(&o), cases[i].need);
    }
    assert_int_equal(sl_match_defaults_of(SL_RERANK_MAXSIM).weighting, SL_WEIGHT_UNIFORM);
    assert_int_equal(sl_match_defaults_of(SL_RERANK_EMD).weighting, SL_WEIGHT_APC);
}

static void refuses(const sl_match_options *o, sl_status status, const char *words)
{
    sl_second_look *look;
    assert_int_equal(sl_second_look_open(o, &shape, &look, &err), status);
    assert_null(look);
    if (!strstr(err.text, words))
        fail_msg("'%s' does not say '%s'", err.text, words);
}

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    sl_oae head = {.head = oae.head, .shape = shape}, other = oae;
    sl_match_options o = options_of(SL_RERANK_EMD, SL_FEATURE_CONTRIBUTIONS, SL_WEIGHT_UNIFORM);
    sl_second_look *look;
    o.oae = &head; /* enough for this */
    assert_ok(sl_second_look_open(&o, &shape, &look, &err));
    sl_second_look_close(look);
    o.weighting = SL_WEIGHT_TRUST;
    refuses(&o, SL_ERR_ARGUMENT, "weighting trust needs the model's statistics");
    o.rerank = SL_RERANK_OAE;
    refuses(&o, SL_ERR_ARGUMENT, "rerank oae needs the model's statistics");
    o = options_of(SL_RERANK_SAME_CELL, SL_FEATURE_CONTRIBUTIONS, SL_WEIGHT_UNIFORM);
    o.oae = NULL;
    refuses(&o, SL_ERR_ARGUMENT, "sl_oae_open_head");
    other.shape.fingerprint[0]++;
    o.oae = &other;
    refuses(&o, SL_ERR_MISMATCH, "another model's");
    o = options_of(SL_RERANK_MAXSIM, SL_FEATURE_MAP, SL_WEIGHT_CC);
    refuses(&o, SL_ERR_ARGUMENT, "or the feature contributions");
    o = options_of(SL_RERANK_NONE, SL_FEATURE_MAP, SL_WEIGHT_UNIFORM);
    refuses(&o, SL_ERR_ARGUMENT, "no second look");
    o = options_of(SL_RERANK_AUTO, SL_FEATURE_MAP, SL_WEIGHT_UNIFORM);
    refuses(&o, SL_ERR_ARGUMENT, "rerank auto was not settled");
    o = options_of((sl_rerank)8, SL_FEATURE_MAP, SL_WEIGHT_UNIFORM);
    refuses(&o, SL_ERR_ARGUMENT, "unknown rerank 8");
    o = options_of(SL_RERANK_EMD, (sl_feature)2, SL_WEIGHT_UNIFORM);
    refuses(&o, SL_ERR_ARGUMENT, "unknown feature 2");
    o = options_of(SL_RERANK_EMD, SL_FEATURE_MAP, (sl_weighting)8);
    refuses(&o, SL_ERR_ARGUMENT, "unknown weighting 8");
    o = options_of(SL_RERANK_SAME_CELL, SL_FEATURE_MAP, SL_WEIGHT_UNIFORM);
    o.grid_rows = 4;
    refuses(&o, SL_ERR_ARGUMENT, "larger than the model's map");
}

static void own_maps_have_no_model(void **state)
{
    (void)state;
    float map[4] = {1, 2, 3, 4}, score;
    const sl_patch_map own = {.rows = 1, .cols = 2, .channels = 2, .patches = map};
    sl_emd_bank *bank;
    sl_match_options o = options_of(SL_RERANK_EMD, SL_FEATURE_CONTRIBUTIONS, SL_WEIGHT_UNIFORM);
    assert_int_equal(sl_emd_compare(&own, &own, 1, &o, &score, NULL, &err), SL_ERR_ARGUMENT);
    assert_int_equal(sl_emd_bank_open(&own, 1, &o, &bank, &err), SL_ERR_ARGUMENT);
    o = options_of(SL_RERANK_EMD, SL_FEATURE_MAP, SL_WEIGHT_TRUST);
    assert_int_equal(sl_emd_compare(&own, &own, 1, &o, &score, NULL, &err), SL_ERR_ARGUMENT);
    assert_non_null(strstr(err.text, "no trust"));
    assert_int_equal(sl_emd_bank_open(&own, 1, &o, &bank, &err), SL_ERR_ARGUMENT);
    o = options_of(SL_RERANK_MAXSIM, SL_FEATURE_MAP, SL_WEIGHT_UNIFORM); /* the rerank is not used */
    assert_ok(sl_emd_bank_open(&own, 1, &o, &bank, &err));
    assert_ok(sl_emd_bank_compare(bank, &own, &score, NULL, &err));
    float again;
    assert_ok(sl_emd_compare(&own, &own, 1, &o, &again, NULL, &err));
    assert_true(score == again);
    sl_emd_bank_close(bank);
}

static void bad_faces_are_named(void **state)
{
    (void)state;
    float good[CELLS * CHANNELS], bad[CELLS * CHANNELS], scores[3];
    fill_random(good, CELLS * CHANNELS, 1, 0, 1);
    memcpy(bad, good, sizeof bad);
    bad[17] = NAN;
    sl_patch_source sources[3] = {{.patches_f32 = good}, {.patches_f32 = good}, {.patches_f32 = bad}};
    for (size_t look = 0; look < sizeof looks / sizeof *looks; look++)
        for (int feature = 0; feature < 2; feature++) {
            sl_match_options o = options_of(looks[look], (sl_feature)feature, SL_WEIGHT_UNIFORM);
            assert_int_equal(look_at(&o, sources, 3, sources, scores, NULL), SL_ERR_NUMERIC);
            assert_non_null(strstr(err.text, "2"));
            assert_int_equal(look_at(&o, sources + 2, 2, sources, scores, NULL), SL_ERR_NUMERIC);
            assert_non_null(strstr(err.text, "query"));
            const sl_patch_source nothing = {0};
            assert_int_equal(look_at(&o, &nothing, 2, sources, scores, NULL), SL_ERR_ARGUMENT);
        }
    /* The made-up gallery has no landmarks. */
    sl_match_options o = options_of(SL_RERANK_MAXSIM, SL_FEATURE_MAP, SL_WEIGHT_LMK);
    sl_second_look *opened;
    assert_ok(sl_second_look_open(&o, &shape, &opened, &err));
    assert_int_equal(sl_second_look_face(opened, sl_gallery_faces(gallery), 12, sources, &err), SL_ERR_ARGUMENT);
    assert_non_null(strstr(err.text, "12.jpg was enrolled without landmarks"));
    sl_second_look_close(opened);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weightings_are_the_definition),
        cmocka_unit_test(grids_are_the_definition),
        cmocka_unit_test(int8_is_the_definition_on_rounded_patches),
        cmocka_unit_test(two_patches_by_hand),
        cmocka_unit_test(company_threads_and_a_bank_do_not_matter),
        cmocka_unit_test(plans_give_the_scores),
        cmocka_unit_test(maxsim_is_no_less_than_emd),
        cmocka_unit_test(options_say_what_they_need),
        cmocka_unit_test(what_makes_no_sense_is_refused),
        cmocka_unit_test(own_maps_have_no_model),
        cmocka_unit_test(bad_faces_are_named),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
