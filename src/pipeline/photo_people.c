/* People whose names differ in case only: most often one person, written in two ways. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/nfc.h"
#include "gallery/gallery.h"

/* A label, and what it is without regard to case. */
typedef struct {
    char *folded;
    const char *label;
} folded_label;

typedef struct {
    folded_label *labels; /* [count] sorted, each once */
    size_t count;
    void (*twins)(void *context, const char *a, const char *b);
    void *context;
} people;

static int by_label(const void *a, const void *b)
{
    return strcmp(((const folded_label *)a)->label, ((const folded_label *)b)->label);
}

static int by_folded(const void *a, const void *b)
{
    int order = strcmp(((const folded_label *)a)->folded, ((const folded_label *)b)->folded);
    return order ? order : by_label(a, b);
}

static sl_status fold_labels(people *p, const sl_photo *photos, size_t count, sl_error *err)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        p->labels[i].label = photos[i].label;
    qsort(p->labels, count, sizeof *p->labels, by_label);
    for (size_t i = 0; i < count; i++)
        if (n == 0 || strcmp(p->labels[n - 1].label, p->labels[i].label) != 0)
            p->labels[n++] = p->labels[i];
    for (; p->count < n; p->count++) {
        folded_label *one = &p->labels[p->count];
        SL_TRY(sl_case_folded(one->label, strlen(one->label), &one->folded, err));
    }
    qsort(p->labels, n, sizeof *p->labels, by_folded);
    for (size_t i = 1; i < n; i++)
        if (strcmp(p->labels[i - 1].folded, p->labels[i].folded) == 0)
            p->twins(p->context, p->labels[i - 1].label, p->labels[i].label);
    return SL_OK;
}

/* The photos' labels that are the gallery's label but for case. */
static void meet(const people *p, const folded_label *enrolled)
{
    size_t low = 0, high = p->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(p->labels[middle].folded, enrolled->folded) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < p->count && strcmp(p->labels[low].folded, enrolled->folded) == 0; low++)
        if (strcmp(p->labels[low].label, enrolled->label) != 0)
            p->twins(p->context, enrolled->label, p->labels[low].label);
}

/* Each of the gallery's labels once. */
static sl_status meet_gallery(const people *p, const sl_gallery *g, sl_error *err)
{
    uint8_t *met = sl_calloc_aligned((size_t)sl_gallery_label_bound(g) + 1, 1);
    sl_status status = met ? SL_OK : sl_fail(err, SL_ERR_MEMORY, "no memory for the gallery's people");
    for (size_t i = 0; i < sl_gallery_size(g) && status == SL_OK; i++) {
        uint8_t *seen = &met[sl_gallery_label_id(g, i)];
        if (*seen)
            continue;
        *seen = 1;
        folded_label one = {NULL, sl_gallery_label(g, i)};
        status = sl_case_folded(one.label, strlen(one.label), &one.folded, err);
        if (status == SL_OK)
            meet(p, &one);
        free(one.folded);
    }
    free(met);
    return status;
}

sl_status sl_photos_twins(const sl_photo *photos, size_t count, const sl_gallery *gallery,
                          void (*twins)(void *context, const char *a, const char *b), void *context, sl_error *err)
{
    people p = {.twins = twins, .context = context};
    if ((count && !photos) || !twins)
        return sl_fail(err, SL_ERR_ARGUMENT, "twins need photos, and somebody who is told");
    p.labels = sl_calloc_aligned(count + 1, sizeof *p.labels);
    if (!p.labels)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for %zu people", count);
    sl_status status = fold_labels(&p, photos, count, err);
    if (status == SL_OK && gallery)
        status = meet_gallery(&p, gallery, err);
    for (size_t i = 0; i < p.count; i++)
        free(p.labels[i].folded);
    free(p.labels);
    return status;
}
