/* What training learns from: a gallery's faces by number. Face n of faces.h belongs to person n / 3, has a crop when 3
 * divides n and landmarks when n is odd. */
#include "../gallery/faces.h"

#include <pthread.h>

#include "base/sha256.h"
#include "gallery/parts.h"
#include "train/data/source.h"

enum { FACES = 60, PEOPLE = 20 };

static sl_error err;

static sl_gallery *new_gallery(sl_patch_format format)
{
    sl_gallery *g;
    sl_template_shape shape = small_shape(format);
    assert_ok(sl_gallery_open_shape(":memory:", SL_GALLERY_CREATE, &shape, MODEL_NAME, &g, &err));
    return g;
}

static sl_gallery *gallery_of(int faces, sl_patch_format format)
{
    sl_gallery *g = new_gallery(format);
    for (int n = 0; n < faces; n++)
        add_face(g, n);
    return g;
}

static sl_source *source_of(const sl_gallery *g, sl_source_filter filter)
{
    sl_source *s;
    assert_ok(sl_source_of_gallery(g, &filter, &s, &err));
    return s;
}

static void expect_refused(const sl_gallery *g, sl_source_filter filter, sl_status status, const char *says)
{
    sl_source *s;
    assert_int_equal(sl_source_of_gallery(g, &filter, &s, &err), status);
    assert_null(s);
    if (!strstr(err.text, says))
        fail_msg("'%s' does not say '%s'", err.text, says);
}

/* Numbers, people and their pictures hang together. */
static void expect_sound(const sl_source *s)
{
    size_t pictures = 0, lowest = 0;
    for (int p = 0; p < sl_source_people(s); p++) {
        size_t count;
        const uint32_t *of = sl_source_pictures(s, p, &count);
        assert_true(count > 0 && (p == 0 || of[0] > lowest));
        lowest = of[0];
        for (size_t i = 0; i < count; i++) {
            assert_true(i == 0 || of[i] > of[i - 1]);
            assert_int_equal(sl_source_person(s, of[i]), p);
        }
        pictures += count;
    }
    assert_int_equal(pictures, sl_source_size(s));
}

/* ---- who takes part ---- */

static void test_everybody(void **state)
{
    (void)state;
    sl_gallery *g = gallery_of(FACES, SL_PATCHES_INT8);
    sl_source *s = source_of(g, (sl_source_filter){0});
    expect_sound(s);
    assert_int_equal(sl_source_size(s), FACES);
    assert_int_equal(sl_source_people(s), PEOPLE);
    for (int n = 0; n < FACES; n++) {
        char image[64], label[64];
        face_entry(n, image, label);
        assert_string_equal(sl_source_image(s, (size_t)n), image);
        assert_string_equal(sl_source_label(s, sl_source_person(s, (size_t)n)), label);
    }
    sl_source_close(s);
    sl_gallery_close(g);
}

/* Halves are those of eval; training and validation share nobody, and all of the half are in one of them. */
static void test_parts(void **state)
{
    (void)state;
    sl_gallery *g = gallery_of(FACES, SL_PATCHES_INT8);
    const sl_source_filter of_a = {.people = SL_PEOPLE_A, .held_out = .3};
    sl_source_filter training = of_a, validation = of_a;
    training.part = SL_PART_TRAINING, validation.part = SL_PART_VALIDATION;
    sl_source *parts[3] = {source_of(g, of_a), source_of(g, training), source_of(g, validation)};
    size_t size[3];
    for (int k = 0; k < 3; k++) {
        size[k] = sl_source_size(parts[k]);
        expect_sound(parts[k]);
        for (size_t i = 0; i < size[k]; i++) {
            const char *label = sl_source_label(parts[k], sl_source_person(parts[k], i));
            assert_true(sl_in_half(SL_PEOPLE_A, label));
            assert_true(k == 0 || sl_held_out(.3, label) == (k == 2));
        }
    }
    assert_true(size[1] > 0 && size[2] > 0);
    assert_int_equal(size[1] + size[2], size[0]);
    for (int k = 0; k < 3; k++)
        sl_source_close(parts[k]);
    sl_gallery_close(g);
}

/* Who was held out stays so when people come. */
static void test_parts_stay(void **state)
{
    (void)state;
    const sl_source_filter f = {.held_out = .3, .part = SL_PART_VALIDATION};
    sl_gallery *few = gallery_of(FACES / 2, SL_PATCHES_INT8), *many = gallery_of(FACES, SL_PATCHES_INT8);
    sl_source *before = source_of(few, f), *after = source_of(many, f);
    assert_true(sl_source_people(before) > 0 && sl_source_people(after) > sl_source_people(before));
    for (int p = 0; p < sl_source_people(before); p++)
        assert_string_equal(sl_source_label(before, p), sl_source_label(after, p));
    sl_source_close(before);
    sl_source_close(after);
    sl_gallery_close(few);
    sl_gallery_close(many);
}

/* One of three photos of each person has a crop: those are left, and nobody has two. */
static void test_needs(void **state)
{
    (void)state;
    sl_gallery *g = gallery_of(FACES, SL_PATCHES_INT8);
    sl_source *s = source_of(g, (sl_source_filter){.needs = SL_NEED_CROPS});
    expect_sound(s);
    assert_int_equal(sl_source_size(s), FACES / 3);
    assert_int_equal(sl_source_lacking(s), FACES - FACES / 3);
    sl_source_close(s);
    s = source_of(g, (sl_source_filter){.needs = SL_NEED_CROPS | SL_NEED_LANDMARKS});
    assert_int_equal(sl_source_size(s), FACES / 6);
    sl_source_close(s);
    expect_refused(g, (sl_source_filter){.needs = SL_NEED_CROPS, .min_photos = 2}, SL_ERR_ARGUMENT,
                   "has 0 people with 2 photos or more");
    sl_gallery_close(g);
}

/* ---- what cannot be learnt from ---- */

static void test_refused(void **state)
{
    (void)state;
    sl_gallery *g = new_gallery(SL_PATCHES_COMPACT);
    expect_refused(g, (sl_source_filter){0}, SL_ERR_ARGUMENT, "is empty");
    add_face(g, 1);
    add_face(g, 2);
    expect_refused(g, (sl_source_filter){.needs = SL_NEED_CROPS}, SL_ERR_UNSUPPORTED, "--keep-crops");
    expect_refused(g, (sl_source_filter){.needs = SL_NEED_MAPS}, SL_ERR_UNSUPPORTED, "--patches f32");
    expect_refused(g, (sl_source_filter){.min_people = 2}, SL_ERR_ARGUMENT, "has 1 people, and 2 or more are needed");
    expect_refused(g, (sl_source_filter){.min_photos = 3}, SL_ERR_ARGUMENT, "with 3 photos or more");
    expect_refused(g, (sl_source_filter){.held_out = 1}, SL_ERR_ARGUMENT, "must be in [0, 1)");
    expect_refused(g, (sl_source_filter){.held_out = NAN}, SL_ERR_ARGUMENT, "must be in [0, 1)");
    expect_refused(g, (sl_source_filter){.people = 3}, SL_ERR_ARGUMENT, "no such part");
    expect_refused(g, (sl_source_filter){.part = SL_PART_VALIDATION}, SL_ERR_ARGUMENT, "hold out a larger share");
    sl_gallery_close(g);

    g = new_gallery(SL_PATCHES_NONE);
    add_face(g, 0);
    expect_refused(g, (sl_source_filter){.needs = SL_NEED_MAPS}, SL_ERR_UNSUPPORTED, "embeddings alone");
    expect_refused(g, (sl_source_filter){.needs = SL_NEED_LANDMARKS}, SL_ERR_UNSUPPORTED, "no landmarks");
    sl_source *s = source_of(g, (sl_source_filter){0});
    float map[18];
    sl_image crop;
    sl_point landmarks[68];
    bool has;
    assert_int_equal(sl_source_map(s, 0, map, &err), SL_ERR_UNSUPPORTED);
    assert_int_equal(sl_source_map(s, 1, map, &err), SL_ERR_ARGUMENT);
    assert_int_equal(sl_source_crop(s, 1, &crop, landmarks, &has, &err), SL_ERR_ARGUMENT);
    assert_int_equal(sl_source_embedding(s, (size_t)-1, map, &err), SL_ERR_ARGUMENT);
    sl_source_close(s);
    sl_gallery_close(g);
}

/* ---- pictures ---- */

/* Landmarks come in pixels of the crop. */
static void test_crops(void **state)
{
    (void)state;
    sl_gallery *g = gallery_of(FACES, SL_PATCHES_INT8);
    sl_source *s = source_of(g, (sl_source_filter){.needs = SL_NEED_CROPS});
    for (size_t i = 0; i < sl_source_size(s); i++) {
        const int n = 3 * (int)i;
        sl_image crop, want = face_crop(n);
        sl_point landmarks[68];
        bool has;
        assert_ok(sl_source_crop(s, i, &crop, landmarks, &has, &err));
        assert_true(crop.width == 8 && crop.height == 8 && crop.channels == 3);
        assert_true(abs(crop.pixels[100] - want.pixels[100]) <= 2); /* JPEG */
        assert_int_equal(has, n % 2);
        for (int k = 0; has && k < 68; k++)
            assert_true(fabsf(landmarks[k].x - 8.f * (float)k / 68) < 1e-5f &&
                        fabsf(landmarks[k].y - 8.f * (float)(n % 7) / 7) < 1e-5f);
        sl_image_free(&crop);
        sl_image_free(&want);
    }
    sl_source_close(s);
    sl_gallery_close(g);
}

/* f32 as it was given, int8 to half a step of the patch's largest value. */
static void test_maps(void **state)
{
    (void)state;
    for (int f = 0; f < 2; f++) {
        sl_gallery *g = gallery_of(6, f ? SL_PATCHES_F32 : SL_PATCHES_INT8);
        sl_source *s = source_of(g, (sl_source_filter){.needs = SL_NEED_MAPS});
        assert_int_equal(sl_source_shape(s)->channels, 3);
        for (int n = 0; n < 6; n++) {
            float embedding[5], map[18], got[18], unit[5];
            face_numbers(sl_source_shape(s), n, embedding, map);
            assert_ok(sl_source_map(s, (size_t)n, got, &err));
            assert_close(got, map, 18, f ? 0 : 3. / 254 + 1e-6);
            assert_ok(sl_source_embedding(s, (size_t)n, unit, &err));
            assert_true(cosine_of(unit, embedding, 5) > 1 - 1e-6);
            assert_true(fabs(cosine_of(unit, unit, 5) - 1) < 1e-6);
        }
        sl_source_close(s);
        sl_gallery_close(g);
    }
}

/* Galleries take no NaN in; one that came in by damage is found before it reaches the weights. */
static void test_not_finite(void **state)
{
    (void)state;
    sl_gallery *g = gallery_of(2, SL_PATCHES_F32);
    sl_source *s = source_of(g, (sl_source_filter){0});
    sl_patch_source stored;
    float got[18];
    assert_ok(sl_gallery_patches(g, 1, &stored, &err));
    ((float *)stored.patches_f32)[7] = NAN;
    assert_ok(sl_source_map(s, 0, got, &err));
    assert_int_equal(sl_source_map(s, 1, got, &err), SL_ERR_NUMERIC);
    assert_non_null(strstr(err.text, "value 7 of the patch map of person-0/photo 1"));
    sl_source_close(s);
    sl_gallery_close(g);
}

/* ---- the digest ---- */

static void digest_of(sl_gallery *g, sl_source_filter f, uint8_t out[32])
{
    sl_source *s = source_of(g, f);
    memcpy(out, sl_source_digest(s), 32);
    sl_source_close(s);
    sl_gallery_close(g);
}

/* Equal for equal data, whatever gallery it is in; another for another face, order, half or model. */
static void test_digest(void **state)
{
    (void)state;
    uint8_t d[6][32];
    const sl_source_filter all = {0};
    digest_of(gallery_of(FACES, SL_PATCHES_INT8), all, d[0]);
    digest_of(gallery_of(FACES, SL_PATCHES_INT8), all, d[1]);
    assert_memory_equal(d[0], d[1], 32);

    digest_of(gallery_of(FACES - 1, SL_PATCHES_INT8), all, d[1]);
    digest_of(gallery_of(FACES, SL_PATCHES_INT8), (sl_source_filter){.people = SL_PEOPLE_A}, d[2]);
    sl_gallery *turned = new_gallery(SL_PATCHES_INT8);
    for (int n = FACES - 1; n >= 0; n--)
        add_face(turned, n);
    digest_of(turned, all, d[3]);
    sl_gallery *other;
    sl_template_shape shape = small_shape(SL_PATCHES_INT8);
    shape.fingerprint[31] = 1;
    assert_ok(sl_gallery_open_shape(":memory:", SL_GALLERY_CREATE, &shape, MODEL_NAME, &other, &err));
    for (int n = 0; n < FACES; n++)
        add_face(other, n);
    digest_of(other, all, d[4]);
    for (int a = 0; a < 5; a++)
        for (int b = 0; b < a; b++)
            assert_true(memcmp(d[a], d[b], 32) != 0);
}

/* By the definition: fingerprint, then id, NUL, label, NUL and the photo's hash of each. */
static void test_digest_by_hand(void **state)
{
    (void)state;
    static const char names[] = "person-0/photo 0 \xc3\xa9.jpg\0person-0";
    uint8_t bytes[32 + sizeof names + 32] = {1, 2, 3}, want[32], got[32];
    memcpy(bytes + 32, names, sizeof names);
    memcpy(bytes + 32 + sizeof names, face_photo(0), 32);
    sl_sha256_of(bytes, sizeof bytes, want);
    digest_of(gallery_of(1, SL_PATCHES_INT8), (sl_source_filter){0}, got);
    assert_memory_equal(got, want, 32);
}

/* ---- threads ---- */

static void *read_all(void *source)
{
    const sl_source *s = source;
    sl_error why;
    for (size_t i = 0; i < sl_source_size(s); i++) {
        sl_image crop;
        sl_point landmarks[68];
        bool has;
        float map[18];
        if (sl_source_crop(s, i, &crop, landmarks, &has, &why) || sl_source_map(s, i, map, &why))
            return "a picture could not be read";
        sl_image_free(&crop);
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    prefer_memory();
    char *dir = make_temp_dir(), place[512];
    snprintf(place, sizeof place, "%s/g", dir);
    sl_gallery *g;
    sl_template_shape shape = small_shape(SL_PATCHES_INT8);
    assert_ok(sl_gallery_open_shape(place, SL_GALLERY_CREATE, &shape, MODEL_NAME, &g, &err));
    for (int n = 0; n < FACES; n++)
        add_face(g, n);
    assert_ok(sl_gallery_commit(g, &err));
    sl_source *s = source_of(g, (sl_source_filter){.needs = SL_NEED_CROPS | SL_NEED_MAPS});
    pthread_t threads[4];
    for (int t = 0; t < 4; t++)
        assert_int_equal(pthread_create(&threads[t], NULL, read_all, s), 0);
    for (int t = 0; t < 4; t++) {
        void *failed;
        pthread_join(threads[t], &failed);
        assert_null(failed);
    }
    sl_source_close(s);
    sl_gallery_close(g);
    remove_tree(dir);
    free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everybody),  cmocka_unit_test(test_parts),      cmocka_unit_test(test_parts_stay),
        cmocka_unit_test(test_needs),      cmocka_unit_test(test_refused),    cmocka_unit_test(test_crops),
        cmocka_unit_test(test_maps),       cmocka_unit_test(test_not_finite), cmocka_unit_test(test_digest),
        cmocka_unit_test(test_digest_by_hand), cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
