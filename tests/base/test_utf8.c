/* How text from outside is read and shown: on terminals (sl_show), in HTML and SVG, in CSV. */
#include "support.h"

#include "base/file.h"
#include "base/text.h"
#include "base/utf8.h"

static void characters_are_read_strictly(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t bytes;
        uint32_t code;
    } cases[] = {
        {"a", 1, 'a'},
        {"\xc3\xa9", 2, 0xe9},
        {"\xe2\x82\xac", 3, 0x20ac},
        {"\xf0\x9f\x98\x80", 4, 0x1f600},
        {"\x80", 0, 0},             /* a byte that goes on with nothing */
        {"\xc0\xaf", 0, 0},         /* overlong "/" */
        {"\xe0\x80\xaf", 0, 0},     /* the same in three bytes */
        {"\xed\xa0\x80", 0, 0},     /* a surrogate */
        {"\xf4\x90\x80\x80", 0, 0}, /* above U+10FFFF */
        {"\xe2\x82", 0, 0},         /* cut */
        {"", 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t code = 0;
        assert_int_equal(sl_utf8_read(cases[i].text, strlen(cases[i].text), &code), cases[i].bytes);
        if (cases[i].bytes)
            assert_int_equal(code, cases[i].code);
    }
}

static void hidden_characters_are_known(void **state)
{
    (void)state;
    static const uint32_t hidden[] = {0,      0x1b,   '\n',   0x7f,   0x85,   0x9b,   0xad,    0x61c,
                                      0x200b, 0x200d, 0x200e, 0x2028, 0x2029, 0x202e, 0x2060,  0x2066,
                                      0x2069, 0x3164, 0xfe0f, 0xfeff, 0xfff9, 0xffff, 0xe0041, 0x110000};
    static const uint32_t shown[] = {' ', '~', 0xa0, 0xe9, 0x301, 0x5d0, 0x628, 0x2026, 0x4e2d, 0xfffd, 0x1f600};
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
        assert_false(sl_visible(hidden[i]));
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
        assert_true(sl_visible(shown[i]));
}

static void text_is_shown(void **state)
{
    (void)state;
    char out[64];
    const char *raw = "Zo\xc3\xab\x1b[31m\n\t\r\x7f\xc2\x9b\xe2\x80\xae\xf3\xa0\x81\x81\xff";
    const char *shown = "Zo\xc3\xab\\x1b[31m\\n\\t\\r\\x7f\\u009b\\u202e\\U000e0041\\xff";
    assert_int_equal(sl_show(out, sizeof out, raw), strlen(shown));
    assert_string_equal(out, shown);
    assert_int_equal(sl_show(NULL, 0, raw), strlen(shown));
    sl_show(out, sizeof out, shown); /* once more changes nothing */
    assert_string_equal(out, shown);
    assert_int_equal(sl_show(out, 5, raw), strlen(shown)); /* "Zo", and two bytes for one character and the NUL */
    assert_string_equal(out, "Zo\xc3\xab");
    sl_show(out, 4, raw);
    assert_string_equal(out, "Zo");
    sl_show(out, 8, raw); /* the escape does not fit as a whole */
    assert_string_equal(out, "Zo\xc3\xab");
}

static void error_texts_are_shown_text(void **state)
{
    (void)state;
    sl_error err;
    sl_fail(&err, SL_ERR_IO, "%s: cannot", "a\x1b]0;x\x07\nb\xe2\x80\xae");
    assert_string_equal(err.text, "a\\x1b]0;x\\x07\\nb\\u202e: cannot");
    sl_fail_in(&err, SL_ERR_FORMAT, "in %s", "\xc2\x85");
    assert_string_equal(err.text, "in \\u0085: a\\x1b]0;x\\x07\\nb\\u202e: cannot");
}

static void pages_hold_nothing_hidden(void **state)
{
    (void)state;
    sl_text t = {0};
    sl_text_add_html(&t, "<\xe2\x80\xae\xc2\x9b\xe2\x80\x8b\x1b>");
    assert_string_equal(t.data, "&lt;\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd&gt;");
    free(t.data);
}

static void csv_fields_are_no_formulas(void **state)
{
    (void)state;
    sl_text t = {0};
    sl_text_add_csv(&t, "=1+\"x\"", true);
    sl_text_add_csv(&t, "-a", true);
    sl_text_add_csv(&t, "\ta", true);
    sl_text_add_csv(&t, "a=", true);
    sl_text_add_csv(&t, "", true);
    sl_text_add_csv(&t, "@a", false);
    assert_string_equal(t.data, "\"'=1+\"\"x\"\"\"\"'-a\"\"'\ta\"\"a=\"\"\"\"@a\"");
    free(t.data);
}

static void the_longest_name_can_be_written(void **state)
{
    (void)state;
    sl_error err;
    char name[256], *dir = make_temp_dir();
    memset(name, 'n', 255);
    name[255] = '\0';
    char *path = sl_path_join(dir, name), *other = sl_path_join(dir, "./");
    assert_ok(sl_write_file(path, "x", 1, &err));
    assert_true(sl_is_same_file(dir, other));
    assert_false(sl_is_same_file(path, dir));
    remove_tree(dir);
    assert_false(sl_is_same_file(path, path)); /* it is not there */
    free(other);
    free(path);
    free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(characters_are_read_strictly),
        cmocka_unit_test(hidden_characters_are_known),
        cmocka_unit_test(text_is_shown),
        cmocka_unit_test(error_texts_are_shown_text),
        cmocka_unit_test(pages_hold_nothing_hidden),
        cmocka_unit_test(csv_fields_are_no_formulas),
        cmocka_unit_test(the_longest_name_can_be_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
