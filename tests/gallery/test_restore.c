/* Removals and names that are taken back: the faces of before, to the bit, until a compaction. */
#include "own_folder.h"

#include "secondlook_serve.h"

static sl_error err;
static sl_gallery_mark from, to;

/* Nine faces of three people, in which `from` is noted. */
static sl_gallery *begin(void)
{
    make_gallery(dir, 9, 4);
    sl_gallery *g = open_gallery(dir, SL_GALLERY_WRITE);
    sl_gallery_get_mark(g, &from);
    return g;
}

static size_t restore(sl_gallery *g)
{
    size_t restored;
    assert_ok(sl_gallery_restore(g, &from, &to, NULL, NULL, &restored, &err));
    return restored;
}

/* The faces are these, here and for whoever opens the folder; which is closed. */
static void end(sl_gallery *g, const int *faces, size_t count)
{
    for (int again = 0; again < 2; again++) {
        assert_int_equal(sl_gallery_size(g), count);
        for (size_t i = 0; i < count; i++)
            expect_face(g, i, faces[i]);
        sl_gallery_close(g);
        if (again == 0)
            g = open_gallery(dir, SL_GALLERY_READ);
    }
    assert_ok(sl_gallery_verify(dir, NULL, NULL, &err));
}

static void note_name(void *context, const char *image, const char *label)
{
    char *names = context;
    assert_non_null(strstr(image, "/photo "));
    strcat(names, label);
}

static void removed_faces_are_back(void **state)
{
    (void)state;
    size_t count;
    char names[100] = "";
    sl_gallery *g = begin();
    assert_ok(sl_gallery_remove(g, NULL, "person-1", &count, &err));
    sl_gallery_get_mark(g, &to);
    add_face(g, 9); /* what others do since does no harm */
    assert_ok(sl_gallery_restore(g, &from, &to, note_name, names, &count, &err));
    assert_int_equal(count, 3);
    assert_string_equal(names, "person-1person-1person-1");
    assert_int_equal(restore(g), 0); /* once is enough */
    end(g, (const int[]){0, 1, 2, 6, 7, 8, 9, 3, 4, 5}, 10);
}

static void joined_people_are_two_again(void **state)
{
    (void)state;
    size_t count;
    sl_gallery *g = begin();
    assert_ok(sl_gallery_rename(g, "person-0", "person-2", &count, &err));
    sl_gallery_get_mark(g, &to);
    assert_int_equal(restore(g), 3);
    end(g, (const int[]){3, 4, 5, 6, 7, 8, 0, 1, 2}, 9);
}

/* Of several commits, the state at the first mark. */
static void a_longer_history(void **state)
{
    (void)state;
    size_t count;
    sl_gallery *g = begin();
    assert_ok(sl_gallery_rename(g, "person-0", "x", &count, &err));
    assert_ok(sl_gallery_rename(g, "x", "y", &count, &err));
    assert_ok(sl_gallery_remove(g, NULL, "person-1", &count, &err));
    sl_gallery_get_mark(g, &to);
    sl_gallery_close(g); /* it outlives the handle */
    g = open_gallery(dir, SL_GALLERY_WRITE);
    assert_int_equal(restore(g), 6);
    end(g, (const int[]){6, 7, 8, 0, 1, 2, 3, 4, 5}, 9);
}

static void what_was_changed_since_stays(void **state)
{
    (void)state;
    size_t count;
    char image[64], label[64];
    sl_gallery *g = begin();
    assert_ok(sl_gallery_remove(g, NULL, "person-1", &count, &err));
    sl_gallery_get_mark(g, &to);
    sl_entry entry = face_entry(4, image, label);
    entry.label = "somebody else";
    sl_template *t = face_template(sl_gallery_shape(g), 4);
    assert_ok(sl_gallery_add(g, &entry, t, NULL, &err));
    sl_template_free(t);
    assert_int_equal(restore(g), 2);
    assert_int_equal(sl_gallery_size(g), 9);
    assert_string_equal(sl_gallery_label(g, 6), "somebody else");
    expect_face(g, 7, 3);
    expect_face(g, 8, 5);
    sl_gallery_close(g);
}

static void refusals(void **state)
{
    (void)state;
    size_t count;
    sl_gallery_mark none;
    sl_gallery *g = begin();
    assert_ok(sl_gallery_remove(g, NULL, "person-1", &count, &err));
    sl_gallery_get_mark(g, &to);
    assert_fails(sl_gallery_restore(g, &to, &from, NULL, NULL, NULL, &err), SL_ERR_ARGUMENT, "no such commits");
    to.commit += 5;
    assert_fails(sl_gallery_restore(g, &from, &to, NULL, NULL, NULL, &err), SL_ERR_ARGUMENT, "no such commits");
    to.commit -= 5;
    sl_gallery_close(g);
    assert_ok(sl_gallery_compact(dir, NULL, NULL, &err));
    g = open_gallery(dir, SL_GALLERY_WRITE);
    assert_fails(sl_gallery_restore(g, &from, &to, NULL, NULL, NULL, &err), SL_ERR_MISMATCH, "was compacted");
    assert_int_equal(sl_gallery_size(g), 6);
    sl_gallery_close(g);
    g = open_gallery(dir, SL_GALLERY_READ);
    assert_int_equal(sl_gallery_restore(g, &from, &to, NULL, NULL, NULL, &err), SL_ERR_ARGUMENT);
    sl_gallery_close(g);
    g = open_gallery(":memory:", SL_GALLERY_CREATE);
    sl_gallery_get_mark(g, &none);
    assert_int_equal(none.generation + none.commit, 0);
    assert_int_equal(sl_gallery_restore(g, &none, &none, NULL, NULL, NULL, &err), SL_ERR_UNSUPPORTED);
    sl_gallery_close(g);
}

/* A row that was damaged meanwhile: those before it are back, and the others are not lost. */
static void damage_is_told(void **state)
{
    (void)state;
    size_t count, size;
    char path[512];
    sl_gallery *g = begin();
    assert_ok(sl_gallery_remove(g, NULL, "person-1", &count, &err));
    sl_gallery_get_mark(g, &to);
    sl_gallery_close(g);
    snprintf(path, sizeof path, "%s/embeddings.1", dir);
    uint8_t *bytes = read_whole(path, &size);
    bytes[4 * 5 * (int)sizeof(float)] ^= 1; /* of face 4 */
    write_whole(path, bytes, size);
    free(bytes);
    g = open_gallery(dir, SL_GALLERY_WRITE);
    assert_int_equal(sl_gallery_restore(g, &from, &to, NULL, NULL, &count, &err), SL_ERR_CORRUPT);
    assert_int_equal(sl_gallery_size(g), 7); /* face 3 is back */
    sl_gallery_close(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(removed_faces_are_back, setup, teardown),
        cmocka_unit_test_setup_teardown(joined_people_are_two_again, setup, teardown),
        cmocka_unit_test_setup_teardown(a_longer_history, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_changed_since_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(refusals, setup, teardown),
        cmocka_unit_test_setup_teardown(damage_is_told, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
