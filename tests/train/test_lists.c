/* Lists to learn from: path,label lines and pairs. */
#include "support.h"

#include "train/data/pair_list.h"
#include "train/data/source.h"

static sl_error err;
static char *dir;

/* a/1 a/2 b/1 c/1, each a plain grey picture; c/1 is stored grey. */
static const char *const names[] = {"a/1.png", "a/2.png", "b/1.png", "c/1.png"};

static void path_of(const char *name, char path[512])
{
    snprintf(path, 512, "%s/%s", dir, name);
}

static void write_text(const char *name, const char *text, size_t size)
{
    char path[512];
    path_of(name, path);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, size, f), size);
    fclose(f);
}

static int setup(void **state)
{
    (void)state;
    dir = make_temp_dir();
    for (int i = 0; i < 4; i++) {
        char path[512];
        uint8_t pixels[6 * 5 * 3];
        memset(pixels, 50 * (i + 1), sizeof pixels);
        const sl_image image = {.width = 6, .height = 5, .channels = i == 3 ? 1 : 3, .pixels = pixels};
        snprintf(path, sizeof path, "mkdir -p %s/%c", dir, names[i][0]);
        assert_int_equal(system(path), 0);
        path_of(names[i], path);
        assert_ok(sl_image_write(path, &image, &err));
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    remove_tree(dir);
    free(dir);
    return 0;
}

typedef sl_status (*opener)(const char *, const char *, const sl_source_filter *, sl_source **, sl_error *);

static sl_source *opened(opener open, const char *text)
{
    sl_source *s;
    char path[512];
    write_text("list", text, strlen(text));
    path_of("list", path);
    assert_ok(open(path, NULL, &(sl_source_filter){0}, &s, &err));
    return s;
}

static void expect_refused(opener open, sl_source_filter f, const char *text, size_t size, sl_status status,
                           const char *says)
{
    sl_source *s;
    char path[512];
    write_text("list", text, size);
    path_of("list", path);
    assert_int_equal(open(path, NULL, &f, &s, &err), status);
    assert_null(s);
    if (!strstr(err.text, says))
        fail_msg("'%s' does not say '%s'", err.text, says);
}

static void expect_pictures(const sl_source *s, const int *labels_of, size_t count)
{
    assert_int_equal(sl_source_size(s), count);
    for (size_t i = 0; i < count; i++) {
        sl_image crop;
        sl_point landmarks[68];
        bool has = true;
        const char *image = sl_source_image(s, i);
        int n = 0;
        while (strcmp(names[n], image) != 0)
            assert_true(++n < 4);
        assert_ok(sl_source_crop(s, i, &crop, landmarks, &has, &err));
        assert_true(crop.channels == 3 && crop.width == 6 && crop.height == 5 && !has);
        for (int k = 0; k < 90; k++)
            assert_int_equal(crop.pixels[k], 50 * (n + 1));
        assert_int_equal(sl_source_person(s, i), labels_of[i]);
        sl_image_free(&crop);
    }
}

static void test_list(void **state)
{
    (void)state;
    sl_source *s = opened(sl_source_of_list,
                          "path,label\nb/1.png,Bo\na/1.png,Al\r\nc/1.png,\"Cy, the third\"\na/2.png,Al\n");
    expect_pictures(s, (const int[]){0, 1, 2, 1}, 4);
    assert_string_equal(sl_source_label(s, 2), "Cy, the third");
    assert_null(sl_source_shape(s));
    float map[1];
    assert_int_equal(sl_source_map(s, 0, map, &err), SL_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.text, "--aligned --keep-crops"));
    sl_source_close(s);

    char root[512]; /* of another folder than the list's */
    path_of("a", root);
    char path[512];
    write_text("list", "1.png,x\n2.png,y\n", 16);
    path_of("list", path);
    assert_ok(sl_source_of_list(path, root, &(sl_source_filter){0}, &s, &err));
    assert_int_equal(sl_source_people(s), 2);
    sl_source_close(s);
}

#define TEXT(t) t, sizeof t - 1

static void test_bad_lists(void **state)
{
    (void)state;
    const sl_source_filter all = {0};
    expect_refused(sl_source_of_list, all, TEXT("a/1.png,x\na/2.p"), SL_ERR_FORMAT, "line 2: expected path,label");
    expect_refused(sl_source_of_list, all, TEXT("a/1.png,x\nz/1.png,x\ny,x\n"), SL_ERR_NOT_FOUND,
                   "2 of its 3 pictures");
    expect_refused(sl_source_of_list, all, TEXT("../a/1.png,x\n"), SL_ERR_FORMAT, "leads out of the folder");
    expect_refused(sl_source_of_list, all, TEXT("a/../../1.png,x\n"), SL_ERR_FORMAT, "leads out of the folder");
    expect_refused(sl_source_of_list, all, TEXT("a/..,x\n"), SL_ERR_FORMAT, "leads out of the folder");
    expect_refused(sl_source_of_list, all, TEXT("/etc/passwd,x\n"), SL_ERR_FORMAT, "leads out of the folder");
    expect_refused(sl_source_of_list, all, TEXT("a,x\n"), SL_ERR_NOT_FOUND, "not there");
    expect_refused(sl_source_of_list, all, TEXT("\n"), SL_ERR_FORMAT, "lists no picture");
    expect_refused(sl_source_of_list, (sl_source_filter){.needs = SL_NEED_MAPS}, TEXT("a/1.png,x\n"),
                   SL_ERR_UNSUPPORTED, "enroll --aligned");
    expect_refused(sl_source_of_list, (sl_source_filter){.min_photos = 2}, TEXT("a/1.png,x\n"), SL_ERR_ARGUMENT,
                   "with 2 photos or more");
    char *long_line = malloc(6000);
    memset(long_line, 'a', 6000);
    expect_refused(sl_source_of_list, all, long_line, 6000, SL_ERR_LIMIT, "line 1: longer");
    free(long_line);
    sl_source *s;
    assert_int_equal(sl_source_of_list("/nowhere", NULL, &all, &s, &err), SL_ERR_NOT_FOUND);
}

static const char pairs_text[] = "a/1.png a/2.png 1 5 5\nc/1.png a/1.png 0 9 5\nb/1.png c/1.png 0 7 9\n";

/* A list with ids is a source, and its pairs are pairs of that source. */
static void test_pairs(void **state)
{
    (void)state;
    sl_source *s = opened(sl_source_of_pairs, pairs_text);
    sl_listed_pairs p;
    char path[512];
    expect_pictures(s, (const int[]){0, 0, 1, 2}, 4);
    assert_string_equal(sl_source_label(s, 1), "9");
    path_of("list", path);
    assert_ok(sl_listed_pairs_read(path, s, &p, &err));
    static const size_t want[3][3] = {{0, 1, 1}, {2, 0, 0}, {3, 2, 0}};
    assert_true(p.count == 3 && p.elsewhere == 0);
    for (size_t i = 0; i < 3; i++)
        assert_true(p.pairs[i].first == want[i][0] && p.pairs[i].second == want[i][1] &&
                    p.pairs[i].same == (want[i][2] == 1));
    sl_listed_pairs_free(&p);

    sl_source *few; /* people with one photo are left out, and their pairs with them */
    assert_ok(sl_source_of_pairs(path, NULL, &(sl_source_filter){.min_photos = 2}, &few, &err));
    assert_ok(sl_listed_pairs_parse(TEXT(pairs_text), "list", few, &p, &err));
    assert_true(p.count == 1 && p.elsewhere == 2);
    sl_listed_pairs_free(&p);
    sl_source_close(few);
    sl_source_close(s);
}

static void expect_bad_pairs(const sl_source *s, const char *text, size_t size, sl_status status, const char *says)
{
    sl_listed_pairs p;
    assert_int_equal(sl_listed_pairs_parse(text, size, "list", s, &p, &err), status);
    assert_null(p.pairs);
    if (!strstr(err.text, says))
        fail_msg("'%s' does not say '%s'", err.text, says);
}

static void test_bad_pairs(void **state)
{
    (void)state;
    const sl_source_filter all = {0};
    sl_source *s = opened(sl_source_of_pairs, pairs_text);
    expect_bad_pairs(s, TEXT("a/1.png a/2.png 1\na/1.png z/1.png 0\n"), SL_ERR_NOT_FOUND,
                     "line 2: there is no such picture: z/1");
    expect_bad_pairs(s, TEXT("a/1.png a/2.png 0\n"), SL_ERR_FORMAT, "labels of the two pictures");
    expect_bad_pairs(s, TEXT("a/1.png a/2.png 1 5 6\n"), SL_ERR_FORMAT, "\"same\" must be 1");
    expect_bad_pairs(s, TEXT("a/1.png a/2.png 1 5\n"), SL_ERR_FORMAT, "line 1: expected");
    expect_bad_pairs(s, TEXT("a/1.png a/2.png 2\n"), SL_ERR_FORMAT, "line 1: expected");
    expect_bad_pairs(s, TEXT("a/1.png a/2.png 1\na/1.p"), SL_ERR_FORMAT, "line 2: expected");
    expect_bad_pairs(s, TEXT("a/1.png a/2.png 1 5 5 5\n"), SL_ERR_FORMAT, "more than five fields");
    expect_bad_pairs(s, TEXT("\xff a/2.png 0\n"), SL_ERR_FORMAT, "UTF-8");
    expect_bad_pairs(s, TEXT(""), SL_ERR_FORMAT, "no pair");
    sl_source_close(s);
    expect_refused(sl_source_of_pairs, all, TEXT("a/1.png a/2.png 1\n"), SL_ERR_FORMAT, "no ids");
    expect_refused(sl_source_of_pairs, all, TEXT("a/1.png a/2.png 1 5 5\na/1.png b/1.png 0 6 7\n"), SL_ERR_FORMAT,
                   "line 2: another id than before for the picture a/1.png");
    expect_refused(sl_source_of_pairs, all, TEXT("a/1.png ../2.png 1 5 5\n"), SL_ERR_FORMAT, "leads out of the folder");
    expect_refused(sl_source_of_pairs, all, TEXT("a/1.png d/2.png 1 5 5\n"), SL_ERR_NOT_FOUND, "1 of its 2 pictures");
    char *long_line = malloc(3000);
    memset(long_line, 'a', 3000);
    expect_refused(sl_source_of_pairs, all, long_line, 3000, SL_ERR_FORMAT, "too long");
    free(long_line);
}

/* One name in two spellings of Unicode is one picture. */
static void test_spelling(void **state)
{
    (void)state;
    static const char text[] = "e\xcc\x81.jpg b.jpg 0 1 2\n\xc3\xa9.jpg b.jpg 0 1 2\ne\xcc\x81.jpg b.jpg 0 1 2\n";
    sl_photo *photos;
    size_t count;
    assert_ok(sl_pair_photos_parse(TEXT(text), "list", "base", &photos, &count, &err));
    assert_int_equal(count, 2);
    assert_string_equal(photos[0].image, "\xc3\xa9.jpg");
    sl_photos_free(photos, count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list),      cmocka_unit_test(test_bad_lists), cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_bad_pairs), cmocka_unit_test(test_spelling),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
