/* Which rows of a kind a source has, and whose they are. Rows are sorted by label to find the people, who are then
 * numbered by their first picture. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "gallery/parts.h"
#include "train/data/source_kind.h"

struct sl_source {
    sl_source_rows from;
    size_t size, lacking;
    int people;
    uint32_t *rows;     /* [size] the kind's number of each picture, ascending */
    uint32_t *person;   /* [size] */
    uint32_t *pictures; /* [size] person by person, each one's ascending */
    size_t *first;      /* [people + 1] where a person's begin in pictures */
    uint8_t digest[32];
};

/* ---- who takes part ---- */

/* A row that may be in, and its label. */
typedef struct {
    const char *label;
    uint32_t row, first; /* first: the lowest row of the person */
} labelled;

static int by_label(const void *a, const void *b)
{
    const labelled *x = a, *y = b;
    int order = strcmp(x->label, y->label);
    return order ? order : x->row < y->row ? -1 : x->row > y->row;
}

static int by_person(const void *a, const void *b)
{
    const labelled *x = a, *y = b;
    return x->first != y->first ? (x->first < y->first ? -1 : 1) : x->row < y->row ? -1 : x->row > y->row;
}

static bool takes_part(const sl_source_filter *f, const char *label)
{
    if (!sl_in_half(f->people, label))
        return false;
    return f->part == SL_PART_ALL || sl_held_out(f->held_out, label) == (f->part == SL_PART_VALIDATION);
}

/* Those that the filter lets through one by one. */
static size_t choose_rows(sl_source *s, const sl_source_filter *f, labelled *out)
{
    const sl_source_rows *from = &s->from;
    size_t n = 0;
    for (size_t i = 0; i < from->count; i++) {
        const char *label = from->kind->label(from->self, i);
        if (!takes_part(f, label))
            continue;
        if (from->kind->lacks(from->self, i, f->needs))
            s->lacking++;
        else
            out[n++] = (labelled){.label = label, .row = (uint32_t)i};
    }
    return n;
}

/* The end of the run of one person's rows that begins at `from`. */
static size_t person_end(const labelled *list, size_t from, size_t n)
{
    size_t to = from + 1;
    while (to < n && strcmp(list[to].label, list[from].label) == 0)
        to++;
    return to;
}

/* What chooses a person where only some are taken: of the label alone, and of other bits than parts.h reads. */
static uint32_t turn_of(const char *label)
{
    return sl_crc32c(0, label, strlen(label)) * 0x9e3779b1u ^ 0x5bd1e995u;
}

static int by_turn(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* The turn of the last of `most` people with photos enough: those with later ones are left out. turns: room for n. */
static uint32_t last_turn(const labelled *list, size_t n, const sl_source_filter *f, uint32_t *turns)
{
    size_t people = 0;
    for (size_t from = 0, to; f->most_people > 0 && from < n; from = to) {
        to = person_end(list, from, n);
        if (to - from >= f->min_photos)
            turns[people++] = turn_of(list[from].label);
    }
    if (people <= (size_t)f->most_people)
        return UINT32_MAX;
    qsort(turns, people, sizeof *turns, by_turn);
    return turns[f->most_people - 1];
}

/* Leaves those people who have photos enough, person by person in the order of their first pictures. turns: room for n.
 * Returns how many pictures are left. */
static size_t choose_people(sl_source *s, labelled *list, size_t n, const sl_source_filter *f, uint32_t *turns)
{
    size_t kept = 0;
    qsort(list, n, sizeof *list, by_label);
    const uint32_t last = last_turn(list, n, f, turns);
    for (size_t from = 0, to; from < n; from = to) {
        to = person_end(list, from, n);
        if (to - from < f->min_photos || (f->most_people > 0 && turn_of(list[from].label) > last))
            continue;
        s->people++;
        const uint32_t first = list[from].row;
        for (size_t i = from; i < to; i++) {
            list[kept] = list[i];
            list[kept++].first = first;
        }
    }
    qsort(list, kept, sizeof *list, by_person);
    return kept;
}

/* list [size] is sorted by person. */
static void number_pictures(sl_source *s, const labelled *list, uint32_t *picture_of_row)
{
    for (size_t i = 0; i < s->size; i++)
        picture_of_row[list[i].row] = 1;
    for (size_t row = 0, n = 0; row < s->from.count; row++)
        if (picture_of_row[row]) {
            s->rows[n] = (uint32_t)row;
            picture_of_row[row] = (uint32_t)n++;
        }
    int person = -1;
    for (size_t i = 0; i < s->size; i++) {
        if (i == 0 || list[i].first != list[i - 1].first)
            s->first[++person] = i;
        s->pictures[i] = picture_of_row[list[i].row];
        s->person[s->pictures[i]] = (uint32_t)person;
    }
    s->first[s->people] = s->size;
}

/* ---- the digest ---- */

static void add_text(sl_sha256 *sha, const char *text)
{
    sl_sha256_update(sha, text, strlen(text) + 1); /* with the NUL: where one ends and the next begins */
}

static void make_digest(sl_source *s)
{
    static const uint8_t unknown[32];
    const sl_source_rows *from = &s->from;
    sl_sha256 sha;
    sl_sha256_init(&sha);
    sl_sha256_update(&sha, from->shape ? from->shape->fingerprint : unknown, 32);
    for (size_t i = 0; i < s->size; i++) {
        const uint8_t *photo = from->kind->photo(from->self, s->rows[i]);
        add_text(&sha, from->kind->image(from->self, s->rows[i]));
        add_text(&sha, from->kind->label(from->self, s->rows[i]));
        sl_sha256_update(&sha, photo ? photo : unknown, 32);
    }
    sl_sha256_final(&sha, s->digest);
}

/* ---- making ---- */

static sl_status check_filter(const sl_source_filter *f, sl_error *err)
{
    if (!(f->held_out >= 0 && f->held_out < 1))
        return sl_fail(err, SL_ERR_ARGUMENT, "the share of the people that is held out is %g: must be in [0, 1)",
                       f->held_out);
    if ((unsigned)f->people > SL_PEOPLE_B || (unsigned)f->part > SL_PART_VALIDATION)
        return sl_fail(err, SL_ERR_ARGUMENT, "no such part of the people: half %d, part %d", (int)f->people,
                       (int)f->part);
    return SL_OK;
}

/* What the filter asked of people, for the text of an error. */
static const char *asked(const sl_source_filter *f, char text[160])
{
    static const char *const halves[] = {"", " of half a", " of half b"};
    static const char *const parts[] = {"", " that are not held out", " that are held out"};
    int n = snprintf(text, 160, "people%s%s", halves[f->people], parts[f->part]);
    if (f->min_photos > 1)
        snprintf(text + n, 160 - (size_t)n, " with %zu photos or more", f->min_photos);
    return text;
}

static sl_status check_people(const sl_source *s, const sl_source_filter *f, sl_error *err)
{
    const int least = f->min_people > 1 ? f->min_people : 1;
    char text[160];
    if (s->people >= least)
        return SL_OK;
    return sl_fail(err, SL_ERR_ARGUMENT, "%s: has %d %s, and %d or more are needed: enrol more people, or more photos "
                   "of each%s", s->from.name, s->people, asked(f, text), least,
                   f->part == SL_PART_VALIDATION ? ", or hold out a larger share" : "");
}

static sl_status allocate(sl_source *s, sl_error *err)
{
    s->rows = sl_calloc_aligned(s->size, sizeof *s->rows);
    s->person = sl_calloc_aligned(s->size, sizeof *s->person);
    s->pictures = sl_calloc_aligned(s->size, sizeof *s->pictures);
    s->first = sl_calloc_aligned((size_t)s->people + 1, sizeof *s->first);
    return s->rows && s->person && s->pictures && s->first ? SL_OK : sl_no_memory(err, "for what is to be learnt from");
}

static sl_status fill(sl_source *s, const sl_source_filter *f, labelled *list, uint32_t *numbers, sl_error *err)
{
    const sl_source_rows *from = &s->from;
    size_t n = choose_rows(s, f, list);
    if (n == 0 && s->lacking)
        return from->kind->refuse(from->self, f->needs, err);
    s->size = choose_people(s, list, n, f, numbers);
    memset(numbers, 0, s->from.count * sizeof *numbers);
    SL_TRY(check_people(s, f, err));
    SL_TRY(allocate(s, err));
    number_pictures(s, list, numbers);
    make_digest(s);
    return SL_OK;
}

sl_status sl_source_make(const sl_source_rows *rows, const sl_source_filter *filter, sl_source **out, sl_error *err)
{
    sl_source *s = calloc(1, sizeof *s);
    labelled *list = sl_calloc_aligned(rows->count + 1, sizeof *list);
    uint32_t *numbers = sl_calloc_aligned(rows->count + 1, sizeof *numbers);
    sl_status status = check_filter(filter, err);
    *out = NULL;
    if (status == SL_OK && rows->count > INT32_MAX)
        status = sl_fail(err, SL_ERR_LIMIT, "%s: has more than %d pictures", rows->name, INT32_MAX);
    if (status == SL_OK && (!s || !list || !numbers))
        status = sl_no_memory(err, "for what is to be learnt from");
    if (s)
        s->from = *rows;
    else
        rows->kind->close(rows->self);
    if (status == SL_OK)
        status = fill(s, filter, list, numbers, err);
    free(list);
    free(numbers);
    if (status == SL_OK)
        *out = s;
    else
        sl_source_close(s);
    return status;
}

void sl_source_close(sl_source *s)
{
    if (!s)
        return;
    s->from.kind->close(s->from.self);
    free(s->rows);
    free(s->person);
    free(s->pictures);
    free(s->first);
    free(s);
}

/* ---- reading ---- */

size_t sl_source_size(const sl_source *s)
{
    return s->size;
}

int sl_source_people(const sl_source *s)
{
    return s->people;
}

int sl_source_person(const sl_source *s, size_t i)
{
    return (int)s->person[i];
}

const char *sl_source_label(const sl_source *s, int person)
{
    return s->from.kind->label(s->from.self, s->rows[s->pictures[s->first[person]]]);
}

const char *sl_source_image(const sl_source *s, size_t i)
{
    return s->from.kind->image(s->from.self, s->rows[i]);
}

const uint32_t *sl_source_pictures(const sl_source *s, int person, size_t *count)
{
    *count = s->first[person + 1] - s->first[person];
    return s->pictures + s->first[person];
}

size_t sl_source_lacking(const sl_source *s)
{
    return s->lacking;
}

bool sl_source_is_whole(const sl_source *s)
{
    return s->size == s->from.count;
}

const uint8_t *sl_source_digest(const sl_source *s)
{
    return s->digest;
}

const sl_template_shape *sl_source_shape(const sl_source *s)
{
    return s->from.shape;
}

/* Numbers come from samplers, or from whoever resumes a run: a wrong one must not read beyond the end. */
static sl_status check_number(const sl_source *s, size_t i, sl_error *err)
{
    if (i < s->size)
        return SL_OK;
    return sl_fail(err, SL_ERR_ARGUMENT, "%s: there is no picture %zu, there are %zu", s->from.name, i, s->size);
}

sl_status sl_source_crop(const sl_source *s, size_t i, sl_image *out, sl_point landmarks[68], bool *has_landmarks,
                         sl_error *err)
{
    *out = (sl_image){0};
    SL_TRY(check_number(s, i, err));
    return s->from.kind->crop(s->from.self, s->rows[i], out, landmarks, has_landmarks, err);
}

sl_status sl_source_map(const sl_source *s, size_t i, float *out, sl_error *err)
{
    SL_TRY(check_number(s, i, err));
    return s->from.kind->map(s->from.self, s->rows[i], out, err);
}

sl_status sl_source_embedding(const sl_source *s, size_t i, float *out, sl_error *err)
{
    SL_TRY(check_number(s, i, err));
    return s->from.kind->embedding(s->from.self, s->rows[i], out, err);
}
