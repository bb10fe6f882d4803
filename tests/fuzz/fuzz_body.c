// module: server
/* A request's body of the type that its first line names, and all that routes ask of it. */
#include <stdlib.h>
#include <string.h>

#include "request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text)
{
    uint32_t code;
    for (size_t left = strlen(text), n; left > 0; text += n, left -= n)
        if ((n = sl_utf8_read(text, left, &code)) == 0)
            abort();
}

static void ask(sv_request *r, const char *name)
{
    char hold[512];
    const uint8_t *picture;
    uint8_t *held, sum = 0;
    size_t size;
    const char *text = sv_ask(r, name, hold);
    if (text)
        check_text(text);
    const double number = sv_ask_number(r, name, -2, 7, 1);
    if (!(number >= -2 && number <= 7))
        abort();
    if (sv_ask_listed(r, name, "landmarks") && !text)
        abort();
    sv_ask_bool(r, name, false);
    if (sv_ask_picture(r, name, &picture, &size, &held) == 1)
        for (size_t i = 0; i < size; i++)
            sum ^= picture[i];
    (void)sum;
    free(held);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"image", "person", "limit", "metadata", "a"};
    const uint8_t *line = size ? memchr(data, '\n', size) : NULL;
    sv_request r = {0};
    if (!line || memchr(data, 0, (size_t)(line - data)))
        return 0;
    r.content_type = line > data ? strndup((const char *)data, (size_t)(line - data)) : NULL;
    r.size = size - (size_t)(line + 1 - data);
    r.body = malloc(r.size + 1);
    if (r.body && r.size)
        memcpy(r.body, line + 1, r.size);
    if (r.body && sv_request_parse(&r))
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            ask(&r, names[i]);
    else if (r.body && r.reply.status != 400)
        abort();
    sv_request_clear(&r);
    return 0;
}
