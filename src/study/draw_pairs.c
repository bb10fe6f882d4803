/* Who is in which pair. Every person is in one pair at most, so that nobody is known from an earlier one. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "gallery/gallery.h"
#include "study/study_make.h"

typedef struct {
    uint32_t label;
    size_t face;
} labelled_face;

/* Whose faces are faces[first .. first + count). */
typedef struct {
    size_t first, count;
    bool used;
} person;

typedef struct {
    const sl_gallery *gallery;
    const sl_study_options *options;
    sl_rng rng;
    labelled_face *faces; /* those with crops, by person */
    size_t face_count;
    person *people; /* shuffled */
    size_t people_count;
    const float *embeddings; /* [faces of the gallery, dim] */
    int dim;
    sl_drawn_pair *same, *different; /* [same_count], [different_count]: as many as are wanted, of all sets */
    size_t same_count, different_count;
} drawing;

/* Of the examples the same share is of one person as of the pairs, rounded. */
static int same_examples(const sl_study_options *o)
{
    return (o->examples * o->same * 2 + o->pairs) / (2 * o->pairs);
}

/* ---- people ---- */

static int by_label(const void *a, const void *b)
{
    const labelled_face *x = a, *y = b;
    if (x->label != y->label)
        return x->label < y->label ? -1 : 1;
    return x->face < y->face ? -1 : x->face > y->face;
}

static int by_first_face(const void *a, const void *b)
{
    const person *x = a, *y = b;
    return x->first < y->first ? -1 : x->first > y->first;
}

static sl_status list_faces(drawing *d, sl_error *err)
{
    const size_t all = sl_gallery_size(d->gallery);
    d->faces = sl_calloc_aligned(all + 1, sizeof *d->faces);
    d->people = sl_calloc_aligned(all + 1, sizeof *d->people);
    if (!d->faces || !d->people)
        return sl_no_memory(err, "for the faces of a gallery");
    for (size_t i = 0; i < all; i++) {
        sl_entry entry;
        SL_TRY(sl_gallery_entry(d->gallery, i, &entry, err));
        if (entry.has_crop)
            d->faces[d->face_count++] = (labelled_face){sl_gallery_label_id(d->gallery, i), i};
    }
    qsort(d->faces, d->face_count, sizeof *d->faces, by_label);
    for (size_t i = 0; i < d->face_count; i++) {
        if (i == 0 || d->faces[i].label != d->faces[i - 1].label)
            d->people[d->people_count++] = (person){.first = i};
        d->people[d->people_count - 1].count++;
    }
    if (!d->face_count)
        return sl_fail(err, SL_ERR_NOT_FOUND, "the gallery keeps no crops to show: enrol with --keep-crops");
    return SL_OK;
}

static void shuffle(drawing *d, void *items, size_t count, size_t size)
{
    char *at = items, hold[sizeof(sl_drawn_pair)];
    for (size_t i = count; i > 1; i--) {
        const size_t k = sl_rng_below(&d->rng, i);
        memcpy(hold, at + (i - 1) * size, size);
        memmove(at + (i - 1) * size, at + k * size, size);
        memcpy(at + k * size, hold, size);
    }
}

/* ---- pairs ---- */

static sl_study_face cover(drawing *d, size_t face)
{
    const bool mask = sl_rng_below(&d->rng, 2) == 0;
    return (sl_study_face){.face = face,
                           .covered = mask ? SL_OCCLUDE_MASK : SL_OCCLUDE_SUNGLASSES,
                           .seed = sl_rng_next(&d->rng)};
}

static size_t a_face_of(drawing *d, const person *p)
{
    return d->faces[p->first + sl_rng_below(&d->rng, p->count)].face;
}

/* The first people with two photos or more. Returns how many there were. */
static size_t draw_same(drawing *d)
{
    size_t made = 0;
    for (size_t i = 0; i < d->people_count && made < d->same_count; i++) {
        person *p = &d->people[i];
        if (p->count < 2)
            continue;
        const size_t one = sl_rng_below(&d->rng, p->count), step = 1 + sl_rng_below(&d->rng, p->count - 1);
        p->used = true;
        d->same[made++] = (sl_drawn_pair){.same = true,
                                          .first = cover(d, d->faces[p->first + one].face),
                                          .second = cover(d, d->faces[p->first + (one + step) % p->count].face)};
    }
    return made;
}

static double cosine(const drawing *d, size_t a, size_t b)
{
    const float *x = d->embeddings + a * (size_t)d->dim, *y = d->embeddings + b * (size_t)d->dim;
    double sum = 0;
    for (int k = 0; k < d->dim; k++)
        sum += (double)x[k] * (double)y[k];
    return sum;
}

/* Of the people left, the one of the face most like this one, which is given in *face; NULL: nobody is left. */
static person *nearest(const drawing *d, size_t to, size_t *face)
{
    person *found = NULL;
    double best = -INFINITY;
    for (size_t i = 0; i < d->people_count; i++) {
        person *p = &d->people[i];
        for (size_t k = 0; !p->used && k < p->count; k++) {
            const double like = cosine(d, to, d->faces[p->first + k].face);
            if (like > best) {
                best = like;
                found = p;
                *face = d->faces[p->first + k].face;
            }
        }
    }
    return found;
}

static person *anybody(drawing *d, size_t *face)
{
    for (size_t i = 0; i < d->people_count; i++)
        if (!d->people[i].used) {
            *face = a_face_of(d, &d->people[i]);
            return &d->people[i];
        }
    return NULL;
}

static size_t draw_different(drawing *d)
{
    size_t made = 0, first, second;
    for (person *p; made < d->different_count && (p = anybody(d, &first)); made++) {
        p->used = true;
        person *other = d->options->strangers == SL_STUDY_NEAR ? nearest(d, first, &second) : anybody(d, &second);
        if (!other)
            break;
        other->used = true;
        d->different[made] = (sl_drawn_pair){.first = cover(d, first), .second = cover(d, second)};
    }
    return made;
}

static sl_status draw(drawing *d, sl_error *err)
{
    SL_TRY(list_faces(d, err));
    SL_TRY(sl_gallery_embeddings(d->gallery, &d->embeddings, err));
    qsort(d->people, d->people_count, sizeof *d->people, by_first_face);
    shuffle(d, d->people, d->people_count, sizeof *d->people);
    if (draw_same(d) == d->same_count && draw_different(d) == d->different_count) {
        shuffle(d, d->different, d->different_count, sizeof *d->different); /* the nearest were found first */
        return SL_OK;
    }
    size_t several = 0;
    for (size_t i = 0; i < d->people_count; i++)
        several += d->people[i].count > 1;
    return sl_fail(err, SL_ERR_ARGUMENT,
                   "the study takes %zu people with two photos and %zu others; the gallery has crops of %zu people, "
                   "%zu of them with two photos or more: ask for fewer pairs and examples, or enrol more people",
                   d->same_count, 2 * d->different_count, d->people_count, several);
}

/* Deals them out: of each set the examples, then the pairs. */
static void deal(const drawing *d, int sets, sl_drawn_pair *out)
{
    const sl_study_options *o = d->options;
    const int like = same_examples(o);
    const int same[2] = {like, o->same}, different[2] = {o->examples - like, o->pairs - o->same};
    const sl_drawn_pair *s = d->same, *u = d->different;
    for (int set = 0; set < sets; set++)
        for (int part = 0; part < 2; part++)
            for (int i = 0; i < same[part] + different[part]; i++) {
                *out = i < same[part] ? *s++ : *u++;
                out->set = set;
                out++->example = part == 0;
            }
}

sl_status sl_study_draw_pairs(const sl_gallery *gallery, const sl_study_options *o, int sets, sl_drawn_pair **out,
                              size_t *count, sl_error *err)
{
    sl_gallery_info info;
    sl_gallery_get_info(gallery, &info);
    const size_t all = (size_t)sets * (size_t)(o->examples + o->pairs);
    const size_t same = (size_t)sets * (size_t)(same_examples(o) + o->same);
    drawing d = {.gallery = gallery, .options = o, .rng = sl_rng_seed(o->seed), .dim = info.dim,
                 .same = calloc(all, sizeof *d.same), .same_count = same, .different_count = all - same};
    *count = all;
    *out = calloc(all, sizeof **out);
    d.different = d.same + same;
    sl_status status = d.same && *out ? draw(&d, err) : sl_no_memory(err, "for the pairs of a study");
    if (status == SL_OK) {
        deal(&d, sets, *out);
    } else {
        free(*out);
        *out = NULL;
    }
    free(d.same);
    free(d.faces);
    free(d.people);
    return status;
}
