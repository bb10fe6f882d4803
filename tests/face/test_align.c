/* Alignment against known similarities; the five points of 68; how far a face leans. */
#include "support.h"

#include "face/align.h"

static sl_image pattern(int width, int height)
{
    sl_error err;
    sl_image image;
    assert_ok(sl_image_new(width, height, 3, &image, &err));
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            uint8_t *p = image.pixels + 3 * (y * width + x);
            p[0] = (uint8_t)x, p[1] = (uint8_t)y, p[2] = (uint8_t)((x * 5 + y * 3) % 200);
        }
    return image;
}

static void templates_by_name(void **state)
{
    (void)state;
    const sl_align_template *t = sl_align_template_find("arcface-112");
    assert_true(t && t->width == 112 && t->height == 112 && t->points[2].y == 71.7366f);
    t = sl_align_template_find("cosface-96x112");
    assert_true(t && t->width == 96 && t->height == 112 && t->points[0].x == 30.2946f);
    assert_null(sl_align_template_find("arcface"));

    /* The 128 crop is the 160 one resized: centres map by half pixels. */
    const sl_align_template *big = sl_align_template_find("facenet-160"),
                            *small = sl_align_template_find("arcface-128");
    sl_point scaled[5];
    sl_align_points(big, 128, 128, scaled);
    assert_close(&scaled[0].x, &small->points[0].x, 10, 1e-4);
    sl_align_points(big, 160, 160, scaled);
    assert_close(&scaled[0].x, &big->points[0].x, 10, 1e-5);
}

static void points_on_the_template_copy_the_picture(void **state)
{
    (void)state;
    sl_error err;
    const sl_align_template *t = sl_align_template_find("arcface-112");
    sl_image image = pattern(200, 180), crop;
    sl_point five[5];
    sl_affine map;
    for (int i = 0; i < 5; i++)
        five[i] = (sl_point){t->points[i].x + 30, t->points[i].y + 20};
    assert_ok(sl_face_align(&image, five, t, 112, 112, &crop, &map, &err));
    assert_true(crop.width == 112 && crop.height == 112 && crop.channels == 3);
    for (int y = 0; y < 112; y++)
        for (int x = 0; x < 112; x++) {
            const uint8_t *a = crop.pixels + 3 * (y * 112 + x), *b = image.pixels + 3 * ((y + 20) * 200 + x + 30);
            for (int c = 0; c < 3; c++)
                assert_in_range(a[c], b[c] ? b[c] - 1 : 0, b[c] + 1);
        }
    sl_image_free(&crop);
    sl_image_free(&image);
}

static void known_similarity_is_found(void **state)
{
    (void)state;
    sl_error err;
    const sl_align_template *t = sl_align_template_find("cosface-96x112");
    const double a = 1.2, b = .35, tx = 25, ty = 10;
    sl_image image = pattern(255, 250), crop;
    sl_point five[5], back[5];
    sl_affine map;
    for (int i = 0; i < 5; i++)
        five[i] = (sl_point){(float)(a * t->points[i].x - b * t->points[i].y + tx + 40),
                             (float)(b * t->points[i].x + a * t->points[i].y + ty)};
    assert_ok(sl_face_align(&image, five, t, 96, 112, &crop, &map, &err));
    float got[6], want[6] = {(float)a, (float)-b, (float)tx + 40, (float)b, (float)a, (float)ty};
    for (int i = 0; i < 6; i++)
        got[i] = (float)map.m[i];
    assert_close(got, want, 6, 2e-4);
    /* Red is x and green is y of the photo, wherever the crop looks inside it. */
    for (int y = 0; y < 112; y += 9)
        for (int x = 0; x < 96; x += 7) {
            double u = a * x - b * y + tx + 40, v = b * x + a * y + ty;
            if (u < 1 || v < 1 || u > 253 || v > 248)
                continue;
            const uint8_t *p = crop.pixels + 3 * (y * 96 + x);
            assert_true(fabs(p[0] - u) < 1.02 && fabs(p[1] - v) < 1.02);
        }
    assert_ok(sl_points_to_crop(&map, five, 5, back, &err));
    assert_close(&back[0].x, &t->points[0].x, 10, 1e-3);
    sl_image_free(&crop);
    sl_image_free(&image);
}

static void large_faces_are_averaged(void **state)
{
    (void)state;
    sl_error err;
    const sl_align_template *t = sl_align_template_find("arcface-112");
    sl_image image, crop;
    assert_ok(sl_image_new(900, 900, 3, &image, &err));
    for (int y = 0; y < 900; y++) /* a checkerboard of single pixels, which sampling alone would alias */
        for (int x = 0; x < 900; x++)
            memset(image.pixels + 3 * (y * 900 + x), (x + y) % 2 ? 200 : 0, 3);
    sl_point five[5];
    for (int i = 0; i < 5; i++)
        five[i] = (sl_point){8 * t->points[i].x + 3, 8 * t->points[i].y + 2};
    assert_ok(sl_face_align(&image, five, t, 112, 112, &crop, NULL, &err));
    for (int y = 1; y < 110; y++) /* the outermost cells mix with the black outside */
        for (int x = 1; x < 110; x++)
            assert_in_range(crop.pixels[3 * (y * 112 + x)], 98, 102);
    sl_image_free(&crop);

    /* The same place as by plain sampling: a slope keeps its values. */
    for (int y = 0; y < 900; y++)
        for (int x = 0; x < 900; x++)
            memset(image.pixels + 3 * (y * 900 + x), x * 255 / 899, 3);
    assert_ok(sl_face_align(&image, five, t, 112, 112, &crop, NULL, &err));
    for (int x = 1; x < 111; x++)
        assert_true(fabs(crop.pixels[3 * (50 * 112 + x)] - (8. * x + 3) * 255 / 899) < 2);
    sl_image_free(&crop);
    sl_image_free(&image);
}

static void faces_off_the_picture_are_black(void **state)
{
    (void)state;
    sl_error err;
    const sl_align_template *t = sl_align_template_find("arcface-112");
    sl_image image = pattern(50, 40), crop;
    static const float scales[] = {.3f, 1, 5, 3000};
    for (size_t s = 0; s < 4; s++) {
        sl_point five[5];
        for (int i = 0; i < 5; i++)
            five[i] = (sl_point){scales[s] * t->points[i].x + 10000, scales[s] * t->points[i].y - 1e6f};
        assert_ok(sl_face_align(&image, five, t, 112, 112, &crop, NULL, &err));
        for (int i = 0; i < 3 * 112 * 112; i++)
            assert_int_equal(crop.pixels[i], 0);
        sl_image_free(&crop);
    }
    /* A one-pixel picture, and a face a thousand times larger than the picture. */
    sl_image tiny = pattern(1, 1);
    assert_ok(sl_face_align(&tiny, t->points, t, 112, 112, &crop, NULL, &err));
    sl_image_free(&crop);
    sl_point huge[5];
    for (int i = 0; i < 5; i++)
        huge[i] = (sl_point){1000 * (t->points[i].x - 56), 1000 * (t->points[i].y - 56)};
    assert_ok(sl_face_align(&image, huge, t, 112, 112, &crop, NULL, &err));
    sl_image_free(&crop);
    sl_image_free(&tiny);
    sl_image_free(&image);
}

static void bad_points_are_refused(void **state)
{
    (void)state;
    sl_error err;
    const sl_align_template *t = sl_align_template_find("arcface-112");
    sl_image image = pattern(50, 40), crop;
    sl_point same[5] = {{9, 9}, {9, 9}, {9, 9}, {9, 9}, {9, 9}},
             nan[5] = {{1, 1}, {2, 1}, {NAN, 2}, {1, 3}, {2, 3}};
    assert_int_equal(sl_face_align(&image, nan, t, 112, 112, &crop, NULL, &err), SL_ERR_NUMERIC);
    assert_non_null(strstr(err.text, "point 3"));
    assert_null(crop.pixels);
    sl_status status = sl_face_align(&image, same, t, 112, 112, &crop, NULL, &err);
    assert_true(status == SL_ERR_NUMERIC || status == SL_OK); /* all on one pixel: a scale of zero */
    sl_image_free(&crop);
    sl_image none = {0};
    assert_int_equal(sl_face_align(&none, t->points, t, 112, 112, &crop, NULL, &err), SL_ERR_ARGUMENT);
    sl_image_free(&image);
}

static void five_points_of_68(void **state)
{
    (void)state;
    sl_point l[68], five[5];
    for (int i = 0; i < 68; i++)
        l[i] = (sl_point){(float)i, (float)(100 + i * i % 7)};
    sl_points_of_landmarks(l, five);
    /* means of 36..41 and 42..47; i * i % 7 is 1 4 2 2 4 1 then 0 1 4 2 2 4 */
    assert_close(&five[0].x, (float[]){38.5f, 100 + 14 / 6.f}, 2, 1e-4);
    assert_close(&five[1].x, (float[]){44.5f, 100 + 13 / 6.f}, 2, 1e-4);
    assert_true(five[2].x == 30 && five[3].x == 60 && five[4].x == 64);
}

/* ---- quality ---- */

static void points_lean_clockwise(void **state)
{
    (void)state;
    const sl_align_template *t = sl_align_template_find("facenet-160");
    for (int degrees = -175; degrees <= 180; degrees += 5) {
        const double c = cos(degrees * acos(-1) / 180), s = sin(degrees * acos(-1) / 180);
        const sl_affine turn = {{c, -s, 7, s, c, -3}}; /* y goes down: clockwise */
        sl_point points[5], straight[5];
        sl_align_points(t, 160, 160, straight);
        straight[3].x = straight[0].x, straight[4].x = straight[1].x; /* the mouth right below the eyes */
        for (int i = 0; i < 5; i++)
            points[i] = sl_affine_apply(&turn, straight[i]);
        assert_true(fabsf(sl_points_lean(points) - (float)degrees) < .1f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(templates_by_name),
        cmocka_unit_test(points_on_the_template_copy_the_picture),
        cmocka_unit_test(known_similarity_is_found),
        cmocka_unit_test(large_faces_are_averaged),
        cmocka_unit_test(faces_off_the_picture_are_black),
        cmocka_unit_test(bad_points_are_refused),
        cmocka_unit_test(five_points_of_68),
        cmocka_unit_test(points_lean_clockwise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
