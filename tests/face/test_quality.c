/* Quality: what lowers each of its parts, and the whole. */
#include "support.h"

#include "face/align.h"
#include "face/detector.h"

/* A face of the template, `scale` times as large, on a picture of blocks `block` pixels wide. */
static sl_quality quality_as_sure_as(float upright, float scale, int block, float turn)
{
    sl_error err;
    sl_image image;
    assert_ok(sl_image_new(300, 300, 3, &image, &err));
    for (int y = 0; y < 300; y++)
        for (int x = 0; x < 300; x++) {
            double v = 128 + 60 * sin(2 * x / (double)block) * cos(2 * y / (double)block);
            memset(image.pixels + 3 * (y * 300 + x), (int)v, 3);
        }
    sl_face face = {.score = .99f, .upright = upright};
    const sl_align_template *t = sl_align_template_find("arcface-112");
    for (int i = 0; i < 5; i++)
        face.points[i] = (sl_point){150 + scale * (t->points[i].x - 56), 150 + scale * (t->points[i].y - 71)};
    face.points[2].x += turn * scale * 40;
    assert_ok(sl_face_quality(&image, &face, &err));
    sl_quality q = face.quality;
    sl_image_free(&image);
    float parts[4] = {q.size, q.sharpness, q.pose, q.detector}, product = 1;
    for (int i = 0; i < 4; i++) {
        assert_true(parts[i] >= 0 && parts[i] <= 1);
        product *= parts[i];
    }
    assert_true(fabsf(q.overall - powf(product, .25f)) < 1e-4f);
    return q;
}

static sl_quality quality_of(float scale, int block, float turn)
{
    return quality_as_sure_as(1, scale, block, turn);
}

static void quality_falls_with_doubt(void **state)
{
    (void)state;
    const float sure = quality_of(1.2f, 3, 0).pose;
    assert_true(quality_as_sure_as(SL_FACE_CONVINCES, 1.2f, 3, 0).pose == sure);
    float last = sure;
    for (float upright = .95f; upright > .5f; upright -= .1f) {
        const sl_quality q = quality_as_sure_as(upright, 1.2f, 3, 0);
        assert_true(q.pose < last && q.overall > 0);
        last = q.pose;
    }
    assert_true(quality_as_sure_as(.5f, 1.2f, 3, 0).overall == 0);
    assert_true(quality_as_sure_as(0, 1.2f, 3, 0).overall == 0);
}

static void quality_falls_with_size(void **state)
{
    (void)state;
    assert_true(quality_of(2, 2, 0).size == 1);
    float half = quality_of(40 / 35.24f / 2, 2, 0).size;
    assert_true(fabsf(half - .5f) < .01f);
    assert_true(quality_of(.3f, 2, 0).size < half);
    assert_true(quality_of(.3f, 2, 0).overall < quality_of(1.5f, 2, 0).overall);
}

static void quality_falls_with_blur(void **state)
{
    (void)state;
    float last = 2;
    for (int block = 4; block <= 32; block *= 2) {
        float sharp = quality_of(1.2f, block, 0).sharpness;
        assert_true(sharp < last || sharp == 1);
        last = sharp;
    }
    assert_true(last < .1f);
}

static void quality_falls_with_turning(void **state)
{
    (void)state;
    float last = quality_of(1.2f, 3, 0).pose;
    assert_true(last > .9f);
    for (float turn = .15f; turn < .6f; turn += .1f) {
        float left = quality_of(1.2f, 3, -turn).pose, right = quality_of(1.2f, 3, turn).pose;
        assert_true(left < last && fabsf(left - right) < .15f);
        last = left;
    }
    assert_true(quality_of(1.2f, 3, .8f).pose == 0 && quality_of(1.2f, 3, .8f).overall == 0);
}

static void flat_pictures_have_no_sharpness(void **state)
{
    (void)state;
    sl_error err;
    sl_image image;
    assert_ok(sl_image_new(112, 112, 3, &image, &err));
    sl_face face = {.score = 1, .upright = 1};
    memcpy(face.points, sl_align_template_find("arcface-112")->points, sizeof face.points);
    assert_ok(sl_face_quality(&image, &face, &err));
    assert_true(face.quality.sharpness == 0 && face.quality.overall == 0 && face.quality.pose > .9f);
    sl_image_free(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quality_falls_with_doubt),
        cmocka_unit_test(quality_falls_with_size),
        cmocka_unit_test(quality_falls_with_blur),
        cmocka_unit_test(quality_falls_with_turning),
        cmocka_unit_test(flat_pictures_have_no_sharpness),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
