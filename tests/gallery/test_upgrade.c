/* Galleries that older programs made (tests/gallery/old): read and written as they are, and rewritten as the newest
 * format by an upgrade, with every face to the bit and nothing of who was removed. */
#define _GNU_SOURCE
#include "own_folder.h"

#include "gallery/folder/format.h"

static sl_error err;
static const int there[] = {0, 1, 2, 6, 7, 8}; /* of faces.h: person-1 was removed */
enum { THERE = 6 };

static const struct {
    const char *name;
    int version;
    sl_patch_format format;
} old[] = {{"1-int8", 1, SL_PATCHES_INT8},
           {"1-f32", 1, SL_PATCHES_F32},
           {"2-compact", 2, SL_PATCHES_COMPACT},
           {"2-none", 2, SL_PATCHES_NONE},
           {"3-int8", 3, SL_PATCHES_INT8},
           {"3-compact", 3, SL_PATCHES_COMPACT}};

static void copy_old(size_t which)
{
    remove_tree(dir);
    char from[300];
    snprintf(from, sizeof from, SL_SOURCE_DIR "/tests/gallery/old/%s", old[which].name);
    copy_dir(from, dir);
}

static void expect_gallery(int version, sl_patch_format format, size_t removed)
{
    sl_gallery_info info;
    sl_gallery *g = open_gallery(dir, SL_GALLERY_READ);
    sl_gallery_get_info(g, &info);
    assert_int_equal(info.version, version);
    assert_int_equal(info.patches, format);
    assert_int_equal(info.removed, removed);
    assert_int_equal(info.faces, THERE);
    for (size_t i = 0; i < THERE; i++)
        expect_face(g, i, there[i]);
    sl_gallery_close(g);
    assert_ok(sl_gallery_verify(dir, NULL, NULL, &err));
}

/* Is this text in any file of the folder? */
static bool folder_says(const char *text)
{
    bool found = false;
    DIR *d = opendir(dir);
    assert_non_null(d);
    for (struct dirent *entry; (entry = readdir(d));) {
        char path[600];
        size_t size;
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
        uint8_t *bytes = read_whole(path, &size);
        found = found || memmem(bytes, size, text, strlen(text)) != NULL;
        free(bytes);
    }
    closedir(d);
    return found;
}

static void old_galleries_are_upgraded(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof old / sizeof *old; i++) {
        copy_old(i);
        faces_hashed = old[i].version >= 3;
        expect_gallery(old[i].version, old[i].format, 3);
        assert_true(folder_says("person-1/"));
        assert_ok(sl_gallery_upgrade(dir, NULL, NULL, &err));
        expect_gallery(SL_GALLERY_VERSION, old[i].format, 0);
        assert_false(folder_says("person-1/"));
        assert_ok(sl_gallery_upgrade(dir, NULL, NULL, &err)); /* once more is no harm */
        expect_gallery(SL_GALLERY_VERSION, old[i].format, 0);
        faces_hashed = true; /* of faces that come now */
        sl_gallery *g = open_gallery(dir, SL_GALLERY_WRITE);
        add_face(g, 10);
        assert_ok(sl_gallery_commit(g, &err));
        expect_face(g, THERE, 10);
        sl_gallery_close(g);
        assert_ok(sl_gallery_verify(dir, NULL, NULL, &err));
    }
}

/* Without an upgrade they are added to, searched and asked as ever, in their own version. */
static void old_galleries_live_on(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof old / sizeof *old; i++) {
        copy_old(i);
        faces_hashed = old[i].version >= 3;
        sl_gallery *g = open_gallery(dir, SL_GALLERY_WRITE);
        add_face(g, 9);
        assert_ok(sl_gallery_commit(g, &err));
        assert_ok(sl_gallery_remove(g, NULL, "person-3", NULL, &err)); /* face 9 */
        sl_gallery_close(g);
        expect_gallery(old[i].version, old[i].format, 4);
        const float *all;
        g = open_gallery(dir, SL_GALLERY_READ);
        assert_ok(sl_gallery_embeddings(g, &all, &err));
        for (size_t f = 0; f < THERE; f++) {
            sl_template *t = face_template(sl_gallery_shape(g), there[f]);
            assert_memory_equal(all + f * 5, sl_template_embedding(t, NULL), 5 * sizeof(float));
            sl_template_free(t);
        }
        sl_gallery_close(g);
        faces_hashed = true;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(old_galleries_are_upgraded, setup, teardown),
        cmocka_unit_test_setup_teardown(old_galleries_live_on, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
