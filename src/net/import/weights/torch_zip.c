/* torch.save's zip archives: the pickle, and a record for each storage. */
#include <string.h>

#include "net/import/weights/torch_dict.h"
#include "net/import/weights/torch_file.h"
#include "net/import/weights/zip.h"

/* True, and *stem = the bytes before it, for a name that ends with `end`. */
static bool ends_with(const sl_record *r, const char *end, size_t *stem)
{
    size_t length = strlen(end);
    if (r->name_size < length || memcmp(r->name + r->name_size - length, end, length) != 0)
        return false;
    *stem = r->name_size - length;
    return true;
}

/* NAME/data.pkl, and the bytes of "NAME/". */
static sl_status find_pickle(const sl_records *records, const sl_record **pickle, size_t *stem, sl_error *err)
{
    for (size_t i = 0; i < records->count; i++)
        if (ends_with(&records->items[i], "/data.pkl", stem)) {
            *pickle = &records->items[i];
            *stem += 1;
            return SL_OK;
        }
    return sl_fail(err, SL_ERR_FORMAT, "the zip archive has no data.pkl, so it is no checkpoint of PyTorch");
}

static sl_status check_byte_order(const sl_records *records, const char *name, size_t stem, sl_error *err)
{
    for (size_t i = 0; i < records->count; i++) {
        const sl_record *r = &records->items[i];
        size_t length;
        if (ends_with(r, "byteorder", &length) && length == stem && memcmp(r->name, name, stem) == 0 &&
            (r->size != 6 || memcmp(r->data, "little", 6) != 0))
            return sl_fail(err, SL_ERR_UNSUPPORTED,
                           "its weights are not little-endian; save it again on such a machine");
    }
    return SL_OK;
}

/* Leaves the records NAME/data/KEY and names them KEY; their order stays. */
static void keep_storages(sl_records *records, const char *name, size_t stem)
{
    static const char folder[] = "data/";
    size_t kept = 0, skip = stem + sizeof folder - 1;
    for (size_t i = 0; i < records->count; i++) {
        sl_record r = records->items[i];
        if (r.name_size < skip || memcmp(r.name, name, stem) != 0 ||
            memcmp(r.name + stem, folder, skip - stem) != 0)
            continue;
        r.name += skip;
        r.name_size -= skip;
        records->items[kept++] = r;
    }
    records->count = kept;
}

static sl_status read_records(sl_records *records, size_t *budget, sl_pickle *pickle, sl_state_dict *out,
                              sl_error *err)
{
    const sl_record *found = NULL;
    size_t stem = 0, used;
    SL_TRY(find_pickle(records, &found, &stem, err));
    SL_TRY(check_byte_order(records, found->name, stem, err));
    SL_TRY(sl_pickle_read(found->data, found->size, budget, pickle, &used, err));
    keep_storages(records, found->name, stem);
    return sl_torch_read_dict(&pickle->root, records, budget, out, err);
}

sl_status sl_torch_read_zip(const uint8_t *data, size_t size, size_t *budget, sl_state_dict *out, sl_error *err)
{
    sl_records records;
    sl_pickle pickle = {0};
    SL_TRY(sl_zip_read(data, size, &records, err));
    sl_status status = sl_take_budget(budget, records.count * sizeof *records.items, err);
    if (status == SL_OK)
        status = read_records(&records, budget, &pickle, out, err);
    sl_pickle_free(&pickle);
    sl_records_free(&records);
    return status;
}
