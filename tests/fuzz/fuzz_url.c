// module: server
/* A request's target. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/url.h"
#include "secondlook.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text)
{
    uint32_t code;
    for (size_t left = strlen(text), n; left > 0; text += n, left -= n)
        if ((n = sl_utf8_read(text, left, &code)) == 0)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const split_at[] = {"limit", "det_prob_threshold", NULL};
    char *target = malloc(size + 1);
    sv_url url;
    if (!target)
        return 0;
    memcpy(target, data, size);
    target[size] = 0;
    if (sv_url_parse(target, split_at, &url)) {
        for (int i = 0; i < url.depth; i++) {
            check_text(url.segments[i]);
            if (!*url.segments[i] || strcmp(url.segments[i], "..") == 0)
                abort();
        }
        for (int i = 0; i < url.count; i++) {
            check_text(url.parameters[i].name);
            check_text(url.parameters[i].value);
        }
        sv_url_free(&url);
    } else if (url.depth || url.count) {
        abort();
    }
    free(target);
    return 0;
}
