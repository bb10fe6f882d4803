/* Lists of photos: folders and path,label files. */
#include "support.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "gallery/gallery.h"
#include "pipeline/photos.h"

#define NFC_NAME "Ren\xc3\xa9"
#define NFD_NAME "Rene\xcc\x81"

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

static void link_to(const char *dir, const char *target, const char *name)
{
    char *path = sl_path_join(dir, name);
    assert_int_equal(symlink(target, path), 0);
    free(path);
}

/* What a walk passed over. */
typedef struct {
    size_t counts[3];
    char text[4000]; /* "path: reason" of what failed, a line each */
} passed;

static void note(void *context, sl_passed kind, const char *path, const sl_error *why)
{
    passed *p = context;
    size_t used = strlen(p->text);
    p->counts[kind]++;
    assert_true((why != NULL) == (kind == SL_PASSED_FAILED));
    if (why)
        snprintf(p->text + used, sizeof p->text - used, "%s: %s\n", path, why->text);
}

typedef struct {
    sl_photo *photos;
    size_t count;
    passed over;
} walked;

static walked walk(const char *dir, sl_photos_options o)
{
    walked w = {0};
    o.passed_over = note;
    o.context = &w.over;
    assert_ok(sl_photos_in_folder(dir, &o, &w.photos, &w.count, &err));
    return w;
}

static void expect(walked *w, const char *const (*expected)[2], size_t count)
{
    assert_int_equal(w->count, count);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(w->photos[i].image, expected[i][0]);
        assert_string_equal(w->photos[i].label, expected[i][1]);
    }
    sl_photos_free(w->photos, w->count);
}

static void first_folder_is_the_person(void **state)
{
    (void)state;
    char *dir = make_temp_dir();
    const char *names[] = {"Bob/2.png", "Bob/1.jpg", "Ann Lee/x.JPEG", "solo.jpg", "Bob/notes.txt", ".hidden/a.jpg",
                           "001/frontal/01.jpg", "001/profile/01.jpg"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        touch(dir, names[i]);
    const char *expected[][2] = {{"001/frontal/01.jpg", "001"}, {"001/profile/01.jpg", "001"},
                                 {"Ann Lee/x.JPEG", "Ann Lee"}, {"Bob/1.jpg", "Bob"},
                                 {"Bob/2.png", "Bob"},          {"solo.jpg", "solo"}};
    walked w = walk(dir, (sl_photos_options){0});
    for (size_t i = 0; i < w.count; i++)
        assert_int_equal(strncmp(w.photos[i].path, dir, strlen(dir)), 0);
    assert_true(w.over.counts[SL_PASSED_SYSTEM] == 1 && w.over.counts[SL_PASSED_NO_PICTURE] == 1 &&
                w.over.counts[SL_PASSED_FAILED] == 0);
    expect(&w, expected, 6);
    remove_tree(dir);
    sl_photo *photos;
    size_t count;
    assert_int_equal(sl_photos_in_folder(dir, NULL, &photos, &count, &err), SL_ERR_NOT_FOUND);
    free(dir);
}

static void labels_by_level_pattern_and_name(void **state)
{
    (void)state;
    char *dir = make_temp_dir();
    const char *names[] = {"2024/Ann/1.jpg", "2025/Bob/x/2.jpg", "3.jpg", "2025/Cy_0004.jpg"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        touch(dir, names[i]);
    walked w = walk(dir, (sl_photos_options){.label_level = 2});
    assert_int_equal(w.over.counts[SL_PASSED_FAILED], 2); /* no second folder: named, not guessed */
    assert_non_null(strstr(w.over.text, "3.jpg: lies less than 2 folders deep"));
    expect(&w, (const char *const[][2]){{"2024/Ann/1.jpg", "Ann"}, {"2025/Bob/x/2.jpg", "Bob"}}, 2);
    w = walk(dir, (sl_photos_options){.label_pattern = "([^/]+)_[0-9]+\\.jpg$"});
    assert_int_equal(w.over.counts[SL_PASSED_FAILED], 3);
    expect(&w, (const char *const[][2]){{"2025/Cy_0004.jpg", "Cy"}}, 1);
    w = walk(dir, (sl_photos_options){.label = "Dee " NFD_NAME});
    assert_int_equal(w.over.counts[SL_PASSED_FAILED], 0);
    assert_string_equal(w.photos[3].image, "Dee " NFC_NAME "/3.jpg");
    assert_string_equal(w.photos[3].label, "Dee " NFC_NAME);
    sl_photos_free(w.photos, w.count);
    static const sl_photos_options wrong[] = {{.label_pattern = "["}, {.label_pattern = "no group"},
                                              {.label = "a", .label_level = 1}, {.label = ""}, {.label_level = -1}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(sl_photos_in_folder(dir, &wrong[i], &w.photos, &w.count, &err), SL_ERR_ARGUMENT);
    remove_tree(dir);
    free(dir);
}

static void what_systems_keep_is_nobody(void **state)
{
    (void)state;
    char *dir = make_temp_dir();
    const char *names[] = {"Ann/@eaDir/IMG_1.jpg/SYNOPHOTO_THUMB_M.jpg", "#recycle/Bob/1.jpg", "$RECYCLE.BIN/1.jpg",
                           "lost+found/1.jpg", "__MACOSX/Ann/1.jpg", ".git/1.jpg", "Ann/._IMG_1.jpg", "Ann/Thumbs.db",
                           "Ann/IMG_1.jpg", "Ann/a.mov"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        touch(dir, names[i]);
    walked w = walk(dir, (sl_photos_options){0});
    assert_true(w.over.counts[SL_PASSED_SYSTEM] == 8 && w.over.counts[SL_PASSED_NO_PICTURE] == 1);
    expect(&w, (const char *const[][2]){{"Ann/IMG_1.jpg", "Ann"}}, 1);
    remove_tree(dir);
    free(dir);
}

static void put(const char *dir, const char *name, const char *content, size_t size)
{
    char path[4096];
    touch(dir, name);
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "wb");
    assert_int_equal(fwrite(content, 1, size, file), size);
    fclose(file);
}

/* Names of pictures are pictures, to be read or refused; all else is by what it holds. */
static void pictures_by_content(void **state)
{
    (void)state;
    char *dir = make_temp_dir();
    const char *names[] = {"Ann/a.HEIC", "Ann/b.webp", "Ann/c.jfif", "Ann/d.jpe",
                           "Ann/e.tiff", "Ann/f.gif",  "Ann/g.avif"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        touch(dir, names[i]);
    put(dir, "Ann/h", "\xff\xd8\xff\xe0", 4);
    put(dir, "Ann/i.jpg_large", "\xff\xd8\xff\xe0", 4);
    put(dir, "Ann/raw.nef", "II*\0\x08\0\0\0", 8);
    put(dir, "Ann/list.txt", "BMW, Daimler and others of that kind", 36);
    put(dir, "Ann/film.mov", "\0\0\0\x18" "ftypqt  ", 12);
    walked w = walk(dir, (sl_photos_options){0});
    assert_int_equal(w.over.counts[SL_PASSED_NO_PICTURE], 3);
    assert_int_equal(w.count, 9);
    assert_string_equal(w.photos[7].image, "Ann/h");
    assert_string_equal(w.photos[8].image, "Ann/i.jpg_large");
    sl_photos_free(w.photos, w.count);
    remove_tree(dir);
    free(dir);
}

static void one_name_has_one_spelling(void **state)
{
    (void)state;
    char *dir = make_temp_dir();
    touch(dir, NFC_NAME "/1.jpg");
    touch(dir, NFD_NAME "/2.jpg");
    touch(dir, "Ann/\xff\xfe.jpg"); /* no UTF-8: passed over, named */
    walked w = walk(dir, (sl_photos_options){0});
    assert_int_equal(w.over.counts[SL_PASSED_FAILED], 1);
    assert_non_null(strstr(w.over.text, "not UTF-8"));
    for (size_t i = 0; i < w.count; i++)
        assert_int_equal(access(w.photos[i].path, R_OK), 0); /* the file's own spelling */
    expect(&w, (const char *const[][2]){{NFC_NAME "/2.jpg", NFC_NAME}, {NFC_NAME "/1.jpg", NFC_NAME}}, 2);
    sl_photo *photo;
    assert_ok(sl_photo_of_file("x/" NFD_NAME ".jpg", NULL, NULL, &photo, &err));
    assert_string_equal(photo->image, NFC_NAME ".jpg");
    assert_string_equal(photo->label, NFC_NAME);
    assert_string_equal(photo->path, "x/" NFD_NAME ".jpg");
    sl_photos_free(photo, 1);
    assert_int_equal(sl_photo_of_file("x/\xff.jpg", NULL, NULL, &photo, &err), SL_ERR_FORMAT);
    remove_tree(dir);
    free(dir);
}

static void bad_paths_do_not_end_the_walk(void **state)
{
    (void)state;
    char *dir = make_temp_dir(), deep[600] = "Deep";
    touch(dir, "Ann/1.jpg");
    touch(dir, "Zoe/1.jpg");
    for (int i = 0; i < 70; i++)
        strcat(deep, "/d");
    touch(dir, strcat(deep, "/1.jpg"));
    link_to(dir, "..", "Ann/loop");
    link_to(dir, "nowhere", "Bob");
    link_to(dir, "me", "me");
    link_to(dir, "Ann/1.jpg", "Zoe.jpg");
    char *pipe = sl_path_join(dir, "Zoe/pipe.jpg");
    assert_int_equal(mkfifo(pipe, 0600), 0);
    char *locked = sl_path_join(dir, "locked");
    assert_int_equal(mkdir(locked, 0), 0);
    size_t expected = geteuid() == 0 ? 5 : 6; /* root reads everything */
    walked w = walk(dir, (sl_photos_options){0});
    assert_int_equal(w.over.counts[SL_PASSED_FAILED], expected);
    static const char *const told[] = {"Ann/loop: is a link back", "Bob: is a link to what is not there", "/me: ",
                                       "more than 64 folders deep", "pipe.jpg: is no regular file"};
    for (size_t i = 0; i < sizeof told / sizeof *told; i++)
        assert_non_null(strstr(w.over.text, told[i]));
    expect(&w, (const char *const[][2]){{"Ann/1.jpg", "Ann"}, {"Zoe/1.jpg", "Zoe"}, {"Zoe.jpg", "Zoe"}}, 3);
    chmod(locked, 0700);
    free(locked);
    free(pipe);
    remove_tree(dir);
    free(dir);
}

static void note_twins(void *context, const char *a, const char *b)
{
    char *text = context;
    sprintf(text + strlen(text), "%s %s;", a, b);
}

static void names_that_differ_in_case_are_told(void **state)
{
    (void)state;
    static const sl_template_shape shape = {.fingerprint = {5}, .dim = 4, .rows = 1, .cols = 1, .channels = 1,
                                            .format = SL_PATCHES_F32};
    char *dir = make_temp_dir(), path[600], text[200] = "";
    sl_gallery *g;
    sl_template *t;
    snprintf(path, sizeof path, "%s/g", dir);
    assert_ok(sl_gallery_open_shape(path, SL_GALLERY_CREATE, &shape, "made-up", &g, &err));
    assert_ok(sl_template_make(&shape, (const float[]){1, 0, 0, 0}, (const float[]){1}, &t, &err));
    for (int i = 0; i < 2; i++) {
        sl_entry entry = {.image = i ? "1.jpg" : "2.jpg", .label = "\xc3\x89va"};
        assert_ok(sl_gallery_add(g, &entry, t, NULL, &err));
    }
    sl_photo photos[5] = {{.label = "Tony"}, {.label = "Ann"}, {.label = "tony"}, {.label = "Tony"},
                          {.label = "\xc3\xa9va"}};
    assert_ok(sl_photos_twins(photos, 5, NULL, note_twins, text, &err));
    assert_string_equal(text, "Tony tony;");
    text[0] = '\0';
    assert_ok(sl_photos_twins(photos, 5, g, note_twins, text, &err));
    assert_string_equal(text, "Tony tony;\xc3\x89va \xc3\xa9va;");
    text[0] = '\0';
    assert_ok(sl_photos_twins(photos, 2, g, note_twins, text, &err));
    assert_string_equal(text, "");
    sl_template_free(t);
    sl_gallery_close(g);
    remove_tree(dir);
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

/* One line is one photo; NULL: none. */
static void lists_as_programs_write_them(void **state)
{
    (void)state;
    static const struct {
        const char *text, *image, *label;
    } cases[] = {
        {"a.jpg,\"Williams, Serena\"\r\n", "a.jpg", "Williams, Serena"},
        {"\"a, b.jpg\",\"O \"\"The Rock\"\" J\"", "a, b.jpg", "O \"The Rock\" J"},
        {"\"a.jpg\" , Ann Lee \t\n", "a.jpg", "Ann Lee"},
        {"c, d.jpg , \"Lee, Ann\" ", "c, d.jpg", "Lee, Ann"},
        {"a.jpg,Dwayne \"The Rock\" J", "a.jpg", "Dwayne \"The Rock\" J"},
        {"a.jpg,\" Ann\"", "a.jpg", " Ann"},
        {"\xef\xbb\xbfPath,Label\r\n\r\na.jpg,Ann\r\n \t\r\n", "a.jpg", "Ann"},
        {"\"path\",\"label\"\n", NULL, NULL},
        {NFD_NAME "/1.jpg," NFD_NAME, NFC_NAME "/1.jpg", NFC_NAME},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sl_photo *photos;
        size_t count;
        assert_ok(parse(cases[i].text, &photos, &count));
        assert_int_equal(count, cases[i].image != NULL);
        if (count) {
            assert_string_equal(photos[0].image, cases[i].image);
            assert_string_equal(photos[0].label, cases[i].label);
        }
        sl_photos_free(photos, count);
    }
}

static void bad_lists_name_the_line(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"a.jpg,A\nno comma\n", "line 2: expected path,label"}, {",A\n", "line 1: the path is empty"},
        {"\na.jpg,\n", "line 2: the label is empty"}, {"a.jpg,\"\"\n", "line 1: the label is empty"},
        {"\"\",A\n", "line 1: the path is empty"},
        {"a.jpg,A\nb.jpg,\"B\nc.jpg,C\n", "line 2: a quote that does not end"},
        {"\"a.jpg,A\n", "line 1: a quote that does not end"}, {"\"a.jpg\"A\n", "line 1: expected path,label"},
        {"a.jpg,\"Ann\" Lee\n", "line 1: something stands behind"},
        {"x.jpg,X\na.jpg,\xff\n", "line 2: is not UTF-8"},
        {"a.jpg,A\nb.jpg,B\na.jpg,C\n", "line 3: a.jpg has two labels, \"A\" (line 1) and \"C\""},
        {"a.jpg,A\n\"a.jpg\",A\n", "twice"},
        {"path,label\na.jpg,A\npath,label\npath,label\n", "line 4: path is listed twice"},
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

/* A picture that lies in memory is read as the same file is. */
static void photos_from_memory(void **state)
{
    (void)state;
    char *dir = make_temp_dir(), *file = sl_path_join(dir, "a.png");
    uint8_t pixels[4 * 4 * 3];
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(5 * i);
    const sl_image picture = {4, 4, 3, pixels};
    sl_image a, b;
    sl_photo *photo;
    assert_ok(sl_image_write(file, &picture, &err));
    assert_ok(sl_photo_of_file(file, "id", NULL, &photo, &err));
    assert_string_equal(photo->image, "id");
    assert_ok(sl_photo_read(NULL, photo, 0, &a, &err));
    assert_ok(sl_read_file(file, 100000, &photo->data, &photo->size, &err));
    strcpy(photo->path, "-");
    assert_ok(sl_photo_read(NULL, photo, 0, &b, &err));
    assert_true(a.width == 4 && b.width == 4 && memcmp(a.pixels, b.pixels, sizeof pixels) == 0);
    sl_image_free(&a);
    sl_image_free(&b);
    photo->data[0] = 0;
    assert_int_equal(sl_photo_read(NULL, photo, 0, &a, &err), SL_ERR_FORMAT);
    assert_non_null(strstr(err.text, "-: "));
    assert_int_equal(sl_photo_read(NULL, photo, 1, &a, &err), SL_ERR_ARGUMENT);
    sl_photos_free(photo, 1);
    remove_tree(dir);
    free(file);
    free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_folder_is_the_person),
        cmocka_unit_test(labels_by_level_pattern_and_name),
        cmocka_unit_test(what_systems_keep_is_nobody),
        cmocka_unit_test(pictures_by_content),
        cmocka_unit_test(one_name_has_one_spelling),
        cmocka_unit_test(bad_paths_do_not_end_the_walk),
        cmocka_unit_test(names_that_differ_in_case_are_told),
        cmocka_unit_test(list_of_path_and_label),
        cmocka_unit_test(lists_as_programs_write_them),
        cmocka_unit_test(bad_lists_name_the_line),
        cmocka_unit_test(photos_from_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
