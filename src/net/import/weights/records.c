/* Named pieces of a file, sorted and found by name. */
#include "net/import/weights/records.h"

#include <stdlib.h>
#include <string.h>

int sl_compare_names(const char *a, size_t a_size, const char *b, size_t b_size)
{
    size_t shorter = a_size < b_size ? a_size : b_size;
    int order = shorter ? memcmp(a, b, shorter) : 0;
    return order ? order : (a_size > b_size) - (a_size < b_size);
}

static int by_record_name(const void *pa, const void *pb)
{
    const sl_record *a = pa, *b = pb;
    return sl_compare_names(a->name, a->name_size, b->name, b->name_size);
}

sl_status sl_records_sort(sl_records *records, sl_error *err)
{
    if (records->count)
        qsort(records->items, records->count, sizeof *records->items, by_record_name);
    for (size_t i = 1; i < records->count; i++)
        if (by_record_name(&records->items[i - 1], &records->items[i]) == 0)
            return sl_fail(err, SL_ERR_FORMAT, "two of its records have the same name");
    return SL_OK;
}

const sl_record *sl_records_find(const sl_records *records, const char *name, size_t name_size)
{
    const sl_record key = {.name = name, .name_size = name_size};
    return records->count ? bsearch(&key, records->items, records->count, sizeof key, by_record_name) : NULL;
}

void sl_records_free(sl_records *records)
{
    free(records->items);
    *records = (sl_records){0};
}
