/* Resampling as two one-dimensional weighted sums: each output row (column) is a sum over `taps`
 * neighbouring source rows (columns). Bilinear and area resampling differ in their weights alone. */
#include "image/image.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

typedef struct {
    int taps;
    int *first;     /* [size]: the first source index; first + taps - 1 may reach past the end with weight 0 */
    float *weights; /* [size, taps]; each row sums to 1 */
} axis;

static void axis_free(axis *a)
{
    free(a->first);
    free(a->weights);
    *a = (axis){0};
}

static bool axis_alloc(axis *a, int size, int taps)
{
    a->taps = taps;
    a->first = sl_calloc_aligned((size_t)size, sizeof *a->first);
    a->weights = sl_calloc_aligned((size_t)size * (size_t)taps, sizeof *a->weights);
    return a->first && a->weights;
}

/* Output i lies at (i + 1/2) source / size - 1/2 between two source pixels; beyond the edge it takes the edge. */
static bool bilinear_axis(axis *a, int source, int size)
{
    if (!axis_alloc(a, size, 2))
        return false;
    for (int i = 0; i < size; i++) {
        double at = (i + .5) * source / size - .5;
        at = at < 0 ? 0 : at > source - 1 ? source - 1 : at;
        int first = (int)at;
        a->first[i] = first;
        a->weights[2 * i + 1] = (float)(at - first);
        a->weights[2 * i] = 1 - a->weights[2 * i + 1];
    }
    return true;
}

/* Output i is the mean over the source interval [i source / size, (i + 1) source / size), size <= source. */
static bool area_axis(axis *a, int source, int size)
{
    if (!axis_alloc(a, size, source / size + 2))
        return false;
    double step = (double)source / size;
    for (int i = 0; i < size; i++) {
        double begin = i * step, end = (i + 1) * step;
        int first = (int)begin;
        a->first[i] = first;
        for (int k = 0; k < a->taps && first + k < source; k++) {
            double covered = fmin(end, first + k + 1) - fmax(begin, first + k);
            a->weights[i * a->taps + k] = covered > 0 ? (float)(covered / step) : 0;
        }
    }
    return true;
}

/* One source row [source width, channels] to `out` [width, channels]. */
static void resample_row(const uint8_t *row, int source, int channels, const axis *a, int width, float *out)
{
    for (int x = 0; x < width; x++) {
        const uint8_t *p = row + (size_t)a->first[x] * (size_t)channels;
        const float *w = a->weights + (size_t)x * (size_t)a->taps;
        int taps = a->taps < source - a->first[x] ? a->taps : source - a->first[x];
        float r = 0, g = 0, b = 0;
        if (channels == 3) {
            for (int k = 0; k < taps; k++, p += 3) {
                r += w[k] * p[0];
                g += w[k] * p[1];
                b += w[k] * p[2];
            }
            *out++ = r;
            *out++ = g;
            *out++ = b;
        } else {
            for (int k = 0; k < taps; k++)
                r += w[k] * p[k];
            *out++ = r;
        }
    }
}

/* The resampled source rows last used; consecutive rows live in different slots. */
typedef struct {
    float *row[2];
    int index[2];
} row_cache;

static const float *cached_row(row_cache *cache, const sl_image *image, const axis *a, int width, int y)
{
    int slot = y & 1;
    if (cache->index[slot] != y) {
        size_t stride = (size_t)image->width * (size_t)image->channels;
        resample_row(image->pixels + (size_t)y * stride, image->width, image->channels, a, width,
                     cache->row[slot]);
        cache->index[slot] = y;
    }
    return cache->row[slot];
}

/* What is made: 8-bit pixels, or floats that are not rounded. */
typedef struct {
    int width, height;
    uint8_t *pixels;
    float *floats; /* instead of pixels */
} target;

static void resample(const sl_image *image, const axis *ax, const axis *ay, row_cache *cache, float *row_sum,
                     const target *out)
{
    size_t stride = (size_t)out->width * (size_t)image->channels;
    for (int y = 0; y < out->height; y++) {
        const float *w = ay->weights + (size_t)y * (size_t)ay->taps;
        float *sum = out->floats ? out->floats + (size_t)y * stride : row_sum;
        for (size_t i = 0; i < stride; i++)
            sum[i] = out->floats ? 0 : .5f; /* rounds when it is cut */
        for (int k = 0; k < ay->taps; k++) {
            if (w[k] == 0)
                continue;
            const float *row = cached_row(cache, image, ax, out->width, ay->first[y] + k);
            for (size_t i = 0; i < stride; i++)
                sum[i] += w[k] * row[i];
        }
        uint8_t *to = out->pixels + (out->floats ? 0 : (size_t)y * stride);
        for (size_t i = 0; !out->floats && i < stride; i++)
            to[i] = (uint8_t)(int)sum[i]; /* < 256: convex sums of 0 .. 255, and a half */
    }
}

typedef bool (*axis_fn)(axis *a, int source, int size);

static sl_status resample_to(const sl_image *image, axis_fn horizontal, axis_fn vertical, const target *out,
                             sl_error *err)
{
    const int width = out->width, height = out->height;
    size_t stride = (size_t)width * (size_t)image->channels;
    axis ax = {0}, ay = {0};
    float *rows = sl_calloc_aligned(3 * stride, sizeof *rows);
    sl_status status = SL_OK;
    if (rows && horizontal(&ax, image->width, width) && vertical(&ay, image->height, height)) {
        row_cache cache = {.row = {rows, rows + stride}, .index = {-1, -1}};
        resample(image, &ax, &ay, &cache, rows + 2 * stride, out);
    } else {
        status = sl_fail(err, SL_ERR_MEMORY, "no memory to resize a picture to %d x %d", width, height);
    }
    axis_free(&ax);
    axis_free(&ay);
    free(rows);
    return status;
}

static sl_status resample_with(const sl_image *image, int width, int height, axis_fn horizontal, axis_fn vertical,
                               sl_image *out, sl_error *err)
{
    SL_TRY(sl_image_new(width, height, image->channels, out, err));
    const target made = {.width = width, .height = height, .pixels = out->pixels};
    sl_status status = resample_to(image, horizontal, vertical, &made, err);
    if (status != SL_OK)
        sl_image_free(out);
    return status;
}

sl_status sl_image_resize(const sl_image *image, int width, int height, sl_image *out, sl_error *err)
{
    *out = (sl_image){0};
    SL_TRY(sl_image_check(image, err));
    if (width == image->width && height == image->height)
        return sl_image_copy(image, out, err);
    return resample_with(image, width, height, bilinear_axis, bilinear_axis, out, err);
}

sl_status sl_image_shrink(const sl_image *image, int width, int height, sl_image *out, sl_error *err)
{
    *out = (sl_image){0};
    SL_TRY(sl_image_check(image, err));
    if (width == image->width && height == image->height)
        return sl_image_copy(image, out, err);
    return resample_with(image, width, height, width < image->width ? area_axis : bilinear_axis,
                         height < image->height ? area_axis : bilinear_axis, out, err);
}

sl_status sl_image_resize_floats(const sl_image *image, int width, int height, float *out, sl_error *err)
{
    SL_TRY(sl_image_check(image, err));
    const target made = {.width = width, .height = height, .floats = out};
    return resample_to(image, bilinear_axis, bilinear_axis, &made, err);
}
