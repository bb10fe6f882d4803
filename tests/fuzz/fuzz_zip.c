// module: net
/* A file as a zip archive: every entry lies within it and is found by its name. */
#include "net/import/weights/zip.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sl_records records;
    sl_error err;
    if (sl_zip_read(data, size, &records, &err) != SL_OK)
        return 0;
    for (size_t i = 0; i < records.count; i++) {
        const sl_record *r = &records.items[i];
        if (r->data < data || r->size > size - (size_t)(r->data - data) ||
            sl_records_find(&records, r->name, r->name_size) != r)
            abort();
    }
    sl_records_free(&records);
    return 0;
}
