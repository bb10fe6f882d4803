/* Identification of a whole set of queries: both stages, metrics, intervals, a line per query. */
#define _GNU_SOURCE
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/crc32c.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "eval/retrieval.h"
#include "gallery/gallery.h"
#include "match/second_look.h"

enum { BLOCK = 256 }; /* queries of one stage 1 product */

typedef struct {
    const sl_gallery *gallery, *queries;
    const sl_eval_options *options;
    const sl_match_options *match;
    sl_evaluation *out;
    size_t faces, asked;        /* in the gallery; in the queries */
    const float *embeddings, *query_embeddings;
    int dim;
    size_t k, depth;            /* depth: ranks kept of stage 1, enough for k and every R */
    uint32_t *label_of_query;   /* [asked] the gallery's label id, UINT32_MAX when it knows nobody so named */
    size_t *photos_of_label;    /* [label bound] */
    uint32_t *same_photo;       /* [asked] the gallery's face with the query's photo id, UINT32_MAX: none */
    uint32_t *index;            /* [BLOCK, depth + 1] */
    float *score;               /* [BLOCK, depth + 1] */
    uint32_t *order;            /* [depth] of one query, own photo left out */
    float *stage1, *stage2;     /* [depth]; [k] */
    uint8_t *hits, *hits2, *scratch; /* [depth] */
    float *p1_first, *p1_second, *gain; /* [asked], counted queries only */
    sl_second_look *look;
    sl_text csv;
} evaluation;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- who is who ---- */

/* Length of an id without its ending, so that a/1.jpg and a/1.png are one photo. */
static size_t stem(const char *image)
{
    const char *dot = strrchr(image, '.'), *slash = strrchr(image, '/');
    return dot && (!slash || dot > slash) ? (size_t)(dot - image) : strlen(image);
}

typedef struct {
    const char *text;
    size_t length;
    uint32_t value;
} name;

static int by_name(const void *a, const void *b)
{
    const name *x = a, *y = b;
    size_t n = x->length < y->length ? x->length : y->length;
    int order = memcmp(x->text, y->text, n);
    return order ? order : x->length < y->length ? -1 : x->length > y->length;
}

/* For every query that has none yet (UINT32_MAX) the value of the gallery face whose name equals its own. */
static sl_status join(const evaluation *e, const char *(*text_of)(const sl_gallery *, size_t),
                      size_t (*length_of)(const char *), const uint32_t *values, uint32_t *out, sl_error *err)
{
    name *names = sl_calloc_aligned(e->faces + 1, sizeof *names);
    if (!names)
        return sl_fail(err, SL_ERR_MEMORY, "no memory to compare names");
    for (size_t i = 0; i < e->faces; i++) {
        const char *text = text_of(e->gallery, i);
        names[i] = (name){text, length_of(text), values ? values[i] : (uint32_t)i};
    }
    qsort(names, e->faces, sizeof *names, by_name);
    for (size_t q = 0; q < e->asked; q++) {
        if (out[q] != UINT32_MAX)
            continue;
        const char *text = text_of(e->queries, q);
        name key = {text, length_of(text), 0};
        const name *found = bsearch(&key, names, e->faces, sizeof *names, by_name);
        out[q] = found ? found->value : UINT32_MAX;
    }
    free(names);
    return SL_OK;
}

static sl_status match_names(evaluation *e, sl_error *err)
{
    const uint32_t *labels = sl_gallery_label_ids(e->gallery);
    size_t most = 0;
    memset(e->label_of_query, 0xff, e->asked * sizeof *e->label_of_query);
    memset(e->same_photo, 0xff, e->asked * sizeof *e->same_photo);
    SL_TRY(join(e, sl_gallery_label, strlen, labels, e->label_of_query, err));
    SL_TRY(join(e, sl_gallery_image, strlen, NULL, e->same_photo, err)); /* the id itself goes before its stem */
    SL_TRY(join(e, sl_gallery_image, stem, NULL, e->same_photo, err));
    for (size_t i = 0; i < e->faces; i++)
        if (++e->photos_of_label[labels[i]] > most)
            most = e->photos_of_label[labels[i]];
    e->depth = e->k > most ? e->k : most;
    if (e->depth > e->faces)
        e->depth = e->faces;
    return SL_OK;
}

/* Whether a query is its own candidate or its own photo, and that is not to count. */
static bool is_passed_over(const evaluation *e, size_t query)
{
    return e->same_photo[query] != UINT32_MAX && (e->gallery == e->queries || e->options->exclude_same_photo);
}

/* R of a query; 0: nobody to be found. */
static size_t relevant(const evaluation *e, size_t query)
{
    if (e->label_of_query[query] == UINT32_MAX)
        return 0;
    size_t photos = e->photos_of_label[e->label_of_query[query]];
    bool self = is_passed_over(e, query) &&
                sl_gallery_label_ids(e->gallery)[e->same_photo[query]] == e->label_of_query[query];
    return photos - (self && !(e->options->reference_metrics && e->gallery == e->queries));
}

/* ---- one query ---- */

/* Stage 1's order without the photo that is passed over. */
static size_t take_order(evaluation *e, size_t query, size_t row)
{
    size_t n = 0, width = e->depth + 1;
    bool drop = is_passed_over(e, query);
    for (size_t i = 0; i < width && n < e->depth; i++) {
        uint32_t face = e->index[row * width + i];
        if (face == UINT32_MAX)
            break;
        if (drop && face == e->same_photo[query])
            continue;
        e->order[n] = face;
        e->stage1[n++] = e->score[row * width + i];
    }
    return n;
}

static sl_status source_of(void *context, size_t candidate, sl_patch_source *out, sl_error *err)
{
    const evaluation *e = context;
    return sl_second_look_face(e->look, e->gallery, e->order[candidate], out, err);
}

/* stage2 [k] of the first k of the order. */
static sl_status look_again(evaluation *e, size_t query, size_t k, sl_error *err)
{
    sl_patch_source source;
    SL_TRY(sl_second_look_face(e->look, e->queries, query, &source, err));
    SL_TRY(sl_second_look_query(e->look, &source, err));
    return sl_second_look_scores(e->look, k, source_of, e, e->stage2, NULL, err);
}

typedef struct {
    float key;
    uint32_t position;
} ranked;

static int by_key(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->key != y->key)
        return x->key > y->key ? -1 : 1;
    return x->position < y->position ? -1 : 1;
}

/* hits2: the hits in the order of stage 2, ties in stage 1's. */
static sl_status reorder(evaluation *e, size_t k, size_t n, uint32_t *first, sl_error *err)
{
    ranked *list = sl_calloc_aligned(k + 1, sizeof *list);
    if (!list)
        return sl_fail(err, SL_ERR_MEMORY, "no memory to sort %zu candidates", k);
    for (size_t i = 0; i < k; i++)
        list[i] = (ranked){e->match->alpha * e->stage2[i] + (1 - e->match->alpha) * e->stage1[i], (uint32_t)i};
    qsort(list, k, sizeof *list, by_key);
    for (size_t i = 0; i < k; i++)
        e->hits2[i] = e->hits[list[i].position];
    memcpy(e->hits2 + k, e->hits + k, n - k);
    *first = e->order[list[0].position];
    free(list);
    return SL_OK;
}

static void add(sl_retrieval *sum, sl_retrieval one)
{
    sum->p1 += one.p1;
    sum->rp += one.rp;
    sum->mapr += one.mapr;
}

/* A field of a CSV line (RFC 4180: quoted, quotes doubled). */
static void add_field(sl_text *t, const char *text)
{
    sl_text_add_bytes(t, "\"", 1);
    for (; *text; text++)
        sl_text_add_bytes(t, *text == '"' ? "\"\"" : text, *text == '"' ? 2 : 1);
    sl_text_add_bytes(t, "\"", 1);
}

static void add_line(evaluation *e, size_t query, size_t r, sl_retrieval first, sl_retrieval second, uint32_t face1,
                     uint32_t face2)
{
    if (!e->options->csv)
        return;
    add_field(&e->csv, sl_gallery_image(e->queries, query));
    sl_text_add(&e->csv, ",");
    add_field(&e->csv, sl_gallery_label(e->queries, query));
    sl_text_add(&e->csv, ",%zu,%.0f,%.6f,%.6f,%.0f,%.6f,%.6f,", r, first.p1, first.rp, first.mapr, second.p1, second.rp,
                second.mapr);
    add_field(&e->csv, sl_gallery_image(e->gallery, face1));
    sl_text_add(&e->csv, ",");
    add_field(&e->csv, sl_gallery_image(e->gallery, face2));
    sl_text_add(&e->csv, "\n");
}

/* Whether the query's person is in the half of the people that is asked for. */
static bool is_asked(const evaluation *e, size_t query)
{
    if (e->options->people == SL_PEOPLE_ALL)
        return true;
    const char *label = sl_gallery_label(e->queries, query);
    return (sl_crc32c(0, label, strlen(label)) & 1) == (e->options->people == SL_PEOPLE_B);
}

static sl_status evaluate(evaluation *e, size_t query, size_t row, sl_error *err)
{
    sl_evaluation *out = e->out;
    if (!is_asked(e, query))
        return SL_OK;
    size_t r = relevant(e, query), n = take_order(e, query, row), k = e->k < n ? e->k : n;
    if (r == 0 || n == 0) {
        out->unmatched++;
        return SL_OK;
    }
    const uint32_t *labels = sl_gallery_label_ids(e->gallery);
    for (size_t i = 0; i < n; i++)
        e->hits[i] = labels[e->order[i]] == e->label_of_query[query];
    sl_retrieval first = sl_retrieval_of(e->hits, n, r), second = first;
    uint32_t best = e->order[0];
    if (e->match->rerank != SL_RERANK_NONE) {
        double start = now();
        SL_TRY(look_again(e, query, k, err));
        SL_TRY(reorder(e, k, n, &best, err));
        out->seconds_stage2 += now() - start;
        second = sl_retrieval_of(e->hits2, n, r);
    }
    add(&out->stage1, first);
    add(&out->stage2, second);
    add(&out->max, sl_retrieval_best(e->hits, n, k, r, e->scratch));
    out->won += second.p1 > first.p1;
    out->lost += second.p1 < first.p1;
    e->p1_first[out->queries] = (float)first.p1;
    e->p1_second[out->queries] = (float)second.p1;
    e->gain[out->queries++] = (float)(second.p1 - first.p1);
    add_line(e, query, r, first, second, e->order[0], best);
    return SL_OK;
}

/* ---- all queries ---- */

static sl_status run(evaluation *e, sl_error *err)
{
    sl_scan_block all = {.rows = e->embeddings, .stride = (size_t)e->dim, .count = e->faces};
    for (size_t from = 0; from < e->asked; from += BLOCK) {
        size_t count = e->asked - from < BLOCK ? e->asked - from : BLOCK;
        double start = now();
        SL_TRY(sl_scan_top(&all, 1, e->dim, e->query_embeddings + from * (size_t)e->dim, count, (int)e->depth + 1,
                           e->match->threads, e->index, e->score, err));
        e->out->seconds_stage1 += now() - start;
        for (size_t i = 0; i < count; i++) {
            SL_TRY(evaluate(e, from + i, i, err));
            const sl_eval_options *o = e->options;
            if (o->progress && (i % 16 == 0 || from + i + 1 == e->asked) &&
                o->progress(o->context, from + i + 1, e->asked))
                return sl_fail(err, SL_ERR_INTERRUPTED, "interrupted after %zu of %zu queries", from + i + 1, e->asked);
        }
    }
    return SL_OK;
}

static void to_percent(sl_retrieval *sum, size_t queries)
{
    double factor = queries ? 100 / (double)queries : 0;
    sum->p1 *= factor;
    sum->rp *= factor;
    sum->mapr *= factor;
}

static sl_status summarise(evaluation *e, sl_error *err)
{
    sl_evaluation *out = e->out;
    to_percent(&out->stage1, out->queries);
    to_percent(&out->stage2, out->queries);
    to_percent(&out->max, out->queries);
    uint64_t seed = e->options->seed;
    SL_TRY(sl_bootstrap(e->p1_first, out->queries, seed, &out->stage1_p1, err));
    SL_TRY(sl_bootstrap(e->p1_second, out->queries, seed, &out->stage2_p1, err));
    SL_TRY(sl_bootstrap(e->gain, out->queries, seed, &out->difference_p1, err));
    if (!e->options->csv)
        return SL_OK;
    if (e->csv.failed)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for the lines of %s", e->options->csv);
    return sl_write_file(e->options->csv, e->csv.data, e->csv.size, err);
}

static sl_status prepare(evaluation *e, sl_error *err)
{
    const sl_template_shape *shape = sl_gallery_shape(e->gallery), *asked = sl_gallery_shape(e->queries);
    if (memcmp(shape->fingerprint, asked->fingerprint, sizeof shape->fingerprint) != 0)
        return sl_fail(err, SL_ERR_MISMATCH, "the queries were made by another model than the gallery: enrol one of "
                       "them again");
    SL_TRY(sl_gallery_embeddings(e->gallery, &e->embeddings, err));
    SL_TRY(sl_gallery_embeddings(e->queries, &e->query_embeddings, err));
    e->dim = shape->dim;
    e->label_of_query = sl_calloc_aligned(e->asked, sizeof *e->label_of_query);
    e->same_photo = sl_calloc_aligned(e->asked, sizeof *e->same_photo);
    e->photos_of_label = sl_calloc_aligned((size_t)sl_gallery_label_bound(e->gallery) + 1, sizeof *e->photos_of_label);
    e->p1_first = sl_calloc_aligned(e->asked, sizeof(float));
    e->p1_second = sl_calloc_aligned(e->asked, sizeof(float));
    e->gain = sl_calloc_aligned(e->asked, sizeof(float));
    if (!e->label_of_query || !e->same_photo || !e->photos_of_label || !e->p1_first || !e->p1_second || !e->gain)
        return sl_fail(err, SL_ERR_MEMORY, "no memory to evaluate %zu queries", e->asked);
    SL_TRY(match_names(e, err));
    e->index = sl_calloc_aligned(BLOCK * (e->depth + 1), sizeof *e->index);
    e->score = sl_calloc_aligned(BLOCK * (e->depth + 1), sizeof *e->score);
    e->order = sl_calloc_aligned(e->depth + 1, sizeof *e->order);
    e->stage1 = sl_calloc_aligned(e->depth + 1, sizeof *e->stage1);
    e->stage2 = sl_calloc_aligned(e->depth + 1, sizeof *e->stage2);
    e->hits = sl_calloc_aligned(3, e->depth + 1);
    if (!e->index || !e->score || !e->order || !e->stage1 || !e->stage2 || !e->hits)
        return sl_fail(err, SL_ERR_MEMORY, "no memory to evaluate %zu queries", e->asked);
    e->hits2 = e->hits + e->depth + 1;
    e->scratch = e->hits2 + e->depth + 1;
    return e->match->rerank == SL_RERANK_NONE ? SL_OK : sl_second_look_open(e->match, shape, &e->look, err);
}

static void release(evaluation *e)
{
    void *const blocks[] = {e->label_of_query, e->same_photo, e->photos_of_label, e->p1_first, e->p1_second, e->gain,
                            e->index, e->score, e->order, e->stage1, e->stage2, e->hits, e->csv.data};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        free(blocks[i]);
    sl_second_look_close(e->look);
}

sl_status sl_eval_identify(const sl_gallery *gallery, const sl_gallery *queries, const sl_eval_options *options,
                           sl_evaluation *out, sl_error *err)
{
    *out = (sl_evaluation){0};
    evaluation e = {.gallery = gallery, .queries = queries, .options = options, .match = &options->match, .out = out,
                    .faces = sl_gallery_size(gallery), .asked = sl_gallery_size(queries)};
    if (e.faces == 0 || e.asked == 0)
        return sl_fail(err, SL_ERR_ARGUMENT, "the %s is empty: there is nothing to evaluate",
                       e.faces == 0 ? "gallery" : "set of queries");
    if (options->match.k < 1 || !(options->match.alpha >= 0 && options->match.alpha <= 1))
        return sl_fail(err, SL_ERR_ARGUMENT, "k must be at least 1 and alpha from 0 to 1");
    out->gallery = e.faces;
    e.k = (size_t)options->match.k;
    if (options->csv)
        sl_text_add(&e.csv, "image,label,relevant,stage1_p1,stage1_rp,stage1_mapr,stage2_p1,stage2_rp,stage2_mapr,"
                            "stage1_first,stage2_first\n");
    sl_status status = prepare(&e, err);
    if (status == SL_OK)
        status = run(&e, err);
    if (status == SL_OK)
        status = summarise(&e, err);
    release(&e);
    if (status != SL_OK)
        *out = (sl_evaluation){0};
    return status;
}
