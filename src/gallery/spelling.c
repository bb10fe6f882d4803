/* Names that come from outside: stored in Unicode's form C, and found in whatever form they are asked for. */
#include <stdlib.h>
#include <string.h>

#include "base/nfc.h"
#include "gallery/gallery.h"
#include "gallery/naming.h"

/* What is no UTF-8, or too long, stays as it is: the check of names refuses it. */
static sl_status compose(const char *name, char **out, sl_error *err)
{
    sl_error why;
    *out = NULL;
    if (name && sl_nfc(name, strlen(name), out, &why) == SL_ERR_MEMORY)
        return sl_fail(err, SL_ERR_MEMORY, "%s", why.text);
    return SL_OK;
}

char *sl_composed(const char *name)
{
    char *composed;
    return compose(name, &composed, NULL) == SL_OK ? composed : NULL;
}

sl_status sl_spelling_of(const sl_entry *entry, sl_spelling *out, sl_error *err)
{
    *out = (sl_spelling){0};
    if (!entry)
        return SL_OK;
    out->entry = *entry;
    sl_status status = compose(entry->image, &out->image, err);
    if (status == SL_OK)
        status = compose(entry->label, &out->label, err);
    out->entry.image = out->image ? out->image : entry->image;
    out->entry.label = out->label ? out->label : entry->label;
    if (status != SL_OK)
        sl_spelling_free(out);
    return status;
}

void sl_spelling_free(sl_spelling *spelling)
{
    free(spelling->image);
    free(spelling->label);
    *spelling = (sl_spelling){0};
}

bool sl_same_name(const char *a, const char *b)
{
    char *x = NULL, *y = NULL;
    bool same = strcmp(a, b) == 0;
    if (!same && compose(a, &x, NULL) == SL_OK && compose(b, &y, NULL) == SL_OK)
        same = x && y && strcmp(x, y) == 0;
    free(x);
    free(y);
    return same;
}
