/* Augmented crops: the same for the same number, and each step does what it says. */
#include "support.h"

#include <pthread.h>

#include "image/image.h"
#include "train/data/augment.h"
#include "train/data/augment_steps.h"

static sl_error err;

static sl_image picture(int width, int height, int channels, uint64_t seed)
{
    sl_image image;
    sl_rng r = sl_rng_seed(seed);
    assert_ok(sl_image_new(width, height, channels, &image, &err));
    for (size_t i = 0; i < (size_t)width * (size_t)height * (size_t)channels; i++)
        image.pixels[i] = (uint8_t)sl_rng_next(&r);
    return image;
}

static sl_image plain(int width, int height, uint8_t value)
{
    sl_image image;
    assert_ok(sl_image_new(width, height, 3, &image, &err));
    memset(image.pixels, value, 3 * (size_t)width * (size_t)height);
    return image;
}

static size_t bytes_of(const sl_image *image)
{
    return (size_t)image->width * (size_t)image->height * (size_t)image->channels;
}

static bool equal(const sl_image *a, const sl_image *b)
{
    return a->width == b->width && a->height == b->height && a->channels == b->channels &&
           memcmp(a->pixels, b->pixels, bytes_of(a)) == 0;
}

/* 68 points that are roughly a face's in a crop 112 wide: jaw, brows, nose, eyes, mouth. */
static void face_points(sl_point p[68])
{
    for (int i = 0; i < 17; i++)
        p[i] = (sl_point){(float)(56 - 42 * cos(i * M_PI / 16)), (float)(50 + 55 * sin(i * M_PI / 16))};
    for (int i = 17; i < 27; i++)
        p[i] = (sl_point){(float)(22 + 7.5 * (i - 17)), 40};
    for (int i = 27; i < 31; i++)
        p[i] = (sl_point){56, (float)(52 + 7 * (i - 27))};
    for (int i = 31; i < 36; i++)
        p[i] = (sl_point){(float)(48 + 4 * (i - 31)), 76};
    for (int i = 0; i < 12; i++)
        p[36 + i] = (sl_point){(float)((i < 6 ? 38 : 74) + 5 * cos(i * M_PI / 3)), (float)(52 + 3 * sin(i * M_PI / 3))};
    for (int i = 48; i < 68; i++)
        p[i] = (sl_point){(float)(56 - 14 * cos((i - 48) * M_PI / 10)), (float)(92 - 4 * sin((i - 48) * M_PI / 10))};
}

static sl_augmentation only(sl_cover cover)
{
    sl_augmentation a = {.name = "test"};
    a.share[cover] = 1;
    return a;
}

/* How many of the picture's bytes differ. */
static size_t changed(const sl_image *a, const sl_image *b)
{
    size_t n = 0;
    for (size_t i = 0; i < bytes_of(a); i++)
        n += a->pixels[i] != b->pixels[i];
    return n;
}

/* ---- the whole ---- */

typedef struct {
    const char *mix;
    const sl_image *crop, *other;
    const sl_point *landmarks;
    sl_image *out;
    size_t from, step, count;
} job;

static void *augment_many(void *context)
{
    const job *j = context;
    sl_error why;
    for (size_t i = j->from; i < j->count; i += j->step)
        if (sl_augment(sl_augmentation_find(j->mix), j->crop, j->landmarks, j->other, 3, i, NULL, &j->out[i], &why))
            return "failed";
    return NULL;
}

/* In any order, on any thread; other numbers and seeds give other pictures. */
static void expect_same_number_same_bytes(const char *mix)
{
    enum { COUNT = 200, THREADS = 4 };
    sl_image crop = picture(112, 112, 3, 1), other = picture(112, 112, 3, 2), by_one[COUNT], by_many[COUNT], seed;
    sl_point landmarks[68];
    face_points(landmarks);
    job one = {mix, &crop, &other, landmarks, by_one, 0, 1, COUNT}, many[THREADS];
    assert_null(augment_many(&one));
    pthread_t threads[THREADS];
    for (size_t t = 0; t < THREADS; t++) {
        many[t] = one;
        many[t].out = by_many, many[t].from = t, many[t].step = THREADS;
        assert_int_equal(pthread_create(&threads[t], NULL, augment_many, &many[t]), 0);
    }
    for (size_t t = 0; t < THREADS; t++) {
        void *failed;
        pthread_join(threads[t], &failed);
        assert_null(failed);
    }
    int as_before = 0;
    for (size_t i = 0; i < COUNT; i++) {
        assert_true(equal(&by_one[i], &by_many[i]));
        as_before += i > 0 && equal(&by_one[i], &by_one[i - 1]);
    }
    assert_true(as_before < 10); /* two uncovered ones side by side */
    assert_ok(sl_augment(sl_augmentation_find(mix), &crop, landmarks, &other, 4, 0, NULL, &seed, &err));
    assert_false(equal(&seed, &by_one[0]));
    for (size_t i = 0; i < COUNT; i++) {
        sl_image_free(&by_one[i]);
        sl_image_free(&by_many[i]);
    }
    sl_image_free(&seed);
    sl_image_free(&crop);
    sl_image_free(&other);
}

static void test_same_number_same_bytes(void **state)
{
    (void)state;
    expect_same_number_same_bytes("rough");
    expect_same_number_same_bytes("worn");
}

/* `clean` is the crop, or for about every second number its mirror, and so is `out` where nothing else is done. */
static void test_clean_and_mirror(void **state)
{
    (void)state;
    sl_image crop = picture(37, 23, 3, 5), mirror, clean, out;
    sl_augmentation covered = only(SL_COVER_TEXTURES);
    int mirrored = 0;
    covered.mirror = .5, covered.noise = 1;
    assert_ok(sl_image_copy(&crop, &mirror, &err));
    sl_mirror(&mirror);
    for (int y = 0; y < 23; y++)
        for (int x = 0; x < 37; x++)
            assert_memory_equal(mirror.pixels + 3 * (y * 37 + x), crop.pixels + 3 * (y * 37 + 36 - x), 3);
    for (uint64_t i = 0; i < 400; i++) {
        assert_ok(sl_augment(sl_augmentation_find("mirror"), &crop, NULL, NULL, 1, i, &clean, &out, &err));
        assert_true(equal(&clean, &out));
        sl_image_free(&clean);
        sl_image_free(&out);
        assert_ok(sl_augment(&covered, &crop, NULL, NULL, 1, i, &clean, &out, &err));
        assert_true(equal(&clean, &crop) || equal(&clean, &mirror));
        assert_false(equal(&clean, &out));
        mirrored += equal(&clean, &mirror);
        sl_image_free(&clean);
        sl_image_free(&out);
    }
    assert_true(abs(mirrored - 200) < 50); /* five standard deviations */
    assert_ok(sl_augment(sl_augmentation_find("none"), &crop, NULL, NULL, 1, 0, NULL, &out, &err));
    assert_true(equal(&out, &crop));
    sl_image_free(&out);
    sl_image_free(&crop);
    sl_image_free(&mirror);
}

/* ---- covers ---- */

/* Each kind covers, and leaves something. */
static void test_covers(void **state)
{
    (void)state;
    sl_image crop = plain(112, 112, 150), other = plain(112, 112, 90), out;
    sl_point landmarks[68];
    face_points(landmarks);
    for (int cover = SL_COVER_MASK; cover < SL_COVERS; cover++) {
        sl_augmentation a = only((sl_cover)cover);
        for (uint64_t i = 0; i < 60; i++) {
            assert_ok(sl_augment(&a, &crop, landmarks, &other, 1, i, NULL, &out, &err));
            size_t n = changed(&out, &crop);
            assert_true(n > 100 && n < bytes_of(&crop));
            sl_image_free(&out);
        }
    }
    sl_image_free(&crop);
    sl_image_free(&other);
}

/* A part of another face is that face, pixel for pixel, but at its soft edge. */
static void test_other_face(void **state)
{
    (void)state;
    sl_image crop = plain(112, 112, 0), other = picture(112, 112, 3, 8), out;
    const sl_augmentation a = only(SL_COVER_FACE);
    size_t theirs = 0, touched = 0;
    for (uint64_t i = 0; i < 40; i++) {
        assert_ok(sl_augment(&a, &crop, NULL, &other, 1, i, NULL, &out, &err));
        for (size_t k = 0; k < bytes_of(&out); k++) {
            touched += out.pixels[k] != 0;
            theirs += out.pixels[k] != 0 && out.pixels[k] == other.pixels[k];
            assert_true(out.pixels[k] <= other.pixels[k]);
        }
        sl_image_free(&out);
    }
    assert_true(theirs > touched * 8 / 10);
    sl_image_free(&crop);
    sl_image_free(&other);
}

/* What is worn: all that outfits have is drawn by and by, and most of what differs is a mouth or eyes. */
static void test_outfits(void **state)
{
    (void)state;
    enum { DRAWS = 400 };
    sl_image crop = plain(112, 112, 150), other = picture(112, 112, 3, 9), out;
    const sl_augmentation a = only(SL_COVER_WORN);
    int mouths = 0, eyes = 0, foreheads = 0;
    for (uint64_t i = 0; i < DRAWS; i++) { /* without landmarks: where an aligned face is */
        assert_ok(sl_augment(&a, &crop, NULL, i % 2 ? &other : NULL, 1, i, NULL, &out, &err));
        const uint8_t *p = out.pixels;
        mouths += p[3 * (112 * 100 + 56)] != 150, eyes += p[3 * (112 * 52 + 74)] != 150;
        foreheads += p[3 * (112 * 2 + 56)] != 150;
        sl_image_free(&out);
    }
    assert_true(mouths > DRAWS * 45 / 100 && mouths < DRAWS * 9 / 10);
    assert_true(eyes > DRAWS * 4 / 10 && eyes < DRAWS * 9 / 10);
    assert_true(foreheads > DRAWS / 10 && foreheads < DRAWS * 7 / 10);
    sl_image_free(&crop);
    sl_image_free(&other);
}

/* Nothing to draw by, and nobody to cut from: shapes take their place. */
static void test_without_landmarks(void **state)
{
    (void)state;
    sl_image crop = plain(112, 112, 150), out, again;
    sl_point nowhere[68] = {{0}}, nan[68];
    for (int k = 0; k < 68; k++)
        nan[k] = (sl_point){NAN, 3};
    const sl_point *const bad[] = {NULL, nowhere, nan};
    for (int k = 0; k < 3; k++) {
        const sl_augmentation a = only(SL_COVER_MASK), faces = only(SL_COVER_FACE);
        assert_ok(sl_augment(&a, &crop, bad[k], NULL, 1, 7, NULL, &out, &err));
        assert_true(changed(&out, &crop) > 100);
        assert_ok(sl_augment(&faces, &crop, bad[k], NULL, 1, 7, NULL, &again, &err));
        assert_true(changed(&again, &crop) > 100);
        sl_image_free(&out);
        sl_image_free(&again);
    }
    sl_image_free(&crop);
}

/* The mix is as it was asked for: nothing covers a quarter. */
static void test_shares(void **state)
{
    (void)state;
    sl_image crop = plain(56, 56, 150), out;
    const sl_augmentation a = {.share = {[SL_COVER_NOTHING] = 1, [SL_COVER_RECTANGLES] = 3}};
    int uncovered = 0;
    for (uint64_t i = 0; i < 1000; i++) {
        assert_ok(sl_augment(&a, &crop, NULL, NULL, 1, i, NULL, &out, &err));
        uncovered += equal(&out, &crop);
        sl_image_free(&out);
    }
    assert_true(abs(uncovered - 250) < 70);
    sl_image_free(&crop);
}

/* ---- steps ---- */

/* A plain picture stays plain: nothing black comes in at the edges. A spot moves by the deviations asked for. */
static void test_misalign(void **state)
{
    (void)state;
    const sl_augmentation a = {.turn = 2.6, .scale = .045, .shift = 2};
    double sum[2] = {0}, squares[2] = {0};
    enum { DRAWS = 600 };
    for (uint64_t i = 0; i < DRAWS; i++) {
        sl_rng r = sl_rng_seed(i), s = r;
        sl_image grey = plain(112, 112, 200), spot = plain(113, 113, 0);
        assert_ok(sl_misalign(&grey, &a, &r, &err));
        for (size_t k = 0; k < bytes_of(&grey); k++)
            assert_int_equal(grey.pixels[k], 200);
        for (int y = 54; y < 59; y++)
            for (int x = 54; x < 59; x++)
                memset(spot.pixels + 3 * (113 * y + x), 255, 3);
        assert_ok(sl_misalign(&spot, &a, &s, &err));
        double mass = 0, at[2] = {0};
        for (int y = 0; y < 113; y++)
            for (int x = 0; x < 113; x++) {
                double v = spot.pixels[3 * (113 * y + x)];
                mass += v, at[0] += v * x, at[1] += v * y;
            }
        for (int k = 0; k < 2; k++) { /* the middle moves by the shift alone */
            double moved = at[k] / mass - 56;
            sum[k] += moved, squares[k] += moved * moved;
        }
        sl_image_free(&grey);
        sl_image_free(&spot);
    }
    for (int k = 0; k < 2; k++) {
        assert_true(fabs(sum[k] / DRAWS) < .45); /* five deviations of a mean */
        assert_true(fabs(sqrt(squares[k] / DRAWS) - 2 * 113 / 112.) < .25);
    }
}

/* The sum of a spot stays, it spreads as asked, and a plain picture is left alone. */
static void test_blur(void **state)
{
    (void)state;
    sl_image grey = plain(20, 9, 77), spot = plain(61, 61, 0);
    assert_ok(sl_blur(&grey, 1.5, &err));
    for (size_t k = 0; k < bytes_of(&grey); k++)
        assert_int_equal(grey.pixels[k], 77);
    for (int y = 28; y < 33; y++)
        for (int x = 28; x < 33; x++)
            memset(spot.pixels + 3 * (61 * y + x), 250, 3);
    assert_ok(sl_blur(&spot, 2, &err));
    double mass = 0, spread = 0;
    for (int y = 0; y < 61; y++)
        for (int x = 0; x < 61; x++) {
            double v = spot.pixels[3 * (61 * y + x) + 1];
            mass += v, spread += v * (x - 30) * (x - 30);
        }
    assert_true(fabs(mass / (25 * 250) - 1) < .05);
    assert_true(fabs(spread / mass - (2 + 4)) < .4); /* variance of five pixels: 2 */
    sl_image_free(&grey);
    sl_image_free(&spot);
}

static void test_noise(void **state)
{
    (void)state;
    sl_image grey = plain(201, 101, 128);
    sl_rng r = sl_rng_seed(6);
    double sum = 0, squares = 0;
    sl_add_noise(&grey, 6, &r);
    for (size_t k = 0; k < bytes_of(&grey); k++) {
        double d = grey.pixels[k] - 128.;
        sum += d, squares += d * d;
    }
    double n = (double)bytes_of(&grey);
    assert_true(fabs(sum / n) < .15);
    assert_true(fabs(sqrt(squares / n) - 6) < .15);
    sl_image_free(&grey);
}

/* Light changes all alike: what was brighter stays no darker, on the mean over rows. */
static void test_relight(void **state)
{
    (void)state;
    int brighter = 0, darker = 0;
    for (uint64_t i = 0; i < 300; i++) {
        sl_image ramp = plain(64, 8, 0);
        sl_rng r = sl_rng_seed(i);
        for (int k = 0; k < 8 * 64 * 3; k++)
            ramp.pixels[k] = (uint8_t)(4 * (k / 192 * 8)); /* rows 0, 32, .. 224 */
        sl_relight(&ramp, &r);
        double mean[8] = {0};
        for (int y = 0; y < 8; y++)
            for (int x = 0; x < 192; x++)
                mean[y] += ramp.pixels[y * 192 + x] / 192.;
        for (int y = 1; y < 8; y++)
            assert_true(mean[y] > mean[y - 1] - 4);
        brighter += mean[4] > 140, darker += mean[4] < 110;
        sl_image_free(&ramp);
    }
    assert_true(brighter > 20 && darker > 20);
}

static void test_few_pixels_and_jpeg(void **state)
{
    (void)state;
    sl_image p = picture(50, 40, 3, 2), q, grey = plain(50, 40, 99);
    sl_rng r = sl_rng_seed(1);
    assert_ok(sl_image_copy(&p, &q, &err));
    assert_ok(sl_few_pixels(&p, &r, &err));
    assert_true(p.width == 50 && p.height == 40 && changed(&p, &q) > 3000);
    assert_ok(sl_as_jpeg(&q, 30, &err));
    assert_true(q.width == 50 && q.height == 40 && q.channels == 3);
    assert_ok(sl_as_jpeg(&grey, 30, &err));
    for (size_t k = 0; k < bytes_of(&grey); k++)
        assert_true(abs(grey.pixels[k] - 99) < 4);
    sl_image_free(&p);
    sl_image_free(&q);
    sl_image_free(&grey);
}

/* ---- any crop, and what is refused ---- */

static void test_sizes(void **state)
{
    (void)state;
    static const int sizes[][3] = {{1, 1, 3}, {1, 9, 1}, {7, 5, 3}, {112, 96, 1}, {160, 160, 3}, {300, 20, 3}};
    sl_point landmarks[68];
    face_points(landmarks);
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        sl_image crop = picture(sizes[k][0], sizes[k][1], sizes[k][2], k), out, clean;
        sl_image other = picture(sizes[5 - k][0], sizes[5 - k][1], sizes[5 - k][2], 77);
        for (uint64_t i = 0; i < 60; i++) {
            assert_ok(sl_augment(sl_augmentation_find("rough"), &crop, landmarks, &other, 2, i, &clean, &out, &err));
            assert_true(out.width == crop.width && out.height == crop.height && out.channels == 3);
            assert_true(clean.width == crop.width && clean.height == crop.height && clean.channels == 3);
            sl_image_free(&out);
            sl_image_free(&clean);
        }
        sl_image_free(&crop);
        sl_image_free(&other);
    }
}

static void expect_refused(const sl_augmentation *a, const char *says)
{
    sl_image crop = plain(8, 8, 1), out, clean;
    assert_int_equal(sl_augment(a, &crop, NULL, NULL, 1, 1, &clean, &out, &err), SL_ERR_ARGUMENT);
    assert_true(!out.pixels && !clean.pixels);
    if (!strstr(err.text, says))
        fail_msg("'%s' does not say '%s'", err.text, says);
    sl_image_free(&crop);
}

static void test_refused(void **state)
{
    (void)state;
    sl_augmentation a = {0};
    expect_refused(&a, "not all 0");
    a.share[3] = -1, a.share[0] = 2;
    expect_refused(&a, "0 or more");
    a.share[3] = INFINITY;
    expect_refused(&a, "shares");
    a.share[3] = 0, a.jpeg = 1.5;
    expect_refused(&a, "odds of 1.5");
    a.jpeg = NAN;
    expect_refused(&a, "odds");
    a.jpeg = 0, a.turn = 91;
    expect_refused(&a, "jitter by 91");
    a.turn = 0;
    assert_ok(sl_augmentation_check(&a, &err));
    sl_image none = {0}, out;
    assert_int_equal(sl_augment(&a, &none, NULL, NULL, 1, 1, NULL, &out, &err), SL_ERR_ARGUMENT);
}

static void test_recipes(void **state)
{
    (void)state;
    for (int i = 0; sl_augmentation_names[i]; i++) {
        const sl_augmentation *a = sl_augmentation_find(sl_augmentation_names[i]);
        assert_non_null(a);
        assert_ok(sl_augmentation_check(a, &err));
        assert_string_equal(a->name, sl_augmentation_names[i]);
    }
    assert_null(sl_augmentation_find("nonesuch"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_number_same_bytes), cmocka_unit_test(test_clean_and_mirror),
        cmocka_unit_test(test_covers),                 cmocka_unit_test(test_other_face),
        cmocka_unit_test(test_outfits),
        cmocka_unit_test(test_without_landmarks),      cmocka_unit_test(test_shares),
        cmocka_unit_test(test_misalign),               cmocka_unit_test(test_blur),
        cmocka_unit_test(test_noise),                  cmocka_unit_test(test_relight),
        cmocka_unit_test(test_few_pixels_and_jpeg),    cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_refused),                cmocka_unit_test(test_recipes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
