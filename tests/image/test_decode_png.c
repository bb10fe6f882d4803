/* PNG: every colour type and depth against values computed here, alpha, interlacing, EXIF, damage. */
#include "support.h"

#include <png.h>
#include <stdbool.h>

#include "image/codec.h"

typedef struct {
    uint8_t *data;
    size_t size;
} bytes;

static void append(png_structp png, png_bytep data, size_t count)
{
    bytes *b = png_get_io_ptr(png);
    b->data = realloc(b->data, b->size + count);
    memcpy(b->data + b->size, data, count);
    b->size += count;
}

static void no_flush(png_structp png)
{
    (void)png;
}

typedef struct {
    int width, height, type, depth;
    bool interlaced;
    const png_color *palette;
    int colours;
    const png_color_16 *transparent; /* tRNS of grey and RGB */
    const uint8_t *palette_alpha;    /* tRNS of palettes */
    int palette_alphas;
    unsigned (*sample)(int x, int y, int channel); /* in 0 .. 2^depth - 1 */
} recipe;

static int channels_of(int type)
{
    return (type & PNG_COLOR_MASK_COLOR && type != PNG_COLOR_TYPE_PALETTE ? 3 : 1) +
           (type & PNG_COLOR_MASK_ALPHA ? 1 : 0);
}

/* Packs the recipe's samples and has libpng write them. */
static bytes make_png(const recipe *r)
{
    bytes b = {0};
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    int channels = channels_of(r->type);
    size_t stride = ((size_t)r->width * (size_t)channels * (size_t)r->depth + 7) / 8;
    uint8_t *rows = calloc((size_t)r->height, stride);
    for (int y = 0; y < r->height; y++)
        for (int i = 0; i < r->width * channels; i++) {
            unsigned v = r->sample(i / channels, y, i % channels);
            uint8_t *row = rows + (size_t)y * stride;
            if (r->depth == 16) {
                row[2 * i] = (uint8_t)(v >> 8);
                row[2 * i + 1] = (uint8_t)v;
            } else {
                int per_byte = 8 / r->depth;
                row[i / per_byte] |= (uint8_t)(v << (8 - r->depth - i % per_byte * r->depth));
            }
        }
    if (setjmp(png_jmpbuf(png)))
        fail_msg("libpng did not write the test's picture");
    png_set_write_fn(png, &b, append, no_flush);
    png_set_IHDR(png, info, (png_uint_32)r->width, (png_uint_32)r->height, r->depth, r->type,
                 r->interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, 0, 0);
    if (r->palette)
        png_set_PLTE(png, info, r->palette, r->colours);
    if (r->transparent || r->palette_alpha)
        png_set_tRNS(png, info, r->palette_alpha, r->palette_alphas, r->transparent);
    png_write_info(png, info);
    int passes = png_set_interlace_handling(png);
    for (int pass = 0; pass < passes; pass++)
        for (int y = 0; y < r->height; y++)
            png_write_row(png, rows + (size_t)y * stride);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    free(rows);
    return b;
}

static unsigned mixed(int x, int y, int channel)
{
    unsigned u = (unsigned)x, v = (unsigned)y;
    return (u * 2654435 + v * 40503 + (unsigned)channel * 7919 + u * v * 31) >> 2;
}

static unsigned mixed1(int x, int y, int c)
{
    return mixed(x, y, c) & 1;
}
static unsigned mixed2(int x, int y, int c)
{
    return mixed(x, y, c) & 3;
}
static unsigned mixed4(int x, int y, int c)
{
    return mixed(x, y, c) & 15;
}
static unsigned mixed8(int x, int y, int c)
{
    return mixed(x, y, c) & 255;
}
static unsigned mixed16(int x, int y, int c)
{
    return mixed(x, y, c) & 65535;
}

/* What the recipe's pixel must become, in double. */
static void expect_pixel(const recipe *r, int x, int y, double out[3])
{
    double full = (1u << r->depth) - 1, alpha = 1;
    int channels = channels_of(r->type);
    unsigned v[4];
    for (int c = 0; c < channels; c++)
        v[c] = r->sample(x, y, c);
    if (r->type == PNG_COLOR_TYPE_PALETTE) {
        out[0] = r->palette[v[0]].red, out[1] = r->palette[v[0]].green, out[2] = r->palette[v[0]].blue;
        if ((int)v[0] < r->palette_alphas)
            alpha = r->palette_alpha[v[0]] / 255.;
    } else {
        bool colour = r->type & PNG_COLOR_MASK_COLOR;
        for (int c = 0; c < 3; c++)
            out[c] = v[colour ? c : 0] / full * 255;
        if (r->type & PNG_COLOR_MASK_ALPHA)
            alpha = v[channels - 1] / full;
        if (r->transparent &&
            (colour ? v[0] == r->transparent->red && v[1] == r->transparent->green && v[2] == r->transparent->blue
                    : v[0] == r->transparent->gray))
            alpha = 0;
    }
    for (int c = 0; c < 3; c++)
        out[c] = out[c] * alpha + 255 * (1 - alpha);
}

static void check(const recipe *r)
{
    bytes b = make_png(r);
    sl_image image;
    sl_error err;
    assert_ok(sl_image_decode(b.data, b.size, &image, &err));
    assert_int_equal(image.width, r->width);
    assert_int_equal(image.height, r->height);
    assert_int_equal(image.channels, 3);
    /* 8 bits without alpha are exact; 16 bits and alpha round twice. */
    double bound = r->depth <= 8 && !(r->type & PNG_COLOR_MASK_ALPHA) && !r->palette_alpha ? 1e-6 : 1.01;
    for (int y = 0; y < r->height; y++)
        for (int x = 0; x < r->width; x++) {
            double expected[3];
            expect_pixel(r, x, y, expected);
            for (int c = 0; c < 3; c++) {
                int got = image.pixels[3 * (y * r->width + x) + c];
                if (fabs(got - expected[c]) > bound)
                    fail_msg("type %d depth %d at (%d, %d) channel %d: %d, expected %g", r->type, r->depth, x, y,
                             c, got, expected[c]);
            }
        }
    sl_image_free(&image);
    free(b.data);
}

static void every_type_and_depth(void **state)
{
    (void)state;
    static const struct {
        int type, depth;
        unsigned (*sample)(int x, int y, int channel);
    } kinds[] = {
        {PNG_COLOR_TYPE_GRAY, 1, mixed1},         {PNG_COLOR_TYPE_GRAY, 2, mixed2},
        {PNG_COLOR_TYPE_GRAY, 4, mixed4},         {PNG_COLOR_TYPE_GRAY, 8, mixed8},
        {PNG_COLOR_TYPE_GRAY, 16, mixed16},       {PNG_COLOR_TYPE_RGB, 8, mixed8},
        {PNG_COLOR_TYPE_RGB, 16, mixed16},        {PNG_COLOR_TYPE_GRAY_ALPHA, 8, mixed8},
        {PNG_COLOR_TYPE_GRAY_ALPHA, 16, mixed16}, {PNG_COLOR_TYPE_RGB_ALPHA, 8, mixed8},
        {PNG_COLOR_TYPE_RGB_ALPHA, 16, mixed16},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        for (int interlaced = 0; interlaced < 2; interlaced++) {
            check(&(recipe){.width = 23,
                            .height = 13,
                            .type = kinds[i].type,
                            .depth = kinds[i].depth,
                            .interlaced = interlaced,
                            .sample = kinds[i].sample});
            check(&(recipe){.width = 1,
                            .height = 1,
                            .type = kinds[i].type,
                            .depth = kinds[i].depth,
                            .interlaced = interlaced,
                            .sample = kinds[i].sample});
        }
}

static void palettes(void **state)
{
    (void)state;
    png_color palette[256];
    uint8_t alpha[256];
    for (int i = 0; i < 256; i++) {
        palette[i] = (png_color){(uint8_t)(i * 37), (uint8_t)(i * 91 + 5), (uint8_t)(255 - i * 13)};
        alpha[i] = (uint8_t)(i * 53 + 20);
    }
    static unsigned (*const samples[])(int, int, int) = {mixed1, mixed2, mixed4, mixed8};
    for (int k = 0; k < 4; k++)
        for (int with_alpha = 0; with_alpha < 2; with_alpha++)
            check(&(recipe){.width = 21,
                            .height = 10,
                            .type = PNG_COLOR_TYPE_PALETTE,
                            .depth = 1 << k,
                            .interlaced = k & 1,
                            .palette = palette,
                            .colours = 1 << (1 << k),
                            .palette_alpha = with_alpha ? alpha : NULL,
                            .palette_alphas = with_alpha ? (1 << (1 << k)) - 1 : 0,
                            .sample = samples[k]});
}

static void one_transparent_colour(void **state)
{
    (void)state;
    png_color_16 t = {.gray = 2};
    check(&(recipe){
        .width = 16, .height = 16, .type = PNG_COLOR_TYPE_GRAY, .depth = 2, .transparent = &t, .sample = mixed2});
    t.gray = (png_uint_16)mixed16(3, 4, 0); /* all 16 bits must match, not the upper 8 */
    check(&(recipe){.width = 16,
                    .height = 16,
                    .type = PNG_COLOR_TYPE_GRAY,
                    .depth = 16,
                    .transparent = &t,
                    .sample = mixed16});
    t = (png_color_16){.red = (png_uint_16)mixed8(5, 6, 0),
                       .green = (png_uint_16)mixed8(5, 6, 1),
                       .blue = (png_uint_16)mixed8(5, 6, 2)};
    check(&(recipe){
        .width = 16, .height = 16, .type = PNG_COLOR_TYPE_RGB, .depth = 8, .transparent = &t, .sample = mixed8});
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

static const recipe plain = {.width = 20, .height = 12, .type = PNG_COLOR_TYPE_RGB, .depth = 8, .sample = mixed8};

enum { END = 12 }; /* bytes of the chunk that ends a PNG */

/* The pixels of `whole`, whose end may be damaged too, and a warning. */
static void assert_read_with_warning(bytes b, bytes whole)
{
    sl_image image, expected;
    sl_error err;
    assert_ok(sl_image_decode(whole.data, whole.size, &expected, &err));
    assert_ok(sl_image_decode(b.data, b.size, &image, &err));
    assert_non_null(strstr(err.text, "end is missing or damaged"));
    assert_memory_equal(image.pixels, expected.pixels, (size_t)(3 * expected.width * expected.height));
    sl_image_free(&image);
    sl_image_free(&expected);
}

static void truncated_anywhere(void **state)
{
    (void)state;
    for (int interlaced = 0; interlaced < 2; interlaced++) {
        recipe r = plain;
        r.interlaced = interlaced;
        bytes b = make_png(&r);
        for (size_t size = 0; size < b.size; size++) {
            uint8_t *copy = malloc(size ? size : 1); /* so that a sanitizer sees a read past it */
            memcpy(copy, b.data, size);
            if (size < b.size - END)
                assert_refused((bytes){copy, size}, SL_ERR_FORMAT, "");
            else
                assert_read_with_warning((bytes){copy, size}, b);
            free(copy);
        }
        b.data[b.size - 1] ^= 1; /* the checksum of the end chunk, then that of the pixels */
        assert_read_with_warning(b, b);
        b.data[b.size - END - 1] ^= 1;
        assert_refused(b, SL_ERR_FORMAT, "IDAT");
        b.data[b.size - END - 1] ^= 1;
        assert_refused((bytes){b.data, b.size - 20}, SL_ERR_FORMAT, "ends before its picture does");
        free(b.data);
    }
}

static void every_byte_changed(void **state)
{
    (void)state;
    bytes b = make_png(&plain);
    for (size_t i = 0; i < b.size; i++)
        for (int bit = 0; bit < 8; bit++) {
            b.data[i] ^= (uint8_t)(1 << bit);
            sl_image image;
            sl_error err;
            if (sl_image_decode(b.data, b.size, &image, &err) == SL_OK)
                assert_non_null(image.pixels);
            else
                assert_true(strlen(err.text) > 0);
            sl_image_free(&image);
            b.data[i] ^= (uint8_t)(1 << bit);
        }
    b.data[50] ^= 1; /* in the compressed data: the checksum tells */
    assert_refused(b, SL_ERR_FORMAT, "PNG of 20 x 12");
    free(b.data);
}

static uint32_t crc_of(const uint8_t *p, size_t count)
{
    uint32_t crc = 0xffffffffu;
    while (count--) {
        crc ^= *p++;
        for (int k = 0; k < 8; k++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

static void put32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* A chunk put in behind the header. */
static bytes with_chunk(bytes b, const char *type, const uint8_t *body, size_t length)
{
    bytes out = {malloc(b.size + length + 12), b.size + length + 12};
    uint8_t *p = out.data + 33;
    memcpy(out.data, b.data, 33);
    put32(p, (uint32_t)length);
    memcpy(p + 4, type, 4);
    memcpy(p + 8, body, length);
    put32(p + 8 + length, crc_of(p + 4, length + 4));
    memcpy(p + 12 + length, b.data + 33, b.size - 33);
    free(b.data);
    return out;
}

static void sizes_are_checked_first(void **state)
{
    (void)state;
    bytes b = make_png(&plain);
    static const struct {
        uint32_t width, height;
        sl_status status;
        const char *words;
    } cases[] = {{10001, 10000, SL_ERR_LIMIT, "10001 x 10000"},
                 {65536, 1, SL_ERR_LIMIT, "65536 x 1"},
                 {1, 0x7fffffff, SL_ERR_LIMIT, "2147483647"},
                 {0xffffffff, 0xffffffff, SL_ERR_LIMIT, "accepted"},
                 {0, 12, SL_ERR_FORMAT, "empty"},
                 {10000, 10000, SL_ERR_FORMAT, "too few bytes"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put32(b.data + 16, cases[i].width);
        put32(b.data + 20, cases[i].height);
        put32(b.data + 29, crc_of(b.data + 12, 17));
        assert_refused(b, cases[i].status, cases[i].words);
    }
    free(b.data);
}

static void animation_is_refused(void **state)
{
    (void)state;
    bytes b = with_chunk(make_png(&plain), "acTL", (const uint8_t *)"\0\0\0\2\0\0\0", 8);
    assert_refused(b, SL_ERR_UNSUPPORTED, "animated");
    free(b.data);
}

static void exif_orientation(void **state)
{
    (void)state;
    /* A 3 x 2 picture of pixels 0 1 2 / 3 4 5 and how each orientation shows it. */
    static const uint8_t seen[8][6] = {{0, 1, 2, 3, 4, 5}, {2, 1, 0, 5, 4, 3}, {5, 4, 3, 2, 1, 0},
                                       {3, 4, 5, 0, 1, 2}, {0, 3, 1, 4, 2, 5}, {3, 0, 4, 1, 5, 2},
                                       {5, 2, 4, 1, 3, 0}, {2, 5, 1, 4, 0, 3}};
    sl_image stored;
    sl_error err;
    assert_ok(sl_image_new(3, 2, 3, &stored, &err));
    for (int i = 0; i < 6; i++)
        memset(stored.pixels + 3 * i, i, 3);
    for (int orientation = 1; orientation <= 8; orientation++) {
        uint8_t exif[] = {'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, (uint8_t)orientation,
                          0,   0};
        bytes b;
        sl_image image;
        assert_ok(sl_image_encode_png(&stored, &b.data, &b.size, &err));
        b = with_chunk(b, "eXIf", exif, sizeof exif);
        assert_ok(sl_image_decode(b.data, b.size, &image, &err));
        assert_int_equal(image.width, orientation < 5 ? 3 : 2);
        assert_int_equal(image.height, orientation < 5 ? 2 : 3);
        for (int i = 0; i < 18; i++)
            assert_int_equal(image.pixels[i], seen[orientation - 1][i / 3]);
        sl_image_free(&image);
        free(b.data);
    }
    sl_image_free(&stored);
}

/* Larger than the tiles that turning works in. */
static void turning_a_large_picture(void **state)
{
    (void)state;
    enum { W = 150, H = 91 };
    sl_image image;
    sl_error err;
    assert_ok(sl_image_new(W, H, 3, &image, &err));
    for (int i = 0; i < W * H * 3; i++)
        image.pixels[i] = (uint8_t)(i * 2654435761u >> 24);
    assert_ok(sl_image_orient(&image, 6, &err)); /* clockwise: out(x, y) = in(y, H - 1 - x) */
    assert_int_equal(image.width, H);
    assert_int_equal(image.height, W);
    for (int y = 0; y < W; y++)
        for (int x = 0; x < H; x++)
            for (int c = 0; c < 3; c++)
                assert_int_equal(image.pixels[3 * (y * H + x) + c],
                                 (uint8_t)((3 * ((H - 1 - x) * W + y) + c) * 2654435761u >> 24));
    sl_image_free(&image);
}

static void round_trip_is_exact(void **state)
{
    (void)state;
    sl_error err;
    for (int channels = 1; channels <= 3; channels += 2) {
        sl_image image, again, rgb;
        assert_ok(sl_image_new(131, 57, channels, &image, &err));
        for (int i = 0; i < 131 * 57 * channels; i++)
            image.pixels[i] = (uint8_t)mixed8(i, i / 7, 0);
        bytes b;
        assert_ok(sl_image_encode_png(&image, &b.data, &b.size, &err));
        assert_ok(sl_image_decode(b.data, b.size, &again, &err));
        assert_ok(sl_image_to_rgb(&image, &rgb, &err));
        assert_memory_equal(again.pixels, rgb.pixels, 131 * 57 * 3);
        free(b.data);
        sl_image_free(&image);
        sl_image_free(&again);
        sl_image_free(&rgb);
    }
    bytes b;
    assert_int_equal(
        sl_image_encode_png(&(sl_image){.width = 1, .height = 1, .channels = 3}, &b.data, &b.size, &err),
        SL_ERR_ARGUMENT);
    assert_null(b.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_and_depth),    cmocka_unit_test(palettes),
        cmocka_unit_test(one_transparent_colour),  cmocka_unit_test(truncated_anywhere),
        cmocka_unit_test(every_byte_changed),      cmocka_unit_test(sizes_are_checked_first),
        cmocka_unit_test(animation_is_refused),    cmocka_unit_test(exif_orientation),
        cmocka_unit_test(turning_a_large_picture), cmocka_unit_test(round_trip_is_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
