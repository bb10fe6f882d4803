/* The table of detectors, what is checked for all of them, and that a kind of its own can be put behind the interface:
 * here one that takes the brightest pixel for a face. */
#include "support.h"

#include "face/detector.h"
#include "image/image.h"

static sl_error err;

static void every_kind_is_found_by_its_name(void **state)
{
    (void)state;
    int count = 0;
    for (const sl_detector_kind *k; (k = sl_detector_kind_at(count)); count++) {
        assert_ptr_equal(sl_detector_kind_find(k->name), k);
        assert_in_range(k->networks, 1, SL_DETECTOR_NETWORKS);
        assert_true(k->threshold > 0 && k->threshold < 1);
        assert_true(k->size >= sizeof(sl_detector));
        assert_true(k->open && k->close && k->find && k->fits);
    }
    assert_int_equal(sl_detector_kind_find("retinaface")->networks, 1);
    assert_int_equal(sl_detector_kind_find("mtcnn")->networks, 3);
    assert_null(sl_detector_kind_find("RetinaFace"));
    assert_null(sl_detector_kind_find(""));
    assert_true(count >= 5);
}

/* ---- a kind of its own ---- */

typedef struct {
    sl_detector base;
    int *held; /* while the detector is open */
} brightest;

static int held;
static bool open_fails, find_fails;

static sl_status open_brightest(sl_detector *d, const sl_detector_network *networks, sl_error *e)
{
    (void)networks;
    assert_int_equal(d->options.threads, 3);
    ((brightest *)d)->held = &held;
    held++;
    return open_fails ? sl_fail(e, SL_ERR_UNSUPPORTED, "not bright enough") : SL_OK;
}

static void close_brightest(sl_detector *d) { --*((brightest *)d)->held; }

static sl_status find_brightest(sl_detector *d, const sl_image *image, float threshold, sl_face **faces, size_t *count,
                                sl_error *e)
{
    (void)d;
    size_t best = 0;
    for (size_t i = 0; i < (size_t)image->width * (size_t)image->height; i++)
        best = image->pixels[i] > image->pixels[best] ? i : best;
    float score = (float)image->pixels[best] / 255, x = (float)(best % (size_t)image->width);
    if (score >= threshold) {
        *faces = calloc(1, sizeof **faces);
        **faces = (sl_face){.box = {x, 0, x + 1, 1}, .score = score};
        *count = 1;
    }
    return find_fails ? sl_fail(e, SL_ERR_NUMERIC, "blinded") : SL_OK;
}

static sl_status refine_brightest(sl_detector *d, const sl_image *image, sl_face *face, sl_error *e)
{
    (void)d, (void)image, (void)e;
    face->upright = SL_FACE_CONVINCES;
    return SL_OK;
}

static const sl_detector_kind kind = {.name = "brightest",
                                      .networks = 1,
                                      .threshold = .5f,
                                      .size = sizeof(brightest),
                                      .open = open_brightest,
                                      .close = close_brightest,
                                      .find = find_brightest,
                                      .refine = refine_brightest};

static sl_detector *open_it(void)
{
    sl_detector *d;
    const sl_detector_options o = sl_detector_defaults(3);
    assert_ok(sl_detector_open(&kind, NULL, &o, &d, &err));
    return d;
}

static sl_image grey_picture(uint8_t brightest_pixel)
{
    sl_image image;
    assert_ok(sl_image_new(8, 4, 1, &image, &err));
    image.pixels[5] = brightest_pixel;
    return image;
}

static void a_kind_works_behind_the_interface(void **state)
{
    (void)state;
    sl_detector *d = open_it();
    sl_image image = grey_picture(255);
    sl_face *faces;
    size_t count;
    assert_int_equal(held, 1);
    assert_ok(sl_detector_find(d, &image, kind.threshold, &faces, &count, &err));
    assert_int_equal(count, 1);
    assert_true(faces->score == 1 && faces->box.x0 == 5);
    assert_ok(sl_detector_refine(d, &image, faces, &err));
    assert_true(faces->upright == SL_FACE_CONVINCES);
    free(faces);
    image.pixels[5] = 100;
    assert_ok(sl_detector_find(d, &image, kind.threshold, &faces, &count, &err));
    assert_true(count == 0 && !faces);
    sl_detector_close(d);
    assert_int_equal(held, 0);
    sl_detector_close(NULL);
    sl_image_free(&image);
}

static void without_a_closer_look_a_face_stays(void **state)
{
    (void)state;
    sl_detector_kind plain = kind;
    plain.refine = NULL;
    const sl_detector_options o = sl_detector_defaults(3);
    sl_detector *d;
    sl_image image = grey_picture(255);
    sl_face face = {.score = .7f, .upright = .6f}, seen = face;
    assert_ok(sl_detector_open(&plain, NULL, &o, &d, &err));
    assert_ok(sl_detector_refine(d, &image, &seen, &err));
    assert_memory_equal(&seen, &face, sizeof face);
    sl_detector_close(d);
    sl_image_free(&image);
}

static void what_a_failure_leaves(void **state)
{
    (void)state;
    sl_detector *d;
    const sl_detector_options o = sl_detector_defaults(3);
    open_fails = true;
    assert_int_equal(sl_detector_open(&kind, NULL, &o, &d, &err), SL_ERR_UNSUPPORTED);
    open_fails = false;
    assert_string_equal(err.text, "not bright enough");
    assert_null(d);
    assert_int_equal(held, 0); /* closed again */

    sl_image image = grey_picture(255);
    sl_face *faces;
    size_t count;
    d = open_it();
    find_fails = true;
    assert_int_equal(sl_detector_find(d, &image, .5f, &faces, &count, &err), SL_ERR_NUMERIC);
    find_fails = false;
    assert_true(!faces && !count); /* what it had found by then is freed */
    sl_detector_close(d);
    sl_image_free(&image);
}

static void wrong_calls_are_refused_for_all_kinds(void **state)
{
    (void)state;
    static const sl_detector_options wrong[] = {{3, 31, 10, NULL}, {3, 8193, 10, NULL}, {3, 1280, 0, NULL}};
    static const float thresholds[] = {0, -1, 1.01f, NAN};
    sl_detector *d;
    sl_face *faces;
    size_t count;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(sl_detector_open(&kind, NULL, &wrong[i], &d, &err), SL_ERR_ARGUMENT);
        assert_null(d);
    }
    assert_int_equal(held, 0);
    d = open_it();
    sl_image image = grey_picture(255), none = {0};
    assert_int_equal(sl_detector_find(d, &none, .5f, &faces, &count, &err), SL_ERR_ARGUMENT);
    for (size_t i = 0; i < sizeof thresholds / sizeof *thresholds; i++) {
        assert_int_equal(sl_detector_find(d, &image, thresholds[i], &faces, &count, &err), SL_ERR_ARGUMENT);
        assert_non_null(strstr(err.text, "threshold"));
    }
    sl_detector_close(d);
    sl_image_free(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_is_found_by_its_name),
        cmocka_unit_test(a_kind_works_behind_the_interface),
        cmocka_unit_test(without_a_closer_look_a_face_stays),
        cmocka_unit_test(what_a_failure_leaves),
        cmocka_unit_test(wrong_calls_are_refused_for_all_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
