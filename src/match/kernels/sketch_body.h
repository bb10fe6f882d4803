/* The upper_bound of a pair by its sketches (match/patch/sketch.h): the same source on every instruction set, but for
 * sketch_columns, for which emd_avx512.c has a form of its own. Each emd_*.c includes it behind its products. */
#include <math.h>

/* More than rounding can move a similarity by: coordinates are sums of C floats. */
#define ROUNDING 1e-4f

/* Of less the difference of sums that is divided by it may be all rounding. */
#define LEAST_CERTAIN .01f

#ifndef HAS_SKETCH_COLUMNS
/* Of `width` vectors of columns. */
ALWAYS_INLINE void sketch_maxima_of(const float *S, const sl_sketch *q, const sl_sketch *x, int column, float *most,
                                    const int width)
{
    const int stride = q->codes.layout->stride;
    vec largest[4] = {{0}};
    for (int s = 0; s < x->codes.layout->patches; s++)
#pragma GCC unroll 4
        for (int w = 0; w < width; w++) {
            const int at = column + w * VEC;
            const vec sum = load(S + (size_t)s * stride + at) + all(x->along[s]) * load(q->along + at);
            largest[w] = larger(sum + all(x->rest[s]) * load(q->rest + at), largest[w]);
        }
#pragma GCC unroll 4
    for (int w = 0; w < width; w++)
        store(most + column + w * VEC, largest[w]);
}

/* With S the codes' products, a and r along and rest of the candidate (of the query: A, B): most [stride] is the
 * largest of every column of S + a A' + r B', and at least 0; mix [stride] = S' shares. S [row_count, stride] is
 * scratch. */
static void sketch_columns(const sl_sketch *q, const sl_sketch *x, float *S, float *most, float *mix)
{
    const sl_match_layout *l = q->codes.layout;
    int column = 0;
    similarities(&q->codes, &x->codes, NULL, S);
    columns_product(S, x->codes.shares, l->patches, l->stride, mix);
    for (; column + 4 * VEC <= l->stride; column += 4 * VEC)
        sketch_maxima_of(S, q, x, column, most, 4);
    for (; column < l->stride; column += VEC)
        sketch_maxima_of(S, q, x, column, most, 1);
}
#endif

/* sum of w M / sum of w can be at most this, M = most + slack, at most 1, of all weights w >= 0 that differ from
 * `weight` by at most error = rest * rest_factor + least_error: with b that mean of `weight` itself, sum w (M - b) <=
 * sum error |M - b|. */
static float mean_at_most(const sl_match_layout *l, const float *most, float slack, const float *weight,
                          const float *rest, float rest_factor, float least_error)
{
    lanes sum = {0}, total = {0}, moved = {0}, uncertain = {0}, largest = {0};
    const float top = 1 + ROUNDING;
    for (int at = 0; at < l->stride; at += LANES)
#pragma GCC unroll 4
        for (int i = 0; i < VECS; i++) {
            const vec w = load(weight + at + i * VEC), M = smaller(load(most + at + i * VEC) + slack, all(top));
            sum.part[i] += w * M;
            total.part[i] += w;
            largest.part[i] = larger(M, largest.part[i]);
        }
    const float all_weights = sum_of(&total), mean = sum_of(&sum) / all_weights, most_of_all = largest_of(&largest);
    if (!(all_weights > 0))
        return most_of_all;
    for (int at = 0; at < l->stride; at += LANES)
#pragma GCC unroll 4
        for (int i = 0; i < VECS; i++) {
            const vec M = smaller(load(most + at + i * VEC) + slack, all(top));
            const vec error = load(rest + at + i * VEC) * rest_factor + least_error;
            moved.part[i] += error * absolute(M - mean);
            uncertain.part[i] += error;
        }
    /* Columns behind R took part with M = slack and the least error. */
    const float behind = (float)(l->stride - l->patches) * least_error, M_behind = slack < top ? slack : top;
    const float certain = all_weights - (sum_of(&uncertain) - behind);
    const float highest = mean + (sum_of(&moved) - behind * fabsf(M_behind - mean)) / certain;
    return certain > LEAST_CERTAIN && highest < most_of_all ? highest : most_of_all;
}

static float body_upper_bound(const sl_sketch *q, const float *weight, const sl_sketch *x, float *scratch)
{
    const sl_match_layout *l = q->codes.layout;
    float *most = scratch, *mix = most + l->stride, *S = mix + l->stride;
    const float slack = x->whole->loss * q->whole->length + x->whole->length * q->whole->loss + ROUNDING;
    sketch_columns(q, x, S, most, mix);
    for (int at = 0; !weight && at < l->stride; at += VEC)
        store(mix + at, larger(load(mix + at) + load(q->along + at) * x->whole->mix_along, all(0)));
    return ROUNDING + (weight ? mean_at_most(l, most, slack, weight, q->rest, 0, 0)
                              : mean_at_most(l, most, slack, mix, q->rest, x->whole->mix_rest, slack));
}
