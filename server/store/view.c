/* One state of a gallery, and what is known of it. */
#define _GNU_SOURCE
#include "store/view.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "secondlook_serve.h"
#include "store/durable.h"

typedef struct {
    sv_view view;
    sl_gallery *gallery;
    atomic_int holders;
    pthread_mutex_t mutex; /* of what follows */
    sv_person *people; /* behind them the numbers of all faces, person by person */
    size_t person_count;
} counted_view;

/* ---- what scores mean here ---- */

/* Per bin of the view's rule, the threshold at the rarest rate that was measured. */
static void find_rare(const sl_engine *engine, sv_view *v)
{
    for (int b = 0; b < SL_OCCLUSION_BINS; b++)
        v->rare[b] = NAN;
    for (double far = 1e-2; far > 1e-10; far /= 10) {
        sl_rule r;
        if (sl_rule_for_far(engine, v->gallery, &v->match, far, &r, NULL) != SL_OK || r.on_stage1 != v->rule.on_stage1)
            return;
        for (int b = 0; b < v->rule.bins; b++) {
            const int of = sl_rule_bin(&r, v->rule.hidden_to[b] - 1e-4f);
            if (!r.extrapolated[of] && !isnan(r.threshold[of]))
                v->rare[b] = r.threshold[of];
        }
    }
}

static sl_status find_rule(const sl_engine *engine, sv_view *v, sl_error *err)
{
    v->match = sl_match_defaults();
    v->match.threads = 1;
    if (!engine) { /* nothing is known of its model */
        v->match = sl_match_defaults_of(SL_RERANK_NONE);
        v->match.threads = 1;
        v->rule = sl_rule_given(NAN, 0);
        return SL_OK;
    }
    sl_status status = sl_match_settle(engine, v->gallery, &v->match, err);
    if (status == SL_OK)
        status = sl_rule_default(engine, v->gallery, &v->match, &v->rule, err);
    if (status == SL_OK)
        find_rare(engine, v);
    return status;
}

/* The first search checks all embeddings, the second makes an index of them. */
static sl_status warm(const sl_engine *engine, const sv_view *v, sl_error *err)
{
    const sl_rule any = sl_rule_given(1, 0);
    sl_identify_options how = {.match = sl_match_defaults_of(SL_RERANK_NONE), .top = 1, .rule = &any};
    sl_template *face = NULL;
    how.match.threads = 1;
    sl_status status = sl_gallery_size(v->gallery) ? sl_gallery_template(v->gallery, 0, &face, err) : SL_OK;
    for (int i = 0; i < 2 && face && status == SL_OK; i++) {
        sl_answer answer;
        status = sl_identify(engine, v->gallery, face, &how, &answer, err);
        sl_answer_free(&answer);
    }
    sl_template_free(face);
    return status;
}

/* ---- opening ---- */

static void close_view(counted_view *c)
{
    pthread_mutex_destroy(&c->mutex);
    free(c->people);
    sl_gallery_close(c->gallery);
    free(c);
}

sl_status sv_view_open(const char *dir, const sl_engine *engine, sv_view **out, sl_error *err)
{
    const sl_gallery_options options = {.engine = engine};
    counted_view *c = calloc(1, sizeof *c);
    *out = NULL;
    if (!c)
        return sv_fail(err, SL_ERR_MEMORY, "%s: no memory", dir);
    pthread_mutex_init(&c->mutex, NULL);
    atomic_init(&c->holders, 1);
    sl_status status = sl_gallery_open(dir, SL_GALLERY_READ, &options, &c->gallery, err);
    c->view.gallery = c->gallery;
    if (status == SL_OK)
        status = find_rule(engine, &c->view, err);
    if (status == SL_OK)
        status = warm(engine, &c->view, err);
    if (status == SL_OK)
        *out = &c->view;
    else
        close_view(c);
    return status;
}

void sv_view_hold(const sv_view *view)
{
    atomic_fetch_add(&((counted_view *)view)->holders, 1);
}

void sv_view_release(const sv_view *view)
{
    counted_view *c = (counted_view *)view;
    if (c && atomic_fetch_sub(&c->holders, 1) == 1)
        close_view(c);
}

/* ---- going on ---- */

bool sv_view_alone(const sv_view *view)
{
    const counted_view *c = (const counted_view *)view;
    for (int i = 0; i < 50 && atomic_load(&c->holders) > 1; i++)
        usleep(1000); /* a search takes about so long */
    return atomic_load(&c->holders) == 1;
}

sl_status sv_view_refresh(sv_view *view, const sl_engine *engine, sl_error *err)
{
    counted_view *c = (counted_view *)view;
    const bool had_faces = sl_gallery_size(c->gallery) > 0;
    free(c->people);
    c->people = NULL;
    sl_status status = sl_gallery_refresh(c->gallery, err);
    if (status == SL_OK)
        status = find_rule(engine, view, err);
    return status == SL_OK && !had_faces ? warm(engine, view, err) : status;
}

/* ---- people ---- */

typedef struct {
    const char *label;
    size_t face;
} labelled_face;

static int by_label(const void *a, const void *b)
{
    const labelled_face *x = a, *y = b;
    const int order = strcmp(x->label, y->label);
    return order ? order : x->face < y->face ? -1 : x->face > y->face;
}

static labelled_face *sorted_faces(const sl_gallery *g, size_t *count)
{
    const size_t faces = sl_gallery_size(g);
    labelled_face *list = malloc((faces + 1) * sizeof *list);
    *count = 0;
    for (size_t i = 0; list && i < faces; i++) {
        sl_entry entry;
        if (sl_gallery_entry(g, i, &entry, NULL) == SL_OK)
            list[(*count)++] = (labelled_face){entry.label, i};
    }
    if (list)
        qsort(list, *count, sizeof *list, by_label);
    return list;
}

static sv_person *people_of(const sl_gallery *g, size_t *count)
{
    size_t n;
    labelled_face *faces = sorted_faces(g, &n);
    sv_person *people = faces ? malloc(n * (sizeof *people + sizeof(size_t)) + 1) : NULL;
    size_t *own = (size_t *)(people + n);
    *count = 0;
    for (size_t i = 0; people && i < n; i++) {
        own[i] = faces[i].face;
        if (*count && strcmp(people[*count - 1].label, faces[i].label) == 0)
            people[*count - 1].faces++;
        else
            people[(*count)++] = (sv_person){faces[i].label, own + i, 1};
    }
    free(faces);
    return people;
}

const sv_person *sv_view_people(const sv_view *view, size_t *count)
{
    counted_view *c = (counted_view *)view;
    pthread_mutex_lock(&c->mutex);
    if (!c->people)
        c->people = people_of(c->gallery, &c->person_count);
    *count = c->people ? c->person_count : 0;
    const sv_person *people = c->people;
    pthread_mutex_unlock(&c->mutex);
    return people;
}
