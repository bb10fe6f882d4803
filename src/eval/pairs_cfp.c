/* CFP's protocol as its authors ship it: numbered images, and folds of pairs of numbers.
 *
 *     Protocol/Pair_list_F.txt            "1 ../Data/Images/001/frontal/01.jpg", the frontal photos
 *     Protocol/Pair_list_P.txt            the same of the profiles
 *     Protocol/Split/FP/01/same.txt       "1,2": frontal photo 1 and profile 2; of FF both are frontal
 *     Protocol/Split/FP/01/diff.txt
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "eval/pairs.h"

enum { MOST_IMAGES = 1000000, MOST_FOLDS = 99, MOST_BYTES = 256 << 20 };

/* ---- lines ---- */

typedef struct {
    const char *at, *stop; /* of the text */
    const char *line, *end;
    size_t number; /* of the line, from 1 */
} lines;

/* The next line that is not blank, without what is blank around it. */
static bool next_line(lines *l)
{
    while (l->at < l->stop) {
        const char *end = memchr(l->at, '\n', (size_t)(l->stop - l->at));
        end = end ? end : l->stop;
        l->line = l->at;
        l->at = end + 1;
        l->number++;
        while (l->line < end && isspace((unsigned char)*l->line))
            l->line++;
        while (end > l->line && isspace((unsigned char)end[-1]))
            end--;
        l->end = end;
        if (l->line < end)
            return true;
    }
    return false;
}

/* A number from 1 on at *at, behind which *at is then; 0 for anything else. */
static size_t take_number(const char **at, const char *end)
{
    size_t n = 0;
    while (*at < end && **at >= '0' && **at <= '9' && n <= MOST_IMAGES)
        n = 10 * n + (size_t)(*(*at)++ - '0');
    return n <= MOST_IMAGES ? n : 0;
}

/* ---- the images ---- */

void sl_cfp_images_free(sl_cfp_images *images)
{
    for (size_t i = 0; i < images->count; i++)
        free(images->ids[i]);
    free(images->ids);
    *images = (sl_cfp_images){0};
}

/* What follows the last "Images/", as that folder is what is enrolled. */
static char *id_of(const char *path, const char *end)
{
    static const char folder[] = "Images/";
    const size_t length = sizeof folder - 1;
    for (const char *at = path; (at = memmem(at, (size_t)(end - at), folder, length)) != NULL;)
        path = at += length;
    return strndup(path, (size_t)(end - path));
}

static sl_status set_image(sl_cfp_images *images, size_t number, char *id, const char *file, size_t line,
                           sl_error *err)
{
    if (number > images->count) {
        const size_t count = number > 2 * images->count ? number : 2 * images->count;
        char **grown = sl_realloc_array(images->ids, count, sizeof *grown);
        if (!grown) {
            free(id);
            return sl_fail(err, SL_ERR_MEMORY, "%s: no memory for its images", file);
        }
        memset(grown + images->count, 0, (count - images->count) * sizeof *grown);
        images->ids = grown;
        images->count = count;
    }
    if (images->ids[number - 1] || !id) {
        const bool twice = images->ids[number - 1] != NULL;
        free(id);
        return twice ? sl_fail(err, SL_ERR_FORMAT, "%s, line %zu: number %zu stands here twice", file, line, number)
                     : sl_fail(err, SL_ERR_MEMORY, "%s: no memory for its images", file);
    }
    images->ids[number - 1] = id;
    return SL_OK;
}

sl_status sl_cfp_images_parse(const char *text, size_t size, const char *file, sl_cfp_images *out, sl_error *err)
{
    lines l = {.at = text, .stop = text + size};
    sl_status status = SL_OK;
    *out = (sl_cfp_images){0};
    while (status == SL_OK && next_line(&l)) {
        const char *at = l.line;
        const size_t number = take_number(&at, l.end);
        const bool blank = at < l.end && isspace((unsigned char)*at);
        while (at < l.end && isspace((unsigned char)*at))
            at++;
        status = number && blank && !memchr(at, '\0', (size_t)(l.end - at))
                     ? set_image(out, number, id_of(at, l.end), file, l.number, err)
                     : sl_fail(err, SL_ERR_FORMAT, "%s, line %zu: expected a number from 1 on and a path", file,
                               l.number);
    }
    if (status == SL_OK && !out->count)
        status = sl_fail(err, SL_ERR_FORMAT, "%s: lists no images", file);
    if (status != SL_OK)
        sl_cfp_images_free(out);
    return status;
}

/* ---- the pairs ---- */

static const char *image_of(const sl_cfp_images *images, size_t number)
{
    return number && number <= images->count ? images->ids[number - 1] : NULL;
}

sl_status sl_cfp_pairs_parse(const char *text, size_t size, const char *file, const sl_cfp_images *first,
                             const sl_cfp_images *second, int same, int fold, sl_pair_list *list, sl_error *err)
{
    lines l = {.at = text, .stop = text + size};
    while (next_line(&l)) {
        const char *at = l.line;
        const size_t a = take_number(&at, l.end);
        const bool comma = at < l.end && *at++ == ',';
        const size_t b = take_number(&at, l.end);
        const char *one = image_of(first, a), *other = image_of(second, b);
        if (!comma || at != l.end)
            return sl_fail(err, SL_ERR_FORMAT, "%s, line %zu: expected two numbers with a comma between", file,
                           l.number);
        if (!one || !other)
            return sl_fail(err, SL_ERR_FORMAT, "%s, line %zu: no image has the number %zu", file, l.number,
                           one ? b : a);
        SL_TRY(sl_pairs_add(list, &(sl_pair_line){sl_strdup(one), sl_strdup(other), same, fold, l.number}, file, err));
    }
    return SL_OK;
}

/* ---- the folder ---- */

typedef struct {
    const char *split; /* .../Protocol/Split/FP */
    sl_cfp_images frontal, profile;
    sl_pair_list *list;
    sl_error *err;
} protocol;

static sl_status read_images(const protocol *p, const char *name, sl_cfp_images *out)
{
    uint8_t *text;
    size_t size;
    char *path = NULL;
    if (asprintf(&path, "%s/../../%s", p->split, name) < 0)
        return sl_fail(p->err, SL_ERR_MEMORY, "%s: no memory for a path", p->split);
    sl_status status = sl_read_file(path, MOST_BYTES, &text, &size, p->err);
    if (status == SL_OK) {
        status = sl_cfp_images_parse((const char *)text, size, path, out, p->err);
        free(text);
    }
    free(path);
    return status;
}

/* SL_ERR_NOT_FOUND: there is no such fold. */
static sl_status read_fold(const protocol *p, int fold, int same)
{
    const sl_cfp_images *second = p->profile.count ? &p->profile : &p->frontal;
    uint8_t *text;
    size_t size;
    char *path = NULL;
    if (asprintf(&path, "%s/%02d/%s.txt", p->split, fold + 1, same ? "same" : "diff") < 0)
        return sl_fail(p->err, SL_ERR_MEMORY, "%s: no memory for a path", p->split);
    sl_status status = sl_read_file(path, MOST_BYTES, &text, &size, p->err);
    if (status == SL_OK) {
        status = sl_cfp_pairs_parse((const char *)text, size, path, &p->frontal, second, same, fold, p->list, p->err);
        free(text);
    }
    free(path);
    return status;
}

static sl_status read_folds(protocol *p)
{
    int fold = 0;
    sl_status status = SL_OK;
    for (; fold < MOST_FOLDS && (status = read_fold(p, fold, 1)) == SL_OK; fold++)
        SL_TRY(read_fold(p, fold, 0));
    if (status != SL_OK && (status != SL_ERR_NOT_FOUND || fold < 2))
        return status;
    p->list->folds = fold;
    return sl_pairs_check(p->list, p->split, p->err);
}

/* "FF" or "FP", with or without a slash behind it. */
static const char *kind_of(const char *split)
{
    size_t length = strlen(split);
    while (length && split[length - 1] == '/')
        length--;
    if (length < 2)
        return NULL;
    const char *end = split + length - 2;
    return !strncmp(end, "FF", 2) ? "FF" : !strncmp(end, "FP", 2) ? "FP" : NULL;
}

sl_status sl_pairs_of_cfp(const char *split, sl_pair_list *out, sl_error *err)
{
    protocol p = {.split = split, .list = out, .err = err};
    const char *kind = kind_of(split);
    *out = (sl_pair_list){0};
    if (!kind)
        return sl_fail(err, SL_ERR_ARGUMENT, "%s is a folder: of CFP give Protocol/Split/FF or Protocol/Split/FP",
                       split);
    sl_status status = read_images(&p, "Pair_list_F.txt", &p.frontal);
    if (status == SL_OK && !strcmp(kind, "FP"))
        status = read_images(&p, "Pair_list_P.txt", &p.profile);
    if (status == SL_OK)
        status = read_folds(&p);
    sl_cfp_images_free(&p.frontal);
    sl_cfp_images_free(&p.profile);
    if (status != SL_OK)
        sl_pairs_free(out);
    return status;
}
