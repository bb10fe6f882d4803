#define _GNU_SOURCE
#include "eval/pairs.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { MAX_FIELDS = 5, MAX_FIELD = 1024, MAX_FOLDS = 1000, FOLDS = 10 };

/* One line cut at blanks. */
typedef struct {
    char field[MAX_FIELDS + 1][MAX_FIELD];
    int count;
    size_t number;
} line;

typedef struct {
    const char *file;
    sl_pair_list *list;
    size_t capacity;
    size_t per_fold; /* official form: pairs of each kind in a fold; 0: another form */
    sl_error *err;
} parser;

static sl_status bad_line(const parser *p, const line *l, const char *what)
{
    return sl_fail(p->err, SL_ERR_FORMAT, "%s, line %zu: %s", p->file, l->number, what);
}

static sl_status split(const parser *p, const char *text, const char *end, line *l)
{
    l->count = 0;
    while (text < end) {
        while (text < end && (*text == ' ' || *text == '\t' || *text == '\r'))
            text++;
        const char *from = text;
        while (text < end && *text != ' ' && *text != '\t' && *text != '\r')
            text++;
        size_t length = (size_t)(text - from);
        if (length == 0)
            continue;
        if (l->count == MAX_FIELDS)
            return bad_line(p, l, "more than five fields");
        if (length >= MAX_FIELD || memchr(from, '\0', length))
            return bad_line(p, l, "a field that is too long or holds a NUL byte");
        memcpy(l->field[l->count], from, length);
        l->field[l->count++][length] = '\0';
    }
    return SL_OK;
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

static sl_status append(parser *p, char *first, char *second, int same)
{
    sl_pair_list *list = p->list;
    if (list->count == p->capacity && first && second) {
        size_t capacity = p->capacity ? p->capacity * 2 : 1024;
        sl_pair_line *grown = sl_realloc_array(list->pairs, capacity, sizeof *grown);
        if (grown) {
            list->pairs = grown;
            p->capacity = capacity;
        }
    }
    if (!first || !second || list->count == p->capacity) {
        free(first);
        free(second);
        return sl_fail(p->err, SL_ERR_MEMORY, "%s: no memory for its pairs", p->file);
    }
    int fold = p->per_fold ? (int)(list->count / (2 * p->per_fold)) : 0;
    list->pairs[list->count++] = (sl_pair_line){first, second, same, fold};
    return SL_OK;
}

/* person/person_0007.jpg; NULL when there is no memory. */
static char *lfw_image(const char *person, long number)
{
    char *image;
    return asprintf(&image, "%s/%s_%04ld.jpg", person, person, number) < 0 ? NULL : image;
}

static sl_status read_official(parser *p, const line *l)
{
    long a, b;
    bool same = l->count == 3;
    if (same ? !number_of(l->field[1], 99999, &a) || !number_of(l->field[2], 99999, &b)
             : l->count != 4 || !number_of(l->field[1], 99999, &a) || !number_of(l->field[3], 99999, &b))
        return bad_line(p, l, "expected \"person n m\" or \"person n person m\"");
    return append(p, lfw_image(l->field[0], a), lfw_image(l->field[same ? 0 : 2], b), same);
}

static sl_status read_plain(parser *p, const line *l)
{
    long same;
    if ((l->count != 3 && l->count != 5) || !number_of(l->field[2], 1, &same))
        return bad_line(p, l, "expected \"image image 0|1\" or \"image image 0|1 id id\"");
    return append(p, sl_strdup(l->field[0]), sl_strdup(l->field[1]), (int)same);
}

/* The first line decides the form: two numbers, folds and pairs of each kind, are LFW's. */
static sl_status read_line(parser *p, const line *l)
{
    long folds, pairs;
    if (p->list->folds == 0) {
        p->list->folds = FOLDS;
        if (l->count == 2 && number_of(l->field[0], MAX_FOLDS, &folds) && number_of(l->field[1], 1000000, &pairs) &&
            folds >= 2 && pairs >= 1) {
            p->list->folds = (int)folds;
            p->per_fold = (size_t)pairs;
            return SL_OK;
        }
    }
    return p->per_fold ? read_official(p, l) : read_plain(p, l);
}

static sl_status finish(parser *p)
{
    sl_pair_list *list = p->list;
    size_t expected = 2 * p->per_fold * (size_t)list->folds;
    if (p->per_fold && list->count != expected)
        return sl_fail(p->err, SL_ERR_FORMAT, "%s: announces %zu pairs, holds %zu", p->file, expected, list->count);
    if (list->count < (size_t)FOLDS || list->folds == 0)
        return sl_fail(p->err, SL_ERR_FORMAT, "%s: holds %zu pairs, ten folds need at least ten", p->file, list->count);
    if (!p->per_fold)
        for (size_t i = 0; i < list->count; i++)
            list->pairs[i].fold = (int)(i * FOLDS / list->count);
    return SL_OK;
}

sl_status sl_pairs_parse(const char *text, size_t size, const char *file, sl_pair_list *out, sl_error *err)
{
    *out = (sl_pair_list){0};
    parser p = {.file = file, .list = out, .err = err};
    sl_status status = SL_OK;
    line l = {.number = 1};
    for (const char *at = text, *stop = text + size; at < stop && status == SL_OK; l.number++) {
        const char *end = memchr(at, '\n', (size_t)(stop - at));
        if (!end)
            end = stop;
        status = split(&p, at, end, &l);
        if (status == SL_OK && l.count)
            status = read_line(&p, &l);
        at = end + 1;
    }
    if (status == SL_OK)
        status = finish(&p);
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
