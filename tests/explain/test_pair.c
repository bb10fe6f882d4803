/* Pictures of the second looks beside emd: what flows in them, and where the trust is shown. */
#include "../match/linear_model.h"

#include "explain/explain.h"
#include "gallery/gallery.h"
#include "image/image.h"
#include "match/oae/oae.h"

enum { FACES = 1000 };

static sl_oae oae;
static sl_template *query, *other;
static sl_image crop;

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
    query = make_face(50);
    other = make_face(51);
    assert_ok(sl_image_new(40, 30, 3, &crop, &err));
    for (int i = 0; i < 40 * 30 * 3; i++)
        crop.pixels[i] = (uint8_t)(40 + i % 191);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    sl_template_free(query);
    sl_template_free(other);
    sl_image_free(&crop);
    sl_head_free(&oae.head);
    sl_oae_stats_free(&oae.stats);
    return 0;
}

static sl_match_options options_of(sl_rerank rerank, sl_feature feature)
{
    sl_match_options o = sl_match_defaults_of(rerank);
    o.feature = feature;
    o.oae = &oae;
    return o;
}

/* cells moves nothing from its place: the flow picture is the other face itself. */
static void same_places_redraw_the_other(void **state)
{
    (void)state;
    const sl_pair pair = {.query = query, .other = other, .query_crop = &crop, .other_crop = &crop};
    for (int feature = 0; feature < 2; feature++) {
        sl_match_options o = options_of(SL_RERANK_SAME_CELL, (sl_feature)feature);
        sl_image flow;
        assert_ok(sl_draw_flow(&pair, &o, 40, &flow, &err));
        assert_true(flow.width == 40 && flow.height == 30);
        assert_memory_equal(flow.pixels, crop.pixels, 40 * 30 * 3);
        sl_image_free(&flow);
    }
}

static void best_patches_bring_all_of_a_weight(void **state)
{
    (void)state;
    sl_match_options o = options_of(SL_RERANK_MAXSIM, SL_FEATURE_CONTRIBUTIONS);
    sl_transport t;
    int tile[CELLS];
    float brightness[CELLS], taken[CELLS] = {0};
    assert_ok(sl_transport_make(query, other, &o, &t, &err));
    sl_flow_tiles(t.plan, CELLS, tile, brightness);
    for (int m = 0; m < CELLS; m++) {
        assert_true(fabsf(t.query_weights[m] - 1.f / CELLS) < 1e-6f);
        assert_true(fabsf(t.plan[tile[m] * CELLS + m] - 1.f / CELLS) < 1e-6f && brightness[m] == 1);
        taken[tile[m]] += 1.f / CELLS;
    }
    assert_close(t.other_weights, taken, CELLS, 1e-6);
    sl_transport_free(&t);
}

/* No flow took part in oae's score, nor in that of no second look: none is drawn. */
static void looks_that_move_nothing_have_no_flow(void **state)
{
    (void)state;
    const sl_pair pair = {.query = query, .other = other, .query_crop = &crop, .other_crop = &crop};
    for (int i = 0; i < 2; i++) {
        sl_match_options o = options_of(i ? SL_RERANK_OAE : SL_RERANK_NONE, SL_FEATURE_MAP);
        sl_image flow;
        assert_int_equal(sl_draw_flow(&pair, &o, 40, &flow, &err), SL_ERR_ARGUMENT);
        assert_null(flow.pixels);
    }
}

/* Where the shares are positive it is bluer, where they are negative more orange, and dark where nothing counted. */
static void shares_colour_the_face(void **state)
{
    (void)state;
    float shares[CELLS] = {0}, weights[CELLS];
    sl_image grey, out;
    assert_ok(sl_image_new(COLS * 10, ROWS * 10, 3, &grey, &err));
    memset(grey.pixels, 120, (size_t)(COLS * 10 * ROWS * 10 * 3));
    for (int p = 0; p < CELLS; p++)
        weights[p] = p == CELLS - 1 ? 0 : 1;
    shares[0] = .1f;
    shares[COLS + 2] = -.1f;
    const sl_attribution why = {.rows = ROWS, .cols = COLS, .shares = shares};
    assert_ok(sl_shares_picture(&why, weights, 0, &grey, COLS * 10, ROWS * 10, &out, &err));
    const uint8_t *blue = out.pixels + (5 * COLS * 10 + 5) * 3, *orange = out.pixels + (15 * COLS * 10 + 25) * 3;
    const uint8_t *dark = out.pixels + (COLS * 10 * ROWS * 10 - 1) * 3, *plain = out.pixels + (5 * COLS * 10 + 35) * 3;
    assert_true(blue[2] > 180 && blue[0] < 60);
    assert_true(orange[0] > 180 && orange[2] < 60);
    assert_true(dark[0] < 30 && dark[0] == dark[2]);
    assert_true(plain[0] == plain[2] && plain[0] > 110);
    sl_image_free(&out);
    sl_image_free(&grey);
}

static int page_height(const sl_match_options *o)
{
    const sl_pair pair = {.query = query, .other = other, .query_crop = &crop, .query_name = "a", .other_name = "b"};
    sl_image page;
    assert_ok(sl_draw_pair(&pair, o, &page, &err));
    int height = page.height;
    sl_image_free(&page);
    return height;
}

static void trust_has_a_row_where_oae_does_not_show_it(void **state)
{
    (void)state;
    sl_oae head = {.head = oae.head, .shape = shape};
    sl_match_options o = options_of(SL_RERANK_EMD, SL_FEATURE_CONTRIBUTIONS);
    const int with = page_height(&o);
    o.oae = &head;
    const int without = page_height(&o);
    assert_true(with > without);
    o = options_of(SL_RERANK_MAXSIM, SL_FEATURE_MAP);
    assert_int_equal(page_height(&o), with);
    o.weighting = SL_WEIGHT_TRUST;
    assert_int_equal(page_height(&o), with);
    o = options_of(SL_RERANK_OAE, SL_FEATURE_MAP);
    assert_int_equal(page_height(&o), without);
    o = options_of(SL_RERANK_NONE, SL_FEATURE_MAP);
    assert_int_equal(page_height(&o), with); /* it decides among whom the pair is judged */
    o.oae = NULL;
    assert_int_equal(page_height(&o), without);
}

static void what_is_missing_is_told(void **state)
{
    (void)state;
    const sl_pair pair = {.query = query, .other = other};
    sl_image page;
    sl_match_options o = options_of(SL_RERANK_MAXSIM, SL_FEATURE_CONTRIBUTIONS);
    o.oae = NULL;
    assert_int_equal(sl_draw_pair(&pair, &o, &page, &err), SL_ERR_ARGUMENT);
    assert_int_equal(sl_draw_flow(&pair, &o, 64, &page, &err), SL_ERR_ARGUMENT);
    assert_null(page.pixels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_places_redraw_the_other),
        cmocka_unit_test(best_patches_bring_all_of_a_weight),
        cmocka_unit_test(looks_that_move_nothing_have_no_flow),
        cmocka_unit_test(shares_colour_the_face),
        cmocka_unit_test(trust_has_a_row_where_oae_does_not_show_it),
        cmocka_unit_test(what_is_missing_is_told),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
