/* Files beside those that count: what a compaction that was cut short leaves, and links that lead out of the
 * folder. */
#include "faces.h"
#include "gallery/gallery.h"

static char *dir, *outside;

static const char *in(const char *where, const char *name)
{
    static char path[2][700];
    static int turn;
    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "%s/%s", where, name);
    return path[turn];
}

static int setup(void **state)
{
    (void)state;
    dir = make_temp_dir();
    outside = make_temp_dir();
    make_gallery(dir, 9, 9);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    remove_tree(dir);
    remove_tree(outside);
    free(dir);
    free(outside);
    return 0;
}

/* Names and sizes in one text. */
static void note(void *context, const char *file, uint64_t bytes)
{
    char *text = context;
    const size_t used = strlen(text);
    snprintf(text + used, 1000 - used, "%s %d;", file, bytes > 0);
}

static const char *leftovers(void)
{
    static char text[1000];
    sl_error err;
    text[0] = 0;
    assert_ok(sl_gallery_leftovers(dir, note, text, &err));
    return text;
}

/* As a crash between the rename of gallery.meta and the last deletion leaves it. */
static void behind_a_compaction(void **state)
{
    (void)state;
    sl_error err;
    size_t removed, size;
    static const char *const old[] = {"embeddings.1", "patches.1", "crops.1", "log.1", "commit.1"};
    assert_string_equal(leftovers(), "");
    sl_gallery *g = open_gallery(dir, SL_GALLERY_WRITE);
    assert_ok(sl_gallery_remove(g, NULL, "person-1", &removed, &err));
    sl_gallery_close(g);
    uint8_t *kept[5];
    size_t sizes[5];
    for (int f = 0; f < 5; f++)
        kept[f] = read_whole(in(dir, old[f]), &sizes[f]);
    assert_ok(sl_gallery_compact(dir, NULL, NULL, &err));
    for (int f = 0; f < 5; f++) {
        write_whole(in(dir, old[f]), kept[f], sizes[f]);
        free(kept[f]);
    }
    write_whole(in(dir, "gallery.meta.tmp-aB3xYz"), "", 0);
    write_whole(in(dir, "gallery.meta.tmp-mine.txt"), "x", 1); /* nobody's but the user's */
    write_whole(in(dir, "log.backup"), "x", 1);
    assert_string_equal(leftovers(),
                        "commit.1 1;crops.1 1;embeddings.1 1;gallery.meta.tmp-aB3xYz 0;log.1 1;patches.1 1;");
    assert_ok(sl_gallery_verify(dir, NULL, NULL, &err));  /* what counts is sound */
    assert_ok(sl_gallery_compact(dir, NULL, NULL, &err)); /* with nothing to compact */
    assert_string_equal(leftovers(), "");
    free(read_whole(in(dir, "gallery.meta.tmp-mine.txt"), &size));
    free(read_whole(in(dir, "log.backup"), &size));
    assert_fails(sl_gallery_leftovers(outside, note, NULL, &err), SL_ERR_NOT_FOUND, "no gallery");
    assert_fails(sl_gallery_leftovers(NULL, note, NULL, &err), SL_ERR_ARGUMENT, "needs a folder");
}

static void links_are_not_written_through(void **state)
{
    (void)state;
    sl_error err;
    sl_gallery *g;
    char target[700];
    static const char *const names[] = {"embeddings.1", "patches.1", "crops.1", "log.1", "commit.1"};
    snprintf(target, sizeof target, "%s/lock", outside);
    unlink(in(dir, "lock"));
    assert_int_equal(symlink(target, in(dir, "lock")), 0);
    assert_fails(sl_gallery_open_shape(dir, SL_GALLERY_WRITE, NULL, NULL, &g, &err), SL_ERR_FORMAT,
                 "lock: is a symbolic link");
    assert_int_equal(access(target, F_OK), -1); /* no file was made outside */
    unlink(in(dir, "lock"));
    assert_int_equal(mkfifo(in(dir, "lock"), 0600), 0);
    assert_fails(sl_gallery_open_shape(dir, SL_GALLERY_WRITE, NULL, NULL, &g, &err), SL_ERR_FORMAT,
                 "lock: is not a regular file");
    unlink(in(dir, "lock"));
    for (size_t f = 0; f < 5; f++) { /* the file itself, with a tail that a writer would cut, lies outside */
        struct stat before, after;
        snprintf(target, sizeof target, "%s/%s", outside, names[f]);
        assert_int_equal(rename(in(dir, names[f]), target), 0);
        assert_int_equal(symlink(target, in(dir, names[f])), 0);
        FILE *file = fopen(target, "ab");
        assert_int_equal(fwrite("tail", 1, 4, file), 4);
        fclose(file);
        stat(target, &before);
        g = open_gallery(dir, SL_GALLERY_READ); /* reading follows them */
        assert_int_equal(sl_gallery_size(g), 9);
        sl_gallery_close(g);
        assert_fails(sl_gallery_open_shape(dir, SL_GALLERY_WRITE, NULL, NULL, &g, &err), SL_ERR_FORMAT,
                     "is a symbolic link");
        assert_non_null(strstr(err.text, names[f]));
        stat(target, &after);
        assert_int_equal(before.st_size, after.st_size);
        unlink(in(dir, names[f]));
        assert_int_equal(rename(target, in(dir, names[f])), 0);
    }
    sl_gallery_close(open_gallery(dir, SL_GALLERY_WRITE));
    assert_ok(sl_gallery_verify(dir, NULL, NULL, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(behind_a_compaction, setup, teardown),
        cmocka_unit_test_setup_teardown(links_are_not_written_through, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
