/* The rule of the flow picture and of the heat maps, on hand-made plans. */
#include "support.h"

#include "explain/explain.h"
#include "image/image.h"

/* A noisy plan that carries query cell m mostly to other cell to[m]. */
static void plan_of(const int *to, int patches, float *plan)
{
    fill_random(plan, (size_t)patches * patches, 5, 0, .001f);
    for (int m = 0; m < patches; m++)
        plan[to[m] * patches + m] = .01f + .001f * (float)(m % 5);
}

static sl_image noise(int width, int height, int channels, uint64_t seed)
{
    sl_error err;
    sl_image image;
    assert_ok(sl_image_new(width, height, channels, &image, &err));
    for (int i = 0; i < width * height * channels; i++) {
        float v;
        fill_random(&v, 1, seed * 1000003 + (uint64_t)i, 0, 255);
        image.pixels[i] = (uint8_t)v;
    }
    return image;
}

/* The other face is the query with its patches shifted cyclically. Where the plan undoes the shift, the picture is
 * the query again. (The published program's indexing shifts twice.) */
static void shift_is_undone(int rows, int cols, int width, int height)
{
    sl_error err;
    int patches = rows * cols, to[256];
    sl_image query = noise(width, height, 3, 1), other, flow;
    assert_ok(sl_image_copy(&query, &other, &err));
    int cell_w = width / cols, cell_h = height / rows;
    for (int m = 0; m < patches; m++) {
        to[m] = (m + 3) % patches;
        for (int y = 0; y < cell_h; y++)
            memcpy(other.pixels + ((size_t)(to[m] / cols * cell_h + y) * width + to[m] % cols * cell_w) * 3,
                   query.pixels + ((size_t)(m / cols * cell_h + y) * width + m % cols * cell_w) * 3,
                   (size_t)cell_w * 3);
    }
    float *plan = calloc((size_t)patches * patches, sizeof *plan);
    for (int m = 0; m < patches; m++)
        plan[to[m] * patches + m] = 1.f / (float)patches;
    sl_transport t = {.rows = rows, .cols = cols, .plan = plan};
    assert_memory_not_equal(query.pixels, other.pixels, (size_t)width * height * 3);
    assert_ok(sl_flow_picture(&t, &other, width, height, &flow, &err));
    assert_memory_equal(query.pixels, flow.pixels, (size_t)width * height * 3);
    free(plan);
    sl_image_free(&query);
    sl_image_free(&other);
    sl_image_free(&flow);
}

static void test_permuted_patches_restore_the_query(void **state)
{
    (void)state;
    shift_is_undone(7, 7, 112, 112);
    shift_is_undone(4, 4, 128, 128);
    shift_is_undone(8, 8, 128, 128);
    shift_is_undone(7, 6, 96, 112);
    shift_is_undone(16, 16, 32, 32);
}

static void test_tiles_follow_the_query_cell(void **state)
{
    (void)state;
    /* plan[s, m]: rows are the other face's patches */
    const float plan[9] = {.1f, .5f, .2f, /**/ .4f, .0f, .2f, /**/ .3f, .1f, .2f};
    int tile[3];
    float brightness[3];
    sl_flow_tiles(plan, 3, tile, brightness);
    assert_int_equal(tile[0], 1);
    assert_int_equal(tile[1], 0);
    assert_int_equal(tile[2], 0); /* the lowest of equals */
    const float expected[3] = {(.4f - .2f) / (.5f - .2f), 1, 0};
    assert_close(brightness, expected, 3, 1e-6);
}

static void test_brightness_where_all_flows_are_alike(void **state)
{
    (void)state;
    const float uniform[4] = {.25f, .1f, .1f, .25f + 1e-8f}, nothing[4] = {0};
    const float broken[4] = {NAN, .1f, NAN, .3f};
    int tile[2];
    float brightness[2];
    sl_flow_tiles(uniform, 2, tile, brightness);
    assert_true(brightness[0] == 1 && brightness[1] == 1);
    assert_true(tile[0] == 0 && tile[1] == 1);
    sl_flow_tiles(nothing, 2, tile, brightness);
    assert_true(brightness[0] == 0 && brightness[1] == 0);
    sl_flow_tiles(broken, 2, tile, brightness);
    assert_true(brightness[0] == 0 && brightness[1] == 1);
    assert_true(tile[0] == 0 && tile[1] == 1);
}

/* Grids that do not divide the picture: every pixel comes from the tile the rule names, never from its neighbours.
 */
static void test_uneven_grids_keep_to_their_cells(void **state)
{
    (void)state;
    const int grids[][4] = {{7, 6, 112, 112}, {7, 7, 100, 100}, {4, 4, 110, 90}, {3, 5, 17, 29},
                            {16, 16, 9, 9},   {1, 1, 8, 8},     {256, 1, 40, 40}};
    for (size_t g = 0; g < sizeof grids / sizeof *grids; g++) {
        sl_error err;
        int rows = grids[g][0], cols = grids[g][1], width = grids[g][2], height = grids[g][3],
            patches = rows * cols;
        int to[256], tile[256];
        float brightness[256], *plan = malloc(sizeof(float) * (size_t)patches * patches);
        for (int m = 0; m < patches; m++)
            to[m] = (5 * m + 2) % patches;
        plan_of(to, patches, plan);
        sl_flow_tiles(plan, patches, tile, brightness);
        sl_image other, flow;
        assert_ok(sl_image_new(width, height, 3, &other, &err));
        for (int y = 0; y < height; y++) /* every cell of the other face in a colour of its own */
            for (int x = 0; x < width; x++) {
                int s = (int)((y + .5) * rows / height) * cols + (int)((x + .5) * cols / width);
                uint8_t *p = other.pixels + ((size_t)y * width + x) * 3;
                p[0] = (uint8_t)(s * 37), p[1] = (uint8_t)(s * 101 + 9), p[2] = 255;
            }
        sl_transport t = {.rows = rows, .cols = cols, .plan = plan};
        assert_ok(sl_flow_picture(&t, &other, width, height, &flow, &err));
        for (int y = 0; y < height && width >= cols && height >= rows; y++)
            for (int x = 0; x < width; x++) {
                int m = (int)((y + .5) * rows / height) * cols + (int)((x + .5) * cols / width), s = tile[m];
                const uint8_t *p = flow.pixels + ((size_t)y * width + x) * 3;
                assert_int_equal(s, patches > 1 ? to[m] : 0);
                assert_true(fabsf(p[0] - (uint8_t)(s * 37) * brightness[m]) <= .51f);
                assert_true(fabsf(p[1] - (uint8_t)(s * 101 + 9) * brightness[m]) <= .51f);
                assert_true(fabsf(p[2] - 255 * brightness[m]) <= .51f);
            }
        free(plan);
        sl_image_free(&other);
        sl_image_free(&flow);
    }
}

static void test_a_missing_picture_is_grey(void **state)
{
    (void)state;
    sl_error err;
    const float plan[4] = {.5f, 0, 0, .5f};
    sl_transport t = {.rows = 1, .cols = 2, .plan = (float *)(uintptr_t)plan};
    sl_image flow;
    assert_ok(sl_flow_picture(&t, NULL, 20, 10, &flow, &err));
    for (int i = 0; i < 20 * 10 * 3; i++)
        assert_in_range(flow.pixels[i], 160, 180);
    sl_image_free(&flow);

    sl_image grey = noise(20, 10, 1, 3);
    assert_ok(sl_flow_picture(&t, &grey, 20, 10, &flow, &err));
    assert_int_equal(flow.channels, 3);
    assert_int_equal(flow.pixels[0], grey.pixels[0]);
    sl_image_free(&grey);
    sl_image_free(&flow);
}

static void test_heat_puts_cell_centres_on_the_corners(void **state)
{
    (void)state;
    const float weights[6] = {.1f, .2f, .3f, .4f, .5f, .7f}; /* 2 x 3 */
    float heat[5 * 5];
    sl_weights_heat(weights, 2, 3, 5, 5, heat);
    const float w[25] = {.1f,   .15f, .2f,   .25f,  .3f,   .175f,  .225f, .275f, .3375f, .4f, .25f, .3f, .35f,
                         .425f, .5f,  .325f, .375f, .425f, .5125f, .6f,   .4f,   .45f,   .5f, .6f,  .7f};
    for (int i = 0; i < 25; i++)
        assert_float_equal(heat[i], (w[i] - .1f) / .6f, 1e-5);

    const float equal[4] = {1.f / 3, 1.f / 3, 1.f / 3, 1.f / 3};
    sl_weights_heat(equal, 2, 2, 5, 5, heat);
    for (int i = 0; i < 25; i++)
        assert_true(heat[i] == .5f);
    sl_weights_heat(weights, 1, 1, 5, 5, heat);
    assert_true(heat[0] == .5f && heat[24] == .5f);
    sl_weights_heat(weights, 2, 3, 1, 1, heat);
    assert_true(heat[0] == .5f);
}

static void test_heat_is_laid_half_over_the_crop(void **state)
{
    (void)state;
    sl_error err;
    const float weights[2] = {0, 1};
    sl_image crop = noise(10, 6, 3, 7), out;
    assert_ok(sl_weights_picture(weights, 1, 2, &crop, 10, 6, &out, &err));
    sl_colour low = sl_colour_jet(0), high = sl_colour_jet(1);
    assert_true(abs(2 * out.pixels[2] - low.b - crop.pixels[2]) <= 1);
    assert_true(abs(2 * out.pixels[9 * 3] - high.r - crop.pixels[9 * 3]) <= 1);
    assert_true(abs(2 * out.pixels[9 * 3 + 1] - high.g - crop.pixels[9 * 3 + 1]) <= 1);
    sl_image_free(&crop);
    sl_image_free(&out);
}

static void test_numbers_are_the_same_in_every_locale(void **state)
{
    (void)state;
    char text[16];
    assert_string_equal(sl_number(text, .7134f), "0.713");
    assert_string_equal(sl_number(text, -.25f), "-0.250");
    assert_string_equal(sl_number(text, -.0001f), "0.000");
    assert_string_equal(sl_number(text, 1), "1.000");
    assert_string_equal(sl_number(text, NAN), "-");
    assert_string_equal(sl_number(text, INFINITY), "-");
    assert_string_equal(sl_number(text, -1e30f), "-99999.000");
}

static void test_long_names_are_cut_between_characters(void **state)
{
    (void)state;
    sl_error err;
    sl_image image;
    char name[2000] = "";
    for (int i = 0; i < 400; i++)
        strcat(name, i % 2 ? "\xc3\xa9" : "\n");
    assert_ok(sl_image_new(120, 40, 3, &image, &err));
    int width = sl_draw_text_cut(&image, 0, 10, name, 1, 100, (sl_colour){255, 255, 255});
    assert_in_range(width, 60, 100);
    for (int y = 0; y < 40; y++) /* one line, whatever the name holds */
        for (int x = 0; x < 120; x++)
            if (y < 9 || y > 26)
                assert_int_equal(image.pixels[(y * 120 + x) * 3], 0);
    assert_in_range(sl_draw_text_cut(&image, 0, 10, "short", 1, 100, (sl_colour){0, 0, 0}), 20, 60);
    int name_alone = sl_draw_text_cut(&image, 0, 10, "d.jpg", 1, 100, (sl_colour){0, 0, 0});
    width = sl_draw_text_cut(&image, 0, 10, "a_long_folder/and_another/d.jpg", 1, 100, (sl_colour){0, 0, 0});
    assert_int_equal(width, name_alone);
    assert_in_range(sl_draw_text_cut(&image, 0, 10, "folders_that_end_in/", 1, 100, (sl_colour){0, 0, 0}), 60,
                    100);
    sl_draw_text_cut(&image, 0, 10, "no room", 1, 0, (sl_colour){0, 0, 0});
    sl_draw_text_middle(&image, 60, 10, "\xff\xfe\x80", 1, 100, (sl_colour){0, 0, 0});
    sl_image_free(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_permuted_patches_restore_the_query),
        cmocka_unit_test(test_tiles_follow_the_query_cell),
        cmocka_unit_test(test_brightness_where_all_flows_are_alike),
        cmocka_unit_test(test_uneven_grids_keep_to_their_cells),
        cmocka_unit_test(test_a_missing_picture_is_grey),
        cmocka_unit_test(test_heat_puts_cell_centres_on_the_corners),
        cmocka_unit_test(test_heat_is_laid_half_over_the_crop),
        cmocka_unit_test(test_numbers_are_the_same_in_every_locale),
        cmocka_unit_test(test_long_names_are_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
