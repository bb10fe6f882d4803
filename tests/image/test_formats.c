/* Formats other than JPEG and PNG: all files of the corpora (tests/fuzz/make_pictures.py) show one picture; and what
 * claims or lacks too much is refused. */
#define _GNU_SOURCE
#include "support.h"

#include <dirent.h>

#include "base/bytes.h"
#include "base/file.h"
#include "image/codec.h"

static sl_error err;

static bool is_built(const char *format)
{
    const char *name = !strcmp(format, "heif") ? "HEIC" : format;
    return strcasestr(sl_image_formats(), name) != NULL;
}

static void expect_colour(const char *path, const sl_image *image, int x, int y, const uint8_t expected[3])
{
    const uint8_t *p = image->pixels + 3 * (y * image->width + x);
    for (int c = 0; c < 3; c++)
        if (abs(p[c] - expected[c]) > 12) /* lossy ones, away from the edges */
            fail_msg("%s at (%d, %d): %d %d %d, expected %d %d %d", path, x, y, p[0], p[1], p[2], expected[0],
                     expected[1], expected[2]);
}

static void expect_picture(const char *path)
{
    static const uint8_t colours[4][3] = {{255, 0, 0}, {0, 255, 0}, {0, 0, 255}, {255, 255, 255}};
    sl_image image;
    assert_ok(sl_image_read(path, &image, &err));
    assert_string_equal(err.text, ""); /* no warning */
    assert_true(image.width == 48 && image.height == 32 && image.channels == 3);
    for (int i = 0; i < 4; i++)
        for (int y = 4; y < 12; y++)
            for (int x = 4; x < 20; x++)
                expect_colour(path, &image, x + i % 2 * 24, y + i / 2 * 16, colours[i]);
    sl_image_free(&image);
}

static void every_file_shows_the_picture(void **state)
{
    (void)state;
    static const char *const kinds[] = {"bmp", "webp", "heif", "tiff", "gif"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        char folder[4096], path[8192];
        snprintf(folder, sizeof folder, "%s/tests/fuzz/corpus/%s", SL_SOURCE_DIR, kinds[i]);
        if (!is_built(kinds[i])) {
            print_message("skipped: %s is not read here\n", kinds[i]);
            continue;
        }
        int files = 0;
        DIR *dir = opendir(folder);
        assert_non_null(dir);
        for (struct dirent *entry; (entry = readdir(dir));) {
            if (entry->d_name[0] == '.' || strcmp(entry->d_name, "thumbnail.tiff") == 0)
                continue;
            snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
            expect_picture(path);
            files++;
        }
        closedir(dir);
        assert_true(files >= 4);
    }
}

typedef struct {
    uint8_t *data;
    size_t size;
} bytes;

static bytes corpus_file(const char *name)
{
    bytes b;
    char path[4096];
    snprintf(path, sizeof path, "%s/tests/fuzz/corpus/%s", SL_SOURCE_DIR, name);
    assert_ok(sl_read_file(path, 1 << 20, &b.data, &b.size, &err));
    return b;
}

static void expect_refused(const bytes *b, size_t size, sl_status status, const char *words)
{
    sl_image image;
    assert_int_equal(sl_image_decode(b->data, size, &image, &err), status);
    if (!strstr(err.text, words))
        fail_msg("\"%s\" does not say \"%s\"", err.text, words);
    assert_null(image.pixels);
}

/* Sizes are checked before anything is allocated for them. */
static void claims_are_checked(void **state)
{
    (void)state;
    bytes b = corpus_file("bmp/24.bmp");
    sl_put_i32(b.data + 18, 60000);
    sl_put_i32(b.data + 22, 60000);
    expect_refused(&b, b.size, SL_ERR_LIMIT, "BMP of 60000 x 60000 pixels");
    sl_put_i32(b.data + 18, 48);
    sl_put_i32(b.data + 22, INT32_MIN);
    expect_refused(&b, b.size, SL_ERR_LIMIT, "BMP");
    sl_put_i32(b.data + 22, 0);
    expect_refused(&b, b.size, SL_ERR_FORMAT, "empty");
    sl_put_i32(b.data + 22, 33);
    expect_refused(&b, b.size, SL_ERR_FORMAT, "ends before");
    free(b.data);
    if (is_built("gif")) {
        b = corpus_file("gif/plain.gif");
        uint8_t *descriptor = memmem(b.data, b.size, ",\0\0\0\0\x30\0\x20\0", 9);
        assert_non_null(descriptor);
        memset(descriptor + 5, 0xff, 4);
        expect_refused(&b, b.size, SL_ERR_LIMIT, "GIF of 65535 x 65535 pixels");
        free(b.data);
    }
    if (is_built("tiff")) {
        b = corpus_file("tiff/raw.tiff");
        uint8_t *width = memmem(b.data, b.size, "\0\1\4\0\1\0\0\0\x30", 9); /* ImageWidth; ImageLength follows */
        assert_non_null(width);
        sl_put_u32(width + 8, 65535);
        sl_put_u32(width + 12 + 8, 65535);
        expect_refused(&b, b.size, SL_ERR_LIMIT, "TIFF of 65535 x 65535 pixels");
        free(b.data);
    }
}

static void expect_cut_refused(const char *name)
{
    bytes b = corpus_file(name);
    for (size_t size = 13; size < b.size * 3 / 4; size += 1 + b.size / 40) {
        sl_image image;
        if (sl_image_decode(b.data, size, &image, &err) == SL_OK)
            fail_msg("%zu of %zu bytes of %s are read", size, b.size, name);
        assert_null(image.pixels);
    }
    free(b.data);
}

static void what_is_cut_is_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"bmp/24.bmp", "bmp/rle8.bmp", "webp/lossy.webp", "webp/lossless.webp",
                                        "heif/plain.heic", "heif/plain.avif", "tiff/lzw.tiff", "gif/plain.gif"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char kind[8];
        snprintf(kind, sizeof kind, "%.*s", (int)strcspn(names[i], "/"), names[i]);
        if (is_built(kind))
            expect_cut_refused(names[i]);
    }
}

static void raw_files_are_no_thumbnails(void **state)
{
    (void)state;
    if (!is_built("tiff"))
        skip();
    bytes b = corpus_file("tiff/thumbnail.tiff");
    expect_refused(&b, b.size, SL_ERR_UNSUPPORTED, "raw file");
    assert_false(sl_image_begins_one(b.data, 32)); /* .nef, .dng, .arw are passed over in folders */
    free(b.data);
    b = corpus_file("bmp/24.bmp");
    assert_false(sl_image_begins_one(b.data, 32)); /* texts begin with BM */
    free(b.data);
    assert_true(sl_image_begins_one("\xff\xd8\xff\xe0", 4));
    assert_false(sl_image_begins_one("\xff\xd8", 2));
    assert_false(sl_image_begins_one("%PDF-1.7", 8));
}

/* Sides are divided so that what comes out fits; nothing is decoded for it. */
static void steps(void **state)
{
    (void)state;
    static const struct {
        uint32_t width, height;
        int step;
    } cases[] = {{10000, 10000, 1}, {10001, 10000, 2}, {12000, 9000, 2},
                 {16320, 12240, 2}, {0, 5, 0},         {16001, 16000, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int step;
        sl_status status = sl_image_step("JPEG", cases[i].width, cases[i].height, 65500, SL_MAX_PIXELS, &step, &err);
        assert_int_equal(status == SL_OK ? step : 0, cases[i].step);
    }
    assert_int_equal(sl_image_stepped(16321, 2), 8161);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_file_shows_the_picture),
        cmocka_unit_test(claims_are_checked),
        cmocka_unit_test(what_is_cut_is_refused),
        cmocka_unit_test(raw_files_are_no_thumbnails),
        cmocka_unit_test(steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
