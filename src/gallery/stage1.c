/* Stage 1, what it reads, and indexes that are worth having once a gallery is asked again and again. All of them are of
 * the faces as they are, and are made by the first thread that asks. */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "gallery/kind.h"
#include "match/stage1/codes.h"
#include "secondlook_serve.h"

/* ---- indexes ---- */

static void drop_index(sl_gallery *g, int kind)
{
    if (g->derived[kind].index)
        g->derived[kind].kind->destroy(g->derived[kind].index);
    g->derived[kind].index = NULL;
    g->derived[kind].uses = 0;
}

/* Codes are of what is scanned: of rows, where there are such. */
static bool is_of_rows(const sl_gallery *g, int kind)
{
    return kind == SL_DERIVED_BANK && g->rows_ready && g->rows.data;
}

static void forget(sl_gallery *g)
{
    g->embeddings_ready = g->rows_ready = false;
}

void sl_gallery_changed(sl_gallery *g)
{
    forget(g);
    for (int kind = 0; kind < SL_DERIVED_KINDS; kind++)
        drop_index(g, kind);
}

void sl_gallery_removed(sl_gallery *g)
{
    for (int kind = 0; kind < SL_DERIVED_KINDS; kind++)
        if (!is_of_rows(g, kind))
            drop_index(g, kind);
    g->embeddings_ready = false; /* rows are what they were */
}

/* What stage 1 scans: all rows, or the embeddings of the faces. Nothing where there is no face. */
static sl_status find_scanned(const sl_gallery *gallery, sl_vectors *out, sl_error *err)
{
    sl_gallery *g = (sl_gallery *)gallery; /* as in sl_gallery_embeddings */
    sl_status status = SL_OK;
    *out = (sl_vectors){.count = g->faces, .dim = g->shape->dim};
    if (g->faces == 0)
        return SL_OK;
    pthread_mutex_lock(&g->mutex);
    if (!g->rows_ready && g->kind->rows) {
        g->rows = (sl_vectors){0};
        status = g->kind->rows(g, &g->rows, err);
        g->rows_ready = status == SL_OK;
    }
    if (g->rows_ready && g->rows.data)
        *out = g->rows;
    pthread_mutex_unlock(&g->mutex);
    SL_TRY(status);
    return out->data ? SL_OK : sl_gallery_embeddings(g, &out->data, err);
}

/* There are more rows behind those that were, and faces may be gone (*added: none is): indexes that can grow do. */
static sl_status grow_indexes(sl_gallery *g, bool added, sl_error *err)
{
    sl_vectors scanned;
    const bool by_rows = is_of_rows(g, SL_DERIVED_BANK);
    forget(g);
    if (!by_rows && !added) {
        sl_gallery_changed(g);
        return SL_OK;
    }
    if (!g->derived[SL_DERIVED_BANK].index) { /* nothing grows */
        sl_gallery_changed(g);
        return SL_OK;
    }
    SL_TRY(find_scanned(g, &scanned, err));
    for (int kind = 0; kind < SL_DERIVED_KINDS; kind++) {
        const sl_derived_index *of = g->derived[kind].kind;
        const bool grows = kind == SL_DERIVED_BANK && by_rows == is_of_rows(g, kind) && scanned.data;
        if (g->derived[kind].index && of->grow && grows)
            SL_TRY(of->grow(g->derived[kind].index, g, scanned.data, err));
        else
            drop_index(g, kind);
    }
    return SL_OK;
}

sl_status sl_gallery_refresh(sl_gallery *g, sl_error *err)
{
    bool added = false;
    if (!g)
        return sl_fail(err, SL_ERR_ARGUMENT, "sl_gallery_refresh: gallery is NULL");
    if (!g->kind->refresh || g->writable)
        return sl_fail(err, SL_ERR_UNSUPPORTED, "%s: only a gallery in a folder that was opened for reading follows "
                       "what others write", g->place);
    SL_TRY(g->kind->refresh(g, &added, err));
    return grow_indexes(g, added, err);
}

sl_status sl_gallery_embeddings(const sl_gallery *gallery, const float **out, sl_error *err)
{
    sl_gallery *g = (sl_gallery *)gallery; /* the prepared view is no part of what a caller can see */
    *out = NULL;
    if (g->faces == 0)
        return SL_OK;
    pthread_mutex_lock(&g->mutex);
    sl_status status = g->embeddings_ready ? SL_OK : g->kind->embeddings(g, &g->embeddings, err);
    if (status == SL_OK) {
        g->embeddings_ready = true;
        *out = g->embeddings;
    }
    pthread_mutex_unlock(&g->mutex);
    return status;
}

sl_status sl_gallery_derived(const sl_gallery *gallery, const sl_derived_index *index_kind, size_t uses, int threads,
                             void **out, sl_error *err)
{
    sl_gallery *g = (sl_gallery *)gallery;
    sl_vectors of = {0};
    *out = NULL;
    if (g->kind->top) /* its faces are afar, and it has indexes of its own */
        return SL_OK;
    if (index_kind->kind == SL_DERIVED_BANK)
        SL_TRY(find_scanned(gallery, &of, err));
    else
        SL_TRY(sl_gallery_embeddings(gallery, &of.data, err));
    pthread_mutex_lock(&g->mutex);
    sl_status status = SL_OK;
    const bool had = g->derived[index_kind->kind].uses >= index_kind->after;
    g->derived[index_kind->kind].kind = index_kind;
    g->derived[index_kind->kind].uses += had ? 0 : uses;
    if (!had && g->derived[index_kind->kind].uses >= index_kind->after && of.data)
        status = index_kind->make(gallery, of.data, threads, &g->derived[index_kind->kind].index, err);
    if (status == SL_ERR_MEMORY) /* it was never needed */
        status = SL_OK;
    *out = g->derived[index_kind->kind].index;
    pthread_mutex_unlock(&g->mutex);
    return status;
}

/* ---- the search ---- */

/* Rows, or faces. */
static size_t scanned_count(const sl_gallery *g)
{
    return is_of_rows(g, SL_DERIVED_BANK) ? g->rows.count : g->faces;
}

static sl_status make_bank(const sl_gallery *gallery, const float *embeddings, int threads, void **out, sl_error *err)
{
    sl_cosine_bank *bank;
    const sl_vectors all = {embeddings, scanned_count(gallery), gallery->shape->dim};
    SL_TRY(sl_cosine_bank_open(&all, threads, &bank, err));
    *out = bank;
    return SL_OK;
}

static void destroy_bank(void *bank)
{
    sl_cosine_bank_close(bank);
}

static sl_status grow_bank(void *bank, const sl_gallery *gallery, const float *embeddings, sl_error *err)
{
    return sl_cosine_bank_grow(bank, embeddings, scanned_count(gallery), err);
}

/* Codes pay at the second query. */
static const sl_derived_index bank_index = {SL_DERIVED_BANK, 2, make_bank, destroy_bank, grow_bank};

/* The rows as they lie with their codes, where they do. */
static sl_status find_coded(const sl_gallery *gallery, sl_scan_block blocks[2], size_t *count, sl_error *err)
{
    sl_gallery *g = (sl_gallery *)gallery; /* as in sl_gallery_embeddings */
    *count = 0;
    if (!g->kind->coded || g->faces == 0)
        return SL_OK;
    pthread_mutex_lock(&g->mutex);
    const sl_status status = g->kind->coded(g, blocks, count, err);
    pthread_mutex_unlock(&g->mutex);
    return status;
}

sl_status sl_gallery_expect(const sl_gallery *g, size_t queries, int threads, sl_error *err)
{
    void *bank;
    size_t coded;
    sl_scan_block blocks[2];
    SL_TRY(find_coded(g, blocks, &coded, err));
    if (coded)
        return SL_OK;
    return sl_gallery_derived(g, &bank_index, queries, threads, &bank, err);
}

size_t sl_gallery_unsearched(const sl_gallery *g)
{
    return g->kind->unsearched ? g->kind->unsearched(g) : 0;
}

/* The best of what is scanned, by the codes where there are some. */
static sl_status scan(const sl_cosine_bank *bank, const sl_vectors *all, const sl_vectors *queries, int k, int threads,
                      uint32_t *index, float *cosine, sl_error *err)
{
    return bank ? sl_cosine_bank_top(bank, queries, k, threads, index, cosine, err)
                : sl_cosine_top(all, queries, k, threads, index, cosine, err);
}

/* The first k rows that have a face, as faces; false where there are fewer among the `wide`, and nothing behind
 * them. */
static bool keep_faces(const sl_gallery *g, const uint32_t *rows, const float *scores, int wide, int k, uint32_t *index,
                       float *cosine)
{
    int kept = 0;
    for (int i = 0; i < wide && kept < k; i++) {
        const size_t face = rows[i] == UINT32_MAX ? SIZE_MAX : g->kind->face_of_row(g, rows[i]);
        if (face == SIZE_MAX)
            continue;
        index[kept] = (uint32_t)face;
        cosine[kept++] = scores[i];
    }
    for (int i = kept; i < k; i++) {
        index[i] = UINT32_MAX;
        cosine[i] = -INFINITY;
    }
    return kept == k;
}

/* Some rows are of removed faces: more are looked for, until enough of them are not. */
static sl_status scan_rows(const sl_gallery *g, const sl_cosine_bank *bank, const sl_vectors *all,
                           const sl_vectors *queries, int k, int threads, uint32_t *index, float *cosine, sl_error *err)
{
    bool enough = false;
    sl_status status = SL_OK;
    for (size_t wide = (size_t)k * all->count / g->faces + 16; !enough && status == SL_OK; wide *= 4) {
        const int most = (int)(wide < all->count ? wide : all->count);
        uint32_t *rows = sl_realloc_array(NULL, queries->count * (size_t)most, sizeof *rows);
        float *scores = sl_realloc_array(NULL, queries->count * (size_t)most, sizeof *scores);
        status = rows && scores
                     ? scan(bank, all, queries, most, threads, rows, scores, err)
                     : sl_fail(err, SL_ERR_MEMORY, "%s: no memory for a search: compact the gallery", g->place);
        enough = status == SL_OK;
        for (size_t q = 0; q < queries->count && enough; q++)
            enough = keep_faces(g, rows + q * (size_t)most, scores + q * (size_t)most, most, k, index + q * (size_t)k,
                                cosine + q * (size_t)k) ||
                     (size_t)most == all->count; /* there are no more */
        free(rows);
        free(scores);
    }
    return status;
}

/* By the codes that lie with the rows; *answered: there were some, and they held. */
static sl_status top_coded(const sl_gallery *g, const sl_vectors *queries, int k, int threads, uint32_t *index,
                           float *cosine, bool *answered, sl_error *err)
{
    sl_scan_block blocks[2];
    size_t count;
    *answered = false;
    SL_TRY(find_coded(g, blocks, &count, err));
    if (count == 0)
        return SL_OK;
    const sl_status status = sl_scan_top(blocks, count, queries, k, threads, index, cosine, err);
    if (status != SL_OK) { /* of the codes, which are gone then, or of what they are of */
        SL_TRY(find_coded(g, blocks, &count, err));
        return count ? status : SL_OK;
    }
    for (size_t i = 0; i < queries->count * (size_t)k; i++)
        if (index[i] != UINT32_MAX)
            index[i] = (uint32_t)g->kind->face_of_row(g, index[i]);
    *answered = true;
    return SL_OK;
}

sl_status sl_gallery_top(const sl_gallery *g, const sl_vectors *queries, int k, int threads, uint32_t *index,
                         float *cosine, sl_error *err)
{
    void *bank;
    sl_vectors all;
    if (g->kind->top)
        return g->kind->top(g, queries, k, threads, index, cosine, err);
    bool answered;
    SL_TRY(top_coded(g, queries, k, threads, index, cosine, &answered, err));
    if (answered)
        return SL_OK;
    SL_TRY(sl_gallery_derived(g, &bank_index, 0, threads, &bank, err)); /* as it is: these queries were expected */
    SL_TRY(find_scanned(g, &all, err));
    if (all.count > g->faces)
        return scan_rows(g, bank, &all, queries, k, threads, index, cosine, err);
    return scan(bank, &all, queries, k, threads, index, cosine, err);
}
