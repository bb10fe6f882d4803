/* Looking for small faces, with a detector that takes white squares of 40 pixels and more for faces: they are found
 * where they lie, once, whatever tiles they lie in, and what was found before stays. */
#include "support.h"

#include "face/detector.h"
#include "face/face_list.h"
#include "image/image.h"

static sl_error err;
static int looks, largest_look;

static bool is_white(const sl_image *image, int x, int y)
{
    return x >= 0 && y >= 0 && x < image->width && y < image->height &&
           image->pixels[3 * ((size_t)y * (size_t)image->width + (size_t)x)] > 127;
}

/* As detectors do, a large picture is looked at scaled down. */
static sl_status find_squares(sl_detector *d, const sl_image *image, float threshold, sl_face **faces, size_t *count,
                              sl_error *e)
{
    sl_face_list list = {0};
    const float scale = (float)image->width / (float)d->options.max_side;
    if (scale > 1) {
        sl_image small;
        assert_ok(sl_image_shrink(image, d->options.max_side, (int)((float)image->height / scale), &small, &err));
        find_squares(d, &small, threshold, faces, count, e);
        for (size_t i = 0; i < *count; i++) {
            sl_box *b = &(*faces)[i].box;
            *b = (sl_box){b->x0 * scale, b->y0 * scale, b->x1 * scale, b->y1 * scale};
        }
        sl_image_free(&small);
        return SL_OK;
    }
    looks++;
    largest_look = image->width > largest_look ? image->width : largest_look;
    for (int y = 0; y < image->height; y++)
        for (int x = 0; x < image->width; x++) {
            if (!is_white(image, x, y) || is_white(image, x - 1, y) || is_white(image, x, y - 1))
                continue;
            int width = 0, height = 0;
            while (is_white(image, x + width, y))
                width++;
            while (is_white(image, x, y + height))
                height++;
            sl_face f = {.score = (float)(width * height) * 1e-5f,
                         .box = {(float)x, (float)y, (float)(x + width - 1), (float)(y + height - 1)}};
            if (height >= (int)d->kind->least_face)
                assert_true(sl_face_list_add(&list, &f));
        }
    *faces = list.faces;
    *count = list.count;
    return SL_OK;
}

static sl_status open_nothing(sl_detector *d, const sl_detector_network *networks, sl_error *e)
{
    (void)d, (void)networks, (void)e;
    return SL_OK;
}

static void close_nothing(sl_detector *d) { (void)d; }

static const sl_detector_kind squares = {.name = "squares", .networks = 1, .threshold = .5f, .least_face = 40,
                                         .size = sizeof(sl_detector), .open = open_nothing, .close = close_nothing,
                                         .find = find_squares};

static void draw_square(sl_image *image, int x, int y, int side)
{
    for (int i = 0; i < side; i++)
        memset(image->pixels + 3 * ((size_t)(y + i) * (size_t)image->width + (size_t)x), 255, 3 * (size_t)side);
}

/* How many faces are found in all; each lies where a square is, to the pixels of the first look. */
static size_t count_found(const sl_image *image, int min_face, const int (*squares_at)[3], size_t n)
{
    sl_detector *d;
    sl_face *faces;
    size_t count;
    const sl_detector_network none = {0};
    const sl_detector_options options = sl_detector_defaults(1);
    assert_ok(sl_detector_open(&squares, &none, &options, &d, &err));
    assert_ok(sl_detector_find(d, image, .5f, &faces, &count, &err));
    assert_ok(sl_detector_find_small(d, image, .5f, min_face, &faces, &count, &err));
    for (size_t i = 0; i < count; i++) {
        const sl_box *b = &faces[i].box;
        bool there = false;
        for (size_t k = 0; k < n; k++)
            there |= fabsf(b->x0 - (float)squares_at[k][0]) < 4 && fabsf(b->y0 - (float)squares_at[k][1]) < 4 &&
                     fabsf(b->y1 - (float)(squares_at[k][1] + squares_at[k][2] - 1)) < 4;
        if (!there)
            fail_msg("nothing is at %g %g %g %g", (double)b->x0, (double)b->y0, (double)b->x1, (double)b->y1);
    }
    free(faces);
    sl_detector_close(d);
    return count;
}

/* A wide picture: the whole is looked at at a third of its size, where squares of 120 pixels are the smallest found. */
static void every_size_in_every_tile(void **state)
{
    (void)state;
    enum { WIDTH = 3840, HEIGHT = 300, N = 12 };
    sl_image image;
    int at[N][3];
    assert_ok(sl_image_new(WIDTH, HEIGHT, 3, &image, &err));
    for (int i = 0; i < N; i++) { /* 25, 34, 43, ... 124 pixels, at uneven places */
        at[i][0] = 40 + i * 311, at[i][1] = 20 + i * 13, at[i][2] = 25 + i * 9;
        draw_square(&image, at[i][0], at[i][1], at[i][2]);
    }
    assert_int_equal(count_found(&image, 20, at, N), N);
    assert_int_equal(largest_look, 1280); /* tiles are no larger than a look at a whole picture */
    assert_int_equal(count_found(&image, 40, at, N), N - 2);
    assert_int_equal(count_found(&image, 1000, at, N), 1); /* no more than the first look */
    sl_image_free(&image);
}

static void expect_looks(sl_image *image, int min_face, const int (*at)[3], int there, int found, int wanted)
{
    looks = 0;
    assert_int_equal(count_found(image, min_face, at, there), found);
    assert_int_equal(looks, wanted);
}

/* A picture the size of a cut-out face is left at what was found in it; where that is nothing, or somebody asks, it is
 * looked at once more, twice as large. Larger pictures always are, but with a least size that the first look shows. */
static void small_pictures(void **state)
{
    (void)state;
    sl_image image, larger;
    const int at[2][3] = {{20, 30, 60}, {150, 100, 22}};
    assert_ok(sl_image_new(250, 250, 3, &image, &err));
    draw_square(&image, at[1][0], at[1][1], at[1][2]);
    expect_looks(&image, 0, at + 1, 1, 1, 2);
    draw_square(&image, at[0][0], at[0][1], at[0][2]);
    expect_looks(&image, 0, at, 2, 1, 1);
    expect_looks(&image, 20, at, 2, 2, 2);
    expect_looks(&image, 40, at, 2, 1, 1);
    sl_image_free(&image);
    assert_ok(sl_image_new(500, 480, 3, &larger, &err));
    for (int i = 0; i < 2; i++)
        draw_square(&larger, at[i][0], at[i][1], at[i][2]);
    expect_looks(&larger, 0, at, 2, 2, 2);
    sl_image_free(&larger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_size_in_every_tile),
        cmocka_unit_test(small_pictures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
