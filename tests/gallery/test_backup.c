/* A gallery in one file, and back: to the bit, beside a writer and a compaction, with sizes that tar's octal cannot
 * hold. */
#include "own_folder.h"

#include "gallery/folder/tar_header.h"

static sl_error err;

static char *in_dir(const char *name)
{
    static char paths[4][600];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", dir, name);
    return path;
}

static sl_gallery *make(const char *place, sl_patch_format format, int faces)
{
    sl_template_shape shape = small_shape(format);
    sl_gallery *g;
    assert_ok(sl_gallery_open_shape(place, SL_GALLERY_CREATE, &shape, MODEL_NAME, &g, &err));
    for (int n = 0; n < faces; n++)
        add_face(g, n);
    assert_ok(sl_gallery_commit(g, &err));
    return g;
}

static void assert_faces(const char *place, int faces)
{
    sl_gallery *g;
    assert_ok(sl_gallery_open_shape(place, SL_GALLERY_READ, NULL, NULL, &g, &err));
    assert_int_equal(sl_gallery_size(g), faces);
    for (int i = 0; i < faces; i++)
        assert_null(face_differs(g, (size_t)i, i, &err));
    sl_gallery_close(g);
}

static void every_form_comes_back(void **state)
{
    static const sl_patch_format formats[] = {SL_PATCHES_INT8, SL_PATCHES_F32, SL_PATCHES_COMPACT, SL_PATCHES_NONE};
    (void)state;
    for (int i = 0; i < 4; i++) {
        char name[16], copy[16];
        snprintf(name, sizeof name, "g%d", i);
        snprintf(copy, sizeof copy, "copy%d", i);
        sl_gallery_close(make(in_dir(name), formats[i], 9));
        assert_ok(sl_gallery_backup(in_dir(name), in_dir("file.tar"), NULL, NULL, &err));
        assert_ok(sl_gallery_from_backup(in_dir("file.tar"), in_dir(copy), NULL, NULL, &err));
        assert_faces(in_dir(copy), 9);
    }
}

/* The backup has what was committed, and a restored gallery goes on. */
static void beside_a_writer(void **state)
{
    (void)state;
    sl_gallery *writer = make(in_dir("g"), SL_PATCHES_INT8, 6);
    add_face(writer, 6); /* not committed */
    assert_ok(sl_gallery_backup(in_dir("g"), in_dir("file.tar"), NULL, NULL, &err));
    sl_gallery_close(writer);
    assert_ok(sl_gallery_from_backup(in_dir("file.tar"), in_dir("copy"), NULL, NULL, &err));
    assert_faces(in_dir("copy"), 6);
    writer = make(in_dir("copy2"), SL_PATCHES_INT8, 1);
    sl_gallery_close(writer);
    assert_ok(sl_gallery_open_shape(in_dir("copy"), SL_GALLERY_WRITE, NULL, NULL, &writer, &err));
    add_face(writer, 6);
    assert_ok(sl_gallery_commit(writer, &err));
    add_face(writer, 7);
    assert_ok(sl_gallery_commit(writer, &err));
    sl_gallery_close(writer);
    assert_faces(in_dir("copy"), 8);
}

static int stop_at_once(void *context, size_t done, size_t total)
{
    (void)context, (void)done, (void)total;
    return 1;
}

static void nothing_half(void **state)
{
    (void)state;
    sl_gallery_close(make(in_dir("g"), SL_PATCHES_INT8, 3));
    assert_int_equal(sl_gallery_backup(in_dir("g"), in_dir("file.tar"), stop_at_once, NULL, &err), SL_ERR_INTERRUPTED);
    assert_int_not_equal(access(in_dir("file.tar"), F_OK), 0);
    assert_ok(sl_gallery_backup(in_dir("g"), in_dir("file.tar"), NULL, NULL, &err));
    assert_int_equal(sl_gallery_from_backup(in_dir("file.tar"), in_dir("g"), NULL, NULL, &err), SL_ERR_EXISTS);
    assert_faces(in_dir("g"), 3);
    assert_int_equal(sl_gallery_from_backup(in_dir("file.tar"), in_dir("new"), stop_at_once, NULL, &err),
                     SL_ERR_INTERRUPTED);
    assert_int_not_equal(access(in_dir("new"), F_OK), 0);
    assert_int_equal(sl_gallery_backup(":memory:", in_dir("m.tar"), NULL, NULL, &err), SL_ERR_NOT_FOUND);
    assert_int_equal(sl_gallery_backup(in_dir("none"), in_dir("m.tar"), NULL, NULL, &err), SL_ERR_NOT_FOUND);
    assert_int_equal(sl_gallery_from_backup(in_dir("file.tar"), ":memory:", NULL, NULL, &err), SL_ERR_UNSUPPORTED);
}

static void sizes_of_headers(void **state)
{
    static const uint64_t sizes[] = {0, 1, 511, 512, 077777777777, 0100000000000, (uint64_t)1 << 40, INT64_MAX};
    uint8_t block[SL_TAR_BLOCK];
    char name[SL_TAR_NAME];
    uint64_t size;
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        sl_tar_header_encode("embeddings.17", sizes[i], block);
        assert_true(sl_tar_header_decode(block, name, &size));
        assert_string_equal(name, "embeddings.17");
        assert_true(size == sizes[i]);
        /* no byte of it may change; but how the sum's own field ends is free */
        for (int at = 0; at < SL_TAR_BLOCK; at++) {
            block[at] ^= 1;
            assert_true(!sl_tar_header_decode(block, name, &size) || at == 154 || at == 155);
            block[at] ^= 1;
        }
    }
    assert_int_equal(sl_tar_padding(0), 0);
    assert_int_equal(sl_tar_padding(1), 511);
    assert_int_equal(sl_tar_padding(512), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_form_comes_back, setup, teardown),
        cmocka_unit_test_setup_teardown(beside_a_writer, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_half, setup, teardown),
        cmocka_unit_test(sizes_of_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
