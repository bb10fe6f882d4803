/* What was read of faces, by their number in the database. Entries stay until the gallery is closed, as answers point
 * into them. Templates come in generations: once there are many, the next ones are of a new generation, and the old
 * one is freed when nobody who began while it was the newest is still at work. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "gallery/postgres/pg_store.h"

enum { MOST_BYTES = 256 << 20 /* of a generation */ };

/* ---- faces by id ---- */

static size_t slot_of(const sl_pg_cache *c, int64_t id)
{
    const size_t mask = c->capacity - 1;
    size_t at = (size_t)((uint64_t)id * 0x9e3779b97f4a7c15u >> 20) & mask;
    while (c->slots[at] && c->slots[at]->id != id)
        at = (at + 1) & mask;
    return at;
}

sl_pg_face *sl_pg_cached(const sl_pg_cache *c, int64_t id)
{
    return c->capacity ? c->slots[slot_of(c, id)] : NULL;
}

static bool grow(sl_pg_cache *c)
{
    sl_pg_cache larger = *c;
    larger.capacity = c->capacity ? 2 * c->capacity : 1024;
    larger.slots = calloc(larger.capacity, sizeof *larger.slots);
    if (!larger.slots)
        return false;
    for (size_t i = 0; i < c->capacity; i++)
        if (c->slots[i])
            larger.slots[slot_of(&larger, c->slots[i]->id)] = c->slots[i];
    free(c->slots);
    c->slots = larger.slots;
    c->capacity = larger.capacity;
    return true;
}

sl_pg_face *sl_pg_cache_place(sl_pg_cache *c, int64_t id)
{
    sl_pg_face *f = sl_pg_cached(c, id);
    if (f || (2 * (c->count + 1) > c->capacity && !grow(c)) || !(f = calloc(1, sizeof *f)))
        return f;
    f->id = id;
    c->slots[slot_of(c, id)] = f;
    c->count++;
    return f;
}

/* ---- generations ---- */

static sl_pg_generation *newest(sl_pg_cache *c)
{
    if (!c->newest)
        c->oldest = c->newest = calloc(1, sizeof *c->newest);
    return c->newest;
}

static void free_generation(sl_pg_generation *g)
{
    for (size_t i = 0; i < g->count; i++)
        free(g->templates[i]);
    free(g->templates);
    free(g);
}

bool sl_pg_cache_template(sl_pg_cache *c, sl_pg_face *f, uint8_t *template, size_t bytes)
{
    sl_pg_generation *g = newest(c);
    uint8_t **templates = g ? sl_with_room(g->templates, g->count, &g->room, sizeof *templates) : NULL;
    if (!templates) {
        free(template);
        return false;
    }
    g->templates = templates;
    g->templates[g->count++] = template;
    g->bytes += bytes;
    f->template = template;
    return true;
}

sl_pg_generation *sl_pg_hold(sl_pg_cache *c)
{
    sl_pg_generation *g = newest(c);
    if (g)
        g->holders++;
    return g;
}

/* Those who ask from now on do not find what has been read so far. */
static void begin_generation(sl_pg_cache *c)
{
    sl_pg_generation *g = calloc(1, sizeof *g);
    if (!g)
        return; /* the old one goes on */
    for (size_t i = 0; i < c->capacity; i++)
        if (c->slots[i])
            c->slots[i]->template = NULL;
    c->newest->next = g;
    c->newest = g;
}

void sl_pg_let_go(sl_pg_cache *c, sl_pg_generation *held)
{
    if (!held)
        return;
    held->holders--;
    if (c->newest->bytes > MOST_BYTES)
        begin_generation(c);
    while (c->oldest != c->newest && c->oldest->holders == 0) {
        sl_pg_generation *g = c->oldest;
        c->oldest = g->next;
        free_generation(g);
    }
}

/* ---- labels ---- */

static bool is_label(const void *context, uint32_t number, const char *text, size_t size)
{
    const sl_pg_cache *c = context;
    return strncmp(c->labels[number], text, size + 1) == 0;
}

bool sl_pg_cache_label(sl_pg_cache *c, const char *label, uint32_t *number)
{
    const size_t size = strlen(label);
    *number = sl_table_find(&c->label_table, label, size, is_label, c);
    if (*number != SL_TABLE_NONE)
        return true;
    char **labels = sl_with_room(c->labels, c->labels_count, &c->labels_room, sizeof *labels);
    c->labels = labels ? labels : c->labels;
    char *copy = labels && sl_table_reserve(&c->label_table) ? sl_strdup(label) : NULL;
    if (!copy)
        return false;
    *number = (uint32_t)c->labels_count;
    c->labels[c->labels_count++] = copy;
    sl_table_insert(&c->label_table, label, size, *number);
    return true;
}

void sl_pg_cache_free(sl_pg_cache *c)
{
    for (size_t i = 0; i < c->capacity; i++)
        if (c->slots[i]) {
            free(c->slots[i]->held);
            free(c->slots[i]->crop);
            free(c->slots[i]);
        }
    for (sl_pg_generation *g = c->oldest, *next; g; g = next) {
        next = g->next;
        free_generation(g);
    }
    for (size_t i = 0; i < c->labels_count; i++)
        free(c->labels[i]);
    sl_table_free(&c->label_table);
    free(c->labels);
    free(c->slots);
    *c = (sl_pg_cache){0};
}
