/* Contributions: of one face, of a list whose faces share a pass over the head's weights, of a whole gallery once. */
#include "match/oae/contributions.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/threads.h"
#include "match/kernels/head_kernel.h"
#include "match/kernels/match_kernels.h"

enum { CHUNK = 64 }; /* faces that share one pass over the weights */

void sl_source_patch(const sl_patch_source *face, int p, int channels, float factor, float *out)
{
    size_t at = (size_t)p * (size_t)channels;
    if (face->patches_i8) {
        float scale = face->patch_scales[p] * factor;
        sl_patches_dequantise(face->patches_i8 + at, &scale, 1, channels, out);
        return;
    }
    for (int c = 0; c < channels; c++)
        out[c] = face->patches_f32[at + (size_t)c] * factor;
}

static bool all_finite(const float *x, size_t n)
{
    float sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += x[i] * 0;
    return sum == 0;
}

/* ---- the product ---- */

typedef struct {
    const sl_head *head;
    const sl_patch_source *const *faces; /* [count] */
    float *const *out;                   /* [count] of [R, D] */
    size_t count;
    float *patches; /* [workers, CHUNK, C] */
    sl_head_kernel multiply;
} split;

/* SL_HEAD_COLUMNS dimensions of a chunk of faces. */
static void split_block(void *context, size_t item, int worker)
{
    const split *s = context;
    const sl_head *h = s->head;
    size_t block = item % (size_t)h->blocks, from = item / (size_t)h->blocks * CHUNK;
    size_t count = s->count - from < CHUNK ? s->count - from : CHUNK, channels = (size_t)h->channels;
    size_t first = block * SL_HEAD_COLUMNS, dim = (size_t)h->dim;
    size_t columns = dim - first < SL_HEAD_COLUMNS ? dim - first : SL_HEAD_COLUMNS;
    float *patches = s->patches + (size_t)worker * CHUNK * channels, sums[CHUNK * SL_HEAD_COLUMNS];
    for (int p = 0; p < h->cells; p++) {
        for (size_t i = 0; i < count; i++)
            sl_source_patch(s->faces[from + i], p, h->channels, 1, patches + i * channels);
        memset(sums, 0, count * SL_HEAD_COLUMNS * sizeof *sums);
        s->multiply(patches, channels, (int)count, h->channels, sl_head_weights(h, (int)block, p, 0), sums);
        for (size_t i = 0; i < count; i++)
            for (size_t d = 0; d < columns; d++)
                s->out[from + i][(size_t)p * dim + first + d] =
                    sums[i * SL_HEAD_COLUMNS + d] + h->bias[first + d] / (float)h->cells;
    }
}

/* ---- lists ---- */

struct sl_contributor {
    const sl_head *head;
    size_t most, each; /* each: R D */
    int threads;
    float *y;       /* [most, R, D] */
    float *patches; /* [threads, CHUNK, C] */
    const sl_patch_source **faces; /* [most] those that have none, and where theirs go */
    float **out;
};

sl_status sl_contributor_open(const sl_head *head, size_t most, int threads, sl_contributor **out, sl_error *err)
{
    *out = NULL;
    sl_contributor *c = calloc(1, sizeof *c);
    size_t bytes;
    if (c) {
        *c = (sl_contributor){.head = head, .most = most, .each = (size_t)head->cells * (size_t)head->dim,
                              .threads = threads > 0 ? threads : sl_cpu_count()};
        c->y = sl_mul_size(most, c->each * sizeof(float), &bytes) ? sl_alloc_aligned(bytes) : NULL;
        c->patches = sl_calloc_aligned((size_t)c->threads * CHUNK, (size_t)head->channels * sizeof(float));
        c->faces = sl_calloc_aligned(most, sizeof *c->faces);
        c->out = sl_calloc_aligned(most, sizeof *c->out);
    }
    if (!c || !c->y || !c->patches || !c->faces || !c->out) {
        sl_contributor_close(c);
        return sl_fail(err, SL_ERR_MEMORY, "no memory for the contributions of %zu faces", most);
    }
    *out = c;
    return SL_OK;
}

void sl_contributor_close(sl_contributor *c)
{
    if (!c)
        return;
    free(c->y);
    free(c->patches);
    free(c->faces);
    free(c->out);
    free(c);
}

/* out[i] [R, D] of faces[i]. */
static void multiply_all(sl_contributor *c, size_t count)
{
    split s = {.head = c->head, .faces = c->faces, .out = c->out, .count = count, .patches = c->patches,
               .multiply = sl_head_kernel_for(sl_isa_active())};
    sl_parallel_for(c->threads, (count + CHUNK - 1) / CHUNK * (size_t)c->head->blocks, split_block, &s);
}

/* Contributions [R, D] of compact patches. */
static void expand(const sl_head *head, const sl_patch_source *face, float *y)
{
    const size_t dim = (size_t)head->dim, half = sl_code_bytes(head->dim);
    const sl_emd_kernels *k = sl_emd_kernels_now();
    memset(y, 0, (size_t)head->cells * dim * sizeof *y);
    for (size_t p = 0; p < (size_t)head->cells; p++, y += dim) {
        k->add_codes(face->codes + p * half, dim, face->patch_scales[p], y);
        sl_contributions_rotate(y, head->dim);
        k->add_scaled(face->centre + p * dim, dim, 1, y);
    }
}

sl_status sl_contributor_fill(sl_contributor *c, sl_patch_source *faces, size_t n, size_t first, sl_error *err)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        if (faces[i].contributions)
            continue;
        if (faces[i].codes) {
            expand(c->head, &faces[i], c->y + i * c->each);
            continue;
        }
        if (!faces[i].patches_f32 && !(faces[i].patches_i8 && faces[i].patch_scales))
            return sl_fail(err, SL_ERR_ARGUMENT, "face %zu has no patch map", first + i);
        c->faces[count] = &faces[i];
        c->out[count++] = c->y + i * c->each;
    }
    multiply_all(c, count);
    for (size_t i = 0; i < n; i++) {
        if (faces[i].contributions)
            continue;
        if (!all_finite(c->y + i * c->each, c->each))
            return sl_fail(err, SL_ERR_NUMERIC, "the patches of face %zu give NaN or infinity", first + i);
        faces[i].contributions = c->y + i * c->each;
    }
    return SL_OK;
}

sl_status sl_contributions(const sl_head *head, const sl_patch_source *face, int threads, float *out, sl_error *err)
{
    sl_patch_source one = *face;
    sl_contributor *c;
    SL_TRY(sl_contributor_open(head, 1, threads, &c, err));
    sl_status status = sl_contributor_fill(c, &one, 1, 0, err);
    if (status == SL_OK)
        memcpy(out, one.contributions, c->each * sizeof *out);
    sl_contributor_close(c);
    return status;
}

/* ---- a gallery ---- */

struct sl_contribution_bank {
    size_t each;
    float *y; /* [faces, R, D] */
};

/* Faces from .. from + count of the gallery into the bank; `c` has no memory of its own for them. */
static sl_status take_faces(sl_contribution_bank *b, sl_contributor *c, sl_face_store store, size_t from,
                            size_t count, sl_patch_source *faces, sl_error *err)
{
    for (size_t i = 0; i < count; i++)
        SL_TRY(store.patches(store.context, from + i, &faces[i], err));
    SL_TRY(sl_contributor_fill(c, faces, count, from, err));
    memcpy(b->y + from * b->each, c->y, count * b->each * sizeof *b->y);
    return SL_OK;
}

static sl_status fill_bank(sl_contribution_bank *b, const sl_head *head, sl_face_store store, int threads,
                           sl_progress_fn progress, void *context, sl_error *err)
{
    size_t faces = store.count, step = CHUNK * (size_t)(threads > 0 ? threads : sl_cpu_count());
    sl_contributor *c;
    SL_TRY(sl_contributor_open(head, step, threads, &c, err));
    sl_patch_source *list = sl_calloc_aligned(step, sizeof *list);
    sl_status status = list ? SL_OK : sl_fail(err, SL_ERR_MEMORY, "no memory for the contributions of a gallery");
    for (size_t from = 0; status == SL_OK && from < faces; from += step) {
        size_t count = faces - from < step ? faces - from : step;
        status = take_faces(b, c, store, from, count, list, err);
        if (status == SL_OK && progress && progress(context, from + count, faces))
            status = sl_fail(err, SL_ERR_INTERRUPTED, "interrupted after %zu of %zu faces", from + count, faces);
    }
    free(list);
    sl_contributor_close(c);
    return status;
}

sl_status sl_contribution_bank_open(const sl_head *head, sl_face_store store, int threads,
                                    sl_progress_fn progress, void *context, sl_contribution_bank **out, sl_error *err)
{
    const sl_template_shape *shape = store.shape;
    *out = NULL;
    SL_TRY(sl_head_check(head, shape, err));
    sl_contribution_bank *b = calloc(1, sizeof *b);
    size_t bytes, faces = store.count;
    if (b) {
        b->each = (size_t)head->cells * (size_t)head->dim;
        b->y = sl_mul_size(faces + 1, b->each * sizeof(float), &bytes) ? sl_alloc_aligned(bytes) : NULL;
    }
    sl_status status = b && b->y ? fill_bank(b, head, store, threads, progress, context, err)
                                 : sl_fail(err, SL_ERR_MEMORY, "no memory for the contributions of %zu faces", faces);
    if (status != SL_OK)
        sl_contribution_bank_close(b);
    else
        *out = b;
    return status;
}

void sl_contribution_bank_close(sl_contribution_bank *b)
{
    if (!b)
        return;
    free(b->y);
    free(b);
}

const float *sl_contribution_bank_at(const sl_contribution_bank *b, size_t face)
{
    return b->y + face * b->each;
}
