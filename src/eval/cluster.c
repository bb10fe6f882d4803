/* Which faces of a gallery are one person, whatever they are called: average linkage over the pairs that stage 1 brings
 * together and the second look finds alike.
 *
 *     each face, its nearest by stage 1 -> the look's score less the threshold: the margin -> pairs of margin >= 0
 *     best pair first: the clusters of its two faces become one where their pairs' mean margin is >= 0
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "eval/scorer.h"
#include "gallery/gallery.h"
#include "secondlook_eval.h"

enum {
    BLOCK = 256,
    NEIGHBOURS = 32,
    SAMPLE = 8,   /* members of either cluster that are compared */
    APART = 16384 /* clusters that did not join are remembered in so many places */
};
static const uint32_t none = UINT32_MAX;

typedef struct {
    float margin;
    uint32_t a, b;
} pair;

/* Clusters as lists: `last` and `size` hold of a cluster's first face. */
typedef struct {
    uint32_t *first, *next, *last, *size; /* [faces] */
} lists;

/* Two clusters that did not join, as large as they were then. */
typedef struct {
    uint32_t a, b, sizes; /* sizes: of both; 0 where there is nothing */
} apart;

typedef struct {
    const sl_cluster_options *options;
    sl_scorer scorer;
    size_t faces, k, from; /* from: first of the block */
    float *hidden;         /* [faces] */
    uint32_t *near;        /* [BLOCK, k] */
    float *cosine, *second; /* [BLOCK, k] */
    pair *pairs;           /* [count] */
    size_t count, room;
    lists in;
    apart *apart; /* [APART] */
} run;

/* ---- pairs ---- */

static float margin_of(const run *r, size_t a, size_t b, float stage1, float stage2)
{
    const sl_rule *rule = r->options->rule;
    const int bin = sl_rule_bin(rule, fmaxf(r->hidden[a], r->hidden[b]));
    return (rule->on_stage1 ? stage1 : sl_scorer_mix(&r->scorer, stage1, stage2)) - rule->threshold[bin];
}

static sl_status find_hidden(void *context, size_t item, int worker, sl_error *err)
{
    run *r = context;
    (void)worker;
    sl_hidden hidden;
    SL_TRY(sl_scorer_hidden(&r->scorer, item, &hidden, err));
    r->hidden[item] = hidden.all;
    return SL_OK;
}

static sl_status compare_nearest(void *context, size_t item, int worker, sl_error *err)
{
    run *r = context;
    const size_t at = item * r->k;
    return sl_scorer_scores(&r->scorer, worker, r->from + item, r->near + at, r->k, r->cosine + at, r->second + at,
                            err);
}

static sl_status keep_pair(run *r, pair p, sl_error *err)
{
    if (r->count == r->room) {
        const size_t room = r->room ? 2 * r->room : 4096;
        pair *grown = sl_realloc_array(r->pairs, room, sizeof *grown);
        if (!grown)
            return sl_fail(err, SL_ERR_MEMORY, "no memory for %zu pairs of faces", room);
        r->pairs = grown;
        r->room = room;
    }
    r->pairs[r->count++] = p;
    return SL_OK;
}

static sl_status keep_block(run *r, size_t n, sl_error *err)
{
    for (size_t i = 0; i < n * r->k; i++) {
        const uint32_t a = (uint32_t)(r->from + i / r->k), b = r->near[i];
        const float margin = a == b ? -1 : margin_of(r, a, b, r->cosine[i], r->second[i]);
        if (margin >= 0)
            SL_TRY(keep_pair(r, (pair){margin, a, b}, err));
    }
    return SL_OK;
}

static sl_status find_pairs(run *r, sl_error *err)
{
    const sl_cluster_options *o = r->options;
    const int dim = r->scorer.dim;
    SL_TRY(sl_gallery_expect(r->scorer.gallery, r->faces, r->scorer.threads, err));
    for (r->from = 0; r->from < r->faces; r->from += BLOCK) {
        const size_t n = r->faces - r->from < BLOCK ? r->faces - r->from : BLOCK;
        const sl_vectors asked = {r->scorer.embeddings + r->from * (size_t)dim, n, dim};
        SL_TRY(sl_gallery_top(r->scorer.gallery, &asked, (int)r->k, r->scorer.threads, r->near, r->cosine, err));
        SL_TRY(sl_scorer_run(&r->scorer, n, n, compare_nearest, r, NULL, NULL, err));
        SL_TRY(keep_block(r, n, err));
        if (o->progress && o->progress(o->context, r->from + n, r->faces))
            return sl_fail(err, SL_ERR_INTERRUPTED, "interrupted after %zu of %zu faces", r->from + n, r->faces);
    }
    return SL_OK;
}

static int best_first(const void *x, const void *y)
{
    const pair *p = x, *q = y;
    if (p->margin != q->margin)
        return p->margin > q->margin ? -1 : 1;
    return p->a != q->a ? (p->a < q->a ? -1 : 1) : p->b < q->b ? -1 : p->b > q->b;
}

/* ---- clusters ---- */

/* Members of a cluster, evenly drawn where it has more than SAMPLE. */
static size_t draw(const lists *in, uint32_t first, uint32_t out[SAMPLE])
{
    const size_t size = in->size[first], n = size < SAMPLE ? size : SAMPLE;
    size_t at = 0, drawn = 0;
    for (uint32_t face = first; drawn < n; face = in->next[face], at++)
        if (at == drawn * size / n)
            out[drawn++] = face;
    return n;
}

/* The mean margin between two clusters. */
static sl_status mean_margin(run *r, uint32_t a, uint32_t b, double *mean, sl_error *err)
{
    uint32_t left[SAMPLE], right[SAMPLE];
    float stage1[SAMPLE], stage2[SAMPLE];
    const size_t n = draw(&r->in, a, left), m = draw(&r->in, b, right);
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        SL_TRY(sl_scorer_scores(&r->scorer, 0, left[i], right, m, stage1, stage2, err));
        for (size_t k = 0; k < m; k++)
            sum += (double)margin_of(r, left[i], right[k], stage1[k], stage2[k]);
    }
    *mean = sum / (double)(n * m);
    return SL_OK;
}

static void join(lists *in, uint32_t a, uint32_t b)
{
    if (in->size[a] < in->size[b]) {
        const uint32_t other = a;
        a = b;
        b = other;
    }
    for (uint32_t face = b; face != none; face = in->next[face])
        in->first[face] = a;
    in->next[in->last[a]] = b;
    in->last[a] = in->last[b];
    in->size[a] += in->size[b];
}

static sl_status join_pairs(run *r, sl_error *err)
{
    if (r->count)
        qsort(r->pairs, r->count, sizeof *r->pairs, best_first);
    for (size_t i = 0; i < r->count; i++) {
        const uint32_t a = r->in.first[r->pairs[i].a], b = r->in.first[r->pairs[i].b];
        const apart now = {a, b, r->in.size[a] + r->in.size[b]};
        apart *known = &r->apart[(a * 2654435761u ^ b) % APART];
        double mean;
        if (a == b || (known->a == a && known->b == b && known->sizes == now.sizes))
            continue;
        SL_TRY(mean_margin(r, a, b, &mean, err));
        if (mean >= 0)
            join(&r->in, a, b);
        else
            *known = now;
    }
    return SL_OK;
}

/* ---- the answer ---- */

typedef struct {
    uint32_t size, first, least; /* least: its lowest face */
} cluster_size;

static int largest_first(const void *x, const void *y)
{
    const cluster_size *p = x, *q = y;
    return p->size != q->size ? (p->size > q->size ? -1 : 1) : p->least < q->least ? -1 : 1;
}

/* Numbers clusters of two faces and more, the largest first. */
static sl_status number_clusters(const run *r, sl_clusters *out, sl_error *err)
{
    cluster_size *all = sl_calloc_aligned(r->faces + 1, sizeof *all);
    uint32_t *number = sl_calloc_aligned(r->faces + 1, sizeof *number);
    size_t n = 0;
    sl_status status = SL_OK;
    if (all && number) {
        memset(number, 0xff, r->faces * sizeof *number);
        for (uint32_t i = 0; i < r->faces; i++) {
            const uint32_t first = r->in.first[i];
            if (r->in.size[first] > 1 && number[first] == none) {
                number[first] = 0;
                all[n++] = (cluster_size){r->in.size[first], first, i};
            }
        }
        qsort(all, n, sizeof *all, largest_first);
        for (uint32_t c = 0; c < n; c++)
            number[all[c].first] = c;
        for (size_t i = 0; i < r->faces; i++)
            out->cluster[i] = number[r->in.first[i]];
        out->clusters = n;
    } else {
        status = sl_fail(err, SL_ERR_MEMORY, "no memory for the clusters of %zu faces", r->faces);
    }
    free(all);
    free(number);
    return status;
}

/* ---- the run ---- */

static sl_status allocate(run *r, sl_error *err)
{
    uint32_t **const columns[] = {&r->in.first, &r->in.next, &r->in.last, &r->in.size};
    bool failed = !(r->apart = sl_calloc_aligned(APART, sizeof *r->apart));
    failed |= !(r->hidden = sl_calloc_aligned(r->faces, sizeof *r->hidden));
    failed |= !(r->near = sl_calloc_aligned(BLOCK * r->k, sizeof *r->near));
    failed |= !(r->cosine = sl_calloc_aligned(BLOCK * r->k, sizeof *r->cosine));
    failed |= !(r->second = sl_calloc_aligned(BLOCK * r->k, sizeof *r->second));
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        failed |= !(*columns[i] = sl_calloc_aligned(r->faces, sizeof **columns[i]));
    for (uint32_t i = 0; !failed && i < r->faces; i++) {
        r->in.first[i] = r->in.last[i] = i;
        r->in.next[i] = none;
        r->in.size[i] = 1;
        r->hidden[i] = NAN;
    }
    return failed ? sl_fail(err, SL_ERR_MEMORY, "no memory for the clusters of %zu faces", r->faces) : SL_OK;
}

static sl_status work(run *r, const sl_gallery *gallery, sl_clusters *out, sl_error *err)
{
    SL_TRY(sl_scorer_open(gallery, gallery, &r->options->match, true, &r->scorer, err));
    SL_TRY(allocate(r, err));
    if (r->options->rule->bins > 1)
        SL_TRY(sl_scorer_run(&r->scorer, r->faces, r->faces, find_hidden, r, NULL, NULL, err));
    SL_TRY(find_pairs(r, err));
    SL_TRY(join_pairs(r, err));
    return number_clusters(r, out, err);
}

static void close_run(run *r)
{
    void *const blocks[] = {r->hidden,   r->near,    r->cosine,  r->second, r->pairs, r->apart,
                            r->in.first, r->in.next, r->in.last, r->in.size};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        free(blocks[i]);
    sl_scorer_close(&r->scorer);
}

static sl_status check(const sl_gallery *gallery, const sl_cluster_options *o, const sl_clusters *out, sl_error *err)
{
    if (!gallery || !o || !o->rule || !out)
        return sl_fail(err, SL_ERR_ARGUMENT, "sl_gallery_cluster needs a gallery, options with a rule, and out");
    for (int b = 0; b < o->rule->bins; b++)
        if (isnan(o->rule->threshold[b]))
            return sl_fail(err, SL_ERR_ARGUMENT, "nobody knows from which score on two faces are one person: give a "
                           "threshold");
    return o->neighbours < 0 ? sl_fail(err, SL_ERR_ARGUMENT, "%d is no number of neighbours", o->neighbours) : SL_OK;
}

sl_status sl_gallery_cluster(const sl_gallery *gallery, const sl_cluster_options *options, sl_clusters *out,
                             sl_error *err)
{
    SL_TRY(check(gallery, options, out, err));
    run r = {.options = options, .faces = sl_gallery_size(gallery)};
    const size_t k = options->neighbours ? (size_t)options->neighbours + 1 : NEIGHBOURS + 1; /* itself too */
    r.k = k < r.faces ? k : r.faces;
    *out = (sl_clusters){.faces = r.faces, .cluster = sl_calloc_aligned(r.faces + 1, sizeof *out->cluster)};
    sl_status status = out->cluster ? SL_OK : sl_fail(err, SL_ERR_MEMORY, "no memory for %zu faces", r.faces);
    if (status == SL_OK && r.faces)
        status = work(&r, gallery, out, err);
    close_run(&r);
    if (status != SL_OK)
        sl_clusters_free(out);
    return status;
}

void sl_clusters_free(sl_clusters *c)
{
    if (!c)
        return;
    free(c->cluster);
    *c = (sl_clusters){0};
}
