/* multipart/form-data: the parts of a body that is there as a whole. */
#ifndef SERVER_MULTIPART_H
#define SERVER_MULTIPART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SV_PARTS_MAX = 64 };

typedef struct {
    char *name;          /* UTF-8 */
    bool is_file;        /* it came with a file name */
    const uint8_t *data; /* [size] in the body */
    size_t size;
} sv_part;

typedef struct {
    sv_part items[SV_PARTS_MAX];
    int count;
} sv_parts;

/* content_type: the header's value; where it names no boundary, the body's first line does. NULL, or what is wrong
 * (then there are no parts). Parts point into the body. */
const char *sv_multipart_parse(const char *content_type, const uint8_t *body, size_t size, sv_parts *out);
void sv_parts_free(sv_parts *parts);

/* The first part of that name, NULL when there is none. */
const sv_part *sv_parts_find(const sv_parts *parts, const char *name);

#endif
