/* Stage 1, what it reads, and indexes that are worth having once a gallery is asked again and again. All of them are of
 * the faces as they are, and are made by the first thread that asks. */
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

void sl_gallery_changed(sl_gallery *g)
{
    g->embeddings_ready = false;
    for (int kind = 0; kind < SL_DERIVED_KINDS; kind++)
        drop_index(g, kind);
}

/* There are more faces behind those that were: indexes that can grow do. */
static sl_status grow_indexes(sl_gallery *g, sl_error *err)
{
    const float *embeddings;
    g->embeddings_ready = false;
    SL_TRY(sl_gallery_embeddings(g, &embeddings, err));
    for (int kind = 0; kind < SL_DERIVED_KINDS; kind++) {
        const sl_derived_index *of = g->derived[kind].kind;
        if (g->derived[kind].index && of->grow)
            SL_TRY(of->grow(g->derived[kind].index, g, embeddings, err));
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
        return sl_fail(err, SL_ERR_UNSUPPORTED, "%s: only a gallery in a folder that was opened for reading follows what "
                       "others write", g->place);
    SL_TRY(g->kind->refresh(g, &added, err));
    if (added)
        return grow_indexes(g, err);
    sl_gallery_changed(g);
    return SL_OK;
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
    const float *embeddings;
    *out = NULL;
    if (g->kind->top) /* its faces are afar, and it has indexes of its own */
        return SL_OK;
    SL_TRY(sl_gallery_embeddings(gallery, &embeddings, err));
    pthread_mutex_lock(&g->mutex);
    sl_status status = SL_OK;
    const bool had = g->derived[index_kind->kind].uses >= index_kind->after;
    g->derived[index_kind->kind].kind = index_kind;
    g->derived[index_kind->kind].uses += had ? 0 : uses;
    if (!had && g->derived[index_kind->kind].uses >= index_kind->after && embeddings)
        status = index_kind->make(gallery, embeddings, threads, &g->derived[index_kind->kind].index, err);
    if (status == SL_ERR_MEMORY) /* it was never needed */
        status = SL_OK;
    *out = g->derived[index_kind->kind].index;
    pthread_mutex_unlock(&g->mutex);
    return status;
}

/* ---- the search ---- */

static sl_status make_bank(const sl_gallery *gallery, const float *embeddings, int threads, void **out, sl_error *err)
{
    sl_cosine_bank *bank;
    const sl_vectors all = {embeddings, gallery->faces, gallery->shape->dim};
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
    return sl_cosine_bank_grow(bank, embeddings, gallery->faces, err);
}

/* Codes pay at the second query. */
static const sl_derived_index bank_index = {SL_DERIVED_BANK, 2, make_bank, destroy_bank, grow_bank};

sl_status sl_gallery_expect(const sl_gallery *g, size_t queries, int threads, sl_error *err)
{
    void *bank;
    return sl_gallery_derived(g, &bank_index, queries, threads, &bank, err);
}

size_t sl_gallery_unsearched(const sl_gallery *g)
{
    return g->kind->unsearched ? g->kind->unsearched(g) : 0;
}

sl_status sl_gallery_top(const sl_gallery *g, const sl_vectors *queries, int k, int threads, uint32_t *index,
                         float *cosine, sl_error *err)
{
    void *bank;
    sl_vectors all = {.count = g->faces, .dim = g->shape->dim};
    if (g->kind->top)
        return g->kind->top(g, queries, k, threads, index, cosine, err);
    SL_TRY(sl_gallery_derived(g, &bank_index, 0, threads, &bank, err)); /* as it is: these queries were expected */
    if (bank)
        return sl_cosine_bank_top(bank, queries, k, threads, index, cosine, err);
    SL_TRY(sl_gallery_embeddings(g, &all.data, err));
    return sl_cosine_top(&all, queries, k, threads, index, cosine, err);
}
