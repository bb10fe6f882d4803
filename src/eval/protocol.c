/* Who is asked and who may be found. */
#include "eval/protocol.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "eval/name_sets.h"
#include "eval/own_photos.h"
#include "gallery/gallery.h"
#include "gallery/parts.h"
#include "secondlook_eval.h"

static const uint32_t none = UINT32_MAX;

/* What is needed while the protocol is made. */
typedef struct {
    sl_protocol *p;
    const sl_eval_options *options;
    size_t faces, queries; /* of the two folders */
    uint8_t *face_in;      /* [faces] may be found */
    uint8_t *query_in;     /* [queries] belongs to the experiment */
    uint32_t *photos;      /* [label bound] faces of a person that may be found */
    sl_name *names;        /* [faces] the gallery's labels, sorted */
} making;

static bool is_self(const sl_protocol *p)
{
    return p->gallery == p->queries;
}

/* ---- queries in the gallery ---- */

static void find_people(making *m)
{
    for (size_t i = 0; i < m->faces; i++) {
        const char *label = sl_gallery_label(m->p->gallery, i);
        m->p->labels[i] = sl_gallery_label_id(m->p->gallery, i);
        m->names[i] = (sl_name){label, strlen(label), m->p->labels[i]};
    }
    sl_names_sort(m->names, m->faces);
    for (size_t q = 0; q < m->queries; q++) {
        const char *label = sl_gallery_label(m->p->queries, q);
        const sl_name *found = sl_names_find(m->names, m->faces, label, strlen(label));
        m->p->person[q] = found ? found->value : none;
    }
}

static sl_status find_own_photos(making *m, sl_error *err)
{
    sl_protocol *p = m->p;
    for (size_t q = 0; q < m->queries; q++)
        p->own_photo[q] = is_self(p) ? (uint32_t)q : none;
    if (is_self(p) || !m->options->exclude_same_photo)
        return SL_OK;
    return sl_own_photos_find(p->gallery, p->queries, &m->options->same_photo, p->own_photo, err);
}

/* ---- who takes part ---- */

/* Marks the faces of one folder that a list names by person or by photo. */
static void mark_listed(const sl_gallery *g, size_t faces, const sl_name *list, size_t count, uint8_t *in,
                        uint8_t *used)
{
    for (size_t i = 0; i < faces; i++) {
        const char *label = sl_gallery_label(g, i), *image = sl_gallery_image(g, i);
        const sl_name *by_label = sl_names_find(list, count, label, strlen(label));
        const sl_name *by_image = sl_names_find(list, count, image, strlen(image));
        in[i] = by_label || by_image;
        if (by_label)
            used[by_label - list] = 1;
        if (by_image)
            used[by_image - list] = 1;
    }
}

static sl_status apply_list(making *m, sl_error *err)
{
    const char *file = m->options->only;
    uint8_t *text, *used = NULL;
    size_t size, count = 0;
    sl_name *list = NULL;
    SL_TRY(sl_read_file(file, (size_t)1 << 30, &text, &size, err));
    sl_status status = sl_names_parse((const char *)text, size, file, &list, &count, err);
    if (status == SL_OK && !(used = sl_calloc_aligned(count, 1)))
        status = sl_fail(err, SL_ERR_MEMORY, "%s: no memory for its names", file);
    if (status == SL_OK) {
        mark_listed(m->p->gallery, m->faces, list, count, m->face_in, used);
        mark_listed(m->p->queries, m->queries, list, count, m->query_in, used);
        const sl_name *unknown = NULL;
        for (size_t i = 0; i < count; i++)
            if (!used[i] && (!unknown || list[i].value < unknown->value))
                unknown = &list[i];
        if (unknown)
            status =
                sl_fail(err, SL_ERR_NOT_FOUND,
                        "%s, line %u: '%.*s' is no person and no photo of the gallery or the "
                        "queries",
                        file, unknown->value, (int)(unknown->length < 200 ? unknown->length : 200), unknown->text);
    }
    free(used);
    free(list);
    free(text);
    return status;
}

/* Leaves out the gallery's people with fewer than min_photos photos, and their queries. */
static void apply_least_photos(making *m)
{
    sl_protocol *p = m->p;
    for (size_t i = 0; i < m->faces; i++)
        m->photos[p->labels[i]] += m->face_in[i];
    for (size_t i = 0; i < m->faces; i++)
        if (m->photos[p->labels[i]] < m->options->min_photos)
            m->face_in[i] = 0;
    for (size_t q = 0; q < m->queries; q++) {
        size_t photos = p->person[q] == none ? 0 : m->photos[p->person[q]];
        if (photos < m->options->min_photos || !sl_in_half(m->options->people, sl_gallery_label(p->queries, q)))
            m->query_in[q] = 0;
    }
    for (size_t i = 0; i < m->faces; i++)
        if (m->face_in[i])
            p->faces[p->face_count++] = (uint32_t)i;
}

/* R of a query: the photos of its person, less its own where that is passed over; 0: nobody to be found. The
 * published code counts the query itself where both folders are one. */
static uint32_t relevant(const making *m, size_t q)
{
    const sl_protocol *p = m->p;
    if (p->person[q] == none)
        return 0;
    uint32_t own = p->own_photo[q];
    bool passed_over = own != none && m->face_in[own] && p->labels[own] == p->person[q];
    return m->photos[p->person[q]] - (passed_over && !(m->options->reference_metrics && is_self(p)));
}

static void choose_queries(making *m)
{
    sl_protocol *p = m->p;
    for (size_t q = 0; q < m->queries; q++) {
        if (!m->query_in[q])
            continue;
        p->query_count++;
        p->own_photos += p->own_photo[q] != none;
        p->relevant[q] = relevant(m, q);
        if (p->relevant[q])
            p->asked[p->asked_count++] = (uint32_t)q;
        else
            p->unmatched[p->unmatched_count++] = (uint32_t)q;
    }
    size_t limit = m->options->limit;
    if (limit && limit < p->asked_count) {
        for (size_t i = 0; i < limit; i++) /* in place: the source is never behind */
            p->asked[i] = p->asked[(size_t)((unsigned __int128)i * p->asked_count / limit)];
        p->asked_count = limit;
    }
    for (size_t i = 0; i < p->asked_count; i++)
        if (p->relevant[p->asked[i]] > p->most_relevant)
            p->most_relevant = p->relevant[p->asked[i]];
}

/* ---- all of it ---- */

sl_status sl_check_queries(const sl_gallery *gallery, const sl_gallery *queries, sl_error *err)
{
    if (sl_same_model(sl_gallery_shape(gallery)->fingerprint, sl_gallery_shape(queries)->fingerprint))
        return SL_OK;
    return sl_fail(err, SL_ERR_MISMATCH,
                   "the queries were made by another model than the gallery: enrol one of them again");
}

static sl_status allocate(making *m, sl_error *err)
{
    sl_protocol *p = m->p;
    size_t bound = (size_t)sl_gallery_label_bound(p->gallery) + 1;
    uint32_t **const of_queries[] = {&p->person, &p->own_photo, &p->relevant, &p->asked, &p->unmatched};
    bool failed = false;
    for (size_t i = 0; i < sizeof of_queries / sizeof *of_queries; i++)
        failed |= !(*of_queries[i] = sl_calloc_aligned(m->queries, sizeof(uint32_t)));
    failed |= !(p->labels = sl_calloc_aligned(m->faces, sizeof *p->labels));
    failed |= !(p->faces = sl_calloc_aligned(m->faces, sizeof *p->faces));
    failed |= !(m->face_in = sl_calloc_aligned(m->faces, 1));
    failed |= !(m->query_in = sl_calloc_aligned(m->queries, 1));
    failed |= !(m->photos = sl_calloc_aligned(bound, sizeof *m->photos));
    failed |= !(m->names = sl_calloc_aligned(m->faces, sizeof *m->names));
    if (failed)
        return sl_fail(err, SL_ERR_MEMORY, "no memory to evaluate %zu queries", m->queries);
    memset(m->face_in, 1, m->faces);
    memset(m->query_in, 1, m->queries);
    return SL_OK;
}

static sl_status make(making *m, sl_error *err)
{
    sl_protocol *p = m->p;
    SL_TRY(sl_check_queries(p->gallery, p->queries, err));
    SL_TRY(allocate(m, err));
    find_people(m);
    SL_TRY(find_own_photos(m, err));
    if (m->options->only)
        SL_TRY(apply_list(m, err));
    apply_least_photos(m);
    if (p->face_count == 0)
        return sl_fail(err, SL_ERR_ARGUMENT, "nobody of the gallery is left: ask for fewer photos of each person");
    choose_queries(m);
    return SL_OK;
}

sl_status sl_protocol_make(const sl_gallery *gallery, const sl_gallery *queries, const sl_eval_options *options,
                           sl_protocol *out, sl_error *err)
{
    *out = (sl_protocol){.gallery = gallery, .queries = queries};
    making m = {
        .p = out, .options = options, .faces = sl_gallery_size(gallery), .queries = sl_gallery_size(queries)};
    if (m.faces == 0 || m.queries == 0)
        return sl_fail(err, SL_ERR_ARGUMENT, "the %s is empty: there is nothing to evaluate",
                       m.faces == 0 ? "gallery" : "set of queries");
    sl_status status = make(&m, err);
    free(m.face_in);
    free(m.query_in);
    free(m.photos);
    free(m.names);
    if (status != SL_OK)
        sl_protocol_free(out);
    return status;
}

void sl_protocol_free(sl_protocol *p)
{
    free(p->labels);
    free(p->faces);
    free(p->person);
    free(p->own_photo);
    free(p->relevant);
    free(p->asked);
    free(p->unmatched);
    *p = (sl_protocol){0};
}
