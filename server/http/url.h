/* What a client asks for: the path in segments and the parameters behind it, decoded. */
#ifndef SERVER_URL_H
#define SERVER_URL_H

#include <stdbool.h>
#include <stddef.h>

enum { SV_SEGMENTS_MAX = 12, SV_PARAMETERS_MAX = 64 };

typedef struct {
    char *name, *value; /* UTF-8 */
} sv_parameter;

typedef struct {
    char *segments[SV_SEGMENTS_MAX]; /* none is empty; a trailing slash is none */
    int depth;
    sv_parameter parameters[SV_PARAMETERS_MAX];
    int count;
} sv_url;

/* "/a/b?c=d": percent-decoded, + is a blank behind the ?, bytes that are no UTF-8 are taken for Latin-1. Tolerates what
 * clients send: "?&a=b", "//", and "?subject=Ann?limit=1", where a second ? begins a parameter that `split_at` names (a
 * list that ends with NULL; NULL: never). false for %00, a broken %, ".." as a segment, too many of either, no
 * memory. */
bool sv_url_parse(const char *target, const char *const *split_at, sv_url *out);
void sv_url_free(sv_url *url);

/* The first parameter of that name, NULL when there is none. */
const char *sv_url_parameter(const sv_url *url, const char *name);

/* malloc'd UTF-8 of text that may be Latin-1; NULL without memory. */
char *sv_utf8_of(const char *text, size_t size);

#endif
