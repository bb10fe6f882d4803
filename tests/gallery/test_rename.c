/* People that get other names: what a face is stays, to the bit and on disk. */
#include "own_folder.h"

static sl_error err;

/* Is face i of g face n but for its label? */
static void assert_face(const sl_gallery *g, size_t i, int n, const char *label)
{
    char image[64], own[64];
    sl_entry want = face_entry(n, image, own), have;
    sl_template *got, *made = face_template(sl_gallery_shape(g), n);
    assert_ok(sl_gallery_entry(g, i, &have, &err));
    assert_string_equal(have.image, image);
    assert_string_equal(have.label, label);
    assert_int_equal(have.has_crop, face_has_crop(n));
    assert_int_equal(have.has_landmarks, n % 2);
    assert_memory_equal(&have.box, &want.box, sizeof have.box);
    assert_memory_equal(&have.quality, &want.quality, sizeof have.quality);
    assert_int_equal(!have.photo_sha256, !want.photo_sha256);
    if (want.photo_sha256)
        assert_memory_equal(have.photo_sha256, want.photo_sha256, 32);
    assert_ok(sl_gallery_template(g, i, &got, &err));
    assert_memory_equal(got->embedding, made->embedding, 5 * sizeof(float));
    if (made->patches_i8)
        assert_memory_equal(got->patches_i8, made->patches_i8, 2 * 3 * 3);
    if (made->codes)
        assert_memory_equal(got->codes, made->codes, 2 * 3 * 3);
    sl_template_free(got);
    sl_template_free(made);
}

static const uint8_t *crop_bytes(const sl_gallery *g, size_t i, size_t *size)
{
    sl_image crop;
    assert_ok(sl_gallery_crop(g, i, &crop, &err));
    *size = (size_t)(crop.width * crop.height * crop.channels);
    return crop.pixels;
}

static void renames_in(sl_patch_format format, const char *place)
{
    sl_template_shape shape = small_shape(format);
    sl_gallery *g;
    size_t renamed, before_size, after_size;
    assert_ok(sl_gallery_open_shape(place, SL_GALLERY_CREATE, &shape, MODEL_NAME, &g, &err));
    for (int n = 0; n < 9; n++)
        add_face(g, n);
    assert_ok(sl_gallery_commit(g, &err));
    const uint8_t *before = crop_bytes(g, 3, &before_size);
    assert_ok(sl_gallery_rename(g, "person-1", "Zo\xc3\xab", &renamed, &err));
    assert_int_equal(renamed, 3);
    assert_int_equal(sl_gallery_size(g), 9);
    static const int order[] = {0, 1, 2, 6, 7, 8, 3, 4, 5};
    for (size_t i = 0; i < 9; i++)
        assert_face(g, i, order[i], order[i] / 3 == 1 ? "Zo\xc3\xab" : order[i] < 3 ? "person-0" : "person-2");
    const uint8_t *after = crop_bytes(g, 6, &after_size);
    assert_int_equal(before_size, after_size);
    assert_memory_equal(before, after, before_size);
    free((void *)before);
    free((void *)after);
    if (place == dir) { /* it is on disk, and the folder is sound */
        sl_gallery *reader = open_gallery(dir, SL_GALLERY_READ);
        assert_face(reader, 8, 5, "Zo\xc3\xab");
        sl_gallery_close(reader);
        assert_ok(sl_gallery_verify(dir, NULL, NULL, &err));
    }
    sl_gallery_close(g);
}

static void all_kinds_of_patches(void **state)
{
    static const sl_patch_format formats[] = {SL_PATCHES_INT8, SL_PATCHES_F32, SL_PATCHES_COMPACT, SL_PATCHES_NONE};
    (void)state;
    for (int i = 0; i < 4; i++) {
        renames_in(formats[i], ":memory:");
        remove_tree(dir);
        renames_in(formats[i], dir);
    }
}

static void merges_and_spells(void **state)
{
    (void)state;
    size_t renamed, i;
    sl_gallery_info info;
    make_gallery(dir, 9, 4);
    sl_gallery *g = open_gallery(dir, SL_GALLERY_WRITE);
    assert_ok(sl_gallery_rename(g, "person-0", "person-2", &renamed, &err));
    assert_int_equal(renamed, 3);
    sl_gallery_get_info(g, &info);
    assert_int_equal(info.labels, 2);
    assert_ok(sl_gallery_rename(g, "person-2", "Zoe\xcc\x88", &renamed, &err)); /* decomposed: kept in form C */
    assert_int_equal(renamed, 6);
    assert_ok(sl_gallery_rename(g, "Zoe\xcc\x88", "Zoe", &renamed, &err));
    assert_int_equal(renamed, 6);
    assert_ok(sl_gallery_rename(g, "Zoe", "Zoe", &renamed, &err));
    assert_int_equal(renamed, 0);
    assert_ok(sl_gallery_rename(g, "nobody", "somebody", &renamed, &err));
    assert_int_equal(renamed, 0);
    assert_ok(sl_gallery_find(g, "person-0/photo 1 e\xcc\x81.jpg", &i, &err));
    assert_string_equal(sl_gallery_label(g, i), "Zoe");
    sl_gallery_close(g);
}

static void moves(void **state)
{
    (void)state;
    make_gallery(dir, 6, 6);
    sl_gallery *g = open_gallery(dir, SL_GALLERY_WRITE);
    assert_ok(sl_gallery_move(g, "person-0/photo 1 e\xcc\x81.jpg", "Zoe\xcc\x88", &err)); /* both are kept in form C */
    assert_face(g, 5, 1, "Zo\xc3\xab");
    assert_face(g, 0, 0, "person-0");
    assert_ok(sl_gallery_move(g, "person-0/photo 1 \xc3\xa9.jpg", "Zo\xc3\xab", &err)); /* it is so already */
    assert_int_equal(sl_gallery_size(g), 6);
    assert_int_equal(sl_gallery_move(g, "nobody.jpg", "x", &err), SL_ERR_NOT_FOUND);
    assert_int_equal(sl_gallery_move(g, NULL, "x", &err), SL_ERR_ARGUMENT);
    assert_int_equal(sl_gallery_move(g, "person-0/photo 0 \xc3\xa9.jpg", "a\nb", &err), SL_ERR_ARGUMENT);
    sl_gallery_close(g);
    g = open_gallery(dir, SL_GALLERY_READ);
    assert_face(g, 5, 1, "Zo\xc3\xab");
    sl_gallery_close(g);
    assert_ok(sl_gallery_verify(dir, NULL, NULL, &err));
}

static void refusals(void **state)
{
    (void)state;
    size_t renamed;
    make_gallery(dir, 3, 3);
    sl_gallery *g = open_gallery(dir, SL_GALLERY_WRITE);
    assert_int_equal(sl_gallery_rename(g, "person-0", "", &renamed, &err), SL_ERR_ARGUMENT);
    assert_int_equal(sl_gallery_rename(g, "person-0", "a\nb", &renamed, &err), SL_ERR_ARGUMENT);
    assert_int_equal(sl_gallery_rename(g, NULL, "a", &renamed, &err), SL_ERR_ARGUMENT);
    sl_gallery_close(g);
    g = open_gallery(dir, SL_GALLERY_READ);
    assert_int_equal(sl_gallery_rename(g, "person-0", "a", &renamed, &err), SL_ERR_ARGUMENT);
    assert_string_equal(sl_gallery_label(g, 0), "person-0");
    sl_gallery_close(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_kinds_of_patches, setup, teardown),
        cmocka_unit_test_setup_teardown(merges_and_spells, setup, teardown),
        cmocka_unit_test_setup_teardown(moves, setup, teardown),
        cmocka_unit_test_setup_teardown(refusals, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
