/* The directions of sketches. They are found once for a gallery, from a sample of its patches:
 *
 *     second moments [C, C] -> the 64 directions with most in them -> 8 bits, so that products with patches are quick
 *                           -> Gram and Schmidt on what 8 bits left, so that they are orthonormal: `turn` */
#include "match/patch/sketch_basis.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/eigen.h"
#include "match/kernels/head_kernel.h"
#include "match/kernels/match_kernels.h"
#include "match/patch/sketch.h"
#include "template/linear_head.h"

enum { DIM = SL_SKETCH_DIM, SAMPLE = 48 /* faces */, ROUNDS = 4, COLUMNS = SL_HEAD_COLUMNS };
_Static_assert(DIM == 2 * COLUMNS, "turn is two blocks of columns");

/* The lower triangle of moments [C, C] += x x' */
static void add_moments(const float *x, size_t channels, float *moments)
{
    for (size_t i = 0; i < channels; i++, moments += channels)
        sl_emd_kernels_now()->add_scaled(x, i + 1, x[i], moments);
}

/* Second moments [C, C] of the unit patches of some faces, evenly spaced. x: scratch [C]. */
static void sum_sample(sl_face_store store, float *moments, float *x)
{
    const sl_template_shape *shape = store.shape;
    const size_t faces = store.count, sample = faces < SAMPLE ? faces : SAMPLE;
    const size_t channels = (size_t)shape->channels;
    for (size_t f = 0; f < sample; f++) {
        sl_patch_source stored;
        if (store.patches(store.context, f * faces / sample, &stored, NULL) != SL_OK || !stored.patches_i8)
            continue;
        const int8_t *q = stored.patches_i8;
        for (int p = 0; p < shape->rows * shape->cols; p++, q += channels) {
            int32_t squares = 0;
            for (size_t c = 0; c < channels; c++)
                squares += q[c] * q[c];
            sl_emd_kernels_now()->dequantise(q, channels, squares ? 1 / sqrtf((float)squares) : 0, x);
            add_moments(x, channels, moments);
        }
    }
}

/* rows [DIM, C] */
static sl_status find_directions(sl_face_store faces, int channels, float *rows, sl_error *err)
{
    const size_t c = (size_t)channels, area = DIM * c;
    double *wide = sl_calloc_aligned(c * c + 2 * area, sizeof *wide);
    float *moments = sl_calloc_aligned(c * c + c, sizeof *moments);
    sl_status status = SL_OK;
    if (wide && moments) {
        sum_sample(faces, moments, moments + c * c);
        for (size_t i = 0; i < c; i++)
            for (size_t k = 0; k < c; k++)
                wide[i * c + k] = (double)moments[k <= i ? i * c + k : k * c + i];
        double *directions = wide + c * c;
        sl_eigen_subspace(wide, channels, DIM, ROUNDS, directions, directions + area);
        for (size_t i = 0; i < area; i++)
            rows[i] = (float)directions[i];
    } else {
        status = sl_fail(err, SL_ERR_MEMORY, "no memory for %d directions", DIM);
    }
    free(moments);
    free(wide);
    return status;
}

/* Row i of the set in full precision. */
static void row_of(const sl_patch_set *set, int i, double *out)
{
    const int8_t *row = (const int8_t *)set->rows + (size_t)i * sl_set_row_stride(set->layout);
    for (int c = 0; c < set->layout->channels; c++)
        out[c] = (double)set->factors[i] * row[c];
}

/* turn, from `mix` [DIM, DIM], with all coordinates but the first turned by a cosine transform, so that none is much
 * larger than the others: 8 bits lose less then, and a turn changes no product. */
static void spread(const double *mix, float *turn)
{
    const int n = DIM - 1;
    const double pi = 3.14159265358979323846;
    for (int k = 0; k < DIM; k++)
        for (int j = 0; j < DIM; j++) {
            double sum = k ? 0 : mix[j];
            for (int i = 0; k && i < n; i++)
                sum += sqrt((k > 1 ? 2. : 1.) / n) * cos(pi * (i + .5) * (k - 1) / n) * mix[(i + 1) * DIM + j];
            turn[(k / COLUMNS * DIM + j) * COLUMNS + k % COLUMNS] = (float)sum;
        }
}

/* Gram and Schmidt on the rows as 8 bits have left them: row k of `mix` says how direction k is made of them, and so
 * how coordinate k of a patch is made of its products with them. */
static sl_status make_turn(sl_sketch_basis *b, sl_error *err)
{
    const size_t c = (size_t)b->layout.channels;
    double *rows = sl_calloc_aligned(DIM * c + DIM * DIM, sizeof *rows), *mix = rows + DIM * c;
    if (!rows)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for %d directions", DIM);
    for (int k = 0; k < DIM; k++) {
        double *x = rows + (size_t)k * c, *m = mix + (size_t)k * DIM, squares = 0;
        row_of(&b->set, k, x);
        m[k] = 1;
        for (int i = 0; i < 2 * k; i++) { /* twice over, which is enough */
            const double *y = rows + (size_t)(i % k) * c;
            double part = 0;
            for (size_t j = 0; j < c; j++)
                part += x[j] * y[j];
            for (size_t j = 0; j < c; j++)
                x[j] -= part * y[j];
            for (int j = 0; j < DIM; j++)
                m[j] -= part * mix[(size_t)(i % k) * DIM + (size_t)j];
        }
        for (size_t j = 0; j < c; j++)
            squares += x[j] * x[j];
        const double factor = squares > .01 ? 1 / sqrt(squares) : 0; /* 0: fewer directions than rows */
        for (size_t j = 0; j < c; j++)
            x[j] *= factor;
        for (int j = 0; j < DIM; j++)
            m[j] *= factor;
    }
    spread(mix, b->turn);
    free(rows);
    return SL_OK;
}

sl_status sl_sketch_basis_make(sl_face_store faces, sl_sketch_basis *out, sl_error *err)
{
    const int channels = faces.shape->channels;
    const sl_match_options o = {.weighting = SL_WEIGHT_UNIFORM};
    *out = (sl_sketch_basis){0};
    SL_TRY(sl_match_layout_make(&o, DIM, 1, channels, 0, &out->layout, err));
    float *rows = sl_alloc_aligned(DIM * (size_t)channels * sizeof *rows);
    out->memory = sl_alloc_aligned(sl_patch_set_bytes(&out->layout, SL_ROLE_QUERY));
    out->turn = sl_calloc_aligned(DIM * DIM, sizeof *out->turn);
    sl_status status = SL_OK;
    if (!rows || !out->memory || !out->turn)
        status = sl_fail(err, SL_ERR_MEMORY, "no memory for %d directions", DIM);
    if (status == SL_OK)
        status = find_directions(faces, channels, rows, err);
    const sl_patch_source source = {.patches_f32 = rows};
    if (status == SL_OK)
        status = sl_patch_set_init(&out->set, &out->layout, SL_ROLE_QUERY, out->memory, &source, err);
    if (status == SL_OK)
        status = make_turn(out, err);
    free(rows);
    if (status != SL_OK)
        sl_sketch_basis_free(out);
    return status;
}

void sl_sketch_basis_free(sl_sketch_basis *basis)
{
    free(basis->memory);
    free(basis->turn);
    *basis = (sl_sketch_basis){0};
}

void sl_sketch_coordinates(const sl_sketch_basis *b, const sl_patch_set *set, float *products, float *t)
{
    const int patches = set->layout->patches;
    const sl_head_kernel multiply = sl_head_kernel_for(sl_isa_active());
    float half[SL_MATCH_MAX_PATCHES * COLUMNS];
    sl_emd_kernels_now()->similarities(&b->set, set, NULL, products);
    for (int block = 0; block < 2; block++) {
        memset(half, 0, (size_t)patches * COLUMNS * sizeof *half);
        multiply(products, DIM, patches, DIM, b->turn + (size_t)block * DIM * COLUMNS, half);
        for (int i = 0; i < patches; i++)
            memcpy(t + i * DIM + block * COLUMNS, half + i * COLUMNS, COLUMNS * sizeof *t);
    }
}
