#include "image/image.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

sl_status sl_similarity_fit(const sl_point *from, const sl_point *to, int count, sl_affine *out, sl_error *err)
{
    *out = (sl_affine){{1, 0, 0, 0, 1, 0}};
    if (count < 2)
        return sl_fail(err, SL_ERR_ARGUMENT, "a similarity needs two points or more, %d were given", count);
    double fx = 0, fy = 0, tx = 0, ty = 0;
    for (int i = 0; i < count; i++) {
        fx += from[i].x;
        fy += from[i].y;
        tx += to[i].x;
        ty += to[i].y;
    }
    fx /= count, fy /= count, tx /= count, ty /= count;
    /* With centred points as complex numbers f and t, the best s e^(i angle) is sum(conj(f) t) / sum(|f|^2). */
    double real = 0, imaginary = 0, spread = 0, magnitude = 0;
    for (int i = 0; i < count; i++) {
        double u = from[i].x - fx, v = from[i].y - fy, p = to[i].x - tx, q = to[i].y - ty;
        real += u * p + v * q;
        imaginary += u * q - v * p;
        spread += u * u + v * v;
        magnitude += (double)from[i].x * from[i].x + (double)from[i].y * from[i].y;
    }
    double a = real / spread, b = imaginary / spread;
    /* Points of one place leave a rounding residue, which is not a spread; float has 24 bits. */
    if (!(spread > 1e-14 * magnitude) || !isfinite(a) || !isfinite(b) || (a == 0 && b == 0))
        return sl_fail(err, SL_ERR_NUMERIC, "the %d points give no similarity: they coincide or are not finite",
                       count);
    *out = (sl_affine){{a, -b, tx - (a * fx - b * fy), b, a, ty - (b * fx + a * fy)}};
    return SL_OK;
}

sl_point sl_affine_apply(const sl_affine *map, sl_point p)
{
    const double *m = map->m;
    return (sl_point){(float)(m[0] * p.x + m[1] * p.y + m[2]), (float)(m[3] * p.x + m[4] * p.y + m[5])};
}

sl_status sl_affine_invert(const sl_affine *map, sl_affine *out, sl_error *err)
{
    const double *m = map->m;
    double det = m[0] * m[4] - m[1] * m[3];
    double a = m[4] / det, b = -m[1] / det, c = -m[3] / det, d = m[0] / det;
    sl_affine inverse = {{a, b, -(a * m[2] + b * m[5]), c, d, -(c * m[2] + d * m[5])}};
    for (int i = 0; i < 6; i++)
        if (!isfinite(inverse.m[i]))
            return sl_fail(err, SL_ERR_NUMERIC, "an affine map with determinant %g has no inverse", det);
    *out = inverse;
    return SL_OK;
}

/* The picture's value at (x + fx, y + fy), 0 <= fx, fy < 1; pixels outside count as black. */
static void sample(const sl_image *image, int x, int y, float fx, float fy, uint8_t *out)
{
    static const uint8_t black[3];
    const int c = image->channels;
    const uint8_t *corner[4];
    for (int k = 0; k < 4; k++) {
        int cx = x + (k & 1), cy = y + (k >> 1);
        bool inside = cx >= 0 && cx < image->width && cy >= 0 && cy < image->height;
        corner[k] = inside ? image->pixels + ((size_t)cy * (size_t)image->width + (size_t)cx) * (size_t)c : black;
    }
    float w[4] = {(1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy};
    for (int i = 0; i < c; i++)
        out[i] = (uint8_t)(int)(w[0] * corner[0][i] + w[1] * corner[1][i] + w[2] * corner[2][i] +
                                w[3] * corner[3][i] + .5f);
}

sl_status sl_image_warp(const sl_image *image, const sl_affine *map, int width, int height, sl_image *out,
                        sl_error *err)
{
    *out = (sl_image){0};
    SL_TRY(sl_image_check(image, err));
    const double *m = map->m;
    for (int i = 0; i < 6; i++)
        if (!isfinite(m[i]))
            return sl_fail(err, SL_ERR_NUMERIC, "the map of a warp is not finite");
    SL_TRY(sl_image_new(width, height, image->channels, out, err));
    uint8_t *to = out->pixels;
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++, to += image->channels) {
            double sx = m[0] * x + m[1] * y + m[2], sy = m[3] * x + m[4] * y + m[5];
            if (!(sx > -1 && sx < image->width && sy > -1 && sy < image->height))
                continue; /* black; also where a product overflowed */
            int ix = (int)(sx + 1) - 1, iy = (int)(sy + 1) - 1;
            sample(image, ix, iy, (float)(sx - ix), (float)(sy - iy), to);
        }
    }
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
