/* Pictures turned, scaled and cut. Each output pixel is the mean of the four around its place in the picture, weighted
 * by how near they are. Those places are known to lie inside for one stretch of a row at most: coordinates do not turn
 * back along a row, rounded or not. That stretch goes in blocks, each step a loop that the compiler vectorises; the few
 * pixels before and after it are done one by one. Both ways do the same arithmetic, to the last bit. */
#include "image/image.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"

#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* A place in the picture. */
typedef struct {
    double x, y;
} place;

ALWAYS_INLINE place place_of(const double *m, int x, int y)
{
    return (place){m[0] * x + m[1] * y + m[2], m[3] * x + m[4] * y + m[5]};
}

/* The whole coordinate at or before one of more than -1, but the next one where adding 1 rounds up to it. */
ALWAYS_INLINE int whole(double v)
{
    return (int)(v + 1) - 1;
}

/* Of the pixels upper left, upper right, lower left and lower right of a place. */
ALWAYS_INLINE void weigh(float fx, float fy, float w[4])
{
    w[0] = (1 - fx) * (1 - fy);
    w[1] = fx * (1 - fy);
    w[2] = (1 - fx) * fy;
    w[3] = fx * fy;
}

/* ---- at the border ---- */

/* Whether all four pixels around it are the picture's. */
static bool is_inside(const sl_image *image, place p)
{
    return p.x >= 0 && p.x + 1 < image->width && p.y >= 0 && p.y + 1 < image->height;
}

/* The picture's value there; pixels outside count as black, as does a place where a product overflowed. */
static void sample(const sl_image *image, place p, uint8_t *out)
{
    static const uint8_t black[3];
    const int channels = image->channels;
    if (!(p.x > -1 && p.x < image->width && p.y > -1 && p.y < image->height))
        return; /* a new picture is black */
    int left = whole(p.x), top = whole(p.y);
    const uint8_t *corner[4];
    for (int k = 0; k < 4; k++) {
        int x = left + (k & 1), y = top + (k >> 1);
        bool inside = x >= 0 && x < image->width && y >= 0 && y < image->height;
        corner[k] = inside ? image->pixels + ((size_t)y * (size_t)image->width + (size_t)x) * (size_t)channels : black;
    }
    float w[4];
    weigh((float)(p.x - left), (float)(p.y - top), w);
    for (int c = 0; c < channels; c++)
        out[c] = (uint8_t)(int)(w[0] * corner[0][c] + w[1] * corner[1][c] + w[2] * corner[2][c] +
                                w[3] * corner[3][c] + .5f);
}

/* ---- inside ---- */

enum { BLOCK = 64 };

/* Output pixels done together. A pixel's channels are the bytes of one number, the first the lowest. */
typedef struct {
    int32_t first[BLOCK];     /* the index of the upper left pixel */
    float weight[4][BLOCK];   /* of the four pixels */
    uint32_t pixel[4][BLOCK]; /* of three channels with a byte more above them */
    uint32_t mean[BLOCK];
} block;

static void find_places(block *b, const double *m, int x, int y, int count, int width)
{
    for (int i = 0; i < count; i++) {
        place p = place_of(m, x + i, y);
        int left = whole(p.x), top = whole(p.y);
        float w[4];
        weigh((float)(p.x - left), (float)(p.y - top), w);
        b->first[i] = top * width + left;
        for (int k = 0; k < 4; k++)
            b->weight[k][i] = w[k];
    }
}

/* Three channels are read as four bytes, that of the right neighbour ending with its last one. */
ALWAYS_INLINE void gather(block *b, const sl_image *image, int channels, int count)
{
    const size_t row = (size_t)image->width * (size_t)channels;
    for (int i = 0; i < count; i++) {
        const uint8_t *upper = image->pixels + (size_t)b->first[i] * (size_t)channels, *lower = upper + row;
        b->pixel[0][i] = channels == 1 ? upper[0] : sl_get_u32(upper);
        b->pixel[1][i] = channels == 1 ? upper[1] : sl_get_u32(upper + 2) >> 8;
        b->pixel[2][i] = channels == 1 ? lower[0] : sl_get_u32(lower);
        b->pixel[3][i] = channels == 1 ? lower[1] : sl_get_u32(lower + 2) >> 8;
    }
}

ALWAYS_INLINE float byte_of(uint32_t pixel, int c)
{
    return (float)(int)(pixel >> 8 * c & 255);
}

ALWAYS_INLINE void mix(block *b, int channels, int count)
{
    for (int i = 0; i < count; i++) {
        uint32_t mean = 0;
#pragma GCC unroll 3
        for (int c = 0; c < channels; c++) {
            float sum = b->weight[0][i] * byte_of(b->pixel[0][i], c) + b->weight[1][i] * byte_of(b->pixel[1][i], c) +
                        b->weight[2][i] * byte_of(b->pixel[2][i], c) + b->weight[3][i] * byte_of(b->pixel[3][i], c);
            mean |= (uint32_t)(int)(sum + .5f) << 8 * c;
        }
        b->mean[i] = mean;
    }
}

/* Output pixels x .. end of row y, all of them inside. */
ALWAYS_INLINE void warp_inside(const sl_image *image, const double *m, int channels, int x, int end, int y, uint8_t *to)
{
    block b;
    for (int count; x < end; x += count) {
        count = end - x < BLOCK ? end - x : BLOCK;
        find_places(&b, m, x, y, count, image->width);
        gather(&b, image, channels, count);
        mix(&b, channels, count);
        for (int i = 0; i < count; i++, to += channels)
            memcpy(to, &b.mean[i], (size_t)channels);
    }
}

/* ---- rows ---- */

ALWAYS_INLINE void warp_rows(const sl_image *image, const double *m, int channels, sl_image *out)
{
    uint8_t *row = out->pixels;
    for (int y = 0; y < out->height; y++, row += (size_t)out->width * (size_t)channels) {
        int from = 0, end = out->width;
        place p;
        for (; from < end && !is_inside(image, p = place_of(m, from, y)); from++)
            sample(image, p, row + (size_t)from * (size_t)channels);
        for (; from < end && !is_inside(image, p = place_of(m, end - 1, y)); end--)
            sample(image, p, row + (size_t)(end - 1) * (size_t)channels);
        warp_inside(image, m, channels, from, end, y, row + (size_t)from * (size_t)channels);
    }
}

sl_status sl_image_warp(const sl_image *image, const sl_affine *map, int width, int height, sl_image *out,
                        sl_error *err)
{
    *out = (sl_image){0};
    SL_TRY(sl_image_check(image, err));
    for (int i = 0; i < 6; i++)
        if (!isfinite(map->m[i]))
            return sl_fail(err, SL_ERR_NUMERIC, "the map of a warp is not finite");
    SL_TRY(sl_image_new(width, height, image->channels, out, err));
    if (image->channels == 1)
        warp_rows(image, map->m, 1, out);
    else
        warp_rows(image, map->m, 3, out);
    return SL_OK;
}

sl_status sl_image_crop(const sl_image *image, int x, int y, int width, int height, sl_image *out, sl_error *err)
{
    *out = (sl_image){0};
    SL_TRY(sl_image_check(image, err));
    SL_TRY(sl_image_new(width, height, image->channels, out, err));
    int64_t left = x > 0 ? x : 0, right = (int64_t)x + width < image->width ? (int64_t)x + width : image->width;
    if (left >= right)
        return SL_OK;
    size_t c = (size_t)image->channels;
    for (int row = 0; row < height; row++) {
        int64_t from = (int64_t)y + row;
        if (from < 0 || from >= image->height)
            continue;
        memcpy(out->pixels + ((size_t)row * (size_t)width + (size_t)(left - x)) * c,
               image->pixels + ((size_t)from * (size_t)image->width + (size_t)left) * c,
               (size_t)(right - left) * c);
    }
    return SL_OK;
}
