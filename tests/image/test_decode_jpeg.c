/* JPEG: colour spaces, progressive, EXIF orientation, damage of every kind. Files are made here, by turbojpeg. */
#include "support.h"

#include <turbojpeg.h>

#include "base/bytes.h"
#include "base/file.h"
#include "image/codec.h"

typedef struct {
    uint8_t *data;
    size_t size;
} bytes;

static bytes make_jpeg(const uint8_t *pixels, int width, int height, int format, int subsampling, int flags)
{
    tjhandle handle = tjInitCompress();
    unsigned char *data = NULL;
    unsigned long size = 0;
    assert_int_equal(tjCompress2(handle, pixels, width, 0, height, format, &data, &size, subsampling, 100, flags),
                     0);
    bytes b = {malloc(size), size};
    memcpy(b.data, data, size);
    tjFree(data);
    tjDestroy(handle);
    return b;
}

/* Offset of the first `marker` (its ff). */
static size_t find_marker(bytes b, uint8_t marker)
{
    for (size_t at = 2; at + 4 <= b.size; at += 2 + sl_get_be16(b.data + at + 2)) {
        assert_int_equal(b.data[at], 0xff);
        if (b.data[at + 1] == marker)
            return at;
    }
    fail_msg("no marker %02x", marker);
    return 0;
}

/* `count` bytes put in at `at`, or `drop` bytes taken out. */
static bytes splice(bytes b, size_t at, size_t drop, const uint8_t *add, size_t count)
{
    bytes out = {malloc(b.size - drop + count), b.size - drop + count};
    memcpy(out.data, b.data, at);
    if (count)
        memcpy(out.data + at, add, count);
    memcpy(out.data + at + count, b.data + at + drop, b.size - at - drop);
    free(b.data);
    return out;
}

/* A smooth picture with a different colour in each corner. */
static void paint(uint8_t *rgb, int width, int height)
{
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++, rgb += 3) {
            rgb[0] = (uint8_t)(20 + 200 * x / width);
            rgb[1] = (uint8_t)(30 + 180 * y / height);
            rgb[2] = (uint8_t)(220 - 100 * x / width - 100 * y / height);
        }
}

static void assert_near_pixels(const sl_image *image, const uint8_t *expected, int bound)
{
    for (int i = 0; i < image->width * image->height * 3; i++)
        if (abs(image->pixels[i] - expected[i]) > bound)
            fail_msg("sample %d: %d, expected %d", i, image->pixels[i], expected[i]);
}

static void check_decodes_to(bytes b, const uint8_t *expected, int width, int height, int bound)
{
    sl_image image;
    sl_error err;
    assert_ok(sl_image_decode(b.data, b.size, &image, &err));
    assert_int_equal(image.width, width);
    assert_int_equal(image.height, height);
    assert_int_equal(image.channels, 3);
    assert_near_pixels(&image, expected, bound);
    sl_image_free(&image);
}

static void assert_refused(bytes b, sl_status status, const char *words)
{
    sl_image image;
    sl_error err;
    sl_status got = sl_image_decode(b.data, b.size, &image, &err);
    if (got != status)
        fail_msg("status %d, expected %d (%s)", got, status, got ? err.text : "decoded");
    assert_int_equal(err.status, status);
    if (!strstr(err.text, words))
        fail_msg("\"%s\" does not say \"%s\"", err.text, words);
    assert_null(image.pixels);
}

static void baseline_and_progressive(void **state)
{
    (void)state;
    enum { W = 37, H = 21 };
    uint8_t rgb[W * H * 3];
    paint(rgb, W, H);
    static const int subsamplings[] = {TJSAMP_444, TJSAMP_422, TJSAMP_420, TJSAMP_440, TJSAMP_411};
    for (size_t i = 0; i < 5; i++)
        for (int progressive = 0; progressive < 2; progressive++) {
            bytes b = make_jpeg(rgb, W, H, TJPF_RGB, subsamplings[i], progressive ? TJFLAG_PROGRESSIVE : 0);
            find_marker(b, progressive ? 0xc2 : 0xc0);
            check_decodes_to(b, rgb, W, H, i ? 24 : 4);
            free(b.data);
        }
}

static void grey(void **state)
{
    (void)state;
    enum { W = 19, H = 11 };
    uint8_t samples[W * H], rgb[W * H * 3];
    for (int i = 0; i < W * H; i++)
        memset(rgb + 3 * i, samples[i] = (uint8_t)(i % W * 12 + i / W), 3);
    bytes b = make_jpeg(samples, W, H, TJPF_GRAY, TJSAMP_GRAY, 0);
    check_decodes_to(b, rgb, W, H, 3);
    b.data[find_marker(b, 0xc0) + 11] = 0x22; /* sampling factors of a lone component mean nothing */
    check_decodes_to(b, rgb, W, H, 3);
    free(b.data);
}

/* turbojpeg takes Adobe's inverted CMYK (255: no ink) and stores YCCK: R = C K / 255. */
static void ycck(void **state)
{
    (void)state;
    enum { W = 16, H = 16 };
    uint8_t cmyk[W * H * 4], rgb[W * H * 3];
    for (int i = 0; i < W * H; i++) {
        int x = i % W, y = i / W;
        uint8_t p[4] = {(uint8_t)(15 * x), (uint8_t)(15 * y), (uint8_t)(255 - 15 * x), (uint8_t)(255 - 7 * y)};
        memcpy(cmyk + 4 * i, p, 4);
        for (int k = 0; k < 3; k++)
            rgb[3 * i + k] = (uint8_t)lround(p[k] * p[3] / 255.);
    }
    bytes b = make_jpeg(cmyk, W, H, TJPF_CMYK, TJSAMP_444, 0);
    assert_int_equal(b.data[find_marker(b, 0xee) + 15], 2); /* Adobe transform: YCCK */
    check_decodes_to(b, rgb, W, H, 5);
    free(b.data);
}

/* C = M = Y = 200, K = 100 is stored as YCCK (Y of 255 - 200, 128, 128, 100). The same bytes said to be CMYK are
 * inks 55, 128, 128, 100, inverted with Adobe's marker, plain without. */
static void cmyk_with_and_without_adobe_marker(void **state)
{
    (void)state;
    enum { W = 8, H = 8 };
    uint8_t cmyk[W * H * 4], rgb[W * H * 3];
    for (int i = 0; i < W * H; i++)
        memcpy(cmyk + 4 * i, (uint8_t[]){200, 200, 200, 100}, 4);
    bytes b = make_jpeg(cmyk, W, H, TJPF_CMYK, TJSAMP_444, 0);
    size_t adobe = find_marker(b, 0xee);
    b.data[adobe + 15] = 0;
    for (int i = 0; i < W * H; i++)
        memcpy(rgb + 3 * i, (uint8_t[]){22, 50, 50}, 3); /* 55 * 100 / 255, 128 * 100 / 255 */
    check_decodes_to(b, rgb, W, H, 1);
    b = splice(b, adobe, 16, NULL, 0);
    for (int i = 0; i < W * H; i++)
        memcpy(rgb + 3 * i, (uint8_t[]){122, 77, 77}, 3); /* 200 * 155 / 255, 127 * 155 / 255 */
    check_decodes_to(b, rgb, W, H, 1);
    free(b.data);
}

/* An APP1 with one directory: some other tag, then the orientation. */
static bytes with_orientation(bytes b, int orientation, int little)
{
    static const uint8_t big[] = {0xff, 0xe1, 0, 42,   'E', 'x', 'i',  'f', 0, 0, 'M', 'M', 0, 42,  0,
                                  0,    0,    8, 0,    2,   1,   0x0f, 0,   2, 0, 0,   0,   1, 'x', 0,
                                  0,    0,    1, 0x12, 0,   3,   0,    0,   0, 1, 0,   9,   0, 0};
    static const uint8_t small[] = {0xff, 0xe1, 0,    42, 'E', 'x',  'i', 'f', 0, 0, 'I', 'I', 42, 0,   8,
                                    0,    0,    0,    2,  0,   0x0f, 1,   2,   0, 1, 0,   0,   0,  'x', 0,
                                    0,    0,    0x12, 1,  3,   0,    1,   0,   0, 0, 9,   0,   0,  0};
    uint8_t segment[sizeof big];
    memcpy(segment, little ? small : big, sizeof segment);
    segment[little ? 40 : 41] = (uint8_t)orientation;
    return splice(b, 2, 0, segment, sizeof segment);
}

static void eight_orientations(void **state)
{
    (void)state;
    enum { W = 24, H = 16 };
    /* Quadrants a b / c d as stored, and as they must be seen for orientation 1 .. 8. */
    static const char *const seen[8] = {"abcd", "badc", "dcba", "cdab", "acbd", "cadb", "dbca", "bdac"};
    static const uint8_t colours[4][3] = {{250, 10, 10}, {10, 250, 10}, {10, 10, 250}, {240, 240, 240}};
    uint8_t rgb[W * H * 3];
    for (int i = 0; i < W * H; i++)
        memcpy(rgb + 3 * i, colours[(i % W >= W / 2) + 2 * (i / W >= H / 2)], 3);
    for (int orientation = 1; orientation <= 8; orientation++)
        for (int little = 0; little < 2; little++) {
            bytes b = make_jpeg(rgb, W, H, TJPF_RGB, TJSAMP_444, 0);
            b = with_orientation(b, orientation, little);
            sl_image image;
            sl_error err;
            assert_ok(sl_image_decode(b.data, b.size, &image, &err));
            assert_int_equal(image.width, orientation < 5 ? W : H);
            assert_int_equal(image.height, orientation < 5 ? H : W);
            for (int k = 0; k < 4; k++) {
                int x = k & 1 ? image.width - 2 : 1, y = k & 2 ? image.height - 2 : 1;
                const uint8_t *p = image.pixels + 3 * (y * image.width + x);
                const uint8_t *expected = colours[seen[orientation - 1][k] - 'a'];
                for (int c = 0; c < 3; c++)
                    assert_in_range(p[c] + 256, expected[c] + 256 - 8, expected[c] + 256 + 8);
            }
            sl_image_free(&image);
            free(b.data);
        }
}

static void bad_exif_is_upright(void **state)
{
    (void)state;
    static const uint8_t good[] = {'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, 6, 0};
    assert_int_equal(sl_exif_orientation(good, sizeof good), 1); /* its entry is cut short by two bytes */
    uint8_t whole[sizeof good + 2] = {0};
    memcpy(whole, good, sizeof good);
    assert_int_equal(sl_exif_orientation(whole, sizeof whole), 6);
    for (size_t size = 0; size < sizeof whole; size++)
        assert_int_equal(sl_exif_orientation(whole, size), 1);
    static const struct {
        size_t at;
        uint8_t value;
    } damages[] = {{0, 'X'}, {2, 43}, {4, 200}, {7, 255}, {8, 0}, {12, 4}, {14, 2}, {18, 0}, {18, 9}, {19, 1}};
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        uint8_t damaged[sizeof whole];
        memcpy(damaged, whole, sizeof whole);
        damaged[damages[i].at] = damages[i].value;
        assert_int_equal(sl_exif_orientation(damaged, sizeof damaged), 1);
    }
}

/* Refused, or the same picture as the whole file's with a warning: nothing between. True: it was read. */
static bool assert_refused_or_whole(bytes damaged, const sl_image *whole)
{
    sl_image image;
    sl_error err;
    if (sl_image_decode(damaged.data, damaged.size, &image, &err) != SL_OK) {
        assert_int_equal(err.status, SL_ERR_FORMAT);
        return false;
    }
    assert_non_null(strstr(err.text, "end is missing or damaged"));
    assert_int_equal(image.width, whole->width);
    assert_int_equal(image.height, whole->height);
    assert_memory_equal(image.pixels, whole->pixels, (size_t)(3 * whole->width * whole->height));
    sl_image_free(&image);
    return true;
}

static void truncated_anywhere(void **state)
{
    (void)state;
    enum { W = 40, H = 24 };
    uint8_t rgb[W * H * 3];
    paint(rgb, W, H);
    for (int progressive = 0; progressive < 2; progressive++) {
        bytes b = make_jpeg(rgb, W, H, TJPF_RGB, TJSAMP_420, progressive ? TJFLAG_PROGRESSIVE : 0);
        sl_image whole;
        sl_error err = {.text = "of before"};
        size_t read = 0;
        assert_ok(sl_image_decode(b.data, b.size, &whole, &err));
        assert_string_equal(err.text, "");
        for (size_t size = 1; size < b.size; size++) {
            uint8_t *copy = malloc(size); /* so that a sanitizer sees a read past it */
            memcpy(copy, b.data, size);
            bool can = assert_refused_or_whole((bytes){copy, size}, &whole);
            assert_true(can || size < b.size - 2);
            read += can;
            free(copy);
        }
        assert_true(read >= 2 && read <= 3); /* without the marker or half of it; a last byte may hold padding alone */
        assert_refused((bytes){b.data, 0}, SL_ERR_FORMAT, "empty");
        assert_refused((bytes){b.data, b.size - 5}, SL_ERR_FORMAT, "truncated");
        sl_image_free(&whole);
        free(b.data);
    }
}

/* The end marker overwritten or followed out of step by what means nothing, or by what looks like a marker. */
static void damaged_at_the_end(void **state)
{
    (void)state;
    enum { W = 40, H = 24 };
    static const struct {
        uint8_t bytes[4];
        size_t count;
    } ends[] = {{{0, 0}, 2}, {{0x5a, 0xa5, 0x13}, 3}, {{0xff, 0xc4, 0xff, 0xff}, 4}, {{0xff, 0xe1, 0, 0}, 4},
                {{0xff, 0xff}, 2}, {{0xff, 0xda}, 2}};
    uint8_t rgb[W * H * 3];
    paint(rgb, W, H);
    for (int progressive = 0; progressive < 2; progressive++)
        for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
            bytes b = make_jpeg(rgb, W, H, TJPF_RGB, TJSAMP_420, progressive ? TJFLAG_PROGRESSIVE : 0);
            sl_image whole;
            sl_error err;
            assert_ok(sl_image_decode(b.data, b.size, &whole, &err));
            b = splice(b, b.size - 2, 2, ends[i].bytes, ends[i].count);
            assert_true(assert_refused_or_whole(b, &whole));
            sl_image_free(&whole);
            free(b.data);
        }
}

/* Its scans are whole, but the last ones are not there: libjpeg would show a blurred picture without a warning. */
static void progressive_without_its_last_scan(void **state)
{
    (void)state;
    enum { W = 40, H = 24 };
    uint8_t rgb[W * H * 3];
    paint(rgb, W, H);
    bytes b = make_jpeg(rgb, W, H, TJPF_RGB, TJSAMP_420, TJFLAG_PROGRESSIVE);
    size_t last = 0;
    for (size_t at = 2; at + 1 < b.size; at++)
        if (b.data[at] == 0xff && (b.data[at + 1] == 0xda || b.data[at + 1] == 0xc4))
            last = b.data[at + 1] == 0xda ? at : last;
    assert_refused((bytes){b.data, last}, SL_ERR_FORMAT, "truncated");
    free(b.data);
}

/* Half the scan's data is gone but the end marker is there: libjpeg would fill up with grey. */
static void scan_cut_short(void **state)
{
    (void)state;
    enum { W = 64, H = 64 };
    uint8_t rgb[W * H * 3];
    for (int i = 0; i < W * H * 3; i++)
        rgb[i] = (uint8_t)(i * 7919 >> 3);
    bytes b = make_jpeg(rgb, W, H, TJPF_RGB, TJSAMP_444, 0);
    size_t scan = find_marker(b, 0xda), middle = scan + (b.size - scan) / 2;
    b = splice(b, middle, b.size - 2 - middle, NULL, 0);
    assert_refused(b, SL_ERR_FORMAT, "damaged");
    free(b.data);
}

static void every_byte_changed(void **state)
{
    (void)state;
    enum { W = 17, H = 9 };
    uint8_t rgb[W * H * 3];
    paint(rgb, W, H);
    for (int progressive = 0; progressive < 2; progressive++) {
        bytes b = make_jpeg(rgb, W, H, TJPF_RGB, TJSAMP_420, progressive ? TJFLAG_PROGRESSIVE : 0);
        for (size_t i = 0; i < b.size; i++)
            for (int k = 0; k < 3; k++) {
                uint8_t kept = b.data[i];
                b.data[i] = (uint8_t)(k == 0 ? 0 : k == 1 ? 0xff : kept ^ 0x10);
                sl_image image;
                sl_error err;
                if (sl_image_decode(b.data, b.size, &image, &err) == SL_OK)
                    assert_non_null(image.pixels);
                else
                    assert_true(strlen(err.text) > 0);
                sl_image_free(&image);
                b.data[i] = kept;
            }
        free(b.data);
    }
}

static void refused_by_the_header(void **state)
{
    (void)state;
    uint8_t rgb[16 * 16 * 3];
    paint(rgb, 16, 16);
    bytes b = make_jpeg(rgb, 16, 16, TJPF_RGB, TJSAMP_444, 0);
    uint8_t *frame = b.data + find_marker(b, 0xc0); /* ff c0, length 2, precision, height 2, width 2, components */
    uint8_t kept[10];
    memcpy(kept, frame, sizeof kept);
    memcpy(frame + 5, (uint8_t[]){0xff, 0xdc, 0xff, 0xdc}, 4);
    assert_refused(b, SL_ERR_LIMIT, "65500 x 65500");
    memcpy(frame + 5, (uint8_t[]){0xff, 0xff, 0, 1}, 4);
    assert_refused(b, SL_ERR_LIMIT, "65535");
    memcpy(frame + 5, (uint8_t[]){0x20, 0, 0x20, 0}, 4);
    assert_refused(b, SL_ERR_FORMAT, "claims 8192 x 8192");
    memcpy(frame + 5, (uint8_t[]){0, 0, 0, 16}, 4);
    assert_refused(b, SL_ERR_FORMAT, "empty");
    memcpy(frame, kept, sizeof kept);
    frame[4] = 12;
    assert_refused(b, SL_ERR_UNSUPPORTED, "12 bits");
    frame[4] = 8;
    frame[9] = 2;
    assert_refused(b, SL_ERR_UNSUPPORTED, "2 colour components");
    frame[9] = 3;
    frame[1] = 0xc9;
    assert_refused(b, SL_ERR_UNSUPPORTED, "arithmetic");
    frame[1] = 0xc3;
    assert_refused(b, SL_ERR_UNSUPPORTED, "lossless");
    frame[1] = 0xc0;
    check_decodes_to(b, rgb, 16, 16, 4);
    size_t at = find_marker(b, 0xc0);
    uint8_t again[19];
    memcpy(again, b.data + at, sizeof again);
    b = splice(b, at, 0, again, sizeof again);
    assert_refused(b, SL_ERR_FORMAT, "two frame headers");
    free(b.data);
    assert_refused((bytes){(uint8_t[]){0xff, 0xd8, 0xff, 0xd9}, 4}, SL_ERR_FORMAT, "without a picture");
}

/* A progressive file whose last scan is repeated over and over. */
static void too_many_scans(void **state)
{
    (void)state;
    uint8_t rgb[16 * 16 * 3];
    paint(rgb, 16, 16);
    bytes b = make_jpeg(rgb, 16, 16, TJPF_RGB, TJSAMP_444, TJFLAG_PROGRESSIVE);
    size_t last = 0;
    for (size_t i = 0; i + 1 < b.size; i++)
        if (b.data[i] == 0xff && b.data[i + 1] == 0xda)
            last = i;
    size_t length = b.size - 2 - last;
    uint8_t *scan = malloc(length);
    memcpy(scan, b.data + last, length);
    for (int i = 0; i < 101; i++)
        b = splice(b, b.size - 2, 0, scan, length);
    assert_refused(b, SL_ERR_LIMIT, "scans");
    free(scan);
    free(b.data);
}

/* What cameras leave in files: bytes after the end, padding before a marker. */
static void harmless_oddities(void **state)
{
    (void)state;
    uint8_t rgb[16 * 16 * 3];
    paint(rgb, 16, 16);
    bytes b = make_jpeg(rgb, 16, 16, TJPF_RGB, TJSAMP_444, 0);
    b = splice(b, b.size, 0, (const uint8_t *)"trailer", 7);
    check_decodes_to(b, rgb, 16, 16, 4);
    b = splice(b, b.size - 9, 0, (const uint8_t *)"\0\0\0", 3); /* before the end marker */
    check_decodes_to(b, rgb, 16, 16, 4);
    b = splice(b, find_marker(b, 0xc0), 0, (const uint8_t *)"\xff\xff", 2);
    check_decodes_to(b, rgb, 16, 16, 4);
    free(b.data);
}

static void round_trip(void **state)
{
    (void)state;
    sl_error err;
    for (int channels = 1; channels <= 3; channels += 2) {
        sl_image image, rgb;
        assert_ok(sl_image_new(33, 17, channels, &image, &err));
        for (int i = 0; i < 33 * 17 * channels; i++)
            image.pixels[i] = (uint8_t)(i / channels % 33 * 7 + i % channels * 10);
        bytes b;
        assert_ok(sl_image_encode_jpeg(&image, 95, &b.data, &b.size, &err));
        assert_ok(sl_image_to_rgb(&image, &rgb, &err));
        check_decodes_to(b, rgb.pixels, 33, 17, 6);
        assert_int_equal(b.data[find_marker(b, 0xc0) + 11], 0x11); /* 4:4:4 */
        free(b.data);
        assert_int_equal(sl_image_encode_jpeg(&image, 0, &b.data, &b.size, &err), SL_ERR_ARGUMENT);
        assert_int_equal(sl_image_encode_jpeg(&image, 101, &b.data, &b.size, &err), SL_ERR_ARGUMENT);
        assert_null(b.data);
        sl_image_free(&image);
        sl_image_free(&rgb);
    }
}

/* The luma plane of a file, by turbojpeg's other way. */
static void luma_of(bytes b, int width, int height, uint8_t *out)
{
    tjhandle handle = tjInitDecompress();
    size_t chroma = (size_t)width * (size_t)height;
    uint8_t *planes[3] = {out, malloc(chroma), malloc(chroma)};
    assert_int_equal(
        tjDecompressToYUVPlanes(handle, b.data, b.size, planes, width, NULL, height, TJFLAG_ACCURATEDCT), 0);
    free(planes[1]);
    free(planes[2]);
    tjDestroy(handle);
}

/* Read as grey, a JPEG gives its own luma: of cut-off colours that is not what their RGB would give. */
static void luma_as_it_is(void **state)
{
    (void)state;
    enum { W = 48, H = 40 };
    sl_error err;
    uint8_t rgb[W * H * 3], luma[W * H];
    char *dir = make_temp_dir(), path[512];
    sl_image grey, made, whole;
    for (int i = 0; i < W * H * 3; i++) /* coloured squares of three pixels: ringing beyond 0 and 255 */
        rgb[i] = (uint8_t)(((i / 3 % W / 3 + i / 3 / W / 3) * 5 + i % 3 * 3) % 7 < 3 ? 255 : 0);
    bytes b = make_jpeg(rgb, W, H, TJPF_RGB, TJSAMP_420, 0);
    snprintf(path, sizeof path, "%s/a.jpg", dir);
    assert_ok(sl_write_file(path, b.data, b.size, &err));
    assert_ok(sl_image_read_grey(path, &grey, &err));
    assert_true(grey.channels == 1 && grey.width == W && grey.height == H);
    luma_of(b, W, H, luma);
    assert_memory_equal(grey.pixels, luma, W * H);

    assert_ok(sl_image_read(path, &whole, &err));
    assert_ok(sl_image_to_grey(&whole, &made, &err));
    assert_memory_not_equal(made.pixels, luma, W * H);
    sl_image_free(&made);

    snprintf(path, sizeof path, "%s/a.png", dir); /* a PNG has none: it is made from RGB */
    assert_ok(sl_image_write(path, &whole, &err));
    sl_image_free(&grey);
    assert_ok(sl_image_read_grey(path, &grey, &err));
    assert_ok(sl_image_to_grey(&whole, &made, &err));
    assert_memory_equal(grey.pixels, made.pixels, W * H);
    sl_image_free(&made);
    sl_image_free(&grey);
    sl_image_free(&whole);
    free(b.data);
    remove_tree(dir);
    free(dir);
}

/* As phones of 108 and 200 megapixels write them: the decoder itself halves the sides, and says so. */
static void above_the_most_pixels_it_is_read_smaller(void **state)
{
    (void)state;
    enum { WIDTH = 10241, HEIGHT = 9800 };
    uint8_t *pixels = malloc((size_t)WIDTH * HEIGHT), *jpeg = NULL;
    unsigned long size = 0;
    sl_image image;
    sl_error err;
    for (int y = 0; y < HEIGHT; y++) {
        memset(pixels + (size_t)y * WIDTH, y < HEIGHT / 2 ? 40 : 90, WIDTH / 2);
        memset(pixels + (size_t)y * WIDTH + WIDTH / 2, y < HEIGHT / 2 ? 140 : 240, WIDTH - WIDTH / 2);
    }
    tjhandle handle = tjInitCompress();
    assert_int_equal(tjCompress2(handle, pixels, WIDTH, 0, HEIGHT, TJPF_GRAY, &jpeg, &size, TJSAMP_GRAY, 90, 0), 0);
    tjDestroy(handle);
    free(pixels);
    assert_ok(sl_image_decode_grey(jpeg, size, &image, &err));
    assert_non_null(strstr(err.text, "10241 x 9800 pixels is read as one of 5121 x 4900"));
    assert_true(image.width == 5121 && image.height == 4900);
    static const uint8_t quarters[4] = {40, 140, 90, 240};
    for (int i = 0; i < 4; i++)
        assert_true(abs(image.pixels[(1000 + i / 2 * 2900) * 5121 + 1000 + i % 2 * 3100] - quarters[i]) <= 1);
    sl_image_free(&image);
    tjFree(jpeg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(baseline_and_progressive),
        cmocka_unit_test(grey),
        cmocka_unit_test(luma_as_it_is),
        cmocka_unit_test(ycck),
        cmocka_unit_test(cmyk_with_and_without_adobe_marker),
        cmocka_unit_test(eight_orientations),
        cmocka_unit_test(bad_exif_is_upright),
        cmocka_unit_test(truncated_anywhere),
        cmocka_unit_test(damaged_at_the_end),
        cmocka_unit_test(progressive_without_its_last_scan),
        cmocka_unit_test(scan_cut_short),
        cmocka_unit_test(every_byte_changed),
        cmocka_unit_test(refused_by_the_header),
        cmocka_unit_test(too_many_scans),
        cmocka_unit_test(harmless_oddities),
        cmocka_unit_test(round_trip),
        cmocka_unit_test(above_the_most_pixels_it_is_read_smaller),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
