/* A folder of people is learnt from by enrolling it into memory: crops, landmarks, maps and embeddings come through.
 * Skipped without ../shared and the fetched models. */
#include "lfw.h"

#include "secondlook_draw.h"
#include "train/data/augment.h"
#include "train/data/source.h"

enum { PHOTOS = 3 };

static sl_error err;

static sl_engine *open_engine(void)
{
    char *detector = model_path("retinaface-mnet25.onnx"), *model = model_path("mobilefacenet-192.tflite");
    sl_engine *engine;
    if (!detector || !model)
        SKIP_PROGRAM("the fetched models are not here");
    free(detector);
    free(model);
    assert_ok(sl_engine_open(NULL, &engine, &err));
    return engine;
}

static void enrol(const sl_engine *engine, sl_gallery *g)
{
    FILE *f = lfw_open();
    if (!f)
        SKIP_PROGRAM("../shared/data/lfw-deepfunneled.tar is not here");
    char *dir = make_temp_dir();
    sl_photo photos[PHOTOS];
    for (int i = 0; i < PHOTOS; i++) {
        char path[512], image[32], label[32];
        sl_image photo;
        snprintf(image, sizeof image, "%d.jpg", i);
        snprintf(label, sizeof label, "person %d", i);
        snprintf(path, sizeof path, "%s/%s", dir, image);
        assert_true(lfw_next(f, &photo));
        assert_ok(sl_image_write(path, &photo, &err));
        sl_image_free(&photo);
        photos[i] = (sl_photo){.path = strdup(path), .image = strdup(image), .label = strdup(label)};
    }
    fclose(f);
    sl_enroll_options options = sl_enroll_defaults();
    sl_enroll_report report;
    options.keep_crops = 1;
    assert_ok(sl_enroll(engine, g, photos, PHOTOS, &options, &report, &err));
    assert_int_equal(report.enrolled, PHOTOS);
    for (int i = 0; i < PHOTOS; i++) {
        free(photos[i].path);
        free(photos[i].image);
        free(photos[i].label);
    }
    remove_tree(dir);
    free(dir);
}

/* The model aligns to arcface-112: eyes at (38.3, 51.7) and (73.5, 51.5), nose at (56, 71.7). */
static void expect_aligned(const sl_image *crop, const sl_point p[68])
{
    const float scale = (float)crop->width / 112;
    float left = 0, right = 0;
    for (int k = 0; k < 6; k++)
        left += p[36 + k].x / 6, right += p[42 + k].x / 6;
    assert_true(fabsf(left / scale - 38.3f) < 6 && fabsf(right / scale - 73.5f) < 6);
    assert_true(fabsf(p[30].y / scale - 71.7f) < 10);
}

static void test_memory_keeps_all(void **state)
{
    (void)state;
    sl_engine *engine = open_engine();
    const sl_gallery_options options = {.engine = engine, .patches = SL_PATCHES_F32};
    sl_gallery *g;
    sl_source *s;
    assert_ok(sl_gallery_open(":memory:", SL_GALLERY_CREATE, &options, &g, &err));
    enrol(engine, g);
    assert_ok(sl_source_of_gallery(
        g, &(sl_source_filter){.needs = SL_NEED_CROPS | SL_NEED_MAPS | SL_NEED_LANDMARKS, .min_people = 2}, &s, &err));
    assert_true(sl_source_size(s) == PHOTOS && sl_source_is_whole(s));
    const sl_template_shape *shape = sl_source_shape(s);
    const size_t values = (size_t)(shape->rows * shape->cols * shape->channels);
    float *map = malloc(values * sizeof *map), *want = malloc(values * sizeof *want);
    for (size_t i = 0; i < PHOTOS; i++) {
        sl_image crop, clean, out;
        sl_point landmarks[68];
        bool has;
        sl_template *t;
        assert_ok(sl_source_crop(s, i, &crop, landmarks, &has, &err));
        assert_true(has);
        expect_aligned(&crop, landmarks);
        const sl_augmentation masked = {.share = {[SL_COVER_MASK] = 1}};
        assert_ok(sl_augment(&masked, &crop, landmarks, NULL, 1, i, &clean, &out, &err));
        const size_t row = 3 * (size_t)crop.width, mouth = row * (size_t)landmarks[57].y + 3 * (size_t)landmarks[57].x;
        assert_true(memcmp(out.pixels, crop.pixels, row) == 0); /* the uppermost row is bare */
        assert_true(memcmp(out.pixels + mouth, clean.pixels + mouth, 3) != 0);
        assert_ok(sl_gallery_template(g, i, &t, &err));
        assert_ok(sl_template_patches(t, want, &err));
        assert_ok(sl_source_map(s, i, map, &err));
        assert_memory_equal(map, want, values * sizeof *map);
        sl_template_free(t);
        sl_image_free(&crop);
        sl_image_free(&clean);
        sl_image_free(&out);
    }
    free(map);
    free(want);
    sl_source_close(s);
    sl_gallery_close(g);
    sl_engine_close(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_memory_keeps_all)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
