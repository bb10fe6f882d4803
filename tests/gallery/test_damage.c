/* Every byte of a small gallery flipped, every file cut at every length: opening and verifying must fail,
 * or what comes out must be exactly what was acknowledged. */
#define _GNU_SOURCE
#include "faces.h"
#include "gallery/gallery.h"

static char *dir, *work;
static const char *const names[] = {"gallery.meta", "embeddings.1", "patches.1", "crops.1", "log.1", "commit.1"};
enum { FILES = 6, FACES = 5 };

static int setup(void **state)
{
    (void)state;
    dir = make_temp_dir();
    if (asprintf(&work, "%s-work", dir) < 0)
        return 1;
    sl_error err;
    make_gallery(dir, FACES + 1, 2);
    sl_gallery *g = open_gallery(dir, SL_GALLERY_WRITE);
    char image[64], label[64];
    face_entry(FACES, image, label);
    size_t removed;
    assert_ok(sl_gallery_remove(g, image, NULL, &removed, &err)); /* the last record is a removal */
    sl_gallery_close(g);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    remove_tree(dir);
    remove_tree(work);
    free(dir);
    free(work);
    return 0;
}

/* The gallery's faces are 0 .. FACES-1, or the handle says that it cannot tell. */
static sl_status exact_or_error(const char *where, sl_gallery_mode mode, const char *what)
{
    sl_error err;
    sl_gallery *g;
    sl_status status = sl_gallery_open_shape(where, mode, NULL, NULL, &g, &err);
    if (status != SL_OK) {
        if (!strstr(err.text, where))
            fail_msg("%s: the error does not name the gallery: %s", what, err.text);
        return status;
    }
    const float *embeddings;
    if (sl_gallery_size(g) != FACES)
        fail_msg("%s: opened with %zu faces", what, sl_gallery_size(g));
    for (int n = 0; n < FACES; n++) {
        const char *differs = face_differs(g, (size_t)n, n, &err);
        if (differs && (differs != err.text || (err.status != SL_ERR_CORRUPT && err.status != SL_ERR_FORMAT)))
            fail_msg("%s: wrong data of face %d: %s", what, n, differs);
        if (differs)
            status = SL_ERR_CORRUPT;
    }
    if (sl_gallery_embeddings(g, &embeddings, &err) != SL_OK)
        status = SL_ERR_CORRUPT;
    sl_gallery_close(g);
    return status;
}

static void every_byte_flipped(void **state)
{
    (void)state;
    sl_error err;
    copy_dir(dir, work);
    for (int f = 0; f < FILES; f++) {
        char path[700], what[100];
        snprintf(path, sizeof path, "%s/%s", work, names[f]);
        size_t size, harmless = 0;
        uint8_t *data = read_whole(path, &size);
        int fd = open(path, O_RDWR);
        for (size_t at = 0; at < size; at++) {
            uint8_t changed = data[at] ^ (uint8_t)(1u << (at * 7 + at / 8) % 8);
            snprintf(what, sizeof what, "%s, byte %zu flipped", names[f], at);
            assert_int_equal(pwrite(fd, &changed, 1, (off_t)at), 1);
            sl_status read = exact_or_error(work, SL_GALLERY_READ, what);
            sl_status verified = sl_gallery_verify(work, NULL, NULL, &err);
            if (verified == SL_OK && read != SL_OK)
                fail_msg("%s: verify is content, reading is not", what);
            if (verified == SL_OK)
                harmless++;
            else if (verified != SL_ERR_CORRUPT && verified != SL_ERR_FORMAT && verified != SL_ERR_UNSUPPORTED)
                fail_msg("%s: verify: %s", what, err.text);
            assert_int_equal(pwrite(fd, data + at, 1, (off_t)at), 1);
        }
        close(fd);
        free(data);
        /* only the gap between the marker's two slots means nothing */
        assert_int_equal(harmless, f == FILES - 1 ? 4096 - 64 : 0);
    }
    assert_ok(sl_gallery_verify(work, NULL, NULL, &err));
}

static void every_cut(void **state)
{
    (void)state;
    sl_error err;
    for (int f = 0; f < FILES; f++) {
        char path[700], what[100];
        remove_tree(work);
        copy_dir(dir, work);
        snprintf(path, sizeof path, "%s/%s", work, names[f]);
        size_t size;
        uint8_t *data = read_whole(path, &size);
        for (size_t length = size; length-- > 0;) {
            snprintf(what, sizeof what, "%s, cut to %zu bytes", names[f], length);
            assert_int_equal(truncate(path, (off_t)length), 0);
            exact_or_error(work, SL_GALLERY_READ, what);
            if (sl_gallery_verify(work, NULL, NULL, &err) == SL_OK)
                fail_msg("%s: verify is content", what);
        }
        unlink(path);
        snprintf(what, sizeof what, "%s missing", names[f]);
        assert_int_not_equal(exact_or_error(work, SL_GALLERY_READ, what), SL_OK);
        assert_fails(sl_gallery_verify(work, NULL, NULL, &err), SL_ERR_CORRUPT, "missing");
        free(data);
    }
}

/* What a crash leaves behind the committed state: ignored by readers, dropped by a writer. */
static void torn_tails(void **state)
{
    (void)state;
    sl_error err;
    static const uint8_t junk[3000] = {1, 2, 3};
    for (size_t extra = 1; extra < sizeof junk; extra = extra * 3 + 1) {
        remove_tree(work);
        copy_dir(dir, work);
        size_t sizes[FILES];
        for (int f = 1; f < FILES - 1; f++) {
            char path[700];
            snprintf(path, sizeof path, "%s/%s", work, names[f]);
            free(read_whole(path, &sizes[f]));
            FILE *file = fopen(path, "ab");
            assert_int_equal(fwrite(junk, 1, extra, file), extra);
            fclose(file);
        }
        assert_int_equal(exact_or_error(work, SL_GALLERY_READ, "torn tail"), SL_OK);
        assert_ok(sl_gallery_verify(work, NULL, NULL, &err));
        assert_int_equal(exact_or_error(work, SL_GALLERY_WRITE, "torn tail"), SL_OK);
        for (int f = 1; f < FILES - 1; f++) {
            char path[700];
            size_t size;
            snprintf(path, sizeof path, "%s/%s", work, names[f]);
            free(read_whole(path, &size));
            assert_int_equal(size, sizes[f]);
        }
    }
}

/* A crash before, in and after the write of the marker; and a marker that was put back to an older state. */
static void marker_states(void **state)
{
    (void)state;
    sl_error err;
    char marker[700], path[700];
    snprintf(marker, sizeof marker, "%s/commit.1", work);
    remove_tree(work);
    copy_dir(dir, work);
    sl_gallery *g = open_gallery(work, SL_GALLERY_WRITE);
    size_t size;
    uint8_t *before = read_whole(marker, &size);
    add_face(g, FACES + 1);
    assert_ok(sl_gallery_commit(g, &err));
    uint8_t *after = read_whole(marker, &size);
    sl_gallery_close(g);

    int changed = memcmp(before, after, 64) != 0 ? 0 : 4096; /* the slot that the commit wrote */
    assert_memory_equal(before + (4096 - changed), after + (4096 - changed), 64);
    /* the log has the commit, the marker does not: never acknowledged, so it does not count */
    write_whole(marker, before, size);
    assert_int_equal(exact_or_error(work, SL_GALLERY_READ, "before the marker"), SL_OK);
    /* torn in the middle of the slot: acknowledged or not, the commit is whole and counts, and nothing is lost */
    memcpy(before + changed, after + changed, 20);
    write_whole(marker, before, size);
    g = open_gallery(work, SL_GALLERY_READ);
    assert_int_equal(sl_gallery_size(g), FACES + 1);
    expect_face(g, FACES, FACES + 1);
    sl_gallery_close(g);
    assert_fails(sl_gallery_verify(work, NULL, NULL, &err), SL_ERR_CORRUPT, "one of its two marks");
    g = open_gallery(work, SL_GALLERY_WRITE); /* repairs it */
    add_face(g, FACES + 2);
    assert_ok(sl_gallery_commit(g, &err));
    sl_gallery_close(g);
    assert_ok(sl_gallery_verify(work, NULL, NULL, &err));
    /* the marker of two commits ago: acknowledged faces would silently be lost */
    uint8_t *old;
    snprintf(path, sizeof path, "%s/commit.1", dir);
    old = read_whole(path, &size);
    write_whole(marker, old, size);
    assert_fails(sl_gallery_verify(work, NULL, NULL, &err), SL_ERR_CORRUPT, "does not count");
    assert_fails(sl_gallery_open_shape(work, SL_GALLERY_WRITE, NULL, NULL, &g, &err), SL_ERR_CORRUPT,
                 "does not count");
    free(before);
    free(after);
    free(old);
}

/* Files of another gallery with the same shape and names, and other faces. */
static void foreign_files(void **state)
{
    (void)state;
    sl_error err;
    char *other = make_temp_dir();
    sl_gallery *g = open_gallery(other, SL_GALLERY_CREATE);
    for (int n = 1; n <= FACES; n++)
        add_face(g, n);
    assert_ok(sl_gallery_commit(g, &err));
    sl_gallery_close(g);
    for (int f = 0; f < FILES; f++) {
        char from[700], to[700];
        remove_tree(work);
        copy_dir(dir, work);
        snprintf(from, sizeof from, "%s/%s", other, names[f]);
        snprintf(to, sizeof to, "%s/%s", work, names[f]);
        size_t size;
        uint8_t *data = read_whole(from, &size);
        write_whole(to, data, size);
        free(data);
        assert_fails(sl_gallery_verify(work, NULL, NULL, &err), SL_ERR_CORRUPT, work);
    }
    remove_tree(other);
    free(other);
}

/* A damaged row is named, does not spoil its neighbours, can be removed, and is not copied unseen. */
static void damage_in_one_row(void **state)
{
    (void)state;
    sl_error err;
    char path[700];
    remove_tree(work);
    copy_dir(dir, work);
    snprintf(path, sizeof path, "%s/patches.1", work);
    int fd = open(path, O_RDWR);
    assert_int_equal(pwrite(fd, "x", 1, 2 * 704 + 3), 1); /* row 2: 64 patches, 64 scales, 576 landmarks */
    close(fd);
    assert_fails(sl_gallery_verify(work, NULL, NULL, &err), SL_ERR_CORRUPT, "photo 2");
    sl_gallery *g = open_gallery(work, SL_GALLERY_WRITE);
    sl_template *t;
    sl_patch_source p;
    for (int again = 0; again < 2; again++) {
        assert_fails(sl_gallery_patches(g, 2, &p, &err), SL_ERR_CORRUPT, "photo 2");
        assert_true(!p.patches_i8 && !p.patch_scales && !p.patches_f32);
        assert_fails(sl_gallery_template(g, 2, &t, &err), SL_ERR_CORRUPT, "photo 2");
    }
    expect_face(g, 1, 1);
    expect_face(g, 3, 3);
    char image[64], label[64];
    size_t removed;
    face_entry(4, image, label);
    assert_ok(sl_gallery_remove(g, image, NULL, &removed, &err));
    sl_gallery_close(g);
    assert_fails(sl_gallery_compact(work, NULL, NULL, &err), SL_ERR_CORRUPT, "photo 2");
    g = open_gallery(work, SL_GALLERY_WRITE);
    face_entry(2, image, label);
    assert_ok(sl_gallery_remove(g, image, NULL, &removed, &err));
    assert_int_equal(removed, 1);
    sl_gallery_close(g);
    assert_ok(sl_gallery_compact(work, NULL, NULL, &err));
    assert_ok(sl_gallery_verify(work, NULL, NULL, &err));
}

/* Patches of every kind that has other files than int8 ones. */
static int run_for(sl_patch_format format, const char *name)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_flipped), cmocka_unit_test(every_cut),     cmocka_unit_test(torn_tails),
        cmocka_unit_test(marker_states),      cmocka_unit_test(foreign_files), cmocka_unit_test(damage_in_one_row),
    };
    faces_format = format;
    return cmocka_run_group_tests_name(name, tests, setup, teardown);
}

int main(void)
{
    prefer_memory();
    return run_for(SL_PATCHES_INT8, "int8") || run_for(SL_PATCHES_COMPACT, "compact");
}
