/* Sketches of a gallery's faces, made when they are first asked for, and the bounds that they give (sketch.h). */
#include "match/patch/sketch.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "match/kernels/match_kernels.h"
#include "match/patch/pair_rule.h"
#include "match/patch/sketch_basis.h"
#include "match/patch/weighting.h"

enum { DIM = SL_SKETCH_DIM, CODED = DIM - 1, MOST_BYTES = 1 << 30, LEAST_CHANNELS = 4 * DIM };

enum { EMPTY, BUSY, READY };

struct sl_sketches {
    sl_match_layout layout; /* of the codes */
    sl_sketch_basis basis;
    size_t faces, each; /* faces: that may be kept */
    char *kept;         /* [faces, each] */
    atomic_uchar *state;
};

struct sl_sketcher {
    sl_sketches *sketches;
    const sl_match_layout *layout;
    const sl_patch_set *query_set;
    sl_sketch query;
    char *memory;    /* of all that follows */
    void *candidate; /* a patch set */
    char *unkept;    /* a sketch that is not kept */
    float *S, *t;    /* [rows, stride or DIM], [R, DIM] */
    float *mix;      /* [C] */
};

/* ---- memory ---- */

static size_t row_bytes(const sl_match_layout *l)
{
    return (size_t)l->stride * sizeof(float);
}

static size_t whole_bytes(void)
{
    return (sizeof(struct sl_sketch_whole) + 63) / 64 * 64;
}

static size_t sketch_bytes(const sl_match_layout *l, sl_role role)
{
    return whole_bytes() + 2 * row_bytes(l) + sl_patch_set_bytes(l, role);
}

static sl_sketch sketch_at(const sl_match_layout *l, sl_role role, char *memory)
{
    const size_t row = row_bytes(l);
    sl_sketch s = {.whole = (struct sl_sketch_whole *)memory,
                   .along = (float *)(memory + whole_bytes()),
                   .rest = (float *)(memory + whole_bytes() + row)};
    sl_patch_set_place(&s.codes, l, role, memory + whole_bytes() + 2 * row);
    return s;
}

bool sl_sketches_serve(const sl_match_layout *l)
{
    const bool stored = l->rows == l->map_rows && l->cols == l->map_cols && l->feature == SL_FEATURE_MAP &&
                        l->compute == SL_COMPARE_INT8;
    const bool weights = l->weighting->fixed || l->weighting->sketched;
    return stored && weights && l->rule->by_transport && l->channels >= LEAST_CHANNELS;
}

sl_status sl_sketches_open(sl_face_store faces, sl_sketches **out, sl_error *err)
{
    const sl_template_shape *shape = faces.shape;
    const sl_match_options o = {.weighting = SL_WEIGHT_UNIFORM}; /* of int8 maps; no rows but the patches */
    *out = NULL;
    sl_sketches *s = calloc(1, sizeof *s);
    if (!s)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for sketches");
    sl_status status = sl_match_layout_make(&o, shape->rows, shape->cols, CODED, CODED, &s->layout, err);
    if (status == SL_OK)
        status = sl_sketch_basis_make(faces, &s->basis, err);
    s->each = sketch_bytes(&s->layout, SL_ROLE_CANDIDATE);
    s->faces = faces.count < MOST_BYTES / s->each ? faces.count : MOST_BYTES / s->each;
    if (status == SL_OK) {
        s->kept = sl_alloc_aligned(s->faces * s->each); /* pages that nobody touches cost nothing */
        s->state = calloc(s->faces, sizeof *s->state);
        if (!s->kept || !s->state)
            status = sl_fail(err, SL_ERR_MEMORY, "no memory for sketches of %zu faces", s->faces);
    }
    if (status == SL_OK)
        *out = s;
    else
        sl_sketches_close(s);
    return status;
}

void sl_sketches_close(sl_sketches *s)
{
    if (!s)
        return;
    sl_sketch_basis_free(&s->basis);
    free(s->kept);
    free(s->state);
    free(s);
}

static char *take(char **memory, size_t bytes)
{
    char *at = *memory;
    *memory += (bytes + 63) / 64 * 64;
    return at;
}

sl_status sl_sketcher_open(sl_sketches *sketches, const sl_match_layout *l, sl_sketcher **out, sl_error *err)
{
    const sl_match_layout *codes = &sketches->layout;
    const size_t rows = (size_t)sl_set_shape_of(codes).row_count + (size_t)l->stride;
    const size_t query = sketch_bytes(codes, SL_ROLE_QUERY), set = sl_patch_set_bytes(l, SL_ROLE_CANDIDATE);
    const size_t S = rows * (size_t)(l->stride > DIM ? l->stride : DIM) * sizeof(float);
    const size_t t = (size_t)l->stride * DIM * sizeof(float), mix = (size_t)l->channels * sizeof(float);
    *out = NULL;
    sl_sketcher *k = calloc(1, sizeof *k);
    char *at = k ? sl_alloc_aligned(query + set + sketches->each + S + t + mix + 64 * 6) : NULL;
    if (!at) {
        free(k);
        return sl_fail(err, SL_ERR_MEMORY, "no memory for a query's sketch");
    }
    k->sketches = sketches;
    k->layout = l;
    k->memory = at;
    k->query = sketch_at(codes, SL_ROLE_QUERY, take(&at, query));
    k->candidate = take(&at, set);
    k->unkept = take(&at, sketches->each);
    k->S = (float *)take(&at, S);
    k->t = (float *)take(&at, t);
    k->mix = (float *)take(&at, mix);
    *out = k;
    return SL_OK;
}

void sl_sketcher_close(sl_sketcher *k)
{
    if (!k)
        return;
    free(k->memory);
    free(k);
}

/* ---- a face's sketch ---- */

/* What unit length leaves beside `squares`, with room for rounding. */
static float rest_of(double whole, double squares)
{
    const double rest = whole - squares;
    return (float)sqrt((rest > 0 ? rest : 0) + 1e-5);
}

/* Patch i from its coordinates t [DIM]. */
static void code_patch(sl_sketch *s, int i, const float *t, bool zero)
{
    const sl_emd_kernels *k = sl_emd_kernels_now();
    int8_t *row = (int8_t *)s->codes.rows + (size_t)i * sl_set_row_stride(s->codes.layout);
    const float largest = k->largest(t + 1, CODED), factor = largest / 127;
    double squares = 0, lost = 0;
    k->quantise(t + 1, CODED, largest > 0 ? 127 / largest : 0, row);
    for (int d = 0; d < CODED; d++) {
        const double loss = (double)t[d + 1] - (double)factor * row[d];
        squares += (double)t[d + 1] * (double)t[d + 1];
        lost += loss * loss;
    }
    const float loss = (float)sqrt(lost), length = (float)sqrt(squares) + loss;
    s->codes.factors[i] = factor;
    s->along[i] = t[0];
    s->rest[i] = zero ? 0 : rest_of(1, (double)t[0] * (double)t[0] + squares);
    s->whole->loss = loss > s->whole->loss ? loss : s->whole->loss;
    s->whole->length = length > s->whole->length ? length : s->whole->length;
}

/* The mix of all patches by their shares: its first coordinate and what it has outside the directions. */
static void code_mix(sl_sketcher *k, const sl_patch_set *set, sl_sketch *s)
{
    const sl_match_layout *l = k->layout;
    const sl_emd_kernels *kernels = sl_emd_kernels_now();
    const size_t stride = sl_set_row_stride(l), channels = (size_t)l->channels;
    double inside[DIM] = {0}, squares = 0;
    memset(k->mix, 0, channels * sizeof *k->mix);
    for (int i = 0; i < l->patches; i++) {
        kernels->add_scaled_i8((const int8_t *)set->rows + (size_t)i * stride, channels,
                               set->shares[i] * set->factors[i], k->mix);
        for (int d = 0; d < DIM; d++)
            inside[d] += (double)set->shares[i] * (double)k->t[i * DIM + d];
    }
    for (int d = 0; d < DIM; d++)
        squares += inside[d] * inside[d];
    s->whole->mix_along = (float)inside[0];
    s->whole->mix_rest = rest_of((double)kernels->sum_of_squares(k->mix, channels, 1), squares);
}

static void sketch_set(sl_sketcher *k, const sl_patch_set *set, sl_sketch *s, bool query)
{
    const sl_match_layout *l = k->layout;
    const sl_emd_kernels *kernels = sl_emd_kernels_now();
    const size_t stride = sl_set_row_stride(s->codes.layout);
    sl_sketch_coordinates(&k->sketches->basis, set, k->S, k->t);
    sl_patch_set_pad(&s->codes);
    *s->whole = (struct sl_sketch_whole){0};
    memset(s->along, 0, row_bytes(l));
    memset(s->rest, 0, row_bytes(l));
    for (int i = 0; i < l->patches; i++) {
        int32_t ignored;
        code_patch(s, i, k->t + i * DIM, !(set->factors[i] > 0));
        kernels->sums_i8((const int8_t *)s->codes.rows + (size_t)i * stride, stride, &s->codes.row_sums[i], &ignored);
    }
    memcpy(s->codes.shares, set->shares, row_bytes(l));
    code_mix(k, set, s);
    if (query)
        kernels->pack_panel(&s->codes, s->codes.panel);
}

void sl_sketcher_query(sl_sketcher *k, const sl_patch_set *query)
{
    k->query_set = query;
    sketch_set(k, query, &k->query, true);
}

/* The sketch of a face, kept or made. Whoever finds it being made by another thread makes one for itself. */
static sl_status sketch_of(sl_sketcher *k, size_t face, sl_patch_source_fn source_of, void *context, size_t i,
                           sl_sketch *out, sl_error *err)
{
    sl_sketches *all = k->sketches;
    sl_patch_source source = {0};
    sl_patch_set set;
    unsigned char expected = EMPTY;
    char *memory = all->kept + face * all->each;
    if (atomic_load_explicit(&all->state[face], memory_order_acquire) == READY) {
        *out = sketch_at(&all->layout, SL_ROLE_CANDIDATE, memory);
        return SL_OK;
    }
    SL_TRY(source_of(context, i, &source, err));
    SL_TRY(sl_patch_set_init(&set, k->layout, SL_ROLE_CANDIDATE, k->candidate, &source, err));
    const bool keep = atomic_compare_exchange_strong(&all->state[face], &expected, BUSY);
    *out = sketch_at(&all->layout, SL_ROLE_CANDIDATE, keep ? memory : k->unkept);
    sketch_set(k, &set, out, false);
    if (keep)
        atomic_store_explicit(&all->state[face], READY, memory_order_release);
    return SL_OK;
}

sl_status sl_sketcher_upper_bound(sl_sketcher *k, size_t face, sl_patch_source_fn source_of, void *context, size_t i,
                              float *upper_bound, sl_error *err)
{
    sl_sketch x;
    *upper_bound = SL_MOST_STAGE2;
    if (face >= k->sketches->faces)
        return SL_OK;
    SL_TRY(sketch_of(k, face, source_of, context, i, &x, err));
    const float *weight = k->layout->weighting->fixed ? k->query_set->fixed : NULL;
    *upper_bound = sl_emd_kernels_now()->upper_bound(&k->query, weight, &x, k->S);
    return SL_OK;
}

void sl_sketcher_fetch(const sl_sketcher *k, size_t face)
{
    const sl_sketches *all = k->sketches;
    for (size_t at = 0; face < all->faces && at < all->each; at += 64)
        __builtin_prefetch(all->kept + face * all->each + at);
}
