/* torch.save's older form: a row of pickles, then the storages' bytes. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "net/import/weights/torch_dict.h"
#include "net/import/weights/torch_file.h"

enum { VERSION = 1001 };

static const uint8_t magic[10] = {0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19};

typedef struct {
    sl_reader in;
    size_t *budget;
    sl_pickle object, keys;
    sl_torch_storage *types; /* of each storage that the object names, by key */
    size_t n_types;
    sl_records storages;
} legacy;

/* The next pickle of the file. */
static sl_status next_pickle(legacy *f, const char *what, sl_pickle *out, sl_error *err)
{
    size_t used;
    sl_status status = sl_pickle_read(f->in.data + f->in.at, f->in.size - f->in.at, f->budget, out, &used, err);
    f->in.at += used;
    return status == SL_OK ? SL_OK : sl_fail_in(err, status, "%s", what);
}

/* The magic number, the version, and what the machine was. */
static sl_status read_preamble(legacy *f, sl_error *err)
{
    sl_pickle p;
    sl_status status = next_pickle(f, "its magic number", &p, err);
    bool right = p.root.kind == SL_PICKLE_BIG_INT && p.root.size == sizeof magic &&
                 !memcmp(p.root.text, magic, sizeof magic);
    sl_pickle_free(&p);
    SL_TRY(status);
    if (!right)
        return sl_fail(err, SL_ERR_FORMAT, "it is a pickle but not one of torch.save");
    status = next_pickle(f, "its version", &p, err);
    right = p.root.kind == SL_PICKLE_INT && p.root.integer == VERSION;
    sl_pickle_free(&p);
    SL_TRY(status);
    if (!right)
        return sl_fail(err, SL_ERR_UNSUPPORTED, "torch.save's legacy form has version %d alone", VERSION);
    status = next_pickle(f, "what it says of its machine", &p, err);
    for (size_t i = 0; p.root.kind == SL_PICKLE_DICT && i < p.root.object->count; i += 2) {
        const sl_pickle_value *pair = &p.root.object->items[i];
        if (sl_pickle_is_text(&pair[0], "little_endian") && pair[1].kind == SL_PICKLE_BOOL && !pair[1].integer)
            status = sl_fail(err, SL_ERR_UNSUPPORTED,
                             "its weights are not little-endian; save it again on such a machine");
    }
    sl_pickle_free(&p);
    return status;
}

static int by_storage_key(const void *pa, const void *pb)
{
    const sl_torch_storage *a = pa, *b = pb;
    return sl_compare_names(a->key, a->key_size, b->key, b->key_size);
}

static sl_status list_types(legacy *f, sl_error *err)
{
    size_t n = f->object.n_persistent;
    SL_TRY(sl_take_budget(f->budget, n * sizeof *f->types, err));
    f->types = calloc(n + 1, sizeof *f->types);
    if (!f->types)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for %zu storages", n);
    for (; f->n_types < n; f->n_types++)
        SL_TRY(sl_torch_read_storage(&f->object.persistent[f->n_types], &f->types[f->n_types], err));
    qsort(f->types, n, sizeof *f->types, by_storage_key);
    for (size_t i = 1; i < n; i++)
        if (by_storage_key(&f->types[i - 1], &f->types[i]) == 0 && f->types[i - 1].type != f->types[i].type)
            return sl_fail(err, SL_ERR_FORMAT, "one storage has two types");
    return SL_OK;
}

/* Storages have no size in bytes: their type says what an element takes. */
static sl_status read_storages(legacy *f, sl_error *err)
{
    const sl_pickle_object *keys = f->keys.root.kind == SL_PICKLE_LIST ? f->keys.root.object : NULL;
    if (!keys)
        return sl_fail(err, SL_ERR_FORMAT, "its storages are not listed");
    SL_TRY(sl_take_budget(f->budget, keys->count * sizeof *f->storages.items, err));
    f->storages.items = calloc(keys->count + 1, sizeof *f->storages.items);
    if (!f->storages.items)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for %zu storages", keys->count);
    for (size_t i = 0; i < keys->count; i++) {
        const sl_pickle_value *key = &keys->items[i];
        const sl_torch_storage wanted = {.key = key->text, .key_size = key->size};
        const sl_torch_storage *type =
            key->kind == SL_PICKLE_TEXT ? bsearch(&wanted, f->types, f->n_types, sizeof wanted, by_storage_key) : NULL;
        if (!type)
            return sl_fail(err, SL_ERR_FORMAT, "it has a storage that nothing uses, so the type is not known");
        uint64_t count = sl_read_u64(&f->in);
        size_t size = sl_element_size(type->type);
        if (count > (f->in.size - f->in.at) / size)
            return sl_fail(err, SL_ERR_FORMAT,
                           "storage %zu of %zu should have %llu elements, more than there are bytes; "
                           "was the file cut short?",
                           i + 1, keys->count, (unsigned long long)count);
        const uint8_t *bytes = sl_read_bytes(&f->in, (size_t)count * size);
        if (!bytes)
            return sl_fail(err, SL_ERR_FORMAT, "it ends before storage %zu of %zu; was the file cut short?", i + 1,
                           keys->count);
        f->storages.items[f->storages.count++] = (sl_record){key->text, key->size, bytes, (size_t)count * size};
    }
    return sl_records_sort(&f->storages, err);
}

static sl_status read_legacy(legacy *f, sl_state_dict *out, sl_error *err)
{
    SL_TRY(read_preamble(f, err));
    SL_TRY(next_pickle(f, "what was saved", &f->object, err));
    SL_TRY(next_pickle(f, "its list of storages", &f->keys, err));
    SL_TRY(list_types(f, err));
    SL_TRY(read_storages(f, err));
    return sl_torch_read_dict(&f->object.root, &f->storages, f->budget, out, err);
}

sl_status sl_torch_read_legacy(const uint8_t *data, size_t size, size_t *budget, sl_state_dict *out, sl_error *err)
{
    legacy f = {.in = sl_reader_of(data, size), .budget = budget};
    sl_status status = read_legacy(&f, out, err);
    sl_pickle_free(&f.object);
    sl_pickle_free(&f.keys);
    free(f.types);
    sl_records_free(&f.storages);
    return status;
}
