/* Galleries in this process's memory, for experiments, tests and sets of faces that are thrown away: ":memory:". Such a
 * gallery is what its handle holds. Nothing of it is on disk, so a commit has nothing to do. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "gallery/kind.h"
#include "gallery/table.h"

typedef struct {
    sl_entry entry; /* its strings and its hash lie in `held` */
    uint32_t label;
    uint8_t *held; /* patch row, image id, label, hash, crop, one behind the other */
    const uint8_t *crop;
    size_t crop_size;
    bool gone; /* while faces are taken out */
} held_face;

typedef struct {
    sl_gallery base; /* label_bound: labels of the faces that are there */
    sl_template_shape shape;
    char model[64];
    float *centre; /* [R, D], of compact patches */
    size_t room;
    held_face *faces;        /* [room] base.faces of them */
    float *embeddings;       /* [room, D] */
    sl_table images, labels; /* faces by image id; by label, the first of each */
} memory;

/* ---- opening ---- */

static sl_status begin(memory *m, const char *place, const sl_template_shape *shape, const char *model, sl_error *err)
{
    const size_t centre = shape->format == SL_PATCHES_COMPACT ? sl_contribution_count(shape) * sizeof(float) : 0;
    m->shape = *shape;
    strcpy(m->model, model); /* its length was checked */
    m->base.id = m->images.seed = m->labels.seed = sl_gallery_new_id();
    m->base.model = m->model;
    m->base.shape = &m->shape;
    SL_TRY(sl_gallery_begin(&m->base, &sl_memory_kind, place, true, err));
    m->centre = centre ? sl_alloc_aligned(centre) : NULL;
    if (centre && !m->centre)
        return sl_fail(err, SL_ERR_MEMORY, "%s: no memory", place);
    m->shape.centre = centre ? memcpy(m->centre, shape->centre, centre) : NULL;
    return SL_OK;
}

static sl_status open_new(const char *place, sl_gallery_mode mode, const sl_template_shape *shape, const char *model,
                          sl_gallery **out, sl_error *err)
{
    if (mode != SL_GALLERY_CREATE)
        return sl_fail(err, SL_ERR_NOT_FOUND, "%s: no gallery there: one in memory is created, and ends with its "
                       "handle", place);
    SL_TRY(sl_gallery_check_centre(place, shape, err));
    memory *m = calloc(1, sizeof *m);
    if (!m)
        return sl_fail(err, SL_ERR_MEMORY, "%s: no memory", place);
    sl_status status = begin(m, place, shape, model, err);
    if (status == SL_OK)
        *out = &m->base;
    else
        sl_gallery_close(&m->base);
    return status;
}

static void close_all(sl_gallery *g)
{
    memory *m = (memory *)g;
    for (size_t i = 0; i < g->faces; i++)
        free(m->faces[i].held);
    sl_table_free(&m->images);
    sl_table_free(&m->labels);
    free(m->faces);
    free(m->embeddings);
    free(m->centre);
    free(m);
}

/* ---- reading: what is in memory is there, and sound ---- */

static const held_face *at(const sl_gallery *g, size_t i)
{
    return &((const memory *)g)->faces[i];
}

static void info(const sl_gallery *g, sl_gallery_info *out)
{
    out->labels = g->label_bound;
}

static sl_status entry(const sl_gallery *g, size_t i, sl_entry *out, sl_error *err)
{
    (void)err;
    *out = at(g, i)->entry;
    return SL_OK;
}

static uint32_t label_id(const sl_gallery *g, size_t i)
{
    return at(g, i)->label;
}

static sl_status embedding(const sl_gallery *g, size_t i, const float **out, sl_error *err)
{
    (void)err;
    *out = ((const memory *)g)->embeddings + i * (size_t)g->shape->dim;
    return SL_OK;
}

static sl_status embeddings(sl_gallery *g, const float **out, sl_error *err)
{
    return embedding(g, 0, out, err);
}

static sl_status patches(const sl_gallery *g, size_t i, sl_patch_source *out, sl_error *err)
{
    (void)err;
    *out = sl_patch_row_source(at(g, i)->held, g->shape);
    return SL_OK;
}

static sl_status landmarks(const sl_gallery *g, size_t i, const sl_point **out, sl_error *err)
{
    (void)err;
    *out = at(g, i)->entry.has_landmarks ? sl_patch_row_landmarks(at(g, i)->held, g->shape) : NULL;
    return SL_OK;
}

static sl_status crop(const sl_gallery *g, size_t i, const uint8_t **jpeg, size_t *size, sl_error *err)
{
    (void)err;
    *jpeg = at(g, i)->crop;
    *size = at(g, i)->crop_size;
    return SL_OK;
}

/* ---- finding ---- */

static bool is_image(const void *g, uint32_t i, const char *image, size_t size)
{
    return strncmp(at(g, i)->entry.image, image, size + 1) == 0;
}

static bool is_label(const void *g, uint32_t i, const char *label, size_t size)
{
    return strncmp(at(g, i)->entry.label, label, size + 1) == 0;
}

static sl_status find(const sl_gallery *g, const char *image, size_t *i, sl_error *err)
{
    const uint32_t found = sl_table_find(&((const memory *)g)->images, image, strlen(image), is_image, g);
    (void)err;
    *i = found;
    return found == SL_TABLE_NONE ? SL_ERR_NOT_FOUND : SL_OK;
}

static sl_status find_photo(sl_gallery *g, const uint8_t sha256[32], const char *label, size_t *i, sl_error *err)
{
    (void)err;
    for (*i = 0; *i < g->faces; ++*i) {
        const sl_entry *e = &at(g, *i)->entry;
        if (e->photo_sha256 && memcmp(e->photo_sha256, sha256, 32) == 0 && (!label || sl_same_name(e->label, label)))
            return SL_OK;
    }
    return SL_ERR_NOT_FOUND;
}

/* ---- writing ---- */

/* Face i into the tables, which have room. */
static void list_face(memory *m, size_t i)
{
    held_face *f = &m->faces[i];
    const char *image = f->entry.image, *label = f->entry.label;
    const uint32_t first = sl_table_find(&m->labels, label, strlen(label), is_label, m);
    f->label = first == SL_TABLE_NONE ? m->base.label_bound++ : m->faces[first].label;
    if (first == SL_TABLE_NONE)
        sl_table_insert(&m->labels, label, strlen(label), (uint32_t)i);
    sl_table_insert(&m->images, image, strlen(image), (uint32_t)i);
}

/* Drops the faces that are gone; those behind them get other numbers. */
static void drop_gone(memory *m)
{
    const size_t dim = (size_t)m->shape.dim, faces = m->base.faces;
    sl_table_clear(&m->images);
    sl_table_clear(&m->labels);
    m->base.faces = m->base.label_bound = 0;
    for (size_t i = 0; i < faces; i++) {
        if (m->faces[i].gone) {
            free(m->faces[i].held);
            continue;
        }
        const size_t to = m->base.faces++;
        m->faces[to] = m->faces[i];
        memmove(m->embeddings + to * dim, m->embeddings + i * dim, dim * sizeof *m->embeddings);
        list_face(m, to);
    }
}

/* For one more face. */
static sl_status make_room(memory *m, sl_error *err)
{
    const size_t room = 2 * m->room + 64;
    bool fits = sl_table_reserve(&m->images) && sl_table_reserve(&m->labels);
    if (fits && m->base.faces == m->room) {
        void *faces = sl_realloc_array(m->faces, room, sizeof *m->faces);
        m->faces = faces ? faces : m->faces;
        void *rows = sl_realloc_array(m->embeddings, room, (size_t)m->shape.dim * sizeof *m->embeddings);
        m->embeddings = rows ? rows : m->embeddings;
        fits = faces && rows;
        m->room = fits ? room : m->room;
    }
    return fits ? SL_OK : sl_fail(err, SL_ERR_MEMORY, "%s: no memory for a face more", m->base.place);
}

/* Copies `size` bytes (none: of NULL) to *to, behind which the next ones go. */
static void *lay(uint8_t **to, const void *from, size_t size)
{
    void *here = size ? memcpy(*to, from, size) : NULL;
    *to += size;
    return here;
}

static sl_status hold(const memory *m, const sl_new_face *face, held_face *out, sl_error *err)
{
    const sl_entry *e = face->entry;
    const size_t row = sl_patch_row_layout(&m->shape).stride, hash = e->photo_sha256 ? 32 : 0;
    const size_t image = strlen(e->image) + 1, label = strlen(e->label) + 1;
    uint8_t *to = sl_alloc_aligned(row + image + label + hash + face->crop_size);
    if (!to)
        return sl_fail(err, SL_ERR_MEMORY, "%s: no memory for a face more", m->base.place);
    *out = (held_face){.entry = *e, .held = to, .crop_size = face->crop_size};
    lay(&to, face->patch_row, row);
    out->entry.image = lay(&to, e->image, image);
    out->entry.label = lay(&to, e->label, label);
    out->entry.photo_sha256 = lay(&to, e->photo_sha256, hash);
    out->crop = lay(&to, face->crop, face->crop_size);
    return SL_OK;
}

static sl_status replace(sl_gallery *g, const size_t *old, size_t count, const sl_new_face *face, sl_error *err)
{
    memory *m = (memory *)g;
    const size_t dim = (size_t)m->shape.dim;
    held_face added;
    SL_TRY(make_room(m, err));
    SL_TRY(hold(m, face, &added, err));
    for (size_t i = 0; i < count; i++)
        m->faces[old[i]].gone = true;
    if (count)
        drop_gone(m);
    m->faces[g->faces] = added;
    memcpy(m->embeddings + g->faces * dim, face->embedding, dim * sizeof *m->embeddings);
    list_face(m, g->faces++);
    return SL_OK;
}

static sl_status commit(sl_gallery *g, sl_error *err)
{
    (void)g, (void)err;
    return SL_OK;
}

static sl_status remove_named(sl_gallery *g, const char *image, const char *label, size_t *removed, sl_error *err)
{
    memory *m = (memory *)g;
    (void)err;
    *removed = 0;
    for (size_t i = 0; i < g->faces; i++) {
        held_face *f = &m->faces[i];
        f->gone = (!image || strcmp(f->entry.image, image) == 0) && (!label || strcmp(f->entry.label, label) == 0);
        *removed += f->gone;
    }
    if (*removed)
        drop_gone(m);
    return SL_OK;
}

const sl_gallery_kind sl_memory_kind = {
    .prefix = ":memory:",
    .open = open_new,
    .close = close_all,
    .info = info,
    .embeddings = embeddings,
    .entry = entry,
    .label_id = label_id,
    .embedding = embedding,
    .patches = patches,
    .landmarks = landmarks,
    .crop = crop,
    .find = find,
    .find_photo = find_photo,
    .replace = replace,
    .commit = commit,
    .remove = remove_named,
};
