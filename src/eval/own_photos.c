/* A query's own photo in the gallery: by path, by name, or by the group of a regular expression. */
#include "eval/own_photos.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/pattern.h"
#include "eval/name_sets.h"
#include "gallery/gallery.h"
#include "secondlook_eval.h"

static const uint32_t none = UINT32_MAX;

/* A part of an id; text NULL: it has none. */
typedef struct {
    const char *text;
    size_t length;
} key;

/* How keys are made of a gallery's ids. */
typedef struct {
    key (*of)(const void *context, const sl_gallery *gallery, size_t face);
    const void *context;
} key_rule;

/* ---- keys ---- */

static key stem_from(const char *image, size_t from)
{
    return (key){image + from, sl_photo_stem(image) - from};
}

static key whole_path(const void *context, const sl_gallery *g, size_t face)
{
    (void)context;
    return stem_from(sl_gallery_image(g, face), 0);
}

static key below_root(const void *root, const sl_gallery *g, size_t face)
{
    return stem_from(sl_gallery_image(g, face), *(const size_t *)root);
}

static key file_name(const void *context, const sl_gallery *g, size_t face)
{
    (void)context;
    const char *image = sl_gallery_image(g, face), *slash = strrchr(image, '/');
    return stem_from(image, slash ? (size_t)(slash + 1 - image) : 0);
}

static key by_pattern(const void *pattern, const sl_gallery *g, size_t face)
{
    key k;
    return sl_pattern_group(pattern, sl_gallery_image(g, face), &k.text, &k.length) ? k : (key){0};
}

/* Length of the folders that all ids of a gallery share, "lfw-align-128/", up to the one that is named after a
 * person. */
static size_t root_of(const sl_gallery *g)
{
    const char *first = sl_gallery_image(g, 0), *slash = strrchr(first, '/');
    size_t root = slash ? (size_t)(slash + 1 - first) : 0;
    for (size_t i = 0; i < sl_gallery_size(g) && root; i++) {
        const char *image = sl_gallery_image(g, i), *label = sl_gallery_label(g, i);
        size_t shared = 0, length = strlen(label);
        for (size_t at = 0; at < root && image[at] == first[at]; at++) {
            if (at == shared && strncmp(image + at, label, length) == 0 && image[at + length] == '/')
                break;
            if (image[at] == '/')
                shared = at + 1;
        }
        root = shared;
    }
    return root;
}

/* ---- queries and faces of one key ---- */

typedef struct {
    const sl_gallery *gallery, *queries;
    bool one_person; /* the key tells photos of one person apart only: labels must be equal too */
    sl_name *names;  /* [count] of the gallery, sorted */
    size_t count;
    uint32_t *own;
} joining;

/* The first of `names` on that may be the query's photo. */
static const sl_name *candidate(const joining *j, const sl_name *at, const key *k, size_t query)
{
    const sl_name *end = j->names + j->count;
    for (; at && at < end && at->length == k->length && memcmp(at->text, k->text, k->length) == 0; at++)
        if (!j->one_person ||
            strcmp(sl_gallery_label(j->gallery, at->value), sl_gallery_label(j->queries, query)) == 0)
            return at;
    return NULL;
}

static sl_status join_query(const joining *j, size_t query, const key *k, sl_error *err)
{
    const sl_name *found = candidate(j, sl_names_find(j->names, j->count, k->text, k->length), k, query);
    const sl_name *next = found ? candidate(j, found + 1, k, query) : NULL;
    if (next)
        return sl_fail(err, SL_ERR_ARGUMENT,
                       "the query %s may have been made of %s or of %s: remove one of them from the "
                       "gallery, or tell photos apart in another way (path, name, pattern)",
                       sl_gallery_image(j->queries, query), sl_gallery_image(j->gallery, found->value),
                       sl_gallery_image(j->gallery, next->value));
    if (found)
        j->own[query] = found->value;
    return SL_OK;
}

/* Gives those queries that have none yet the face of their key. */
static sl_status join(joining *j, key_rule faces, key_rule queries, sl_error *err)
{
    j->count = 0;
    for (size_t i = 0; i < sl_gallery_size(j->gallery); i++) {
        key k = faces.of(faces.context, j->gallery, i);
        if (k.text)
            j->names[j->count++] = (sl_name){k.text, k.length, (uint32_t)i};
    }
    sl_names_sort(j->names, j->count);
    for (size_t q = 0; q < sl_gallery_size(j->queries); q++) {
        key k = queries.of(queries.context, j->queries, q);
        if (j->own[q] == none && k.text)
            SL_TRY(join_query(j, q, &k, err));
    }
    return SL_OK;
}

/* The query's own id, else the whole path, else the path below either root. */
static sl_status join_by_path(joining *j, sl_error *err)
{
    size_t face, roots[2] = {root_of(j->gallery), root_of(j->queries)};
    for (size_t q = 0; q < sl_gallery_size(j->queries); q++)
        if (sl_gallery_find(j->gallery, sl_gallery_image(j->queries, q), &face, NULL) == SL_OK)
            j->own[q] = (uint32_t)face;
    SL_TRY(join(j, (key_rule){whole_path, NULL}, (key_rule){whole_path, NULL}, err));
    return join(j, (key_rule){below_root, &roots[0]}, (key_rule){below_root, &roots[1]}, err);
}

static sl_status join_by_name(joining *j, sl_error *err)
{
    const key_rule name = {file_name, NULL};
    j->one_person = true;
    return join(j, name, name, err);
}

static sl_status join_by_pattern(joining *j, const char *text, sl_error *err)
{
    sl_pattern *pattern;
    if (!text)
        return sl_fail(err, SL_ERR_ARGUMENT, "photos that are told apart by a pattern need one");
    SL_TRY(sl_pattern_compile(text, &pattern, err));
    sl_status status = join(j, (key_rule){by_pattern, pattern}, (key_rule){by_pattern, pattern}, err);
    sl_pattern_free(pattern);
    return status;
}

sl_status sl_own_photos_find(const sl_gallery *gallery, const sl_gallery *queries, const sl_same_photo *rule,
                             uint32_t *own, sl_error *err)
{
    joining j = {.gallery = gallery, .queries = queries, .own = own};
    for (size_t q = 0; q < sl_gallery_size(queries); q++)
        own[q] = none;
    j.names = sl_calloc_aligned(sl_gallery_size(gallery) + 1, sizeof *j.names);
    if (!j.names)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for the names of %zu photos", sl_gallery_size(gallery));
    sl_status status = rule->by == SL_SAME_BY_PATTERN ? join_by_pattern(&j, rule->pattern, err)
                       : rule->by == SL_SAME_BY_NAME  ? join_by_name(&j, err)
                                                      : join_by_path(&j, err);
    free(j.names);
    return status;
}
