/* Reading safetensors: the header is checked, the tensors stay where they lie. */
#include "net/import/weights/safetensors.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "net/import/weights/storage.h"

enum { PREFIX = 8 }; /* the header's size comes first */

/* What jansson allocates, from above: for each array or object, for each comma or colon, and per byte of text. */
enum { PER_CONTAINER = 320, PER_ITEM = 128, PER_BYTE = 2 };

/* Beside four times a file's size, for its header: bytes become floats of four times their size, and nothing would be
 * left. */
enum { HEADER_BUDGET = 1 << 20 };

typedef struct {
    const char *name;
    const json_t *entry;
    uint64_t begin, end;
} tensor;

bool sl_safetensors_is(const uint8_t *data, size_t size)
{
    return size > PREFIX && sl_get_u64(data) <= size - PREFIX && sl_get_u64(data) > 0 && data[PREFIX] == '{';
}

/* Bytes that the header's tree will take; the size is one of a file, so the sum cannot overflow. */
static size_t tree_size(const char *header, size_t size)
{
    size_t sum = PER_BYTE * size;
    bool in_text = false;
    for (size_t i = 0; i < size; i++) {
        char c = header[i];
        if (c == '"')
            in_text = !in_text;
        else if (in_text)
            i += c == '\\'; /* and what it escapes */
        else if (c == '[' || c == '{')
            sum += PER_CONTAINER;
        else if (c == ',' || c == ':')
            sum += PER_ITEM;
    }
    return sum;
}

static sl_status element_of(const char *name, const json_t *entry, sl_element *out, sl_error *err)
{
    static const struct {
        const char *dtype;
        sl_element element;
    } types[] = {{"F32", SL_ELEMENT_F32},   {"F64", SL_ELEMENT_F64}, {"F16", SL_ELEMENT_F16},
                 {"BF16", SL_ELEMENT_BF16}, {"I64", SL_ELEMENT_I64}, {"I32", SL_ELEMENT_I32},
                 {"I16", SL_ELEMENT_I16},   {"I8", SL_ELEMENT_I8},   {"U8", SL_ELEMENT_U8},
                 {"BOOL", SL_ELEMENT_U8}};
    const char *dtype = json_string_value(json_object_get(entry, "dtype"));
    for (size_t i = 0; dtype && i < sizeof types / sizeof *types; i++)
        if (strcmp(dtype, types[i].dtype) == 0) {
            *out = types[i].element;
            return SL_OK;
        }
    return sl_fail(err, dtype ? SL_ERR_UNSUPPORTED : SL_ERR_FORMAT,
                   "tensor %.200s has the dtype %.40s, which is not read", name, dtype ? dtype : "(none)");
}

static bool read_offset(const json_t *offsets, size_t i, uint64_t *out)
{
    const json_t *value = json_array_get(offsets, i);
    *out = (uint64_t)json_integer_value(value);
    return json_is_integer(value) && json_integer_value(value) >= 0;
}

static sl_status read_tensor_shape(const char *name, const json_t *entry, sl_shape *out, sl_error *err)
{
    const json_t *shape = json_object_get(entry, "shape");
    size_t rank = json_array_size(shape);
    if (!json_is_array(shape) || rank > SL_MAX_RANK)
        return sl_fail(err, SL_ERR_FORMAT, "tensor %.200s has no shape of up to %d dimensions", name, SL_MAX_RANK);
    *out = (sl_shape){.rank = (int)rank};
    for (size_t i = 0; i < rank; i++) {
        const json_t *dim = json_array_get(shape, i);
        out->dim[i] = json_is_integer(dim) ? json_integer_value(dim) : -1;
    }
    if (sl_shape_elements(out) < 0)
        return sl_fail(err, SL_ERR_LIMIT, "tensor %.200s has a shape that is negative or too large", name);
    return SL_OK;
}

static int by_place(const void *pa, const void *pb)
{
    const tensor *a = pa, *b = pb;
    if (a->begin != b->begin)
        return a->begin < b->begin ? -1 : 1;
    return a->end < b->end ? -1 : a->end > b->end;
}

/* The tensors of the header in the order of their bytes, which must follow each other without gaps. */
static sl_status list_tensors(json_t *header, uint64_t data_size, tensor *tensors, size_t *count, sl_error *err)
{
    const char *name;
    json_t *entry;
    json_object_foreach(header, name, entry)
    {
        if (strcmp(name, "__metadata__") == 0)
            continue;
        tensor t = {.name = name, .entry = entry};
        const json_t *offsets = json_object_get(entry, "data_offsets");
        if (json_array_size(offsets) != 2 || !read_offset(offsets, 0, &t.begin) ||
            !read_offset(offsets, 1, &t.end))
            return sl_fail(err, SL_ERR_FORMAT, "tensor %.200s has no data_offsets", name);
        tensors[(*count)++] = t;
    }
    if (*count)
        qsort(tensors, *count, sizeof *tensors, by_place);
    uint64_t at = 0;
    for (size_t i = 0; i < *count; at = tensors[i++].end)
        if (tensors[i].begin != at || tensors[i].end < at || tensors[i].end > data_size)
            return sl_fail(
                err, SL_ERR_FORMAT, "tensor %.200s has bytes %llu to %llu and should begin at %llu of %llu",
                tensors[i].name, (unsigned long long)tensors[i].begin, (unsigned long long)tensors[i].end,
                (unsigned long long)at, (unsigned long long)data_size);
    if (at != data_size)
        return sl_fail(err, SL_ERR_FORMAT, "its tensors take %llu bytes and the file has %llu",
                       (unsigned long long)at, (unsigned long long)data_size);
    return SL_OK;
}

static sl_status add_safetensor(const tensor *t, const uint8_t *data, size_t *budget, sl_state_dict *out,
                                sl_error *err)
{
    sl_storage storage = {.data = data + t->begin};
    sl_view view = {0};
    SL_TRY(element_of(t->name, t->entry, &storage.type, err));
    SL_TRY(read_tensor_shape(t->name, t->entry, &view.shape, err));
    storage.count = (uint64_t)sl_shape_elements(&view.shape);
    if (storage.count * sl_element_size(storage.type) != t->end - t->begin)
        return sl_fail(err, SL_ERR_FORMAT, "tensor %.200s has %llu bytes, which its shape and dtype do not take",
                       t->name, (unsigned long long)(t->end - t->begin));
    sl_view_dense(&view);
    return sl_state_dict_add_view(out, t->name, &storage, &view, budget, err);
}

static sl_status read_tensors(json_t *header, const uint8_t *data, size_t data_size, size_t *budget,
                              tensor *tensors, sl_state_dict *out, sl_error *err)
{
    size_t count = 0;
    SL_TRY(list_tensors(header, data_size, tensors, &count, err));
    for (size_t i = 0; i < count; i++)
        SL_TRY(add_safetensor(&tensors[i], data, budget, out, err));
    return SL_OK;
}

static sl_status parse_header(const char *text, size_t size, json_t **out, sl_error *err)
{
    json_error_t why;
    *out = json_loadb(text, size, JSON_REJECT_DUPLICATES, &why);
    if (*out)
        return json_is_object(*out) ? SL_OK : sl_fail(err, SL_ERR_FORMAT, "its header is no JSON object");
    if (why.text[0] == '\0') /* jansson has nothing to say when it runs out of memory */
        return sl_fail(err, SL_ERR_MEMORY, "no memory for its header of %zu bytes", size);
    return sl_fail(err, SL_ERR_FORMAT, "its header is not sound: %s at byte %d", why.text, why.position);
}

sl_status sl_safetensors_parse(const uint8_t *data, size_t size, sl_state_dict *out, sl_error *err)
{
    *out = (sl_state_dict){0};
    if (!sl_safetensors_is(data, size))
        return sl_fail(err, SL_ERR_FORMAT, "it is no safetensors file, or was cut short");
    const char *text = (const char *)data + PREFIX;
    size_t header_size = (size_t)sl_get_u64(data), budget = sl_budget_of(size) + HEADER_BUDGET;
    SL_TRY(sl_take_budget(&budget, tree_size(text, header_size), err));
    json_t *header = NULL;
    sl_status status = parse_header(text, header_size, &header, err);
    tensor *tensors = status == SL_OK ? calloc(json_object_size(header) + 1, sizeof *tensors) : NULL;
    if (tensors)
        status = read_tensors(header, data + PREFIX + header_size, size - PREFIX - header_size, &budget, tensors, out,
                              err);
    else if (status == SL_OK)
        status = sl_no_memory(err, "for the tensors of a safetensors file");
    free(tensors);
    json_decref(header);
    if (status != SL_OK)
        sl_state_dict_free(out);
    return status;
}

sl_status sl_safetensors_note(const uint8_t *data, size_t size, const char *key, char **out, sl_error *err)
{
    json_t *header;
    *out = NULL;
    if (!sl_safetensors_is(data, size))
        return sl_fail(err, SL_ERR_FORMAT, "it is no safetensors file, or was cut short");
    SL_TRY(parse_header((const char *)data + PREFIX, (size_t)sl_get_u64(data), &header, err));
    const char *text = json_string_value(json_object_get(json_object_get(header, "__metadata__"), key));
    *out = text ? sl_strdup(text) : NULL;
    json_decref(header);
    return text && !*out ? sl_no_memory(err, "for a note of a safetensors file") : SL_OK;
}

sl_status sl_safetensors_read(const char *path, sl_state_dict *out, sl_error *err)
{
    return sl_state_dict_map(path, sl_safetensors_parse, out, err);
}
