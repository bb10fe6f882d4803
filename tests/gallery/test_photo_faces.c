/* Faces by their photo: found by its content, replaced with it, and galleries of the versions that kept no hashes.
 */
#include "faces.h"

#include <signal.h>
#include <sys/resource.h>

#include "gallery/gallery.h"
#include "gallery/folder/store.h"

static char *dir;
static sl_error err;

static int setup(void **state)
{
    (void)state;
    dir = make_temp_dir();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    remove_tree(dir);
    free(dir);
    return 0;
}

/* Adds face n's numbers under other names. */
static sl_status add_as(sl_gallery *g, int n, const char *image, const char *label, const char *instead_of)
{
    char a[64], b[64];
    sl_entry entry = face_entry(n, a, b);
    entry.image = image;
    entry.label = label;
    sl_template *t = face_template(sl_gallery_shape(g), n);
    sl_status status = instead_of ? sl_gallery_replace(g, instead_of, &entry, t, NULL, &err)
                                  : sl_gallery_add(g, &entry, t, NULL, &err);
    sl_template_free(t);
    return status;
}

static const char *found_as(sl_gallery *g, int n, const char *label)
{
    size_t i;
    sl_status status = sl_gallery_find_photo(g, face_photo(n), label, &i, &err);
    assert_true(status == SL_OK || status == SL_ERR_NOT_FOUND);
    return status == SL_OK ? sl_gallery_image(g, i) : "none";
}

static void found_by_content(void **state)
{
    (void)state;
    size_t removed;
    make_gallery(dir, 9, 4);
    sl_gallery *g = open_gallery(dir, SL_GALLERY_WRITE);
    assert_string_equal(found_as(g, 4, NULL), "person-1/photo 4 \xc3\xa9.jpg");
    assert_string_equal(found_as(g, 4, "person-1"), "person-1/photo 4 \xc3\xa9.jpg");
    assert_string_equal(found_as(g, 4, "person-2"), "none");
    assert_string_equal(found_as(g, 10, NULL), "none");
    assert_ok(add_as(g, 10, "new", "somebody", NULL)); /* seen at once, before any commit */
    assert_ok(add_as(g, 4, "twin", "somebody", NULL));
    assert_string_equal(found_as(g, 10, NULL), "new");
    assert_string_equal(found_as(g, 4, "somebody"), "twin");
    assert_ok(sl_gallery_remove(g, NULL, "person-1", &removed, &err));
    assert_string_equal(found_as(g, 4, NULL), "twin");
    assert_string_equal(found_as(g, 4, "person-1"), "none");
    sl_gallery_close(g);
    assert_ok(sl_gallery_compact(dir, NULL, NULL, &err));
    g = open_gallery(dir, SL_GALLERY_WRITE);
    assert_string_equal(found_as(g, 4, NULL), "twin");
    assert_string_equal(found_as(g, 8, "person-2"), "person-2/photo 8 \xc3\xa9.jpg");
    sl_gallery_close(g);
}

static size_t committed_faces(const char *image)
{
    size_t i;
    sl_gallery *g = open_gallery(dir, SL_GALLERY_READ);
    size_t faces = sl_gallery_size(g);
    assert_int_equal(sl_gallery_find(g, image, &i, NULL), SL_OK);
    sl_gallery_close(g);
    return faces;
}

static void replaced_together(void **state)
{
    (void)state;
    sl_gallery *g = open_gallery(dir, SL_GALLERY_CREATE);
    assert_ok(add_as(g, 0, "a", "Ann", NULL));
    assert_ok(add_as(g, 0, "a#3", "Ann", NULL)); /* the second one was refused */
    assert_ok(add_as(g, 2, "b", "Bob", NULL));
    assert_ok(sl_gallery_commit(g, &err));
    assert_fails(add_as(g, 4, "b", "Bob", "a"), SL_ERR_EXISTS, "as Bob");
    assert_fails(add_as(g, 4, "a", "A\nB", "a"), SL_ERR_ARGUMENT, "label");
    assert_int_equal(sl_gallery_size(g), 3);
    assert_ok(add_as(g, 4, "a", "Ann", "a"));
    assert_int_equal(sl_gallery_size(g), 2);
    assert_string_equal(sl_gallery_image(g, 1), "a");
    assert_string_equal(found_as(g, 4, "Ann"), "a");
    assert_string_equal(found_as(g, 0, NULL), "none");
    assert_int_equal(committed_faces("a#3"), 3); /* for others the old ones until the commit */
    sl_gallery_close(g);
    assert_int_equal(committed_faces("a#3"), 3); /* without one they stay */

    g = open_gallery(dir, SL_GALLERY_WRITE);
    assert_ok(add_as(g, 4, "a", "Ann", "a"));
    assert_ok(add_as(g, 6, "c", "Cem", "c")); /* nothing there: added */
    assert_ok(sl_gallery_commit(g, &err));
    sl_gallery_close(g);
    assert_int_equal(committed_faces("c"), 3);
    assert_ok(sl_gallery_verify(dir, NULL, NULL, &err));
}

/* Without room for the new face the old one is there, in this handle and after the next commit. */
static void replaced_without_room(void **state)
{
    (void)state;
    char path[600];
    struct stat st;
    struct rlimit limit;
    make_gallery(dir, 6, 6);
    sl_gallery *g = open_gallery(dir, SL_GALLERY_WRITE);
    snprintf(path, sizeof path, "%s/log.1", dir);
    stat(path, &st);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &limit);
    for (int room = 0; room < 16 + 80 + 36; room += 9) { /* a removal and most of a face */
        limit.rlim_cur = (rlim_t)st.st_size + (rlim_t)room;
        setrlimit(RLIMIT_FSIZE, &limit);
        assert_fails(add_as(g, 8, "person-0/photo 2 \xc3\xa9.jpg", "x", "person-0/photo 2 \xc3\xa9.jpg"),
                     SL_ERR_IO, "cannot write");
        expect_face(g, 2, 2);
    }
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_FSIZE, &limit);
    add_face(g, 6);
    assert_ok(sl_gallery_commit(g, &err));
    sl_gallery_close(g);
    g = open_gallery(dir, SL_GALLERY_READ);
    assert_int_equal(sl_gallery_size(g), 7);
    for (int n = 0; n < 7; n++)
        expect_face(g, (size_t)n, n);
    sl_gallery_close(g);
}

/* A gallery as programs before version 3 made it. */
static sl_gallery *make_old(sl_patch_format format, uint32_t version)
{
    sl_folder *g;
    sl_meta meta = {
        .uid = 77, .generation = 1, .version = version, .shape = small_shape(format), .model = MODEL_NAME};
    meta.centre_crc = meta.shape.centre ? sl_centre_crc(&meta.shape) : 0;
    assert_ok(sl_store_create(dir, &meta, &g, &err));
    assert_ok(sl_store_publish(g, &err));
    return &g->base;
}

static int version_there(void)
{
    sl_gallery_info info;
    sl_gallery *g = open_gallery(dir, SL_GALLERY_READ);
    sl_gallery_get_info(g, &info);
    sl_gallery_close(g);
    return info.version;
}

static void older_versions_live_on(void **state)
{
    (void)state;
    static const sl_patch_format formats[] = {SL_PATCHES_INT8, SL_PATCHES_F32, SL_PATCHES_COMPACT,
                                              SL_PATCHES_NONE};
    for (int p = 0; p < 4; p++) {
        const uint32_t version = formats[p] > SL_PATCHES_F32 ? 2 : 1;
        sl_entry entry;
        size_t i;
        sl_gallery_close(make_old(formats[p], version));
        sl_gallery *g = open_gallery(dir, SL_GALLERY_WRITE);
        add_face(g, 0);
        assert_ok(sl_gallery_commit(g, &err));
        assert_ok(sl_gallery_entry(g, 0, &entry, &err));
        assert_null(entry.photo_sha256);
        assert_string_equal(found_as(g, 0, NULL), "none");
        sl_gallery_close(g);
        assert_int_equal(version_there(), version);
        assert_ok(sl_gallery_verify(dir, NULL, NULL, &err));

        assert_ok(sl_gallery_compact(dir, NULL, NULL, &err)); /* nothing was removed: for the version alone */
        assert_int_equal(version_there(), SL_GALLERY_VERSION);
        g = open_gallery(dir, SL_GALLERY_WRITE);
        assert_string_equal(found_as(g, 0, NULL), "none");
        assert_ok(sl_gallery_find(g, sl_gallery_image(g, 0), &i, &err));
        add_face(g, 2);
        assert_ok(sl_gallery_commit(g, &err));
        expect_face(g, 1, 2);
        sl_gallery_close(g);
        assert_ok(sl_gallery_verify(dir, NULL, NULL, &err));
        remove_tree(dir);
        mkdir(dir, 0777);
    }
}

/* What no program of that version can have written. */
static void a_hash_in_an_older_version_is_damage(void **state)
{
    (void)state;
    sl_gallery *g = make_old(SL_PATCHES_INT8, 1);
    ((sl_folder *)g)->meta.version = 3; /* this handle only: the headers are written */
    add_face(g, 0);
    assert_ok(sl_gallery_commit(g, &err));
    sl_gallery_close(g);
    assert_fails(sl_gallery_open_shape(dir, SL_GALLERY_READ, NULL, NULL, &g, &err), SL_ERR_CORRUPT, "hash");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(found_by_content, setup, teardown),
        cmocka_unit_test_setup_teardown(replaced_together, setup, teardown),
        cmocka_unit_test_setup_teardown(replaced_without_room, setup, teardown),
        cmocka_unit_test_setup_teardown(older_versions_live_on, setup, teardown),
        cmocka_unit_test_setup_teardown(a_hash_in_an_older_version_is_damage, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
