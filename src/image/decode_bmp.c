/* BMP, read here: a file header of 14 bytes, a header of 12 to 124, a palette, and rows from bottom to top (or from top
 * to bottom where the height is negative), each padded to four bytes.
 *
 *     bits a pixel    1, 4, 8: a place in the palette    16, 32: bit fields, or 5 bits and 8 bits a colour    24: B G R
 *     compression     0 none, 1 and 2 runs of 8 and 4 bits, 3 and 6 none, with bit fields
 */
#include "image/codec.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

enum { RGB = 0, RLE8 = 1, RLE4 = 2, BITFIELDS = 3, ALPHA_BITFIELDS = 6 };
enum { FILE_HEADER = 14, CORE_HEADER = 12, INFO_HEADER = 40, V2_HEADER = 52, V5_HEADER = 124 };

typedef struct {
    const uint8_t *data;
    size_t size;
    uint32_t header, width, height, bits, compression, colours;
    size_t pixels_at;
    bool top_down;
    uint32_t masks[3];       /* of red, green and blue */
    uint8_t palette[256][3]; /* RGB */
} bmp;

static sl_status damaged(sl_error *err, const char *what)
{
    return sl_fail(err, SL_ERR_FORMAT, "BMP %s: it was truncated or is damaged", what);
}

/* Sizes and kind, out of either header. */
static sl_status read_header(bmp *b, sl_error *err)
{
    const uint8_t *p = b->data + FILE_HEADER;
    if (b->size < FILE_HEADER + 4 || (b->header = sl_get_u32(p)) > b->size - FILE_HEADER || b->header < CORE_HEADER)
        return damaged(err, "without its header");
    b->pixels_at = sl_get_u32(b->data + 10);
    if (b->header < INFO_HEADER) {
        b->width = sl_get_u16(p + 4);
        b->height = sl_get_u16(p + 6);
        b->bits = sl_get_u16(p + 10);
        return SL_OK;
    }
    int32_t height = sl_get_i32(p + 8);
    b->width = sl_get_u32(p + 4);
    b->top_down = height < 0;
    b->height = b->top_down ? 0u - (uint32_t)height : (uint32_t)height;
    b->bits = sl_get_u16(p + 14);
    b->compression = sl_get_u32(p + 16);
    b->colours = sl_get_u32(p + 32);
    return SL_OK;
}

static sl_status check_kind(const bmp *b, sl_error *err)
{
    uint32_t n = b->bits, c = b->compression;
    bool fields = c == BITFIELDS || c == ALPHA_BITFIELDS;
    if ((c == RGB && (n == 1 || n == 4 || n == 8 || n == 16 || n == 24 || n == 32)) || (c == RLE8 && n == 8) ||
        (c == RLE4 && n == 4) || (fields && (n == 16 || n == 32)))
        return b->top_down && (c == RLE8 || c == RLE4) ? damaged(err, "of runs, from top to bottom") : SL_OK;
    return sl_fail(err, SL_ERR_UNSUPPORTED, "BMP of %u bits a pixel, compression %u, which is not read here", n, c);
}

/* Where the masks lie within the header or behind it, and what they are without any. */
static sl_status read_masks(bmp *b, sl_error *err)
{
    static const uint32_t of_16[3] = {0x7c00, 0x3e0, 0x1f}, of_32[3] = {0xff0000, 0xff00, 0xff};
    memcpy(b->masks, b->bits == 16 ? of_16 : of_32, sizeof b->masks);
    if (b->compression != BITFIELDS && b->compression != ALPHA_BITFIELDS)
        return SL_OK;
    if (b->size < FILE_HEADER + V2_HEADER)
        return damaged(err, "without its bit fields");
    for (int c = 0; c < 3; c++)
        b->masks[c] = sl_get_u32(b->data + FILE_HEADER + INFO_HEADER + 4 * c);
    return SL_OK;
}

/* Colours that the file leaves out are black. */
static sl_status read_palette(bmp *b, sl_error *err)
{
    size_t entry = b->header < INFO_HEADER ? 3 : 4, most = (size_t)1 << b->bits;
    size_t count = b->colours && b->colours < most ? b->colours : most;
    const uint8_t *p = b->data + FILE_HEADER + b->header;
    if (b->pixels_at < FILE_HEADER + b->header || b->pixels_at > b->size)
        return damaged(err, "without its pixels");
    size_t room = (b->pixels_at - FILE_HEADER - b->header) / entry;
    for (size_t i = 0; i < count && i < room; i++, p += entry)
        memcpy(b->palette[i], (uint8_t[]){p[2], p[1], p[0]}, 3);
    return SL_OK;
}

/* The bits under a mask, stretched to 0 .. 255. */
static uint8_t field(uint32_t value, uint32_t mask)
{
    if (!mask)
        return 0;
    int shift = __builtin_ctz(mask);
    uint64_t full = mask >> shift, v = (value & mask) >> shift;
    return (uint8_t)((v * 255 + full / 2) / full);
}

static void read_row(const bmp *b, const uint8_t *row, uint8_t *to)
{
    for (uint32_t x = 0; x < b->width; x++, to += 3)
        if (b->bits <= 8) {
            uint32_t bit = x * b->bits;
            memcpy(to, b->palette[row[bit / 8] >> (8 - b->bits - bit % 8) & ((1u << b->bits) - 1)], 3);
        } else if (b->bits == 24) {
            to[0] = row[3 * x + 2], to[1] = row[3 * x + 1], to[2] = row[3 * x];
        } else {
            uint32_t v = b->bits == 16 ? sl_get_u16(row + 2 * (size_t)x) : sl_get_u32(row + 4 * (size_t)x);
            for (int c = 0; c < 3; c++)
                to[c] = field(v, b->masks[c]);
        }
}

static uint8_t *row_of(const bmp *b, const sl_image *out, uint32_t y)
{
    return out->pixels + (size_t)(b->top_down ? y : b->height - 1 - y) * b->width * 3;
}

static sl_status read_rows(const bmp *b, sl_image *out, sl_error *err)
{
    size_t stride = ((size_t)b->width * b->bits + 31) / 32 * 4;
    if ((b->size - b->pixels_at) / stride < b->height)
        return damaged(err, "that ends before its picture does");
    for (uint32_t y = 0; y < b->height; y++)
        read_row(b, b->data + b->pixels_at + y * stride, row_of(b, out, y));
    return SL_OK;
}

/* Pixels from (x, y) on: places in the palette, the same one or two over and over, or as the bytes list them. */
static void put_run(const bmp *b, sl_image *out, uint32_t *x, uint32_t y, const uint8_t *places, int count, bool listed)
{
    for (int i = 0; i < count && *x < b->width && y < b->height; i++, ++*x) {
        uint8_t byte = places[!listed ? 0 : b->bits == 8 ? i : i / 2];
        uint8_t place = b->bits == 8 ? byte : i & 1 ? byte & 15 : byte >> 4;
        memcpy(row_of(b, out, y) + 3 * (size_t)*x, b->palette[place], 3);
    }
}

/* Pairs of bytes: n > 0, n pixels of the second; 0 0, end of the row; 0 1, end; 0 2, a move; 0 n, n pixels listed. */
static sl_status read_runs(const bmp *b, sl_image *out, sl_error *err)
{
    sl_reader r = sl_reader_of(b->data + b->pixels_at, b->size - b->pixels_at);
    for (uint32_t x = 0, y = 0; y < b->height;) {
        const uint8_t *pair = sl_read_bytes(&r, 2);
        if (!pair)
            return damaged(err, "that ends before its picture does");
        if (pair[0]) {
            put_run(b, out, &x, y, pair + 1, pair[0], false);
        } else if (pair[1] == 0) {
            x = 0, y++;
        } else if (pair[1] == 1) {
            return SL_OK;
        } else if (pair[1] == 2) {
            x += sl_read_u8(&r), y += sl_read_u8(&r);
        } else {
            size_t bytes = b->bits == 8 ? pair[1] : (pair[1] + 1u) / 2;
            const uint8_t *listed = sl_read_bytes(&r, (bytes + 1) / 2 * 2);
            if (listed)
                put_run(b, out, &x, y, listed, pair[1], true);
        }
    }
    return SL_OK;
}

/* Sound for what read_rows and read_runs do then. */
static sl_status read_outline(bmp *b, uint32_t most, sl_error *err)
{
    SL_TRY(read_header(b, err));
    SL_TRY(sl_image_check_size("BMP", b->width, b->height, 65535, most, err));
    SL_TRY(check_kind(b, err));
    SL_TRY(read_masks(b, err));
    if (b->bits <= 8)
        SL_TRY(read_palette(b, err));
    return b->pixels_at < FILE_HEADER || b->pixels_at >= b->size ? damaged(err, "without its pixels") : SL_OK;
}

sl_status sl_decode_bmp(const uint8_t *data, size_t size, const sl_decode_how *how, sl_image *out, sl_icc *icc,
                        sl_error *err)
{
    (void)icc; /* profiles in BMPs are of files elsewhere, or sRGB's */
    bmp b = {.data = data, .size = size};
    SL_TRY(read_outline(&b, how->most, err));
    SL_TRY(sl_image_new((int)b.width, (int)b.height, 3, out, err));
    return b.compression == RLE8 || b.compression == RLE4 ? read_runs(&b, out, err) : read_rows(&b, out, err);
}
