/* Lists of photos: folders and path,label files. */
#include "support.h"

#include "base/file.h"
#include "pipeline/photos.h"

static sl_error err;

static void touch(const char *dir, const char *name)
{
    char *path = sl_path_join(dir, name), *slash = strrchr(path, '/');
    *slash = '\0';
    assert_ok(sl_make_dirs(path, &err));
    *slash = '/';
    assert_ok(sl_write_file(path, "x", 1, &err));
    free(path);
}

static void folder_per_person(void **state)
{
    (void)state;
    char *dir = make_temp_dir();
    const char *names[] = {"Bob/2.png", "Bob/1.jpg", "Ann Lee/x.JPEG", "solo.jpg", "Bob/notes.txt", ".hidden/a.jpg",
                           "set/Cy/3.jpg"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        touch(dir, names[i]);
    sl_photo *photos;
    size_t count;
    assert_ok(sl_photos_in_folder(dir, &photos, &count, &err));
    const char *expected[][2] = {{"Ann Lee/x.JPEG", "Ann Lee"}, {"Bob/1.jpg", "Bob"}, {"Bob/2.png", "Bob"},
                                 {"set/Cy/3.jpg", "Cy"}, {"solo.jpg", "solo"}};
    assert_int_equal(count, 5);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(photos[i].image, expected[i][0]);
        assert_string_equal(photos[i].label, expected[i][1]);
        assert_int_equal(strncmp(photos[i].path, dir, strlen(dir)), 0);
    }
    sl_photos_free(photos, count);
    remove_tree(dir);
    assert_int_equal(sl_photos_in_folder(dir, &photos, &count, &err), SL_ERR_IO);
    free(dir);
}

static sl_status parse(const char *text, sl_photo **photos, size_t *count)
{
    return sl_photos_parse(text, strlen(text), "list.csv", "/base", photos, count, &err);
}

static void list_of_path_and_label(void **state)
{
    (void)state;
    sl_photo *photos;
    size_t count;
    assert_ok(parse("\xef\xbb\xbf" "a, b.jpg,Ann Lee\r\n\r\n/abs/c.png,Bob", &photos, &count));
    assert_int_equal(count, 2);
    assert_string_equal(photos[0].image, "a, b.jpg");
    assert_string_equal(photos[0].path, "/base/a, b.jpg");
    assert_string_equal(photos[0].label, "Ann Lee");
    assert_string_equal(photos[1].path, "/abs/c.png");
    sl_photos_free(photos, count);
    assert_ok(parse("", &photos, &count));
    assert_int_equal(count, 0);
    sl_photos_free(photos, count);
}

static void bad_lists_name_the_line(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"a.jpg,A\nno comma\n", "line 2"}, {",A\n", "line 1"}, {"a.jpg,\n", "line 1"},
        {"a.jpg,A\nb.jpg,B\na.jpg,C\n", "line 3: a.jpg has two labels, \"A\" (line 1) and \"C\""},
        {"a.jpg,A\na.jpg,A\n", "twice"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sl_photo *photos;
        size_t count;
        assert_int_equal(parse(cases[i][0], &photos, &count), SL_ERR_FORMAT);
        assert_null(photos);
        assert_non_null(strstr(err.text, cases[i][1]));
        assert_non_null(strstr(err.text, "list.csv"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folder_per_person),
        cmocka_unit_test(list_of_path_and_label),
        cmocka_unit_test(bad_lists_name_the_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
