/* Scores taken apart by cells: the shares sum to the score, hiding a cell is what its definition says, and on
 * made-up faces that agree in known cells those are called important. */
#include <math.h>

#include "gallery/gallery.h"
#include "linear_model.h"

#include "match/attribution.h"
#include "match/oae/oae.h"

enum { FACES = 1000 };

static sl_oae oae;

static int open_world(void **state)
{
    (void)state;
    char *dir = make_temp_dir(), path[600];
    snprintf(path, sizeof path, "%s/faces", dir);
    sl_gallery *gallery = make_gallery(path, FACES);
    oae = (sl_oae){.head = make_head(), .shape = shape};
    assert_ok(sl_oae_stats_make(sl_gallery_faces(gallery), &oae.head, 2, NULL, NULL, &oae.stats, &err));
    sl_gallery_close(gallery);
    remove_tree(dir);
    free(dir);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    sl_head_free(&oae.head);
    sl_oae_stats_free(&oae.stats);
    return 0;
}

/* A face whose embedding is the sum of its contributions, as a network makes it; `alike` of its cells are those of
 * face `seed`, the others of face `seed + 1000`. */
static sl_template *whole_face(uint64_t seed, int alike)
{
    sl_template *one = make_face(seed), *two = make_face(seed + 1000), *out;
    float patches[CELLS * CHANNELS], more[CELLS * CHANNELS], embedding[DIM] = {0};
    double y[CELLS * DIM];
    sl_template_shape exact = shape;
    exact.format = SL_PATCHES_F32;
    assert_ok(sl_template_patches(one, patches, &err));
    assert_ok(sl_template_patches(two, more, &err));
    memcpy(patches + alike * CHANNELS, more + alike * CHANNELS,
           (size_t)(CELLS - alike) * CHANNELS * sizeof(float));
    sl_template_free(one);
    sl_template_free(two);
    assert_ok(sl_template_make(&shape, patches, patches, &one, &err)); /* int8, for slow_contributions */
    slow_contributions(&oae.head, one, y);
    for (int p = 0; p < CELLS; p++)
        for (int d = 0; d < DIM; d++)
            embedding[d] += (float)y[p * DIM + d];
    assert_ok(sl_template_patches(one, patches, &err));
    sl_template_free(one);
    assert_ok(sl_template_make(&exact, embedding, patches, &out, &err));
    return out;
}

static double sum_of(const float *x, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += (double)x[i];
    return sum;
}

/* Every look, feature and grid there is. */
static const struct {
    sl_rerank rerank;
    sl_feature feature;
    sl_weighting weighting;
    sl_solver solver;
    int rows, cols;
} looks[] = {
    {SL_RERANK_NONE, SL_FEATURE_MAP, SL_WEIGHT_UNIFORM, SL_SOLVER_SINKHORN, 0, 0},
    {SL_RERANK_OAE, SL_FEATURE_MAP, SL_WEIGHT_UNIFORM, SL_SOLVER_SINKHORN, 0, 0},
    {SL_RERANK_EMD, SL_FEATURE_MAP, SL_WEIGHT_APC, SL_SOLVER_SINKHORN, 0, 0},
    {SL_RERANK_EMD, SL_FEATURE_CONTRIBUTIONS, SL_WEIGHT_UNIFORM, SL_SOLVER_SINKHORN, 0, 0},
    {SL_RERANK_EMD, SL_FEATURE_MAP, SL_WEIGHT_TRUST, SL_SOLVER_CONVERGED, 0, 0},
    {SL_RERANK_EMD, SL_FEATURE_MAP, SL_WEIGHT_SC, SL_SOLVER_EXACT, 2, 3}, /* windows that overlap */
    {SL_RERANK_MAXSIM, SL_FEATURE_MAP, SL_WEIGHT_UNIFORM, SL_SOLVER_SINKHORN, 0, 0},
    {SL_RERANK_SAME_CELL, SL_FEATURE_CONTRIBUTIONS, SL_WEIGHT_APC, SL_SOLVER_SINKHORN, 0, 0},
    {SL_RERANK_SAME_CELL, SL_FEATURE_MAP, SL_WEIGHT_TRUST, SL_SOLVER_SINKHORN, 2, 2},
};
enum { LOOKS = sizeof looks / sizeof *looks };

static sl_match_options options_of(int look)
{
    sl_match_options o = sl_match_defaults_of(looks[look].rerank);
    o.feature = looks[look].feature;
    o.weighting = looks[look].weighting;
    o.solver = looks[look].solver;
    o.grid_rows = looks[look].rows;
    o.grid_cols = looks[look].cols;
    o.patch_compute = SL_COMPARE_F32;
    o.oae = &oae;
    return o;
}

static void shares_sum_to_the_score(void **state)
{
    (void)state;
    sl_template *query = whole_face(3, 8), *other = whole_face(3, CELLS);
    for (int i = 0; i < LOOKS; i++) {
        const sl_match_options o = options_of(i);
        sl_attribution a;
        sl_score score;
        assert_ok(sl_attribute(query, other, &o, &a, &err));
        assert_ok(sl_compare(query, other, &o, &score, &err));
        const int n = a.rows * a.cols;
        assert_int_equal(a.rows, looks[i].rows ? looks[i].rows : ROWS);
        assert_int_equal(a.cols, looks[i].cols ? looks[i].cols : COLS);
        assert_true(a.score.score == score.score && a.score.stage1 == score.stage1);
        assert_true(fabs(sum_of(a.shares, n) + (double)a.rest - (double)score.score) < 1e-5);
        assert_true(fabs(sum_of(a.stage1, n) + (double)a.rest1 - (double)score.stage1) < 1e-5);
        if (o.rerank != SL_RERANK_NONE) { /* nothing of the second look rests */
            assert_true(fabs(sum_of(a.stage2, n) - (double)score.stage2) < 1e-5);
            assert_true(fabsf(a.rest2) < 1e-5f);
            assert_true(fabs(sum_of(a.query_weights, n) / n - 1) < 1e-4);
        }
        for (int m = 0; m < n; m++)
            assert_true(fabsf(a.shares[m] - (o.rerank == SL_RERANK_NONE
                                                 ? a.stage1[m]
                                                 : o.alpha * a.stage2[m] + (1 - o.alpha) * a.stage1[m])) < 1e-6f);
        sl_attribution_free(&a);
    }
    sl_template_free(query);
    sl_template_free(other);
}

/* The first look's shares from their definition: what the cells of either face give towards the other one. */
static void stage1_shares_are_their_definition(void **state)
{
    (void)state;
    sl_template *query = whole_face(5, 7), *other = whole_face(5, CELLS), *faces[2] = {query, other};
    sl_match_options o = options_of(0);
    double x[2][CELLS * DIM], e[2][DIM] = {{0}}, size[2] = {0};
    sl_attribution a;
    for (int f = 0; f < 2; f++) {
        float y[CELLS * DIM];
        const sl_patch_source source = sl_patch_source_of(faces[f]);
        assert_ok(sl_contributions(&oae.head, &source, 1, y, &err));
        for (int i = 0; i < CELLS * DIM; i++) {
            x[f][i] = (double)y[i] - (double)oae.stats.mu[i];
            e[f][i % DIM] += (double)y[i];
        }
        for (int d = 0; d < DIM; d++)
            size[f] += e[f][d] * e[f][d];
    }
    assert_ok(sl_attribute(query, other, &o, &a, &err));
    for (int p = 0; p < CELLS; p++) {
        double half[2] = {0};
        for (int d = 0; d < DIM; d++)
            for (int f = 0; f < 2; f++)
                half[f] += x[f][p * DIM + d] * e[1 - f][d] / sqrt(size[0] * size[1]);
        assert_true(fabs((half[0] + half[1]) / 2 - (double)a.stage1[p]) < 1e-5);
    }
    sl_attribution_free(&a);
    sl_template_free(query);
    sl_template_free(other);
}

/* oae: the two vectors are unit vectors whose product is stage 2, and the weights are the trust. */
static void faces_embedded_again_give_stage2(void **state)
{
    (void)state;
    sl_template *query = whole_face(11, 6), *other = whole_face(11, CELLS);
    const sl_match_options o = options_of(1);
    sl_attribution a;
    float trust[CELLS];
    const sl_patch_source source = sl_patch_source_of(query);
    assert_ok(sl_trust_of_face(&oae, &source, trust, &err));
    assert_ok(sl_attribute(query, other, &o, &a, &err));
    assert_int_equal(a.dim, DIM);
    double product = 0, length = 0;
    for (int d = 0; d < DIM; d++) {
        product += (double)a.query_again[d] * (double)a.other_again[d];
        length += (double)a.query_again[d] * (double)a.query_again[d];
    }
    assert_true(fabs(product - (double)a.score.stage2) < 1e-5 && fabs(length - 1) < 1e-5);
    assert_close(a.query_weights, trust, CELLS, 1e-5);
    assert_close(a.other_weights, trust, CELLS, 1e-5);
    sl_attribution_free(&a);
    sl_template_free(query);
    sl_template_free(other);
}

/* auto is settled as in sl_compare: oae, as the cells have statistics. */
static void auto_is_settled(void **state)
{
    (void)state;
    sl_template *query = whole_face(11, 6), *other = whole_face(11, CELLS);
    sl_match_options o = sl_match_defaults();
    sl_attribution a;
    o.oae = &oae;
    assert_ok(sl_attribute(query, other, &o, &a, &err));
    assert_int_equal(a.dim, DIM);
    assert_true(fabs(sum_of(a.shares, CELLS) + (double)a.rest - (double)a.score.score) < 1e-5);
    sl_attribution_free(&a);
    sl_template_free(query);
    sl_template_free(other);
}

static void without_cells_stage1_rests(void **state)
{
    (void)state;
    sl_template *query = whole_face(3, 8), *other = whole_face(3, CELLS);
    sl_match_options o = options_of(2);
    sl_attribution a;
    o.oae = NULL;
    assert_ok(sl_attribute(query, other, &o, &a, &err));
    assert_true(sum_of(a.stage1, CELLS) == 0 && a.rest1 == a.score.stage1);
    sl_attribution_free(&a);
    o.rerank = SL_RERANK_NONE;
    assert_ok(sl_attribute(query, other, &o, &a, &err));
    assert_true(a.rows == 0 && a.cols == 0 && a.rest == a.score.score);
    sl_hiding h;
    const float importance[CELLS] = {0};
    assert_int_equal(sl_hide_cells(query, other, &o, importance, 1, &h, &err), SL_ERR_ARGUMENT);
    assert_null(h.hidden);
    sl_attribution_free(&a);
    sl_template_free(query);
    sl_template_free(other);
}

/* Nothing hidden is the score; one cell less of a uniform look in its places is the mean of the others. */
static void hiding_is_its_definition(void **state)
{
    (void)state;
    sl_template *query = whole_face(3, 8), *other = whole_face(3, CELLS);
    for (int i = 0; i < LOOKS; i++) {
        const sl_match_options o = options_of(i);
        sl_attribution a;
        sl_hiding h;
        assert_ok(sl_attribute(query, other, &o, &a, &err));
        assert_ok(sl_hide_cells(query, other, &o, a.shares, 7, &h, &err));
        const int n = a.rows * a.cols;
        assert_int_equal(h.cells, n);
        assert_true(fabsf(h.hidden[0] - a.score.score) < 1e-5f && fabsf(h.shown[n] - a.score.score) < 1e-5f);
        assert_true(fabsf(h.random_hidden[0] - a.score.score) < 1e-5f);
        assert_true(fabsf(h.hidden[n] - h.shown[0]) < 1e-6f);
        sl_attribution_free(&a);
        sl_hiding_free(&h);
    }
    sl_match_options o = sl_match_defaults_of(SL_RERANK_SAME_CELL);
    sl_attribution a;
    sl_hiding h;
    o.patch_compute = SL_COMPARE_F32;
    assert_ok(sl_attribute(query, other, &o, &a, &err));
    int most = 0;
    for (int m = 0; m < CELLS; m++)
        most = a.shares[m] > a.shares[most] ? m : most;
    assert_ok(sl_hide_cells(query, other, &o, a.shares, 7, &h, &err));
    float rest = (a.score.stage2 - a.stage2[most]) * CELLS / (CELLS - 1);
    assert_true(fabsf(h.hidden[1] - (o.alpha * rest + (1 - o.alpha) * a.score.stage1)) < 1e-5f);
    double area = 0;
    for (int i = 0; i < CELLS; i++)
        area += ((double)h.hidden[i] + (double)h.hidden[i + 1]) / 2 / CELLS;
    assert_true(fabs(area - h.hidden_area) < 1e-9);
    sl_attribution_free(&a);
    sl_hiding_free(&h);
    sl_template_free(query);
    sl_template_free(other);
}

/* Eight of twelve cells are another face's: the second look finds support in the four that agree, and hiding the
 * important ones lowers the score faster than hiding at random. */
static void what_agrees_is_important(void **state)
{
    (void)state;
    for (uint64_t seed = 20; seed < 26; seed++) {
        sl_template *query = whole_face(seed, 4), *other = whole_face(seed, CELLS);
        sl_match_options o = options_of(7);
        sl_attribution a;
        sl_hiding h, again;
        o.weighting = SL_WEIGHT_UNIFORM;
        assert_ok(sl_attribute(query, other, &o, &a, &err));
        assert_ok(sl_hide_cells(query, other, &o, a.shares, 1, &h, &err));
        assert_ok(sl_hide_cells(query, other, &o, a.shares, 1, &again, &err));
        for (int p = 4; p < CELLS; p++)
            for (int q = 0; q < 4; q++)
                assert_true(a.stage2[q] > a.stage2[p]);
        assert_true(h.hidden_area < h.random_area && h.shown_area > h.random_area);
        for (int k = 0; k < SL_RANDOM_ORDERS; k++)
            assert_true(h.random_areas[k] == again.random_areas[k]);
        sl_attribution_free(&a);
        sl_hiding_free(&h);
        sl_hiding_free(&again);
        sl_template_free(query);
        sl_template_free(other);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_sum_to_the_score),          cmocka_unit_test(stage1_shares_are_their_definition),
        cmocka_unit_test(faces_embedded_again_give_stage2), cmocka_unit_test(auto_is_settled),
        cmocka_unit_test(without_cells_stage1_rests),       cmocka_unit_test(hiding_is_its_definition),
        cmocka_unit_test(what_agrees_is_important),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
