/* Shapes by their areas and edges, clipping, text, the colour map. */
#include "support.h"

#include <limits.h>
#include <stdbool.h>

#include "base/rng.h"
#include "image/draw.h"
#include "image/font.h"
#include "image/image.h"

static const sl_colour white = {255, 255, 255}, red = {200, 10, 30};

static sl_image black(int width, int height)
{
    sl_image image;
    sl_error err;
    assert_ok(sl_image_new(width, height, 3, &image, &err));
    return image;
}

static int red_at(const sl_image *image, int x, int y)
{
    return image->pixels[3 * (y * image->width + x)];
}

/* Sum of coverage drawn in white on black. */
static double area_of(const sl_image *image)
{
    double sum = 0;
    for (int i = 0; i < image->width * image->height; i++)
        sum += image->pixels[3 * i] / 255.;
    return sum;
}

static void rectangles(void **state)
{
    (void)state;
    sl_image image = black(20, 10);
    sl_draw_fill(&image, 3, 2, 5, 4, red);
    for (int y = 0; y < 10; y++)
        for (int x = 0; x < 20; x++) {
            bool inside = x >= 3 && x < 8 && y >= 2 && y < 6;
            const uint8_t *p = image.pixels + 3 * (y * 20 + x);
            assert_true(p[0] == (inside ? 200 : 0) && p[1] == (inside ? 10 : 0) && p[2] == (inside ? 30 : 0));
        }
    sl_draw_fill(&image, 0, 0, 20, 10, (sl_colour){0, 0, 0});
    sl_draw_frame(&image, 2, 1, 10, 8, 2, white);
    assert_true(area_of(&image) == 10 * 8 - 6 * 4);
    assert_int_equal(red_at(&image, 2, 1), 255);
    assert_int_equal(red_at(&image, 11, 8), 255);
    assert_int_equal(red_at(&image, 4, 3), 0);
    assert_int_equal(red_at(&image, 3, 4), 255);
    sl_draw_fill(&image, -5, -5, 100, 100, (sl_colour){0, 0, 0});
    sl_draw_frame(&image, -3, -3, 26, 16, 5, white); /* partly outside: two pixels of each side are seen */
    assert_true(area_of(&image) == 20 * 10 - 16 * 6);
    sl_image_free(&image);
}

static void tiles(void **state)
{
    (void)state;
    sl_error err;
    sl_image image = black(6, 5), tile;
    assert_ok(sl_image_new(3, 2, 1, &tile, &err));
    memcpy(tile.pixels, (uint8_t[]){1, 2, 3, 4, 5, 6}, 6);
    sl_draw_image(&image, 4, 4, &tile);
    sl_draw_image(&image, -1, -1, &tile);
    for (int y = 0; y < 5; y++)
        for (int x = 0; x < 6; x++) {
            int expected = y == 4 && x >= 4 ? x - 3 : y == 0 && x < 2 ? 5 + x : 0;
            for (int c = 0; c < 3; c++)
                assert_int_equal(image.pixels[3 * (y * 6 + x) + c], expected);
        }
    sl_image colour = black(2, 2);
    for (int i = 0; i < 12; i++)
        colour.pixels[i] = (uint8_t)(100 + i);
    sl_draw_image(&image, 2, 1, &colour);
    assert_memory_equal(image.pixels + 3 * (1 * 6 + 2), colour.pixels, 6);
    assert_memory_equal(image.pixels + 3 * (2 * 6 + 2), colour.pixels + 6, 6);
    sl_image_free(&colour);
    sl_image_free(&tile);
    sl_image_free(&image);
}

static void discs_have_their_area(void **state)
{
    (void)state;
    static const float radii[] = {1, 2.5f, 7.3f, 20};
    for (int i = 0; i < 4; i++) {
        sl_image image = black(60, 60);
        sl_draw_disc(&image, (sl_point){29.3f, 30.1f}, radii[i], white, 1);
        double expected = 3.14159265 * radii[i] * radii[i];
        assert_true(fabs(area_of(&image) - expected) < .05 * expected + .3);
        assert_int_equal(red_at(&image, 29, 30), 255);
        sl_image_free(&image);
    }
    sl_image image = black(9, 9);
    sl_draw_disc(&image, (sl_point){4, 4}, 3, white, .5f);
    assert_int_equal(red_at(&image, 4, 4), 128); /* alpha */
    assert_int_equal(red_at(&image, 7, 4), 64);  /* the outline runs through this pixel's middle */
    assert_int_equal(red_at(&image, 8, 4), 0);
    sl_image_free(&image);
}

static void lines_have_their_area(void **state)
{
    (void)state;
    sl_image image = black(20, 9);
    sl_draw_line(&image, (sl_point){-10, 4}, (sl_point){30, 4}, 3, white, 1);
    for (int x = 0; x < 20; x++)
        for (int y = 0; y < 9; y++)
            assert_int_equal(red_at(&image, x, y), y >= 3 && y <= 5 ? 255 : 0);
    sl_image_free(&image);
    static const sl_point ends[][2] = {
        {{10, 12}, {85, 71}}, {{85, 20}, {12, 33}}, {{50, 5}, {51, 90}}, {{5, 50}, {90, 51}}};
    for (int i = 0; i < 4; i++) {
        image = black(100, 100);
        sl_draw_line(&image, ends[i][0], ends[i][1], 4, white, 1);
        double length = hypot(ends[i][1].x - ends[i][0].x, ends[i][1].y - ends[i][0].y);
        double expected = length * 4 + 3.14159265 * 4; /* with its round ends */
        assert_true(fabs(area_of(&image) - expected) < .01 * expected);
        sl_image_free(&image);
    }
}

/* The row spans that lines are drawn by leave out no covered pixel. */
static void lines_against_distances(void **state)
{
    (void)state;
    sl_rng rng = sl_rng_seed(3);
    for (int round = 0; round < 40; round++) {
        sl_image image = black(40, 30);
        double v[4], radius = sl_rng_range(&rng, .2, 5);
        for (int i = 0; i < 4; i++)
            v[i] = (float)sl_rng_range(&rng, -20, 60);
        sl_draw_line(&image, (sl_point){(float)v[0], (float)v[1]}, (sl_point){(float)v[2], (float)v[3]},
                     (float)(2 * radius), white, 1);
        double dx = v[2] - v[0], dy = v[3] - v[1];
        for (int y = 0; y < 30; y++)
            for (int x = 0; x < 40; x++) {
                double t = ((x - v[0]) * dx + (y - v[1]) * dy) / (dx * dx + dy * dy);
                t = fmin(fmax(t, 0), 1);
                double inside = radius + .5 - hypot(x - v[0] - t * dx, y - v[1] - t * dy);
                assert_true(fabs(red_at(&image, x, y) - 255 * fmin(fmax(inside, 0), 1)) < .51);
            }
        sl_image_free(&image);
    }
}

static double coverage_sum(const float *c, int count)
{
    double sum = 0;
    for (int i = 0; i < count; i++) {
        assert_true(c[i] >= 0 && c[i] <= 1);
        sum += c[i];
    }
    return sum;
}

static void polygon_by_hand(void **state)
{
    (void)state;
    float c[5 * 4];
    /* Pixels 1 .. 3 by 1 .. 2 whole: their area is from -1/2 to +1/2 around centres. */
    const sl_point box[] = {{.5f, .5f}, {3.5f, .5f}, {3.5f, 2.5f}, {.5f, 2.5f}};
    sl_polygon_coverage(box, 4, 5, 4, c);
    for (int y = 0; y < 4; y++)
        for (int x = 0; x < 5; x++)
            assert_true(c[y * 5 + x] == (x >= 1 && x <= 3 && y >= 1 && y <= 2 ? 1.f : 0.f));
    const sl_point half[] = {{1, 0}, {3, 0}, {3, 2}, {1, 2}}; /* half a pixel at each side */
    sl_polygon_coverage(half, 4, 5, 4, c);
    const float expected[20] = {0, .25f, .5f, .25f, 0, 0, .5f, 1, .5f, 0, 0, .25f, .5f, .25f, 0};
    for (int i = 0; i < 20; i++)
        assert_true(c[i] == expected[i]);
    sl_polygon_coverage(box, 2, 5, 4, c);
    assert_true(coverage_sum(c, 20) == 0);
    sl_polygon_coverage(box, 0, 5, 4, c);
    assert_true(coverage_sum(c, 20) == 0);
    const sl_point bad[] = {{.5f, .5f}, {3.5f, NAN}, {3.5f, 2.5f}};
    sl_polygon_coverage(bad, 3, 5, 4, c);
    assert_true(coverage_sum(c, 20) == 0);
}

static void polygon_areas(void **state)
{
    (void)state;
    enum { W = 80, H = 60 };
    static float c[W * H];
    const sl_point triangle[] = {{5, 5}, {70, 12}, {30, 50}};
    sl_polygon_coverage(triangle, 3, W, H, c);
    double area = .5 * fabs((70 - 5) * (50. - 5) - (30 - 5) * (12. - 5));
    assert_true(fabs(coverage_sum(c, W * H) - area) < 4);
    /* Beyond all edges: everything. */
    const sl_point huge[] = {{-1e6f, -1e6f}, {1e6f, -1e6f}, {1e6f, 1e6f}, {-1e6f, 1e6f}};
    sl_polygon_coverage(huge, 4, W, H, c);
    assert_true(coverage_sum(c, W * H) == W * H);
    /* Even-odd: a square run round twice is empty, one with a square in it has a hole. */
    const sl_point twice[] = {{10, 10}, {30, 10}, {30, 30}, {10, 30}, {10, 10}, {30, 10}, {30, 30}, {10, 30}};
    sl_polygon_coverage(twice, 8, W, H, c);
    assert_true(coverage_sum(c, W * H) == 0);
    const sl_point hole[] = {{10, 10}, {50, 10}, {50, 50}, {10, 50}, {10, 10},
                             {20, 20}, {40, 20}, {40, 40}, {20, 40}, {20, 20}};
    sl_polygon_coverage(hole, 10, W, H, c);
    assert_true(coverage_sum(c, W * H) == 40 * 40 - 20 * 20);
    assert_true(c[30 * W + 30] == 0 && c[15 * W + 15] == 1);
}

/* Every sample against the crossing rule, point by point. */
static void polygon_against_samples(void **state)
{
    (void)state;
    enum { W = 24, H = 18, N = 7 };
    sl_rng rng = sl_rng_seed(12);
    for (int round = 0; round < 30; round++) {
        sl_point p[N];
        float c[W * H];
        for (int i = 0; i < N; i++)
            p[i] = (sl_point){(float)sl_rng_range(&rng, -12, 36), (float)sl_rng_range(&rng, -10, 28)};
        sl_polygon_coverage(p, N, W, H, c);
        for (int y = 0; y < H; y++)
            for (int x = 0; x < W; x++) {
                int inside = 0;
                for (int s = 0; s < 16; s++) {
                    double sx = x + s % 4 / 4. - .375, sy = y + s / 4 / 4. - .375;
                    bool odd = false;
                    for (int i = 0; i < N; i++) {
                        sl_point a = p[i], b = p[(i + 1) % N];
                        if ((a.y <= sy) != (b.y <= sy) &&
                            a.x + (sy - a.y) * ((double)b.x - a.x) / ((double)b.y - a.y) <= sx)
                            odd = !odd;
                    }
                    inside += odd;
                }
                assert_true(fabs(c[y * W + x] - inside / 16.) < 1e-6);
            }
    }
}

static void everything_is_clipped(void **state)
{
    (void)state;
    sl_image image = black(16, 16);
    static const int at[] = {INT_MIN, -1000, -8, 0, 8, 15, 16, 1000, INT_MAX};
    static const float f[] = {-1e38f, -1e9f, -3, 8, 20, 1e9f, 1e38f, NAN, INFINITY};
    sl_image tile = black(7, 5);
    for (int i = 0; i < 9; i++)
        for (int j = 0; j < 9; j++) {
            sl_draw_fill(&image, at[i], at[j], INT_MAX, INT_MAX, red);
            sl_draw_fill(&image, at[i], at[j], -5, 3, white);
            sl_draw_frame(&image, at[i], at[j], INT_MAX, 5, INT_MAX, red);
            sl_draw_frame(&image, at[i], at[j], 5, 5, -1, red);
            sl_draw_image(&image, at[i], at[j], &tile);
            sl_draw_text(&image, at[i], at[j], "Qy\nx", 3, white);
            sl_draw_text(&image, at[i], at[j], "W", INT_MAX, white);
            sl_draw_line(&image, (sl_point){f[i], f[j]}, (sl_point){f[j], 5}, 3, red, .5f);
            sl_draw_line(&image, (sl_point){1, 2}, (sl_point){3, 4}, f[i], red, f[j]);
            sl_draw_disc(&image, (sl_point){f[i], f[j]}, 5, red, 1);
            sl_draw_disc(&image, (sl_point){3, 5}, f[i], red, f[j]);
            float c[12];
            sl_polygon_coverage((sl_point[]){{f[i], f[j]}, {3, 3}, {f[j], 1}, {f[i], f[i]}}, 4, 4, 3, c);
            coverage_sum(c, 12);
        }
    sl_draw_fill(NULL, 0, 0, 1, 1, red);
    sl_image grey = image;
    grey.channels = 1; /* not RGB: left alone */
    memset(image.pixels, 7, 16 * 16 * 3);
    sl_draw_fill(&grey, 0, 0, 16, 16, red);
    sl_draw_text(&grey, 0, 0, "x", 1, red);
    sl_draw_disc(&grey, (sl_point){3, 3}, 5, red, 1);
    for (int i = 0; i < 16 * 16 * 3; i++)
        assert_int_equal(image.pixels[i], 7);
    sl_image_free(&tile);
    sl_image_free(&image);
}

static void assert_text_size(const char *text, int scale, int width, int height)
{
    int w, h;
    sl_text_size(text, scale, &w, &h);
    assert_int_equal(w, width);
    assert_int_equal(h, height);
}

static void text_sizes(void **state)
{
    (void)state;
    assert_text_size("", 1, 0, 13);
    assert_text_size("a", 1, 8, 13);
    assert_text_size("hello", 2, 80, 26);
    assert_text_size("ab\nabc\n", 1, 24, 39);
    assert_text_size("Schr\xc3\xb6"
                     "der",
                     1, 64, 13); /* one character each */
    assert_text_size("Schro\xcc\x88"
                     "der",
                     1, 64, 13); /* with a combining accent, as macOS writes names */
    assert_text_size("\xe2\x82\xac\xf0\x9f\x98\x80", 1, 16, 13);
    assert_text_size("\xff\xc3", 1, 16, 13); /* malformed */
    assert_text_size(NULL, 1, 0, 13);
    assert_text_size("a", 0, 8, 13);
    assert_text_size("aa", INT_MAX, INT_MAX, INT_MAX);
}

static void text_is_folded_to_ascii(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"\xc3\xa9", "e"},
        {"\xc3\x85", "A"},
        {"\xc5\x81", "L"},
        {"\xc5\xbe", "z"},
        {"\xc3\x9f", "s"},
        {"\xe2\x80\x93", "-"},
        {"\xe2\x80\x99", "'"},
        {"\xf0\x9f\x98\x80", "?"},
        {"\x80", "?"},
        {"\xc3(", "?("},
        {"\xe2\x82", "??"},
        {"\xc0\x80", "??"},
        {"\xed", "?"},
        {"\t", " "},
        {"\x01", "?"},
        {"a\xcc\x81"
         "b",
         "ab"},
        {"a\xcc", "a?"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        const char *p = pairs[i][0];
        for (const char *expected = pairs[i][1]; *expected; expected++) {
            assert_true(*p != '\0');
            assert_int_equal(sl_font_next(&p), *expected);
        }
        assert_int_equal(*p, '\0');
    }
}

static void letters_are_drawn(void **state)
{
    (void)state;
    for (int a = 33; a < 127; a++) {
        const uint8_t *glyph = sl_font_glyph((char)a);
        int ink = 0;
        for (int row = 0; row < SL_FONT_HEIGHT; row++)
            for (int column = 0; column < 8; column++) {
                ink += glyph[row] >> (7 - column) & 1;
                assert_true(column < SL_FONT_WIDTH - 1 ||
                            !(glyph[row] >> (7 - column) & 1)); /* space between letters */
            }
        assert_in_range(ink, 2, 40);
        for (int b = 33; b < a; b++)
            assert_true(memcmp(glyph, sl_font_glyph((char)b), SL_FONT_HEIGHT) != 0);
    }
    /* The bar of T at scale 3, and nothing outside the cell. */
    sl_image image = black(40, 50);
    sl_draw_text(&image, 5, 4, "T", 3, white);
    int ink = 0;
    for (int row = 0; row < SL_FONT_HEIGHT; row++)
        ink += __builtin_popcount(sl_font_glyph('T')[row]);
    assert_true(area_of(&image) == 9 * ink);
    for (int x = 0; x < 40; x++)
        assert_int_equal(red_at(&image, x, 4 + 3), x >= 5 + 3 && x < 5 + 18 ? 255 : 0);
    sl_image_free(&image);
}

static void jet(void **state)
{
    (void)state;
    static const struct {
        float value;
        int r, g, b;
    } cases[] = {{0, 0, 0, 128},       {.125f, 0, 0, 255},   {.25f, 0, 128, 255}, {.375f, 0, 255, 255},
                 {.5f, 128, 255, 128}, {.625f, 255, 255, 0}, {.75f, 255, 128, 0}, {.875f, 255, 0, 0},
                 {1, 128, 0, 0},       {-3, 0, 0, 128},      {7, 128, 0, 0},      {NAN, 0, 0, 128}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sl_colour c = sl_colour_jet(cases[i].value);
        if (c.r != cases[i].r || c.g != cases[i].g || c.b != cases[i].b)
            fail_msg("jet(%g) is %d %d %d", cases[i].value, c.r, c.g, c.b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rectangles),
        cmocka_unit_test(tiles),
        cmocka_unit_test(discs_have_their_area),
        cmocka_unit_test(lines_have_their_area),
        cmocka_unit_test(lines_against_distances),
        cmocka_unit_test(polygon_by_hand),
        cmocka_unit_test(polygon_areas),
        cmocka_unit_test(polygon_against_samples),
        cmocka_unit_test(everything_is_clipped),
        cmocka_unit_test(text_sizes),
        cmocka_unit_test(text_is_folded_to_ascii),
        cmocka_unit_test(letters_are_drawn),
        cmocka_unit_test(jet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
