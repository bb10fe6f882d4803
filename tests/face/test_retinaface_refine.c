/* The closer look at a face, with the real network on LFW photos. */
#include "retinaface_model.h"

#include "face/align.h"

/* The points of a picture and of its mirror image are each other's mirror images, nearly: both are looked at both
 * ways round. The largest distance in `worst`, the sum over the five points as the result; -1 where no face is
 * found. */
static double mirror_error(sl_detector *d, const sl_image *photo, double *worst)
{
    sl_error err;
    sl_image mirrored;
    sl_face *faces, *again;
    size_t count, count_again;
    const sl_affine flip = {{-1, 0, photo->width - 1, 0, 1, 0}};
    assert_ok(sl_image_warp(photo, &flip, photo->width, photo->height, &mirrored, &err));
    find_and_look(d, photo, &faces, &count);
    find_and_look(d, &mirrored, &again, &count_again);
    const sl_face *f = middle_face(photo, faces, count), *g = middle_face(&mirrored, again, count_again);
    double sum = f && g ? 0 : -1;
    for (int i = 0; f && g && i < 5; i++) {
        const sl_point p = sl_affine_apply(&flip, g->points[sl_mirrored_point[i]]);
        const double error = hypot(p.x - f->points[i].x, p.y - f->points[i].y);
        sum += error;
        *worst = fmax(*worst, error);
    }
    free(faces);
    free(again);
    sl_image_free(&mirrored);
    return sum;
}

static void mirrored_photos_give_mirrored_points(void **state)
{
    (void)state;
    static sl_image photos[PHOTOS];
    read_photos(photos);
    sl_detector *d = open_detector(1, 1000);
    double sum = 0, worst = 0;
    for (int i = 0; i < PHOTOS; i++) {
        double error = mirror_error(d, &photos[i], &worst);
        assert_true(error >= 0);
        sum += error;
        sl_image_free(&photos[i]);
    }
    print_message("mirrored: %.2f pixels in the mean, %.2f at most (eyes are some 42 apart)\n", sum / (5 * PHOTOS),
                  worst);
    assert_true(sum / (5 * PHOTOS) < 1 && worst < 6);
    sl_detector_close(d);
}

/* Where a look finds no face, its score is the lowest that a look can have, and the points are what they were. */
static void points_stay_where_nothing_is_found(void **state)
{
    (void)state;
    sl_error err;
    sl_image black;
    sl_detector *d = open_detector(1, 1000);
    assert_ok(sl_image_new(100, 100, 3, &black, &err));
    sl_face face = {.box = {20, 20, 80, 90}, .score = .9f};
    for (int i = 0; i < 5; i++)
        face.points[i] = (sl_point){(float)(40 + 5 * i), (float)(40 + 7 * i)};
    sl_face seen = face;
    assert_ok(sl_detector_refine(d, &black, &seen, &err));
    assert_memory_equal(seen.points, face.points, sizeof face.points);
    assert_true(fabsf(seen.upright - .9f * .3f * .3f) < 1e-6f);
    face.box.x1 = face.box.x0; /* a box without an area is not looked at */
    seen = face;
    assert_ok(sl_detector_refine(d, &black, &seen, &err));
    assert_memory_equal(&seen, &face, sizeof face);
    sl_image_free(&black);
    sl_detector_close(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mirrored_photos_give_mirrored_points),
        cmocka_unit_test(points_stay_where_nothing_is_found),
    };
    return cmocka_run_group_tests(tests, open_model, close_model);
}
