/* Names of people and photos: which of one set are in another, and lists of them in a file. */
#ifndef SL_EVAL_NAME_SETS_H
#define SL_EVAL_NAME_SETS_H

#include "base/status.h"

/* A name as it is compared, and what it stands for. */
typedef struct {
    const char *text;
    size_t length;
    uint32_t value;
} sl_name;

/* The length of a photo's id without its file ending, so that a/1.jpg and a/1.png are one photo. The second face
 * of a photo ("a/1.jpg#2") is another one: its id counts whole. */
size_t sl_photo_stem(const char *image);

/* By bytes, then by value. */
void sl_names_sort(sl_name *names, size_t count);

/* The first of the sorted names that equals text [length]; NULL: none. Equal ones follow it. */
const sl_name *sl_names_find(const sl_name *sorted, size_t count, const char *text, size_t length);

/* A list of names, one a line (CRLF and blank lines are fine), sorted; each value is its line from 1. The names
 * point into `text`. SL_ERR_FORMAT names the line of a repeated name or a NUL byte. free() *out. */
sl_status sl_names_parse(const char *text, size_t size, const char *file, sl_name **out, size_t *count,
                         sl_error *err);

#endif
