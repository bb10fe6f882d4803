// module: gallery
/* URLs of a gallery's shards. What is shown of them names the same gallery and as many shards, and no password. */
#include <stdlib.h>
#include <string.h>

#include "gallery/postgres/pg_place.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST_SHOWN = 60000 };

static void check(const sl_pg_place *p)
{
    sl_pg_place again;
    sl_error err;
    if (p->shards < 1 || p->shards > SL_PG_MOST_SHARDS || !*p->gallery ||
        p->gallery[strspn(p->gallery, "abcdefghijklmnopqrstuvwxyz0123456789_")] || p->connections < 1 ||
        p->connections > 64 || p->deadline < 0)
        abort();
    for (size_t i = 0; i < p->shards; i++)
        if (strncmp(p->urls[i], SL_PG_PREFIX, strlen(SL_PG_PREFIX)) != 0 || strchr(p->names[i], '@'))
            abort();
    if (strlen(p->shown) > MOST_SHOWN) /* longer than it was */
        return;
    if (sl_pg_place_parse(p->shown, &again, &err) != SL_OK || again.shards != p->shards ||
        strcmp(again.gallery, p->gallery) != 0)
        abort();
    sl_pg_place_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    sl_pg_place place;
    sl_error err;
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = 0;
    if (sl_pg_place_parse(text, &place, &err) == SL_OK)
        check(&place);
    else if (!*err.text)
        abort();
    sl_pg_place_free(&place);
    free(text);
    return 0;
}
