/* What new labels and image ids may be, and that galleries which have others already stay readable. */
#include "faces.h"

#include "gallery/gallery.h"
#include "gallery/folder/store.h"
#include "gallery/naming.h"

static char *dir;

static void refused(void **state)
{
    (void)state;
    static const struct {
        const char *name, *words;
    } names[] = {
        {"", "1 .. 4096 bytes"},
        {"a\nb", "U+000A at byte 1 is a control character"},
        {"a\x1b[31mb", "U+001B at byte 1 is a control character"},
        {"\x7f", "U+007F at byte 0"},
        {"Ada\xc2\x85", "U+0085 at byte 3 is a control character"},
        {"Ada\xc2\x9b"
         "31m",
         "U+009B at byte 3 is a control character"},
        {"Ada\xff", "byte 3 (0xFF) is not UTF-8"},
        {"Ada\xc3", "byte 3 (0xC3) is not UTF-8"},
        {"A\xe2\x80\xae"
         "da",
         "U+202E at byte 1 is a mark of writing direction"},
        {"A\xe2\x81\xa7"
         "da",
         "U+2067 at byte 1 is a mark of writing direction"},
        {"\xe2\x80\x8f"
         "Ada",
         "U+200F at byte 0 is a mark of writing direction"},
        {"Ada\xd8\x9c", "U+061C at byte 3"},
        {"A\xe2\x80\x8b"
         "da",
         "U+200B at byte 1 is of zero width"},
        {"A\xe2\x80\x8d"
         "da",
         "U+200D at byte 1 is of zero width"},
        {"A\xe2\x80\x8c"
         "da",
         "U+200C at byte 1 is of zero width"},
        {"\xef\xbb\xbf"
         "Ada",
         "U+FEFF at byte 0 is of zero width"},
        {"A\xc2\xad"
         "da",
         "U+00AD at byte 1 is a soft hyphen"},
        {"Ada\xe2\x80\xa8", "U+2028 at byte 3 is a line separator"},
        {"Ada\xe2\x80\xa9", "U+2029 at byte 3 is a line separator"},
        {"Ada\xef\xb8\x8f", "U+FE0F at byte 3 is an invisible selector"},
        {"Ada\xf3\xa0\x81\x81", "U+E0041 at byte 3 is an invisible tag"},
        {"Ada\xe3\x85\xa4", "U+3164 at byte 3 is an invisible filler"},
        {"\xd8\xb9\xd9\x84\xe2\x80\x8c", "U+200C at byte 4"}, /* joined to nothing */
    };
    sl_error err;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_fails(sl_name_check("label", names[i].name, &err), SL_ERR_ARGUMENT, names[i].words);
        assert_non_null(strstr(err.text, "the label \""));
    }
    assert_fails(sl_name_check("image id", NULL, &err), SL_ERR_ARGUMENT, "the image id \"\"");
}

static void accepted(void **state)
{
    (void)state;
    static const char *const names[] = {
        "Ada Lovelace",
        "Zo\xc3\xab",
        "Zoe\xcc\x88",
        "\xe5\xb1\xb1\xe7\x94\xb0",
        "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d",
        "\xd8\xb9\xd9\x84\xdb\x8c\xe2\x80\x8c\xd8\xb1\xd8\xb6\xd8\xa7", /* Ali-Reza, with a non-joiner */
        "\xe0\xa4\x95\xe0\xa5\x8d\xe2\x80\x8d\xe0\xa4\xb7",             /* ksha, with a joiner */
        "Mum \xe2\x9d\xa4\xef\xb8\x8f",
        "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7", /* a red heart, a family */
        "person/photo #2.jpg",
    };
    sl_error err;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_ok(sl_name_check("label", names[i], &err));
}

/* A gallery out of the days before: its names stay what they are, through compaction too, and can be removed. */
static void older_galleries(void **state)
{
    (void)state;
    sl_error err;
    static const char turned[] = "A\xe2\x80\xae"
                                 "da";
    static float embedding[5] = {1};
    static uint8_t row[704];
    sl_gallery *g = open_gallery(dir, SL_GALLERY_CREATE);
    sl_template *t = face_template(sl_gallery_shape(g), 0);
    sl_entry entry = {.label = turned, .image = "new"};
    assert_fails(sl_gallery_add(g, &entry, t, NULL, &err), SL_ERR_ARGUMENT, "the label");
    entry = (sl_entry){.label = "new", .image = turned};
    assert_fails(sl_gallery_add(g, &entry, t, NULL, &err), SL_ERR_ARGUMENT, "the image id");
    sl_template_free(t);
    sl_face_record face = {
        .image = turned, .label = turned, .image_size = strlen(turned), .label_size = strlen(turned)};
    assert_ok(sl_store_append((sl_folder *)g, &face, embedding, row, NULL, &err));
    add_face(g, 1);
    size_t removed;
    assert_ok(sl_gallery_remove(g, NULL, "person-0", &removed, &err));
    sl_gallery_close(g);
    assert_ok(sl_gallery_compact(dir, NULL, NULL, &err));
    assert_ok(sl_gallery_verify(dir, NULL, NULL, &err));
    g = open_gallery(dir, SL_GALLERY_WRITE);
    assert_string_equal(sl_gallery_label(g, 0), turned);
    assert_ok(sl_gallery_remove(g, NULL, turned, &removed, &err));
    assert_int_equal(removed, 1);
    sl_gallery_close(g);
}

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused),
        cmocka_unit_test(accepted),
        cmocka_unit_test(older_galleries),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
