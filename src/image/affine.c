/* Affine maps of points, and the similarity that fits two sets of them best. */
#include "image/image.h"

#include <math.h>

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
