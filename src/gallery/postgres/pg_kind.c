/* Galleries in PostgreSQL: the table that the rest of the library sees of this one. */
#include "gallery/postgres/pg_store.h"

static size_t unsearched(const sl_gallery *g)
{
    sl_pg *p = (sl_pg *)g;
    pthread_mutex_lock(&p->lock);
    const size_t faces = p->unsearched;
    pthread_mutex_unlock(&p->lock);
    return faces;
}

static void *hold(const sl_gallery *g)
{
    sl_pg *p = (sl_pg *)g;
    pthread_mutex_lock(&p->lock);
    void *held = sl_pg_hold(&p->cache);
    pthread_mutex_unlock(&p->lock);
    return held;
}

static void let_go(const sl_gallery *g, void *held)
{
    sl_pg *p = (sl_pg *)g;
    pthread_mutex_lock(&p->lock);
    sl_pg_let_go(&p->cache, held);
    pthread_mutex_unlock(&p->lock);
}

const sl_gallery_kind sl_postgres_kind = {
    .prefix = SL_PG_PREFIX,
    .open = sl_pg_open,
    .close = sl_pg_close,
    .verify = sl_pg_verify,
    .compact = sl_pg_compact,
    .rebalance = sl_pg_rebalance,
    .leftovers = sl_pg_leftovers,
    .info = sl_pg_info,
    .embeddings = sl_pg_embeddings,
    .top = sl_pg_top,
    .unsearched = unsearched,
    .hold = hold,
    .let_go = let_go,
    .entry = sl_pg_entry,
    .label_id = sl_pg_label_id,
    .embedding = sl_pg_embedding,
    .patches = sl_pg_patches,
    .landmarks = sl_pg_landmarks,
    .crop = sl_pg_crop,
    .find = sl_pg_find,
    .find_all = sl_pg_find_all,
    .find_photo = sl_pg_find_photo,
    .replace = sl_pg_replace,
    .commit = sl_pg_commit,
    .remove = sl_pg_remove,
    .read_note = sl_pg_read_note,
    .write_note = sl_pg_write_note,
};
