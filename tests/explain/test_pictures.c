/* Pair picture and contact sheet of drawn faces, with everything that may be missing. */
#include "drawn_faces.h"

#include "explain/explain.h"

enum { ROWS = 7, COLS = 7, SIDE = 112 };

typedef struct {
    sl_image query_face, other_face;
    sl_template *query, *other;
    sl_pair pair;
} fixture;

static void make_pair(fixture *f, int rows, int cols, int width, int height)
{
    draw_face(3, .03f, true, width, height, &f->query_face);
    draw_face(3, 0, false, width, height, &f->other_face);
    f->query = template_of_drawing(&f->query_face, rows, cols);
    f->other = template_of_drawing(&f->other_face, rows, cols);
    f->pair = (sl_pair){.query = f->query, .other = f->other, .query_crop = &f->query_face,
                        .other_crop = &f->other_face, .query_name = "masked query", .other_name = "Person_03"};
}

static void free_pair(fixture *f)
{
    sl_template_free(f->query);
    sl_template_free(f->other);
    sl_image_free(&f->query_face);
    sl_image_free(&f->other_face);
}

static void assert_same_picture(const sl_image *a, const sl_image *b)
{
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    assert_memory_equal(a->pixels, b->pixels, (size_t)a->width * a->height * 3);
}

/* Each picture against the parts it is made of: the plan of sl_emd_plan and the rules of test_flow.c. */
static void test_flow_and_weights_follow_the_plan(void **state)
{
    (void)state;
    sl_error err;
    fixture f;
    make_pair(&f, ROWS, COLS, SIDE, SIDE);
    sl_match_options options = sl_match_defaults_of(SL_RERANK_EMD);
    float patches[2][ROWS * COLS * DRAWN_CHANNELS], plan[ROWS * COLS * ROWS * COLS], u[ROWS * COLS],
        v[ROWS * COLS];
    assert_ok(sl_template_patches(f.query, patches[0], &err));
    assert_ok(sl_template_patches(f.other, patches[1], &err));
    sl_patch_map query = {.rows = ROWS, .cols = COLS, .channels = DRAWN_CHANNELS, .patches = patches[0]};
    sl_patch_map other = {.rows = ROWS, .cols = COLS, .channels = DRAWN_CHANNELS, .patches = patches[1]};
    assert_ok(sl_emd_plan(&query, &other, &options, plan, u, v, &err));
    sl_transport t = {.rows = ROWS, .cols = COLS, .plan = plan};
    sl_image expected, flow, query_heat, other_heat;
    assert_ok(sl_flow_picture(&t, &f.other_face, 224, 224, &expected, &err));
    assert_ok(sl_draw_flow(&f.pair, NULL, 224, &flow, &err));
    assert_same_picture(&expected, &flow);
    sl_image_free(&expected);

    /* the query's weights on the query's face, the other's on the other's */
    assert_ok(sl_draw_weights(&f.pair, &options, 224, &query_heat, &other_heat, &err));
    assert_ok(sl_weights_picture(u, ROWS, COLS, &f.query_face, 224, 224, &expected, &err));
    assert_same_picture(&expected, &query_heat);
    sl_image_free(&expected);
    assert_ok(sl_weights_picture(v, ROWS, COLS, &f.other_face, 224, 224, &expected, &err));
    assert_same_picture(&expected, &other_heat);
    sl_image_free(&expected);
    keep_picture("flow.png", &flow);
    sl_image_free(&flow);
    sl_image_free(&query_heat);
    sl_image_free(&other_heat);
    free_pair(&f);
}

static bool is_line(const sl_image *picture, float x, float y)
{
    const uint8_t *p = picture->pixels + 3 * ((size_t)(y * (float)picture->height) * (size_t)picture->width +
                                              (size_t)(x * (float)picture->width));
    return p[0] == sl_wrong.r && p[1] == sl_wrong.g && p[2] == sl_wrong.b;
}

/* The weighting lmk shows the landmarks that it counts: a jaw, closed eyes, points outside the picture. */
static void test_landmarks_are_drawn(void **state)
{
    (void)state;
    sl_error err;
    fixture f;
    sl_image picture, plain;
    make_pair(&f, ROWS, COLS, SIDE, SIDE);
    assert_int_equal(sl_draw_landmarks(f.query, &f.query_face, 224, &picture, &err), SL_ERR_ARGUMENT);
    for (int i = 0; i < 68; i++) /* all on one line, far down, but the jaw's and an eye's */
        f.query->landmarks[i] = f.other->landmarks[i] = (sl_point){.5f, .95f};
    for (int i = 0; i < 17; i++)
        f.query->landmarks[i] = (sl_point){.1f + .06f * (float)i, .5f}; /* leaves the picture at 1.06 */
    static const sl_point eye[6] = {{.2f, .2f}, {.3f, .1f}, {.4f, .1f}, {.5f, .2f}, {.4f, .3f}, {.3f, .3f}};
    memcpy(f.query->landmarks + 36, eye, sizeof eye);
    f.query->has_landmarks = f.other->has_landmarks = 1;
    assert_ok(sl_draw_landmarks(f.query, &f.query_face, 224, &picture, &err));
    assert_int_equal(picture.width, 224);
    for (float x = .12f; x < 1; x += .1f)
        assert_true(is_line(&picture, x, .5f));
    assert_false(is_line(&picture, .05f, .5f)); /* a jaw does not go round .. */
    assert_true(is_line(&picture, .25f, .25f)); /* .. an eye does: from 41 back to 36 */
    assert_false(is_line(&picture, .35f, .2f));
    sl_image_free(&picture);

    sl_match_options options = sl_match_defaults_of(SL_RERANK_EMD);
    assert_ok(sl_draw_pair(&f.pair, &options, &plain, &err));
    options.weighting = SL_WEIGHT_LMK;
    assert_ok(sl_draw_pair(&f.pair, &options, &picture, &err));
    /* the middle of the query's face */
    const float x = (28 + 128) / (float)picture.width, y = (28 + 20 + 128) / (float)picture.height;
    assert_true(is_line(&picture, x, y));
    assert_false(is_line(&plain, x, y));
    keep_picture("landmarks.png", &picture);
    f.query->landmarks[3].x = NAN;
    sl_image bad;
    assert_int_equal(sl_draw_landmarks(f.query, NULL, 224, &bad, &err), SL_ERR_NUMERIC);
    sl_image_free(&picture);
    sl_image_free(&plain);
    free_pair(&f);
}

/* With uniform weights each patch of a face flows most to itself: the flow picture of a face and itself is that
 * face (every flow is nearly alike, so compare tiles, not brightness). */
static void test_a_face_flows_to_itself(void **state)
{
    (void)state;
    sl_error err;
    float raw[ROWS * COLS * DRAWN_CHANNELS];
    fill_random(raw, ROWS * COLS * DRAWN_CHANNELS, 9, -1, 1);
    sl_template *t;
    assert_ok(sl_template_of_arrays(raw, 64, raw, ROWS, COLS, DRAWN_CHANNELS, &t, &err));
    sl_match_options options = sl_match_defaults_of(SL_RERANK_EMD);
    options.weighting = SL_WEIGHT_UNIFORM;
    sl_transport plan;
    int tile[ROWS * COLS];
    float brightness[ROWS * COLS];
    assert_ok(sl_transport_make(t, t, &options, &plan, &err));
    sl_flow_tiles(plan.plan, ROWS * COLS, tile, brightness);
    for (int m = 0; m < ROWS * COLS; m++)
        assert_int_equal(tile[m], m);
    sl_transport_free(&plan);
    sl_template_free(t);
}

static void test_sizes_keep_the_crops_aspect(void **state)
{
    (void)state;
    sl_error err;
    fixture f;
    sl_image flow, a, b;
    make_pair(&f, 7, 6, 96, 112);
    assert_ok(sl_draw_flow(&f.pair, NULL, 224, &flow, &err));
    assert_true(flow.width == 192 && flow.height == 224 && flow.channels == 3);
    sl_image_free(&flow);
    assert_ok(sl_draw_weights(&f.pair, NULL, 100, &a, &b, &err));
    assert_true(a.width == 86 && a.height == 100 && b.width == 86 && b.height == 100);
    sl_image_free(&a);
    sl_image_free(&b);
    sl_match_options options = sl_match_defaults_of(SL_RERANK_EMD);
    options.grid_rows = options.grid_cols = 4;
    assert_ok(sl_draw_pair(&f.pair, &options, &flow, &err));
    keep_picture("pair-96x112-grid4.png", &flow);
    sl_image_free(&flow);
    free_pair(&f);
}

static void test_pair_picture_with_and_without_crops(void **state)
{
    (void)state;
    sl_error err;
    fixture f;
    sl_image full, other;
    make_pair(&f, ROWS, COLS, SIDE, SIDE);
    assert_ok(sl_draw_pair(&f.pair, NULL, &full, &err));
    assert_true(full.width > 3 * 224 && full.height > 2 * 224 && full.channels == 3);
    keep_picture("pair.png", &full);
    f.pair.other_crop = NULL;
    f.pair.other_name = NULL;
    assert_ok(sl_draw_pair(&f.pair, NULL, &other, &err));
    assert_true(other.width == full.width && other.height == full.height);
    keep_picture("pair-no-crop.png", &other);
    sl_image_free(&other);
    f.pair.query_crop = NULL;
    f.pair.query_name = "\xff\xfe<script>\n\n\x01";
    sl_match_options options = sl_match_defaults_of(SL_RERANK_EMD);
    options.rerank = SL_RERANK_NONE;
    options.weighting = SL_WEIGHT_UNIFORM;
    assert_ok(sl_draw_pair(&f.pair, &options, &other, &err));
    keep_picture("pair-nothing.png", &other);
    sl_image_free(&other);
    sl_image_free(&full);
    free_pair(&f);
}

static void test_wrong_calls_are_refused(void **state)
{
    (void)state;
    sl_error err;
    fixture f;
    sl_image out, second;
    make_pair(&f, ROWS, COLS, SIDE, SIDE);
    assert_int_equal(sl_draw_flow(NULL, NULL, 224, &out, &err), SL_ERR_ARGUMENT);
    assert_null(out.pixels);
    assert_int_equal(sl_draw_flow(&f.pair, NULL, 4, &out, &err), SL_ERR_ARGUMENT);
    assert_non_null(strstr(err.text, "4 pixels"));
    assert_int_equal(sl_draw_weights(&f.pair, NULL, 1 << 20, &out, &second, &err), SL_ERR_ARGUMENT);
    sl_match_options options = sl_match_defaults_of(SL_RERANK_EMD);
    options.grid_rows = options.grid_cols = 9;
    assert_int_equal(sl_draw_flow(&f.pair, &options, 224, &out, &err), SL_ERR_ARGUMENT);
    assert_int_equal(sl_draw_pair(&f.pair, &options, &out, NULL), SL_ERR_ARGUMENT);
    sl_template *smaller = template_of_drawing(&f.query_face, 4, 4);
    sl_pair mixed = f.pair;
    mixed.other = smaller;
    assert_int_equal(sl_draw_flow(&mixed, NULL, 224, &out, &err), SL_ERR_MISMATCH);
    mixed.other = NULL;
    assert_int_equal(sl_draw_pair(&mixed, NULL, &out, &err), SL_ERR_ARGUMENT);
    sl_image broken = {.width = 10, .height = 10, .channels = 2, .pixels = f.query_face.pixels};
    mixed = f.pair;
    mixed.query_crop = &broken;
    assert_int_equal(sl_draw_pair(&mixed, NULL, &out, &err), SL_ERR_ARGUMENT);
    assert_int_equal(sl_draw_sheet(NULL, &out, &err), SL_ERR_ARGUMENT);
    assert_int_equal(sl_draw_sheet(&(sl_case){.query = f.query}, &out, &err), SL_ERR_ARGUMENT);
    sl_answer answer = {.count = 1};
    assert_int_equal(sl_draw_sheet(&(sl_case){.query = f.query, .answer = &answer}, &out, &err), SL_ERR_ARGUMENT);
    sl_template_free(smaller);
    free_pair(&f);
}

static void test_templates_of_arrays(void **state)
{
    (void)state;
    sl_error err;
    const float embedding[2] = {3, 4}, nothing[2] = {0, 0}, patches[6] = {1, 2, 3, 4, 5, 6}, broken[6] = {1, NAN};
    float back[6];
    int dim, rows, cols, channels;
    sl_template *t;
    assert_ok(sl_template_of_arrays(embedding, 2, patches, 1, 2, 3, &t, &err));
    assert_close(sl_template_embedding(t, &dim), (float[]){.6f, .8f}, 2, 1e-6);
    sl_template_grid(t, &rows, &cols, &channels);
    assert_true(dim == 2 && rows == 1 && cols == 2 && channels == 3);
    assert_ok(sl_template_patches(t, back, &err));
    assert_memory_equal(back, patches, sizeof patches);
    sl_template_free(t);
    assert_int_equal(sl_template_of_arrays(NULL, 2, patches, 1, 2, 3, &t, &err), SL_ERR_ARGUMENT);
    assert_null(t);
    assert_ok(sl_template_of_arrays(embedding, 2, NULL, 1, 1, 1, &t, &err)); /* the embedding alone */
    assert_int_equal(sl_template_patches(t, back, &err), SL_ERR_UNSUPPORTED);
    sl_template_free(t);
    assert_int_equal(sl_template_of_arrays(embedding, 2, patches, 1, 2, 3, NULL, &err), SL_ERR_ARGUMENT);
    assert_int_equal(sl_template_of_arrays(nothing, 2, patches, 1, 2, 3, &t, &err), SL_ERR_NUMERIC);
    assert_int_equal(sl_template_of_arrays(embedding, 2, broken, 1, 2, 3, &t, &err), SL_ERR_NUMERIC);
    assert_int_not_equal(sl_template_of_arrays(embedding, 2, patches, 1, -2, 3, &t, &err), SL_OK);
    assert_int_not_equal(sl_template_of_arrays(embedding, 1 << 30, patches, 1, 2, 3, &t, &err), SL_OK);
    assert_null(t);
}

/* ------------------------------------------------------------------ the sheet */

/* How many pixels have exactly this colour. */
static int pixels_of(const sl_image *sheet, sl_colour colour)
{
    int count = 0;
    for (int i = 0; i < sheet->width * sheet->height; i++) {
        const uint8_t *p = sheet->pixels + (size_t)i * 3;
        count += p[0] == colour.r && p[1] == colour.g && p[2] == colour.b;
    }
    return count;
}

static void test_sheet(void **state)
{
    (void)state;
    sl_error err;
    char *dir = make_temp_dir(), path[512];
    snprintf(path, sizeof path, "%s/gallery", dir);
    sl_gallery *gallery = gallery_of_drawings(path, 12, 2, ROWS, COLS, SIDE, SIDE);
    sl_match_options match = sl_match_defaults_of(SL_RERANK_EMD);
    sl_image face, sheet;
    draw_face(6, .04f, true, SIDE, SIDE, &face);
    sl_template *query = template_of_drawing(&face, ROWS, COLS);
    sl_answer answer;
    answer_by_comparing(gallery, query, &match, .5f, 10, &answer);
    sl_case one = {.query_name = "queries/masked_06.png", .true_label = "Person_06", .query_crop = &face,
                   .query = query, .gallery = gallery, .answer = &answer};
    int right, wrong;
    assert_ok(sl_draw_sheet(&one, &sheet, &err));
    keep_picture("sheet.png", &sheet);
    right = pixels_of(&sheet, sl_right);
    wrong = pixels_of(&sheet, sl_wrong);
    assert_true(right > 2000 && wrong > 8 * 2000); /* one of five in each row is the true person */
    sl_image_free(&sheet);

    one.true_label = NULL; /* grey frames then */
    assert_ok(sl_draw_sheet(&one, &sheet, &err));
    right = pixels_of(&sheet, sl_right);
    wrong = pixels_of(&sheet, sl_wrong);
    assert_true(right == 0 && wrong == 0);
    sl_image_free(&sheet);

    answer.count = 2; /* fewer candidates, no picture of the query, no decision, no second look */
    answer.stage1_count = 1;
    answer.decision = SL_UNKNOWN;
    answer.threshold = NAN;
    answer.match.rerank = SL_RERANK_NONE; /* whose score cannot be told by part without a head */
    one.query_crop = NULL;
    one.query_name = NULL;
    assert_ok(sl_draw_sheet(&one, &sheet, &err));
    keep_picture("sheet-few.png", &sheet);
    sl_image_free(&sheet);

    answer.match = match;
    answer.match.weighting = SL_WEIGHT_LMK; /* these templates have no landmarks: there is no flow */
    assert_ok(sl_draw_sheet(&one, &sheet, &err));
    sl_image_free(&sheet);

    free_answer(&answer);
    answer = (sl_answer){.threshold = .5f};
    one.gallery = NULL;
    assert_ok(sl_draw_sheet(&one, &sheet, &err));
    keep_picture("sheet-empty.png", &sheet);
    sl_image_free(&sheet);
    sl_template_free(query);
    sl_image_free(&face);
    sl_gallery_close(gallery);
    remove_tree(dir);
    free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flow_and_weights_follow_the_plan),
        cmocka_unit_test(test_a_face_flows_to_itself),
        cmocka_unit_test(test_landmarks_are_drawn),
        cmocka_unit_test(test_sizes_keep_the_crops_aspect),
        cmocka_unit_test(test_pair_picture_with_and_without_crops),
        cmocka_unit_test(test_wrong_calls_are_refused),
        cmocka_unit_test(test_templates_of_arrays),
        cmocka_unit_test(test_sheet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
