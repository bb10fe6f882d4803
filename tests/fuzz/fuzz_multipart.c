// module: server
/* A form: the first line is its Content-Type, the rest its body. */
#include <stdlib.h>
#include <string.h>

#include "http/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char type[256];
    const uint8_t *line = size ? memchr(data, '\n', size) : NULL;
    const size_t n = line ? (size_t)(line - data) : 0;
    if (!line || n >= sizeof type || memchr(data, 0, n))
        return 0;
    memcpy(type, data, n);
    type[n] = 0;
    const uint8_t *body = line + 1, *end = data + size;
    sv_parts parts;
    const char *wrong = sv_multipart_parse(n ? type : NULL, body, (size_t)(end - body), &parts);
    if (wrong && parts.count)
        abort();
    for (int i = 0; i < parts.count; i++) {
        const sv_part *p = &parts.items[i];
        if (!p->name || p->data < body || p->data + p->size > end || !sv_parts_find(&parts, p->name))
            abort();
    }
    sv_parts_free(&parts);
    return 0;
}
