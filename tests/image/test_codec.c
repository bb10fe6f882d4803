/* Pictures as files: recognised by content, errors that name the path, complete writes. */
#define _GNU_SOURCE
#include "support.h"

#include <unistd.h>

#include "base/file.h"
#include "image/image.h"

static char *dir;

static int make_dir(void **state)
{
    (void)state;
    dir = make_temp_dir();
    return dir ? 0 : -1;
}

static int remove_dir(void **state)
{
    (void)state;
    remove_tree(dir);
    free(dir);
    return 0;
}

static char *in_dir(const char *name)
{
    char *path = malloc(strlen(dir) + strlen(name) + 2);
    sprintf(path, "%s/%s", dir, name);
    return path;
}

static void make_picture(sl_image *image)
{
    sl_error err;
    assert_ok(sl_image_new(30, 20, 3, image, &err));
    for (int i = 0; i < 30 * 20 * 3; i++)
        image->pixels[i] = (uint8_t)(i / 9);
}

static void written_by_ending_read_by_content(void **state)
{
    (void)state;
    sl_image image, again;
    sl_error err;
    make_picture(&image);
    static const char *const names[] = {"a.png", "b.jpg", "c.jpeg", "d.PNG", "e.JpG", "f.x.png"};
    for (size_t i = 0; i < 6; i++) {
        char *path = in_dir(names[i]);
        assert_ok(sl_image_write(path, &image, &err));
        char *wrong = in_dir("mislabelled.jpg"); /* PNGs too */
        assert_int_equal(rename(path, wrong), 0);
        assert_ok(sl_image_read(wrong, &again, &err));
        assert_int_equal(again.width, 30);
        assert_int_equal(again.height, 20);
        for (int k = 0; k < 30 * 20 * 3; k++)
            assert_true(abs(again.pixels[k] - image.pixels[k]) <= (strcasestr(names[i], "png") ? 0 : 6));
        sl_image_free(&again);
        unlink(wrong);
        free(path);
        free(wrong);
    }
    sl_image_free(&image);
}

static void unwritable(void **state)
{
    (void)state;
    sl_image image;
    sl_error err;
    make_picture(&image);
    static const char *const names[] = {"none", "a.gif", "a.png.txt", "png"};
    for (size_t i = 0; i < 4; i++) {
        char *path = in_dir(names[i]);
        assert_int_equal(sl_image_write(path, &image, &err), SL_ERR_ARGUMENT);
        assert_non_null(strstr(err.text, path));
        assert_non_null(strstr(err.text, ".png"));
        assert_int_not_equal(access(path, F_OK), 0);
        free(path);
    }
    char *path = in_dir("dir.png/file");
    assert_int_equal(sl_image_write(path, &image, &err), SL_ERR_ARGUMENT); /* the folder's dot is no ending */
    free(path);
    path = in_dir("nowhere/a.png");
    assert_int_equal(sl_image_write(path, &image, &err), SL_ERR_IO);
    assert_non_null(strstr(err.text, path));
    sl_image bad = image;
    bad.channels = 4;
    assert_int_equal(sl_image_write(path, &bad, &err), SL_ERR_ARGUMENT);
    assert_int_equal(sl_image_write(NULL, &image, &err), SL_ERR_ARGUMENT);
    assert_int_equal(sl_image_write(path, NULL, NULL), SL_ERR_ARGUMENT);
    free(path);
    sl_image_free(&image);
}

static void assert_unreadable(const char *name, const void *data, size_t size, sl_status status, const char *words)
{
    sl_image image;
    sl_error err;
    char *path = in_dir(name);
    assert_ok(sl_write_file(path, data, size, &err));
    assert_int_equal(sl_image_read(path, &image, &err), status);
    assert_int_equal(err.status, status);
    assert_non_null(strstr(err.text, path));
    if (!strstr(err.text, words))
        fail_msg("\"%s\" does not say \"%s\"", err.text, words);
    assert_null(image.pixels);
    free(path);
}

static void what_is_no_picture(void **state)
{
    (void)state;
    assert_unreadable("empty.jpg", "", 0, SL_ERR_FORMAT, "0 bytes");
    assert_unreadable("one.jpg", "\xff", 1, SL_ERR_FORMAT, "no picture");
    assert_unreadable("text.png", "hello world, this is text", 25, SL_ERR_FORMAT, "no picture");
    assert_unreadable("start.jpg", "\xff\xd8\xff", 3, SL_ERR_FORMAT, "truncated");
    assert_unreadable("start.png", "\x89PNG\r\n\x1a\n", 8, SL_ERR_FORMAT, "truncated");
    sl_image image;
    sl_error err;
    char *path = in_dir("missing.jpg");
    assert_int_equal(sl_image_read(path, &image, &err), SL_ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, path));
    free(path);
    assert_int_equal(sl_image_read(dir, &image, &err), SL_ERR_ARGUMENT);
    assert_int_equal(sl_image_read(NULL, &image, NULL), SL_ERR_ARGUMENT);
    assert_int_equal(sl_image_decode(NULL, 10, &image, NULL), SL_ERR_FORMAT);
}

/* A file of a few bytes may claim any size: what may come out can be bounded, before anything is decoded. */
static void no_more_pixels_than_asked_for(void **state)
{
    (void)state;
    sl_image image, out;
    sl_error err;
    uint8_t *png, *jpeg;
    size_t png_size, jpeg_size;
    assert_ok(sl_image_new(100, 60, 3, &image, &err));
    assert_ok(sl_image_encode_png(&image, &png, &png_size, &err));
    assert_ok(sl_image_encode_jpeg(&image, 90, &jpeg, &jpeg_size, &err));
    sl_image_free(&image);
    assert_ok(sl_image_decode_within(png, png_size, 6000, &out, &err));
    sl_image_free(&out);
    assert_int_equal(sl_image_decode_within(png, png_size, 5999, &out, &err), SL_ERR_LIMIT);
    assert_true(!out.pixels && strstr(err.text, "at most 5999 pixels"));
    assert_ok(sl_image_decode_within(jpeg, jpeg_size, 5999, &out, &err)); /* half as wide and as high */
    assert_true(out.width == 50 && out.height == 30 && err.text[0]);
    sl_image_free(&out);
    assert_int_equal(sl_image_decode_within(jpeg, jpeg_size, 50, &out, &err), SL_ERR_LIMIT); /* 13 x 8 are too many */
    assert_ok(sl_image_decode_within(jpeg, jpeg_size, UINT32_MAX, &out, &err));
    sl_image_free(&out);
    free(png);
    free(jpeg);
}

static void other_formats_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        char head[24];
    } cases[] = {
        {"video", "\0\0\0\x18"
                  "ftypisom\0\0\0\0"},
        {"JPEG XL", "\xff\x0a\x7f\x03\0\0\0\0\0\0\0"},
        {"JPEG XL", "\0\0\0\x0cJXL \r\n\x87\n"},
        {"JPEG 2000", "\0\0\0\x0cjP  \r\n\x87\n"},
        {"PDF", "%PDF-1.7\n%abc"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_unreadable("other.jpg", cases[i].head, 12, SL_ERR_UNSUPPORTED, cases[i].name);
        assert_unreadable("other.jpg", cases[i].head, 12, SL_ERR_UNSUPPORTED, "convert it to JPEG or PNG");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_by_ending_read_by_content),
        cmocka_unit_test(unwritable),
        cmocka_unit_test(what_is_no_picture),
        cmocka_unit_test(no_more_pixels_than_asked_for),
        cmocka_unit_test(other_formats_are_named),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
