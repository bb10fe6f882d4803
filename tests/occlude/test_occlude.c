/* Masks, sunglasses and crops: seeds, what they cover, and pictures and landmarks of odd places and sizes. */
#include "support.h"

#include "occlude/occlude.h"
#include "image/draw.h"
#include "secondlook_draw.h"

enum { KINDS = SL_OCCLUDE_GLASSES + 1 };

/* A frontal face in units of its eye distance, the origin between the eyes, drawn from proportions. */
static void frontal_face(sl_point l[68], float cx, float cy, float unit, float roll)
{
    sl_point f[68] = {{0, 0}};
    for (int i = 0; i < 17; i++) { /* jaw: half an ellipse from ear to ear */
        double angle = M_PI * i / 16;
        f[i] = (sl_point){(float)(-1.15 * cos(angle)), (float)(1.83 * sin(angle))};
    }
    for (int i = 0; i < 5; i++) {
        f[17 + i] = (sl_point){-.95f + .19f * (float)i, -.3f};
        f[22 + i] = (sl_point){.19f + .19f * (float)i, -.3f};
        f[31 + i] = (sl_point){-.23f + .115f * (float)i, .72f};
    }
    for (int i = 0; i < 4; i++)
        f[27 + i] = (sl_point){0, -.02f + .19f * (float)i};
    for (int i = 0; i < 6; i++) {
        double angle = M_PI - 2 * M_PI * i / 6;
        f[36 + i] = (sl_point){(float)(-.5 + .2 * cos(angle)), (float)(-.06 * sin(angle))};
        f[42 + i] = (sl_point){(float)(.5 + .2 * cos(angle)), (float)(-.06 * sin(angle))};
    }
    for (int i = 0; i < 20; i++) {
        double angle = M_PI - 2 * M_PI * (i < 12 ? i / 12. : (i - 12) / 8.), r = i < 12 ? 1 : .8;
        f[48 + i] = (sl_point){(float)(.45 * r * cos(angle)), (float)(1.1 - .17 * r * sin(angle))};
    }
    for (int i = 0; i < 68; i++)
        l[i] = (sl_point){cx + unit * (f[i].x * cosf(roll) - f[i].y * sinf(roll)),
                          cy + unit * (f[i].x * sinf(roll) + f[i].y * cosf(roll))};
}

static sl_image skin(int width, int height)
{
    sl_error err;
    sl_image image;
    assert_ok(sl_image_new(width, height, 3, &image, &err));
    for (int i = 0; i < width * height; i++) {
        image.pixels[3 * i] = 205;
        image.pixels[3 * i + 1] = 160;
        image.pixels[3 * i + 2] = 135;
    }
    return image;
}

/* How much of the picture differs clearly. */
static double changed(const sl_image *a, const sl_image *b)
{
    size_t n = (size_t)a->width * (size_t)a->height, count = 0;
    for (size_t i = 0; i < n; i++) {
        int d = 0;
        for (int c = 0; c < 3; c++)
            d += abs(a->pixels[3 * i + (size_t)c] - b->pixels[3 * i + (size_t)c]);
        count += d > 40;
    }
    return (double)count / (double)n;
}

/* Rows of which a tenth differs clearly: the first, the last; -1 where there is none. */
static bool row_differs(const sl_image *a, const sl_image *b, int y)
{
    int count = 0;
    for (int x = 0; x < a->width; x++) {
        size_t at = 3 * ((size_t)y * (size_t)a->width + (size_t)x);
        count += abs(a->pixels[at] - b->pixels[at]) > 15;
    }
    return 10 * count > a->width;
}

static int first_row(const sl_image *a, const sl_image *b)
{
    for (int y = 0; y < a->height; y++)
        if (row_differs(a, b, y))
            return y;
    return -1;
}

static int last_row(const sl_image *a, const sl_image *b)
{
    for (int y = a->height - 1; y >= 0; y--)
        if (row_differs(a, b, y))
            return y;
    return -1;
}

/* The largest difference of the two pictures' channels at a point. */
static int difference_at(const sl_image *a, const sl_image *b, sl_point p)
{
    size_t at = 3 * ((size_t)p.y * (size_t)a->width + (size_t)p.x);
    int most = 0;
    for (size_t c = at; c < at + 3; c++)
        most = abs(a->pixels[c] - b->pixels[c]) > most ? abs(a->pixels[c] - b->pixels[c]) : most;
    return most;
}

static bool same_picture(const sl_image *a, const sl_image *b)
{
    return a->width == b->width && a->height == b->height && a->channels == b->channels &&
           memcmp(a->pixels, b->pixels, (size_t)a->width * (size_t)a->height * (size_t)a->channels) == 0;
}

static void a_seed_gives_one_picture(void **state)
{
    (void)state;
    sl_error err;
    sl_point l[68];
    sl_image image = skin(128, 128);
    frontal_face(l, 64, 48, 45, .05f);
    for (int kind = 0; kind < KINDS; kind++) {
        sl_image a, b;
        int different = 0;
        sl_draw_fill(&image, 20, 30, 40, 40, (sl_colour){90, 60, 40});
        for (uint64_t seed = 0; seed < 8; seed++) {
            assert_ok(sl_occlude(&image, l, (sl_occlusion)kind, NULL, seed, &a, &err));
            assert_ok(sl_occlude(&image, l, (sl_occlusion)kind, NULL, seed, &b, &err));
            assert_true(same_picture(&a, &b));
            sl_image_free(&b);
            assert_ok(sl_occlude(&image, l, (sl_occlusion)kind, NULL, seed + 1, &b, &err));
            different += !same_picture(&a, &b);
            sl_image_free(&a);
            sl_image_free(&b);
        }
        assert_true(different >= 7);
    }
    sl_image_free(&image);
}

/* On an aligned 128 crop the published samples cover 21-36 % by a mask and 11-23 % by sunglasses. */
static void coverage_is_that_of_the_samples(void **state)
{
    (void)state;
    sl_error err;
    sl_point l[68];
    sl_image image = skin(128, 128), out;
    frontal_face(l, 64, 44, 44, 0);
    for (uint64_t seed = 0; seed < 40; seed++) {
        assert_ok(sl_occlude(&image, l, SL_OCCLUDE_MASK, NULL, seed, &out, &err));
        double part = changed(&image, &out);
        assert_true(part > .2 && part < .45);
        assert_int_equal(difference_at(&image, &out, l[37]), 0); /* eyes are free */
        assert_true(difference_at(&image, &out, l[62]) > 20);
        sl_image_free(&out);
        assert_ok(sl_occlude(&image, l, SL_OCCLUDE_SUNGLASSES, NULL, seed, &out, &err));
        part = changed(&image, &out);
        assert_true(part > .1 && part < .26);
        for (int side = -1; side <= 1; side += 2) /* what the samples show behind them: nothing, RGB (3, 5, 3) */
            for (int channel = 0; channel < 3; channel++)
                assert_int_equal(out.pixels[3 * (44 * 128 + 64 + 22 * side) + channel], channel == 1 ? 5 : 3);
        int first = first_row(&image, &out), last = last_row(&image, &out);
        assert_in_range(first, 20, 33); /* the samples': 20 to 29, and 53 to 61, eyes at 44 */
        assert_in_range(last, 51, 63);
        assert_int_equal(difference_at(&image, &out, l[62]), 0);
        sl_image_free(&out);
    }
    sl_image_free(&image);
}

static void shapes_follow_roll_and_size(void **state)
{
    (void)state;
    sl_error err;
    for (float unit = 20; unit < 300; unit *= 2.3f)
        for (float roll = -1.5f; roll <= 1.5f; roll += .5f) {
            int side = (int)(5 * unit);
            sl_image image = skin(side, side), out;
            sl_point l[68];
            frontal_face(l, (float)side / 2, (float)side / 2, unit, roll);
            assert_ok(sl_occlude(&image, l, SL_OCCLUDE_MASK, NULL, 3, &out, &err));
            /* All of mouth, nose tip and chin are under it; eyes and forehead are not. */
            for (int i = 48; i < 68; i++)
                assert_true(difference_at(&image, &out, l[i]) > 20);
            assert_true(difference_at(&image, &out, l[30]) > 20);
            assert_int_equal(difference_at(&image, &out, l[40]), 0);
            double part = changed(&image, &out) * 25; /* in squares of eye distance */
            assert_true(part > 1.6 && part < 4);
            sl_image_free(&out);
            sl_image_free(&image);
        }
}

static void landmarks_off_the_picture_change_nothing(void **state)
{
    (void)state;
    sl_error err;
    sl_image image = skin(60, 50), out;
    sl_point l[68];
    static const float where[][3] = {{-500, 20, 30}, {30, 900, 20}, {9e5f, 9e5f, 100}, {30, -2000, 300}};
    for (size_t i = 0; i < sizeof where / sizeof *where; i++)
        for (int kind = 0; kind < KINDS; kind++) {
            if (kind == SL_OCCLUDE_CROP)
                continue;
            frontal_face(l, where[i][0], where[i][1], where[i][2], 0);
            assert_ok(sl_occlude(&image, l, (sl_occlusion)kind, NULL, 1, &out, &err));
            assert_true(same_picture(&image, &out));
            sl_image_free(&out);
        }
    /* Partly off: the part inside is drawn. */
    frontal_face(l, 0, 0, 40, 0);
    assert_ok(sl_occlude(&image, l, SL_OCCLUDE_SUNGLASSES, NULL, 1, &out, &err));
    assert_true(!same_picture(&image, &out));
    sl_image_free(&out);
    sl_image_free(&image);
}

static void tiny_pictures_and_faces(void **state)
{
    (void)state;
    sl_error err;
    sl_point l[68];
    for (int side = 1; side < 12; side += 3) {
        sl_image image = skin(side, side), out;
        frontal_face(l, (float)side / 2, (float)side / 3, (float)side / 2 + 1, 0);
        for (int kind = 0; kind < KINDS; kind++) {
            assert_ok(sl_occlude(&image, l, (sl_occlusion)kind, NULL, 4, &out, &err));
            assert_true(out.width == side && out.height == side);
            sl_image_free(&out);
        }
        sl_image_free(&image);
    }
    /* A face far larger than the picture. */
    sl_image image = skin(40, 30), out;
    frontal_face(l, 20, -3000, 5000, .2f);
    for (int kind = 0; kind < KINDS; kind++) {
        assert_ok(sl_occlude(&image, l, (sl_occlusion)kind, NULL, 4, &out, &err));
        sl_image_free(&out);
    }
    sl_image_free(&image);
}

static void crops_are_seventy_percent(void **state)
{
    (void)state;
    sl_error err;
    sl_image image, out;
    assert_ok(sl_image_new(128, 96, 1, &image, &err));
    int x_low = 999, x_high = -1, y_low = 999, y_high = -1;
    for (uint64_t seed = 0; seed < 200; seed++) {
        for (int y = 0; y < 96; y++)
            for (int x = 0; x < 128; x++)
                image.pixels[y * 128 + x] = (uint8_t)(2 * x);
        assert_ok(sl_occlude(&image, NULL, SL_OCCLUDE_CROP, NULL, seed, &out, &err));
        assert_true(out.width == 128 && out.height == 96 && out.channels == 1);
        int left = out.pixels[0] / 2, right = out.pixels[127] / 2;
        assert_int_equal(right - left, 88); /* 89 columns */
        x_low = left < x_low ? left : x_low, x_high = left > x_high ? left : x_high;
        sl_image_free(&out);
        for (int y = 0; y < 96; y++)
            memset(image.pixels + y * 128, 2 * y, 128);
        assert_ok(sl_occlude(&image, NULL, SL_OCCLUDE_CROP, NULL, seed, &out, &err));
        int top = out.pixels[0] / 2, bottom = out.pixels[95 * 128] / 2;
        assert_int_equal(bottom - top, 66); /* 67 rows */
        y_low = top < y_low ? top : y_low, y_high = top > y_high ? top : y_high;
        sl_image_free(&out);
    }
    assert_true(x_low == 0 && x_high == 39 && y_low == 0 && y_high == 29);
    sl_image_free(&image);
}

static void grey_pictures_come_out_rgb(void **state)
{
    (void)state;
    sl_error err;
    sl_image image, out;
    sl_point l[68];
    assert_ok(sl_image_new(100, 100, 1, &image, &err));
    memset(image.pixels, 150, 10000);
    frontal_face(l, 50, 35, 32, 0);
    assert_ok(sl_occlude(&image, l, SL_OCCLUDE_MASK, NULL, 2, &out, &err));
    assert_int_equal(out.channels, 3);
    int colour = 0; /* a mask on a grey photo is grey */
    for (int i = 0; i < 10000; i++)
        colour = abs(out.pixels[3 * i] - out.pixels[3 * i + 2]) > colour
                     ? abs(out.pixels[3 * i] - out.pixels[3 * i + 2])
                     : colour;
    assert_true(colour < 12);
    sl_image_free(&out);
    sl_image_free(&image);
}

/* Every style by its name: the same twice, another picture than its neighbour's, within bounds; "any" ends. */
static void styles_are_told_apart_by_name(void **state)
{
    (void)state;
    static const double bounds[KINDS][2] = {{.1, .45}, {.04, .26}, {1, 0},    {.2, .6},  {.01, .28},
                                            {.05, .7}, {.1, .8},   {.03, .5}, {.01, .6},  {.02, .7},
                                            {.05, .8}, {.03, .5},  {.005, .3}};
    sl_error err;
    sl_point l[68];
    sl_image image = skin(128, 128);
    frontal_face(l, 64, 44, 44, 0);
    for (int kind = 0; kind < KINDS; kind++) {
        const char *const *names = sl_occlusion_styles((sl_occlusion)kind);
        sl_image all[16] = {{0}}, again;
        int count = 0;
        for (; names[count]; count++) {
            assert_ok(sl_occlude(&image, l, (sl_occlusion)kind, names[count], 5, &all[count], &err));
            assert_ok(sl_occlude(&image, l, (sl_occlusion)kind, names[count], 5, &again, &err));
            assert_true(same_picture(&all[count], &again));
            double part = changed(&image, &again);
            if (!(part > bounds[kind][0] && part < bounds[kind][1]))
                fail_msg("kind %d, %s: covers %g", kind, names[count], part);
            sl_image_free(&again);
        }
        assert_int_equal(count > 0, kind != SL_OCCLUDE_CROP);
        for (int i = 0; i + 1 < count; i++) {
            int equal = 0;
            for (int k = 0; k + 1 < count; k++)
                equal += same_picture(&all[i], &all[k]);
            if (equal != 1)
                fail_msg("kind %d: %s is as others are", kind, names[i]);
        }
        if (count)
            assert_string_equal(names[count - 1], "any");
        for (int i = 0; i < count; i++)
            sl_image_free(&all[i]);
    }
    assert_null(sl_occlusion_styles((sl_occlusion)99)[0]);
    sl_image_free(&image);
}

/* Where each of what people wear is, and where it is not, for most seeds: points of the face in its own axes. */
static void what_is_worn_is_in_its_place(void **state)
{
    (void)state;
    static const struct {
        sl_occlusion kind;
        sl_point on, off;
    } places[] = {
        {SL_OCCLUDE_WRAP, {0, 1.4f}, {0, -.6f}},     {SL_OCCLUDE_HOOD, {1.35f, -.6f}, {0, .3f}},
        {SL_OCCLUDE_BEARD, {0, 1.45f}, {0, .2f}},    {SL_OCCLUDE_HELMET, {0, -1.35f}, {0, .8f}},
        {SL_OCCLUDE_HAIR, {1.2f, -.9f}, {0, .5f}},   {SL_OCCLUDE_GLASSES, {.5f, .02f}, {0, 1.1f}},
    };
    enum { SEEDS = 60 };
    sl_error err;
    sl_point l[68];
    sl_image image = skin(240, 260), out;
    frontal_face(l, 120, 110, 60, 0);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        int on = 0, off = 0;
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            const sl_point a = {120 + 60 * places[i].on.x, 110 + 60 * places[i].on.y};
            const sl_point b = {120 + 60 * places[i].off.x, 110 + 60 * places[i].off.y};
            assert_ok(sl_occlude(&image, l, places[i].kind, NULL, seed, &out, &err));
            on += difference_at(&image, &out, a) > 5;
            off += difference_at(&image, &out, b) > 30;
            sl_image_free(&out);
        }
        if (on < SEEDS * 8 / 10 || off > SEEDS / 10)
            fail_msg("kind %d: %d of %d where it is, %d where it is not", places[i].kind, on, SEEDS, off);
    }
    sl_image_free(&image);
}

/* Cloth is cut out of the picture: one whose sides are red makes it red. */
static void cloth_of_the_picture_is_the_pictures(void **state)
{
    (void)state;
    sl_error err;
    sl_point l[68];
    sl_image image = skin(240, 260), out;
    frontal_face(l, 120, 110, 40, 0);
    sl_draw_fill(&image, 0, 0, 96, 260, (sl_colour){250, 0, 0});
    sl_draw_fill(&image, 144, 0, 96, 260, (sl_colour){250, 0, 0});
    for (uint64_t seed = 0; seed < 20; seed++) {
        assert_ok(sl_occlude(&image, l, SL_OCCLUDE_WRAP, "picture", seed, &out, &err));
        const uint8_t *p = out.pixels + 3 * (170 * 240 + 120);
        assert_true(p[1] == 0 && p[2] == 0 && p[0] > 100);
        sl_image_free(&out);
    }
    sl_image_free(&image);
}

/* A hundred seeds: blue, white and black masks are met, and some that leave the nose free. */
static void any_mask_is_of_many_colours(void **state)
{
    (void)state;
    sl_error err;
    sl_point l[68];
    sl_image image = skin(128, 128), out;
    int blue = 0, dark = 0, pale = 0, nose_free = 0;
    frontal_face(l, 64, 44, 44, 0);
    for (uint64_t seed = 0; seed < 100; seed++) {
        assert_ok(sl_occlude(&image, l, SL_OCCLUDE_MASK, "any", seed, &out, &err));
        const uint8_t *p = out.pixels + 3 * ((int)(l[57].y + 3) * 128 + (int)l[57].x - 8);
        blue += p[2] > p[0] + 30;
        dark += p[0] < 60 && p[1] < 60 && p[2] < 60;
        pale += p[0] > 130 && p[1] > 130 && p[2] > 130 && abs(p[0] - p[2]) < 25;
        nose_free += difference_at(&image, &out, l[29]) == 0;
        sl_image_free(&out);
    }
    assert_in_range(blue, 20, 70);
    assert_in_range(dark, 5, 40);
    assert_in_range(pale, 10, 60);
    assert_in_range(nose_free, 1, 40);
    sl_image_free(&image);
}

static void scarf_and_block_cover_what_they_should(void **state)
{
    (void)state;
    sl_error err;
    sl_point l[68];
    sl_image image = skin(128, 128), out;
    frontal_face(l, 64, 44, 44, 0);
    int met_mouth = 0, met_eye = 0;
    for (uint64_t seed = 0; seed < 60; seed++) {
        assert_ok(sl_occlude(&image, l, SL_OCCLUDE_SCARF, NULL, seed, &out, &err));
        assert_true(difference_at(&image, &out, l[62]) > 0 && difference_at(&image, &out, l[8]) > 0);
        assert_int_equal(difference_at(&image, &out, l[38]), 0);
        sl_image_free(&out);
        assert_ok(sl_occlude(&image, l, SL_OCCLUDE_BLOCK, NULL, seed, &out, &err));
        met_mouth += difference_at(&image, &out, l[62]) > 8;
        met_eye += difference_at(&image, &out, l[38]) > 8;
        sl_image_free(&out);
    }
    assert_in_range(met_mouth, 5, 40);
    assert_in_range(met_eye, 3, 40);
    sl_image_free(&image);
}

static void patterns_have_both_paints(void **state)
{
    (void)state;
    for (int kind = 0; kind < SL_PATTERN_ANY; kind++) {
        sl_rng rng = sl_rng_seed(4);
        sl_pattern p = sl_pattern_pick((sl_pattern_kind)kind, &rng);
        int ground = 0, figure = 0, points = 0;
        for (float y = 0; y < 3; y += .013f)
            for (float x = 0; x < 3; x += .013f, points++) {
                sl_paint paint = sl_pattern_at(&p, (sl_point){x, y}, 1e-4);
                ground += fabsf(paint.r - p.a.r) < 1e-3f && fabsf(paint.g - p.a.g) < 1e-3f;
                figure += fabsf(paint.r - p.b.r) < 1e-3f && fabsf(paint.g - p.b.g) < 1e-3f;
            }
        /* By area, periods being 1: half by stripes; a quarter each by checks, the rest half-way; dots of radius .28
         * pi .28^2 = .246; plaid leaves a quarter of ground. */
        static const double ground_part[] = {.5, .754, .25, .25, 1}, figure_part[] = {.5, .246, .25, -1, 0};
        assert_true(fabs((double)ground / points - ground_part[kind]) < .02);
        if (figure_part[kind] >= 0)
            assert_true(fabs((double)figure / points - figure_part[kind]) < .02);
    }
}

static void bad_calls_are_refused(void **state)
{
    (void)state;
    sl_error err;
    sl_image image = skin(40, 40), out;
    sl_point l[68];
    frontal_face(l, 20, 15, 12, 0);
    assert_int_equal(sl_occlude(&image, NULL, SL_OCCLUDE_MASK, NULL, 0, &out, &err), SL_ERR_ARGUMENT);
    assert_null(out.pixels);
    assert_int_equal(sl_occlude(&image, l, (sl_occlusion)KINDS, NULL, 0, &out, &err), SL_ERR_ARGUMENT);
    assert_non_null(strstr(err.text, "kind 13"));
    assert_int_equal(sl_occlude(&image, l, SL_OCCLUDE_MASK, "aviator", 0, &out, &err), SL_ERR_ARGUMENT);
    assert_non_null(strstr(err.text, "aviator"));
    assert_int_equal(sl_occlude(&image, l, SL_OCCLUDE_CROP, "any", 0, &out, &err), SL_ERR_ARGUMENT);
    l[20].y = NAN;
    assert_int_equal(sl_occlude(&image, l, SL_OCCLUDE_MASK, NULL, 0, &out, &err), SL_ERR_NUMERIC);
    assert_non_null(strstr(err.text, "landmark 21"));
    l[20].y = 2e6f;
    assert_int_equal(sl_occlude(&image, l, SL_OCCLUDE_SUNGLASSES, NULL, 0, &out, NULL), SL_ERR_NUMERIC);
    for (int i = 0; i < 68; i++)
        l[i] = (sl_point){10, 10};
    assert_int_equal(sl_occlude(&image, l, SL_OCCLUDE_SUNGLASSES, NULL, 0, &out, &err), SL_ERR_NUMERIC);
    assert_null(out.pixels);
    sl_image none = {0};
    assert_int_equal(sl_occlude(&none, l, SL_OCCLUDE_CROP, NULL, 0, &out, &err), SL_ERR_ARGUMENT);
    sl_image_free(&image);
}

/* Landmarks in any order and place must not crash anything. */
static void scrambled_landmarks(void **state)
{
    (void)state;
    sl_error err;
    sl_image image = skin(64, 64), out;
    for (uint64_t seed = 0; seed < 60; seed++) {
        sl_point l[68];
        float spread = seed % 3 == 0 ? 100 : seed % 3 == 1 ? 3000 : 10;
        fill_random(&l[0].x, 136, seed, -spread, spread);
        for (int kind = 0; kind < KINDS; kind++) {
            sl_status status = sl_occlude(&image, l, (sl_occlusion)kind, NULL, seed, &out, &err);
            assert_true(status == SL_OK || status == SL_ERR_NUMERIC);
            sl_image_free(&out);
        }
    }
    sl_image_free(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_seed_gives_one_picture),    cmocka_unit_test(coverage_is_that_of_the_samples),
        cmocka_unit_test(shapes_follow_roll_and_size), cmocka_unit_test(landmarks_off_the_picture_change_nothing),
        cmocka_unit_test(tiny_pictures_and_faces),     cmocka_unit_test(crops_are_seventy_percent),
        cmocka_unit_test(grey_pictures_come_out_rgb),  cmocka_unit_test(bad_calls_are_refused),
        cmocka_unit_test(scrambled_landmarks),         cmocka_unit_test(styles_are_told_apart_by_name),
        cmocka_unit_test(what_is_worn_is_in_its_place),
        cmocka_unit_test(cloth_of_the_picture_is_the_pictures),
        cmocka_unit_test(any_mask_is_of_many_colours), cmocka_unit_test(scarf_and_block_cover_what_they_should),
        cmocka_unit_test(patterns_have_both_paints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
