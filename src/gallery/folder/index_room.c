/* Room in the index of faces and labels. */
#include "base/mem.h"
#include "gallery/folder/store.h"

static bool grow(void *array, size_t count, size_t size)
{
    void **p = array;
    void *larger = sl_realloc_array(*p, count, size);
    if (larger)
        *p = larger;
    return larger != NULL;
}

static bool grow_rows(sl_folder *g, size_t n)
{
    const bool fits = grow(&g->record_at, n, sizeof *g->record_at) && grow(&g->row_label, n, sizeof *g->row_label) &&
                      grow(&g->row_removed, n, sizeof *g->row_removed) && grow(&g->row_held, n, sizeof *g->row_held) &&
                      grow(&g->face_row, n, sizeof *g->face_row) && grow(&g->face_label, n, sizeof *g->face_label) &&
                      grow(&g->group_chain, n / SL_CODE_ROWS + 1, sizeof *g->group_chain);
    if (fits)
        g->rows_capacity = (uint32_t)n;
    return fits;
}

static bool grow_labels(sl_folder *g, size_t n)
{
    const bool fits = grow(&g->label_at, n, sizeof *g->label_at) && grow(&g->label_faces, n, sizeof *g->label_faces);
    if (fits)
        g->labels_capacity = (uint32_t)n;
    return fits;
}

bool sl_index_make_room(sl_folder *g, uint32_t rows, uint32_t labels)
{
    return (rows <= g->rows_capacity || grow_rows(g, rows)) && (labels <= g->labels_capacity || grow_labels(g, labels));
}

sl_status sl_index_reserve(sl_folder *g, sl_error *err)
{
    if (g->rows >= SL_ROWS_MAX)
        return sl_fail(err, SL_ERR_LIMIT,
                       "%s: the gallery has its most, %d faces (removed ones included): compact it "
                       "or begin another",
                       g->base.place, SL_ROWS_MAX);
    bool fits = sl_table_reserve(&g->images) && sl_table_reserve(&g->label_table);
    if (fits && g->rows == g->rows_capacity)
        fits = grow_rows(g, g->rows_capacity ? (size_t)g->rows_capacity * 2 : 64);
    if (fits && g->base.label_bound == g->labels_capacity)
        fits = grow_labels(g, g->labels_capacity ? (size_t)g->labels_capacity * 2 : 64);
    return fits ? SL_OK
                : sl_fail(err, SL_ERR_MEMORY, "%s: no memory for the index of %u faces", g->base.place, g->rows);
}
