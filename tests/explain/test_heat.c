/* Heats of small transformers by formula against PyTorch's in float64 (made again by tests/torch/run); what moves
 * where when a patch moves; pictures; heats of maps by hand; what is refused. */
#include "small_look.h"

#include "explain/pair_page.h"
#include "image/image.h"

enum { MOST_CELLS = 196 };

static sl_error err;

/* ---- against PyTorch ---- */

typedef struct {
    const char *name, *arch;
    int depth, positions;
    bool single;
    sl_vit_form form;
} golden_case;

static const golden_case cases[] = {
    {"vit", "vit", 2, 197, false, SL_VIT_PRE_NORM}, {"h1", "h1", 1, 129, false, SL_VIT_PUBLISHED},
    {"h2", "h2", 2, 26, false, SL_VIT_PUBLISHED},   {"h2-d1", "h2", 1, 26, false, SL_VIT_PUBLISHED},
    {"h2l", "h2l", 2, 26, false, SL_VIT_PUBLISHED}, {"h2l-d1-single", "h2l", 1, 0, true, SL_VIT_PUBLISHED},
    {"h2l-text", "h2l", 2, 26, false, SL_VIT_TEXT},
};

/* Equal to a ten-thousandth of the largest difference between cells. */
static void check_heat(const char *what, const float *heat, const float *golden, int cells)
{
    float low = golden[0], high = golden[0];
    for (int i = 1; i < cells; i++) {
        low = fminf(low, golden[i]);
        high = fmaxf(high, golden[i]);
    }
    assert_true(high > low);
    for (int i = 0; i < cells; i++)
        if (!(fabsf(heat[i] - golden[i]) <= 1e-4f * (high - low) + 1e-8f))
            fail_msg("%s, cell %d: %.9g, PyTorch %.9g (cells differ by %g)", what, i, heat[i], golden[i], high - low);
}

static void random_patches(const char *name, float *out)
{
    fill_random(out, SMALL_CELLS * SMALL_WIDTH, formula_seed(name), -1, 1);
}

static void check_look(const golden_case *c, const char *kind, int face, const float *golden)
{
    const sl_arch arch = small_arch_of(c->arch, c->depth, c->positions, c->single, c->form);
    const bool one_head = strcmp(kind, "head-1") == 0;
    float first[SMALL_CELLS * SMALL_WIDTH], second[SMALL_CELLS * SMALL_WIDTH];
    char what[64];
    sl_heat heat;
    sl_look *look = small_look(&arch);
    const sl_match_options o = small_options(look);
    random_patches("first", first);
    random_patches("second", second);
    sl_template *query = small_template(first), *other = small_template(second);
    assert_ok(sl_heat_of_pair(query, other, &o, one_head ? SL_HEAT_ATTENTION : (sl_heat_kind)sl_heat_named(kind),
                              one_head ? 1 : SL_ALL_HEADS, &heat, &err));
    assert_true(heat.rows == SMALL_ROWS && heat.cols == SMALL_COLS);
    snprintf(what, sizeof what, "%s %s %d", c->name, kind, face);
    check_heat(what, face ? heat.other : heat.query, golden, SMALL_CELLS);
    sl_heat_free(&heat);
    sl_template_free(query);
    sl_template_free(other);
    sl_look_close(look);
}

/* The relevance of picture `face` of two, its target the cosine to the other one's embedding. */
static void check_recogniser(const golden_case *c, int face, const float *golden, int cells)
{
    static const sl_token_range class_token = {0, 1};
    sl_arch arch = small_arch_of(c->arch, c->depth, c->positions, c->single, c->form);
    if (strcmp(c->arch, "h1") == 0)
        arch.transformer.width = arch.dim = arch.patch_channels = 512;
    const size_t numbers = (size_t)(arch.channels * arch.height * arch.width);
    sl_manifest manifest = {.name = (char *)c->name, .embedding = (char *)SL_ARCH_EMBEDDING};
    sl_recogniser r = {.network.manifest = &manifest,
                       .channels_in = arch.channels,
                       .width = arch.width,
                       .height = arch.height,
                       .dim = arch.dim};
    float by_token[MOST_CELLS + 1], *pictures = malloc(2 * numbers * sizeof *pictures);
    sl_state_dict dict = {0};
    sl_insight inside;
    small_dict(&arch, &dict);
    assert_ok(sl_arch_build(&arch, &dict, &r.network.graph, &err));
    assert_ok(sl_insight_of_recogniser(&r, &inside, &err));
    fill_random(pictures, 2 * numbers, formula_seed("input"), -1, 1);

    /* the other's embedding: what the network gives for it */
    const sl_shape shape = {4, {1, arch.channels, arch.height, arch.width}};
    static const char *const output = SL_ARCH_EMBEDDING;
    sl_graph *g;
    sl_plan *plan;
    assert_ok(sl_graph_specialize(r.network.graph, &shape, &output, 1, &g, &err));
    assert_ok(sl_plan_compile(g, 1, &plan, &err));
    memcpy(sl_plan_input(plan, 0, NULL), pictures + (size_t)(1 - face) * numbers, numbers * sizeof *pictures);
    assert_ok(sl_plan_run(plan, &err));
    memcpy(sl_plan_input(inside.plan, 0, NULL), pictures + (size_t)face * numbers, numbers * sizeof *pictures);
    memcpy(sl_plan_input(inside.plan, 1, NULL), sl_plan_output(plan, 0, NULL), (size_t)arch.dim * sizeof(float));
    assert_ok(sl_insight_run(&inside, &err));
    assert_int_equal(inside.tokens, cells + 1);
    assert_ok(sl_relevance(&inside, &class_token, 1, by_token, &err));
    check_heat(c->name, by_token + 1, golden, cells);
    sl_plan_free(plan);
    sl_graph_free(g);
    sl_insight_close(&inside);
    sl_graph_free(r.network.graph);
    sl_state_dict_free(&dict);
    free(pictures);
}

static void heats_are_pytorchs(void **state)
{
    (void)state;
    char name[32], kind[32];
    int face, cells, lines = 0;
    float golden[MOST_CELLS];
    FILE *file = fopen(SL_SOURCE_DIR "/tests/explain/golden/heats.txt", "r");
    assert_non_null(file);
    while (fscanf(file, "%31s %31s %d %d", name, kind, &face, &cells) == 4) {
        const golden_case *c = cases;
        assert_true(cells <= MOST_CELLS);
        for (int i = 0; i < cells; i++)
            assert_int_equal(fscanf(file, "%f", &golden[i]), 1);
        while (strcmp(c->name, name) != 0)
            assert_true(++c < cases + sizeof cases / sizeof *cases);
        if (sl_rerank_named(c->arch) >= 0)
            check_look(c, kind, face, golden);
        else
            check_recogniser(c, face, golden, cells);
        lines++;
    }
    fclose(file);
    assert_int_equal(lines, 36);
}

/* ---- a patch that moves ---- */

/* h2l without positions whose last dense layer reads every cell alike: nothing in it knows where a cell is. */
static sl_look *look_without_places(void)
{
    const sl_arch arch = small_arch_of("h2l", 1, 0, false, SL_VIT_PUBLISHED);
    sl_state_dict dict = {0};
    small_dict(&arch, &dict);
    for (int i = 0; i < 2; i++) {
        float *w = (float *)sl_state_dict_find(&dict, i ? "fc2.weight" : "fc1.weight")->data;
        for (int d = 0; d < SMALL_DIM; d++)
            for (int c = 1; c < SMALL_CELLS; c++)
                memcpy(w + (d * SMALL_CELLS + c) * SMALL_WIDTH, w + d * SMALL_CELLS * SMALL_WIDTH,
                       SMALL_WIDTH * sizeof *w);
    }
    return small_look_of(&arch, dict);
}

static void swap_cells(float *patches, int width, int a, int b)
{
    for (int i = 0; i < width; i++) {
        const float kept = patches[a * width + i];
        patches[a * width + i] = patches[b * width + i];
        patches[b * width + i] = kept;
    }
}

static void assert_near(const float *a, const float *b, int n, float bound)
{
    for (int i = 0; i < n; i++)
        if (!(fabsf(a[i] - b[i]) <= bound))
            fail_msg("cell %d: %.9g and %.9g", i, a[i], b[i]);
}

/* The cell that differs most from cell a, so that a move can be seen. */
static int most_unlike(const float *heat, int a)
{
    int b = a ? 0 : 1;
    for (int i = 0; i < SMALL_CELLS; i++)
        if (fabsf(heat[i] - heat[a]) > fabsf(heat[b] - heat[a]))
            b = i;
    return b;
}

static void take_heat(const float *first, const float *second, const sl_match_options *o, sl_heat_kind kind,
                      sl_heat *out)
{
    sl_template *query = small_template(first), *other = small_template(second);
    assert_ok(sl_heat_of_pair(query, other, o, kind, SL_ALL_HEADS, out, &err));
    sl_template_free(query);
    sl_template_free(other);
}

/* Where a patch of one face moves to another cell, its heat moves so on that face, and nothing moves on the other. */
static void check_move(const sl_match_options *o, sl_heat_kind kind, int face)
{
    float patches[2][SMALL_CELLS * SMALL_WIDTH];
    sl_heat before, after;
    random_patches("first", patches[0]);
    random_patches("second", patches[1]);
    take_heat(patches[0], patches[1], o, kind, &before);
    float *heat = face ? before.other : before.query;
    const int a = 1, b = most_unlike(heat, a);
    const float seen = fabsf(heat[a] - heat[b]);
    assert_true(seen > 1e-5f);
    swap_cells(patches[face], SMALL_WIDTH, a, b);
    take_heat(patches[0], patches[1], o, kind, &after);
    swap_cells(heat, 1, a, b);
    assert_near(before.query, after.query, SMALL_CELLS, 1e-2f * seen);
    assert_near(before.other, after.other, SMALL_CELLS, 1e-2f * seen);
    sl_heat_free(&before);
    sl_heat_free(&after);
}

static void heat_moves_with_its_patch(void **state)
{
    (void)state;
    sl_look *look = look_without_places();
    const sl_match_options h2l = small_options(look), none = sl_match_defaults_of(SL_RERANK_NONE);
    for (int face = 0; face < 2; face++) {
        check_move(&none, SL_HEAT_CC, face); /* of the maps: model C */
        check_move(&h2l, SL_HEAT_CC, face);
        check_move(&h2l, SL_HEAT_RELEVANCE, face);
    }
    sl_look_close(look);
}

/* Cells of the query that attended most to the patch attend to it where it went; the others to what they did. */
static void attention_follows_the_patch(void **state)
{
    (void)state;
    const int a = 2, b = 9;
    float patches[2][SMALL_CELLS * SMALL_WIDTH];
    sl_look *look = look_without_places();
    const sl_match_options o = small_options(look);
    sl_tiles tiles[2];
    int moved = 0;
    random_patches("first", patches[0]);
    random_patches("second", patches[1]);
    for (int k = 0; k < 2; k++) {
        sl_heats heats;
        sl_template *query = small_template(patches[0]), *other = small_template(patches[1]);
        assert_ok(sl_heats_open(&o, &query->shape, false, &heats, &err));
        assert_ok(sl_heats_pair(&heats, query, other, &err));
        assert_ok(sl_attention_tiles(&heats, SL_ALL_HEADS, &tiles[k], &err));
        sl_heats_close(&heats);
        sl_template_free(query);
        sl_template_free(other);
        swap_cells(patches[1], SMALL_WIDTH, a, b);
    }
    for (int m = 0; m < SMALL_CELLS; m++) {
        const int before = tiles[0].tile[m], after = before == a ? b : before == b ? a : before;
        assert_int_equal(tiles[1].tile[m], after);
        assert_true(fabsf(tiles[0].brightness[m] - tiles[1].brightness[m]) < 1e-5f);
        moved += after != before;
    }
    assert_true(moved > 0);
    for (int k = 0; k < 2; k++)
        sl_tiles_free(&tiles[k]);
    sl_look_close(look);
}

/* ---- pictures ---- */

static void assert_size(sl_image *picture, int width, int height)
{
    assert_int_equal(picture->width, width);
    assert_int_equal(picture->height, height);
    sl_image_free(picture);
}

/* The rows that a look has: attention from face to face and tokens of either are h2l's. */
static void pages_show_what_a_look_has(void **state)
{
    (void)state;
    static const struct {
        const char *arch;
        int depth, rows;
        bool flow;
    } looks[] = {{"h2l", 1, 4, true}, {"h2", 1, 2, false}, {"h2", 2, 3, true}};
    float patches[2][SMALL_CELLS * SMALL_WIDTH];
    random_patches("first", patches[0]);
    random_patches("second", patches[1]);
    sl_template *query = small_template(patches[0]), *other = small_template(patches[1]);
    const sl_pair pair = {.query = query, .other = other};
    for (size_t i = 0; i < sizeof looks / sizeof *looks; i++) {
        const sl_arch arch = small_arch_of(looks[i].arch, looks[i].depth, 26, false, SL_VIT_PUBLISHED);
        sl_look *look = small_look(&arch);
        const sl_match_options o = small_options(look);
        sl_image page;
        assert_ok(sl_draw_pair(&pair, &o, &page, &err));
        assert_size(&page, PAIR_WIDTH, sl_pair_height(looks[i].rows));
        sl_status status = sl_draw_attention_flow(&pair, &o, SL_ALL_HEADS, 32, &page, &err);
        assert_int_equal(status, looks[i].flow ? SL_OK : SL_ERR_UNSUPPORTED);
        if (status == SL_OK)
            assert_size(&page, 96, 32);
        sl_look_close(look);
    }
    sl_template_free(query);
    sl_template_free(other);
}

/* Four tiles, each heat on the face that it is named after. */
static void strips_are_in_order(void **state)
{
    (void)state;
    float on_query[4] = {0, 0, 1, 1}, on_other[4] = {1, 1, 0, 0};
    uint8_t light[16 * 16 * 3], dark[16 * 16 * 3];
    const sl_image crops[2] = {{16, 16, 3, light}, {16, 16, 3, dark}};
    const sl_heat heat = {.rows = 2, .cols = 2, .query = on_query, .other = on_other};
    const sl_pair pair = {.query_crop = &crops[0], .other_crop = &crops[1]};
    sl_image strip;
    memset(light, 200, sizeof light);
    memset(dark, 100, sizeof dark);
    assert_ok(sl_draw_heats(&pair, &heat, SL_HEAT_BRIGHT, 16, &strip, &err));
    const uint8_t *top = strip.pixels, *bottom = strip.pixels + (size_t)15 * 64 * 3;
    const uint8_t want[2][4] = {{200, 0, 100, 100}, {200, 200, 0, 100}};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(top[i * 16 * 3], want[0][i]);
        assert_int_equal(bottom[i * 16 * 3], want[1][i]);
    }
    assert_size(&strip, 64, 16);
    assert_int_equal(sl_draw_heats(&pair, NULL, SL_HEAT_JET, 16, &strip, &err), SL_ERR_ARGUMENT);
    assert_int_equal(sl_draw_heats(NULL, &heat, SL_HEAT_JET, 16, &strip, &err), SL_ERR_ARGUMENT);
    assert_int_equal(sl_draw_attention_flow(&pair, NULL, 0, 16, &strip, &err), SL_ERR_ARGUMENT);
}

/* ---- by hand ---- */

/* Two cells of two channels: query (2, 0), (0, 1), mean (1, .5); other (3, 0), (-1, 0), mean (1, 0), of length 1. */
static void cc_of_maps_by_hand(void **state)
{
    (void)state;
    const float query[4] = {2, 0, 0, 1}, other[4] = {3, 0, -1, 0}, embeddings[2][2] = {{0, 1}, {1, 0}};
    sl_match_options o = sl_match_defaults_of(SL_RERANK_NONE);
    sl_template *q, *t;
    sl_heat heat;
    assert_ok(sl_template_of_arrays(embeddings[0], 2, query, 1, 2, 2, &q, &err));
    assert_ok(sl_template_of_arrays(embeddings[1], 2, other, 1, 2, 2, &t, &err));
    assert_ok(sl_heat_of_pair(q, t, &o, SL_HEAT_CC, SL_ALL_HEADS, &heat, &err));
    const float on_query[2] = {1, 0}, on_other[2] = {1, 0}; /* .894 and -.894: what is against counts nothing */
    assert_near(heat.query, on_query, 2, 1e-6f);
    assert_near(heat.other, on_other, 2, 1e-6f);
    sl_heat_free(&heat);
    o.weighting = SL_WEIGHT_CC; /* by the embeddings (0, 1) and (1, 0): no cell of the other fits the query's */
    assert_ok(sl_heat_of_pair(q, t, &o, SL_HEAT_CC, SL_ALL_HEADS, &heat, &err));
    const float nothing[2] = {0, 0};
    assert_near(heat.query, on_query, 2, 1e-6f);
    assert_near(heat.other, nothing, 2, 0);
    sl_heat_free(&heat);
    sl_template_free(q);
    sl_template_free(t);
}

static void pictures_by_hand(void **state)
{
    (void)state;
    const float heat[4] = {0, 1, .5f, NAN}; /* NaN counts as 0 */
    uint8_t grey[8 * 8 * 3];
    const sl_image crop = {8, 8, 3, grey};
    sl_image out;
    memset(grey, 200, sizeof grey);
    assert_ok(sl_draw_heat(heat, 2, 2, &crop, SL_HEAT_BRIGHT, 8, &out, &err));
    assert_int_equal(out.pixels[0], 0);
    assert_int_equal(out.pixels[3 * 7], 200); /* the corner's middle is on the corner */
    sl_image_free(&out);
    assert_ok(sl_draw_heat(heat, 2, 2, &crop, SL_HEAT_JET, 8, &out, &err));
    const sl_colour hot = sl_colour_jet(1), cold = sl_colour_jet(0);
    assert_int_equal(out.pixels[3 * 7], (200 + hot.r + 1) / 2);
    assert_int_equal(out.pixels[2], (200 + cold.b + 1) / 2);
    sl_image_free(&out);
    assert_int_equal(sl_draw_heat(heat, 0, 2, &crop, SL_HEAT_JET, 8, &out, &err), SL_ERR_ARGUMENT);
    assert_int_equal(sl_draw_heat(heat, 2, 2, &crop, SL_HEAT_JET, 7, &out, &err), SL_ERR_ARGUMENT);
    assert_int_equal(sl_draw_heat(NULL, 2, 2, &crop, SL_HEAT_JET, 8, &out, &err), SL_ERR_ARGUMENT);
}

/* ---- what is refused ---- */

static void refuse(const sl_template *a, const sl_template *b, const sl_match_options *o, sl_heat_kind kind, int head,
                   sl_status status, const char *text)
{
    sl_heat heat;
    assert_int_equal(sl_heat_of_pair(a, b, o, kind, head, &heat, &err), status);
    assert_null(heat.query);
    if (!strstr(err.text, text))
        fail_msg("\"%s\" does not say \"%s\"", err.text, text);
}

static void what_cannot_be_told_is_refused(void **state)
{
    (void)state;
    const sl_arch l_arch = small_arch_of("h2l", 1, 26, false, SL_VIT_PUBLISHED),
                  c_arch = small_arch_of("h2", 1, 26, false, SL_VIT_PUBLISHED);
    float patches[SMALL_CELLS * SMALL_WIDTH];
    sl_look *l = small_look(&l_arch), *c = small_look(&c_arch);
    sl_match_options none = sl_match_defaults_of(SL_RERANK_NONE), h2l = small_options(l), h2 = small_options(c);
    random_patches("first", patches);
    sl_template *a = small_template(patches), *b = small_template(patches), *grid;
    assert_ok(sl_template_of_arrays(patches, SMALL_WIDTH, patches, SMALL_ROWS, 3, SMALL_WIDTH, &grid, &err));
    refuse(a, b, &none, SL_HEAT_ATTENTION, 0, SL_ERR_ARGUMENT, "the look none has none");
    refuse(a, b, &h2, SL_HEAT_CC, 0, SL_ERR_UNSUPPORTED, "class token alone");
    refuse(a, b, &h2, SL_HEAT_ATTENTION, 0, SL_ERR_UNSUPPORTED, "class token");
    refuse(a, b, &h2l, SL_HEAT_ATTENTION, 3, SL_ERR_ARGUMENT, "no head 4: attention has 3");
    refuse(a, b, &h2l, SL_HEAT_ATTENTION, -2, SL_ERR_ARGUMENT, "a head from 0 on");
    refuse(a, b, &h2l, (sl_heat_kind)9, 0, SL_ERR_ARGUMENT, "kinds");
    refuse(a, grid, &h2l, SL_HEAT_CC, 0, SL_ERR_MISMATCH, "");
    refuse(grid, grid, &h2l, SL_HEAT_CC, 0, SL_ERR_MISMATCH, "maps of 12 cells");
    refuse(NULL, b, &h2l, SL_HEAT_CC, 0, SL_ERR_ARGUMENT, "two templates");
    b->patches_f32[70] = NAN;
    refuse(a, b, &h2l, SL_HEAT_RELEVANCE, 0, SL_ERR_NUMERIC, "the other face");
    refuse(a, b, &none, SL_HEAT_CC, 0, SL_ERR_NUMERIC, "NaN");
    h2l.look = NULL;
    refuse(a, a, &h2l, SL_HEAT_CC, 0, SL_ERR_ARGUMENT, "--look");
    sl_template_free(a);
    sl_template_free(b);
    sl_template_free(grid);
    sl_look_close(l);
    sl_look_close(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heats_are_pytorchs),
        cmocka_unit_test(heat_moves_with_its_patch),
        cmocka_unit_test(attention_follows_the_patch),
        cmocka_unit_test(pages_show_what_a_look_has),
        cmocka_unit_test(strips_are_in_order),
        cmocka_unit_test(cc_of_maps_by_hand),
        cmocka_unit_test(pictures_by_hand),
        cmocka_unit_test(what_cannot_be_told_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
