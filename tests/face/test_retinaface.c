/* RetinaFace on whole pictures, with the real network: LFW, odd sizes, many faces; and what it refuses. */
#include "retinaface_model.h"

#include "face/align.h"

static void other_networks_are_refused(void **state)
{
    (void)state;
    sl_error err;
    sl_detector *d;
    sl_graph *empty = sl_graph_new();
    const sl_detector_network network = {.graph = empty};
    const sl_detector_options o = sl_detector_defaults(1);
    assert_int_equal(sl_detector_open(&sl_detector_retinaface, &network, &o, &d, &err), SL_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.text, "RetinaFace"));
    assert_null(d);
    sl_graph_free(empty);
}

static void faceless_pictures_of_odd_sizes(void **state)
{
    (void)state;
    sl_error err;
    sl_detector *d = open_detector(1, 1000);
    static const int sizes[][3] = {{1, 1, 3}, {33, 2, 1}, {31, 64, 3}, {250, 250, 1}, {700, 90, 3}, {3000, 20, 3}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        sl_image image;
        sl_face *faces;
        size_t count;
        assert_ok(sl_image_new(sizes[i][0], sizes[i][1], sizes[i][2], &image, &err));
        assert_ok(sl_detector_find(d, &image, .8f, &faces, &count, &err));
        assert_int_equal(count, 0);
        assert_null(faces);
        sl_image_free(&image);
    }
    sl_detector_close(d);
}

static void assert_sound(const sl_face *f)
{
    assert_true(f->score >= .8f && f->score <= 1);
    float w = f->box.x1 - f->box.x0, h = f->box.y1 - f->box.y0;
    assert_true(w > 0 && h > .8f * w && h < 2 * w);
    for (int i = 0; i < 5; i++)
        assert_true(f->points[i].x > f->box.x0 - .3f * w && f->points[i].x < f->box.x1 + .3f * w &&
                    f->points[i].y > f->box.y0 && f->points[i].y < f->box.y1);
    assert_true(f->points[0].x < f->points[1].x && f->points[0].y < f->points[3].y);
}

static void lfw_faces_are_found(void **state)
{
    (void)state;
    sl_error err;
    static sl_image photos[PHOTOS];
    read_photos(photos);
    sl_detector *d = open_detector(1, 1000);
    for (int i = 0; i < PHOTOS; i++) {
        sl_face *faces, *again;
        size_t count, count_again;
        find_and_look(d, &photos[i], &faces, &count);
        const sl_face *f = middle_face(&photos[i], faces, count);
        assert_non_null(f);
        assert_sound(f);
        sl_face copy = *f;
        assert_ok(sl_face_quality(&photos[i], &copy, &err));
        assert_true(copy.quality.overall > .05f);
        for (size_t k = 1; k < count; k++)
            assert_true(faces[k].score <= faces[k - 1].score);

        /* Four times as large, the same face is in the same place, and the middle of it alone is found too. */
        sl_image large, middle, filled;
        assert_ok(sl_image_resize(&photos[i], 1000, 1000, &large, &err));
        find_and_look(d, &large, &again, &count_again);
        const sl_face *g = middle_face(&large, again, count_again);
        assert_non_null(g);
        for (int k = 0; k < 5; k++)
            assert_true(hypotf((g->points[k].x + .5f) / 4 - .5f - f->points[k].x,
                               (g->points[k].y + .5f) / 4 - .5f - f->points[k].y) < 12);
        free(again);
        assert_ok(sl_image_crop(&photos[i], 70, 70, 110, 110, &middle, &err));
        assert_ok(sl_image_resize(&middle, 1400, 1400, &filled, &err));
        assert_ok(sl_detector_find(d, &filled, .8f, &again, &count_again, &err));
        assert_true(count_again > 0);
        free(again);
        free(faces);
        sl_image_free(&large);
        sl_image_free(&middle);
        sl_image_free(&filled);
        sl_image_free(&photos[i]);
    }
    sl_detector_close(d);
}

/* A sheet of 5 x 4 photos: many faces of a picture at once, small and shifted. */
static void many_faces_are_found(void **state)
{
    (void)state;
    sl_error err;
    static sl_image photos[PHOTOS];
    read_photos(photos);
    sl_image sheet;
    assert_ok(sl_image_new(1250, 1000, 3, &sheet, &err));
    for (int i = 0; i < 20; i++)
        for (int y = 0; y < 250; y++)
            memcpy(sheet.pixels + 3 * ((i / 5 * 250 + y) * 1250 + i % 5 * 250), photos[i].pixels + 3 * 250 * y,
                   750);
    sl_detector *d = open_detector(2, 1000);
    sl_face *faces;
    size_t count;
    assert_ok(sl_detector_find(d, &sheet, .8f, &faces, &count, &err));
    for (int i = 0; i < 20; i++) {
        int found = 0;
        for (size_t k = 0; k < count; k++)
            found |= hypotf(.5f * (faces[k].box.x0 + faces[k].box.x1) - (float)(i % 5 * 250 + 125),
                            .5f * (faces[k].box.y0 + faces[k].box.y1) - (float)(i / 5 * 250 + 125)) < 45;
        assert_true(found);
    }
    free(faces);
    sl_detector_close(d);

    d = open_detector(1, 3);
    assert_ok(sl_detector_find(d, &sheet, .8f, &faces, &count, &err));
    assert_int_equal(count, 3);
    free(faces);
    sl_detector_close(d);
    sl_image_free(&sheet);
    for (int i = 0; i < PHOTOS; i++)
        sl_image_free(&photos[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_networks_are_refused),
        cmocka_unit_test(faceless_pictures_of_odd_sizes),
        cmocka_unit_test(lfw_faces_are_found),
        cmocka_unit_test(many_faces_are_found),
    };
    return cmocka_run_group_tests(tests, open_model, close_model);
}
