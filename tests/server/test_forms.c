/* Addresses, forms and base64, as clients write them. */
#include "support.h"

#include "http/base64.h"
#include "http/multipart.h"
#include "http/url.h"

static void parse(const char *target, sv_url *url)
{
    static const char *const split_at[] = {"limit", NULL};
    assert_true(sv_url_parse(target, split_at, url));
}

static void addresses(void **state)
{
    (void)state;
    sv_url url;
    parse("/v1//galleries/a%20b/?&x=1+2&y=%2B&z", &url);
    assert_int_equal(url.depth, 3);
    assert_string_equal(url.segments[2], "a b");
    assert_int_equal(url.count, 3);
    assert_string_equal(sv_url_parameter(&url, "x"), "1 2");
    assert_string_equal(sv_url_parameter(&url, "y"), "+");
    assert_string_equal(sv_url_parameter(&url, "z"), "");
    assert_null(sv_url_parameter(&url, "a"));
    sv_url_free(&url);

    parse("/a?subject=Ann?limit=3", &url);
    assert_string_equal(sv_url_parameter(&url, "subject"), "Ann");
    assert_string_equal(sv_url_parameter(&url, "limit"), "3");
    sv_url_free(&url);
    parse("/a?subject=who?&b=1", &url); /* a question mark of the name's own */
    assert_string_equal(sv_url_parameter(&url, "subject"), "who?");
    sv_url_free(&url);

    static const char *const spellings[] = {"/Zo%EB", "/Zo\xeb", "/Zo%C3%AB", "/Zo\xc3\xab"};
    for (size_t i = 0; i < 4; i++) {
        parse(spellings[i], &url);
        assert_string_equal(url.segments[0], "Zo\xc3\xab");
        sv_url_free(&url);
    }
    static const char *const bad[] = {"/%00",    "/%",      "/%2", "/%zz",
                                      "/a/../b", "/%2e%2e", "/.",  "/1/2/3/4/5/6/7/8/9/10/11/12/13"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(sv_url_parse(bad[i], NULL, &url));
}

static const char *parse_form(const char *type, const char *body, sv_parts *parts)
{
    return sv_multipart_parse(type, (const uint8_t *)body, strlen(body), parts);
}

static void forms(void **state)
{
    (void)state;
    sv_parts parts;
    static const char body[] = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\n"
                               "one --b two\r\n--bc\r\n\r\n--b\r\ncontent-disposition: form-data; filename*=UTF-8''a; "
                               "name=n\r\n"
                               "Content-Type: text/plain\r\n\r\n\r\n--b--\r\nepilogue";
    static const char *const types[] = {"multipart/form-data; boundary=b",
                                        "multipart/form-data; charset=x; Boundary=\"b\"", "multipart/form-data", NULL};
    for (size_t i = 0; i < 4; i++) {
        assert_null(parse_form(types[i], body, &parts));
        assert_int_equal(parts.count, 2);
        const sv_part *file = sv_parts_find(&parts, "file"), *n = sv_parts_find(&parts, "n");
        assert_true(file && n && file->is_file);
        assert_int_equal(file->size, strlen("one --b two\r\n--bc\r\n"));
        assert_memory_equal(file->data, "one --b two\r\n--bc\r\n", file->size);
        assert_int_equal(n->size, 0);
        sv_parts_free(&parts);
    }
    static const char *const bad[] = {"", "no boundary", "--b\r\n",
                                      "--b\r\nContent-Disposition: form-data; name=a\r\n\r\nx",
                                      "--b\r\nContent-Type: a\r\n\r\nx\r\n--b--"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_non_null(parse_form(types[0], bad[i], &parts));
        assert_int_equal(parts.count, 0);
    }
}

/* Of more parts than there may be. */
static void too_many_parts(void **state)
{
    (void)state;
    sv_parts parts;
    char *body = malloc(70 * 64), *end = body;
    for (int i = 0; i <= SV_PARTS_MAX; i++)
        end += sprintf(end, "--b\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n");
    strcpy(end, "--b--\r\n");
    assert_non_null(parse_form("multipart/form-data; boundary=b", body, &parts));
    free(body);
}

static void base64(void **state)
{
    (void)state;
    static const struct {
        const char *text, *bytes;
    } good[] = {{"", ""}, {"TQ==", "M"}, {"TWE=", "Ma"}, {"TWFu", "Man"}, {"TQ", "M"}, {"TWFu\r\nTWFu", "ManMan"},
                {"data:image/png;base64,TWE=", "Ma"}, {"-_8", "\xfb\xff"}, {"+/8=", "\xfb\xff"}};
    uint8_t *data;
    size_t size;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(sv_base64_decode(good[i].text, strlen(good[i].text), &data, &size));
        assert_int_equal(size, strlen(good[i].bytes));
        assert_memory_equal(data, good[i].bytes, size);
        free(data);
    }
    static const char *const bad[] = {"T", "TWFuT", "TQ=", "TQ===", "=", "TQ==TQ==", "a*b=", "data:image/png;base64"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(sv_base64_decode(bad[i], strlen(bad[i]), &data, &size));
        assert_null(data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(addresses), cmocka_unit_test(forms),
                                       cmocka_unit_test(too_many_parts), cmocka_unit_test(base64)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
