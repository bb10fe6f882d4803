/* Reading lists of pairs: LFW's own form, lines of two ids, and two lines a pair (CALFW, CPLFW). */
#define _GNU_SOURCE
#include "eval/pairs.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "eval/pair_fields.h"

enum { MAX_FOLDS = 1000, FOLDS = 10 };

typedef struct {
    const char *file;
    sl_pair_list *list;
    size_t per_fold; /* official form: pairs of each kind in a fold; 0: another form */
    bool by_lines;   /* two lines a pair */
    bool label_first; /* "0|1 image image" */
    char *waiting;   /* the first photo of such a pair */
    long mark;       /* and what stood beside it */
    sl_error *err;
} parser;

static sl_status bad_line(const parser *p, const sl_pair_fields *l, const char *what)
{
    return sl_fail(p->err, SL_ERR_FORMAT, "%s, line %zu: %s", p->file, l->number, what);
}

/* A whole number from 0 to `high`. */
static bool number_of(const char *text, long high, long *out)
{
    char *end;
    if (*text < '0' || *text > '9')
        return false;
    *out = strtol(text, &end, 10);
    return *end == '\0' && *out <= high;
}

sl_status sl_pairs_add(sl_pair_list *list, const sl_pair_line *pair, const char *file, sl_error *err)
{
    if (list->count == list->capacity && pair->first && pair->second) {
        size_t capacity = list->capacity ? list->capacity * 2 : 1024;
        sl_pair_line *grown = sl_realloc_array(list->pairs, capacity, sizeof *grown);
        if (grown) {
            list->pairs = grown;
            list->capacity = capacity;
        }
    }
    if (!pair->first || !pair->second || list->count == list->capacity) {
        free(pair->first);
        free(pair->second);
        return sl_fail(err, SL_ERR_MEMORY, "%s: no memory for its pairs", file);
    }
    list->pairs[list->count++] = *pair;
    return SL_OK;
}

static sl_status append(parser *p, const sl_pair_fields *l, char *first, char *second, int same)
{
    const int fold = p->per_fold ? (int)(p->list->count / (2 * p->per_fold)) : 0;
    return sl_pairs_add(p->list, &(sl_pair_line){first, second, same, fold, l->number}, p->file, p->err);
}

/* person/person_0007.jpg; NULL when there is no memory. */
static char *lfw_image(const char *person, long number)
{
    char *image;
    return asprintf(&image, "%s/%s_%04ld.jpg", person, person, number) < 0 ? NULL : image;
}

static sl_status read_official(parser *p, const sl_pair_fields *l)
{
    long a, b;
    bool same = l->count == 3;
    if (same ? !number_of(l->field[1], 99999, &a) || !number_of(l->field[2], 99999, &b)
             : l->count != 4 || !number_of(l->field[1], 99999, &a) || !number_of(l->field[3], 99999, &b))
        return bad_line(p, l, "expected \"person n m\" or \"person n person m\"");
    return append(p, l, lfw_image(l->field[0], a), lfw_image(l->field[same ? 0 : 2], b), same);
}

/* "image image 0|1", or the other way round. */
static sl_status read_plain(parser *p, const sl_pair_fields *l)
{
    long same;
    if (p->label_first) {
        if (l->count != 3 || !number_of(l->field[0], 1, &same))
            return bad_line(p, l, "expected \"0|1 image image\", as the first line has it");
        return append(p, l, sl_strdup(l->field[1]), sl_strdup(l->field[2]), (int)same);
    }
    if ((l->count != 3 && l->count != 5) || !number_of(l->field[2], 1, &same))
        return bad_line(p, l, "expected \"image image 0|1\" or \"image image 0|1 id id\"");
    if (l->count == 5 && (strcmp(l->field[3], l->field[4]) == 0) != (same == 1))
        return bad_line(p, l, "\"same\" must be 1 where the two ids are equal, else 0");
    return append(p, l, sl_strdup(l->field[0]), sl_strdup(l->field[1]), (int)same);
}

/* "photo n", twice: 0 of two people, else of one, then often the fold. Folds are not taken from there: pairs of two
 * people have none. */
static sl_status read_half(parser *p, const sl_pair_fields *l)
{
    long mark;
    if (l->count != 2 || !number_of(l->field[1], MAX_FOLDS, &mark))
        return bad_line(p, l, "expected \"image n\", two lines a pair: 0 of two people, 1 and more of one");
    if (!p->waiting) {
        p->mark = mark;
        p->waiting = sl_strdup(l->field[0]);
        return p->waiting ? SL_OK : sl_fail(p->err, SL_ERR_MEMORY, "%s: no memory for its pairs", p->file);
    }
    if (mark != p->mark)
        return bad_line(p, l, "the line before, of the same pair, has another number");
    char *first = p->waiting;
    p->waiting = NULL;
    return append(p, l, first, sl_strdup(l->field[0]), mark > 0);
}

/* The first line decides the form: two numbers, folds and pairs of each kind, are LFW's; a photo and a number two
 * lines a pair; a 0 or 1 in front, where none is at the end, is the label. */
static sl_status read_line(parser *p, const sl_pair_fields *l)
{
    long folds, pairs;
    if (p->list->folds == 0) {
        p->list->folds = FOLDS;
        if (l->count == 2 && number_of(l->field[0], MAX_FOLDS, &folds) &&
            number_of(l->field[1], 1000000, &pairs) && folds >= 2 && pairs >= 1) {
            p->list->folds = (int)folds;
            p->per_fold = (size_t)pairs;
            return SL_OK;
        }
        p->by_lines = l->count == 2;
        p->label_first = l->count == 3 && number_of(l->field[0], 1, &folds) && !number_of(l->field[2], 1, &folds);
    }
    return p->per_fold ? read_official(p, l) : p->by_lines ? read_half(p, l) : read_plain(p, l);
}

/* ---- the whole list ---- */

/* A pair without its order. */
typedef struct {
    const char *low, *high;
    const sl_pair_line *pair;
} unordered;

static int by_photos(const void *a, const void *b)
{
    const unordered *x = a, *y = b;
    int order = strcmp(x->low, y->low);
    order = order ? order : strcmp(x->high, y->high);
    return order ? order : x->pair->line < y->pair->line ? -1 : x->pair->line > y->pair->line;
}

sl_status sl_pairs_check(const sl_pair_list *list, const char *file, sl_error *err)
{
    unordered *all = sl_calloc_aligned(list->count + 1, sizeof *all);
    if (!all)
        return sl_fail(err, SL_ERR_MEMORY, "%s: no memory for its pairs", file);
    for (size_t i = 0; i < list->count; i++) {
        const sl_pair_line *pair = &list->pairs[i];
        bool turn = strcmp(pair->first, pair->second) > 0;
        all[i] = (unordered){turn ? pair->second : pair->first, turn ? pair->first : pair->second, pair};
    }
    qsort(all, list->count, sizeof *all, by_photos);
    sl_status status = SL_OK;
    for (size_t i = 0; i < list->count && status == SL_OK; i++) {
        const sl_pair_line *pair = all[i].pair, *before = i ? all[i - 1].pair : NULL;
        if (!pair->same && strcmp(pair->first, pair->second) == 0)
            status = sl_fail(err, SL_ERR_FORMAT, "%s, line %zu: %s cannot be another person than itself",
                             file, pair->line, pair->first);
        else if (before && before->same != pair->same && strcmp(all[i].low, all[i - 1].low) == 0 &&
                 strcmp(all[i].high, all[i - 1].high) == 0)
            status = sl_fail(err, SL_ERR_FORMAT, "%s, line %zu: contradicts line %zu about %s and %s", file,
                             pair->line, before->line, pair->first, pair->second);
    }
    free(all);
    return status;
}

/* Contiguous, as the pairs come; of two lines a pair each kind by itself, as lists of that form have one kind
 * behind the other. */
static void number_folds(const parser *p)
{
    sl_pair_list *list = p->list;
    size_t of[2] = {0, 0}, seen[2] = {0, 0};
    for (size_t i = 0; i < list->count; i++)
        of[list->pairs[i].same]++;
    for (size_t i = 0; i < list->count; i++) {
        const int same = list->pairs[i].same;
        list->pairs[i].fold = p->by_lines ? (int)(seen[same]++ * FOLDS / of[same]) : (int)(i * FOLDS / list->count);
    }
}

static sl_status finish(parser *p)
{
    sl_pair_list *list = p->list;
    if (p->waiting)
        return sl_fail(p->err, SL_ERR_FORMAT, "%s: ends with half a pair: %.200s", p->file, p->waiting);
    size_t expected = 2 * p->per_fold * (size_t)list->folds;
    if (p->per_fold && list->count != expected)
        return sl_fail(p->err, SL_ERR_FORMAT, "%s: announces %zu pairs, holds %zu", p->file, expected,
                       list->count);
    if (list->count < (size_t)FOLDS || list->folds == 0)
        return sl_fail(p->err, SL_ERR_FORMAT, "%s: holds %zu pairs, ten folds need at least ten", p->file,
                       list->count);
    if (!p->per_fold)
        number_folds(p);
    return sl_pairs_check(list, p->file, p->err);
}

sl_status sl_pairs_parse(const char *text, size_t size, const char *file, sl_pair_list *out, sl_error *err)
{
    *out = (sl_pair_list){0};
    parser p = {.file = file, .list = out, .err = err};
    sl_status status = SL_OK;
    sl_pair_fields l = {.number = 1};
    for (const char *at = text, *stop = text + size; at < stop && status == SL_OK; l.number++) {
        const char *end = memchr(at, '\n', (size_t)(stop - at));
        if (!end)
            end = stop;
        status = sl_pair_fields_split(file, at, end, &l, err);
        if (status == SL_OK && l.count)
            status = read_line(&p, &l);
        at = end + 1;
    }
    if (status == SL_OK)
        status = finish(&p);
    free(p.waiting);
    if (status != SL_OK)
        sl_pairs_free(out);
    return status;
}

void sl_pairs_free(sl_pair_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->pairs[i].first);
        free(list->pairs[i].second);
    }
    free(list->pairs);
    *list = (sl_pair_list){0};
}
