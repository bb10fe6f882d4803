/* The state dict in the tree that a pickle describes (pickle.h), and the tensors in it. */
#include "net/import/weights/torch_dict.h"

#include <stdio.h>
#include <string.h>

enum { MAX_NESTING = 4 };

/* ---- one tensor ---- */

static bool is_int(const sl_pickle_value *value)
{
    return value->kind == SL_PICKLE_INT && value->integer >= 0;
}

/* The tuple that is a shape or strides, plain or as torch.Size; NULL for something else. */
static const sl_pickle_object *tuple_in(const sl_pickle_value *value)
{
    if (value->kind == SL_PICKLE_CALL && sl_pickle_global(value)->kind == SL_GLOBAL_SIZE &&
        value->object->count == 1)
        value = &value->object->items[0];
    return value->kind == SL_PICKLE_TUPLE ? value->object : NULL;
}

static bool is_call(const sl_pickle_value *value, sl_global_kind kind)
{
    return value->kind == SL_PICKLE_CALL && sl_pickle_global(value)->kind == kind;
}

/* The call that makes a tensor, within a Parameter or bare; NULL for a value that is no tensor. */
static const sl_pickle_value *tensor_in(const sl_pickle_value *value)
{
    if (is_call(value, SL_GLOBAL_REBUILD_PARAMETER) && value->object->count)
        value = &value->object->items[0];
    return is_call(value, SL_GLOBAL_REBUILD_TENSOR) ? value : NULL;
}

sl_status sl_torch_read_storage(const sl_pickle_value *persistent, sl_torch_storage *out, sl_error *err)
{
    const sl_pickle_object *id = persistent->object;
    const sl_pickle_value *item = id->items;
    if (id->count < 5 || !sl_pickle_is_text(&item[0], "storage") || item[1].kind != SL_PICKLE_GLOBAL ||
        sl_pickle_global(&item[1])->kind != SL_GLOBAL_STORAGE || item[2].kind != SL_PICKLE_TEXT ||
        !is_int(&item[4]))
        return sl_fail(err, SL_ERR_FORMAT, "a storage is not named as torch.save names it");
    *out = (sl_torch_storage){.type = sl_pickle_global(&item[1])->element,
                              .key = item[2].text,
                              .key_size = item[2].size,
                              .count = (uint64_t)item[4].integer,
                              .view_count = -1};
    if (id->count < 6 || item[5].kind == SL_PICKLE_NONE)
        return SL_OK;
    const sl_pickle_object *view = item[5].kind == SL_PICKLE_TUPLE ? item[5].object : NULL;
    if (!view || view->count != 3 || !is_int(&view->items[1]) || !is_int(&view->items[2]))
        return sl_fail(err, SL_ERR_FORMAT, "a storage's view is not named as torch.save names it");
    out->view_offset = view->items[1].integer;
    out->view_count = view->items[2].integer;
    return SL_OK;
}

static sl_status find_storage(const sl_pickle_value *persistent, const sl_records *storages, sl_storage *out,
                              sl_error *err)
{
    sl_torch_storage s;
    SL_TRY(sl_torch_read_storage(persistent, &s, err));
    const sl_record *bytes = sl_records_find(storages, s.key, s.key_size);
    if (!bytes)
        return sl_fail(err, SL_ERR_FORMAT, "its storage is not in the file");
    if (s.count > bytes->size / sl_element_size(s.type))
        return sl_fail(err, SL_ERR_FORMAT, "its storage should have %llu elements and has %zu bytes",
                       (unsigned long long)s.count, bytes->size);
    *out = (sl_storage){.type = s.type, .data = bytes->data, .count = s.count};
    if (s.view_count < 0)
        return SL_OK;
    if ((uint64_t)s.view_offset > s.count || (uint64_t)s.view_count > s.count - (uint64_t)s.view_offset)
        return sl_fail(err, SL_ERR_FORMAT, "its view leaves its storage");
    out->data += (size_t)s.view_offset * sl_element_size(s.type);
    out->count = (uint64_t)s.view_count;
    return SL_OK;
}

/* (storage, offset, shape, strides, ..) */
static sl_status read_tensor(const sl_pickle_value *call, const sl_records *storages, sl_storage *storage,
                             sl_view *view, sl_error *err)
{
    const sl_pickle_value *argument = call->object->items;
    if (call->object->count < 4 || argument[0].kind != SL_PICKLE_PERSISTENT || !is_int(&argument[1]))
        return sl_fail(err, SL_ERR_FORMAT, "it is not written as torch.save writes it");
    const sl_pickle_object *shape = tuple_in(&argument[2]), *strides = tuple_in(&argument[3]);
    if (!shape || !strides || shape->count != strides->count)
        return sl_fail(err, SL_ERR_FORMAT, "its shape and strides do not fit");
    if (shape->count > SL_MAX_RANK)
        return sl_fail(err, SL_ERR_LIMIT, "it has %zu dimensions, up to %d are read", shape->count, SL_MAX_RANK);
    *view = (sl_view){.shape.rank = (int)shape->count, .offset = argument[1].integer};
    for (size_t i = 0; i < shape->count; i++) {
        if (!is_int(&shape->items[i]) || !is_int(&strides->items[i]))
            return sl_fail(err, SL_ERR_FORMAT, "its shape or strides have something else than a number");
        view->shape.dim[i] = shape->items[i].integer;
        view->stride[i] = strides->items[i].integer;
    }
    return find_storage(&argument[0], storages, storage, err);
}

/* ---- the dictionary ---- */

static bool has_tensors(const sl_pickle_value *dict)
{
    for (size_t i = 0; i < dict->object->count; i += 2)
        if (tensor_in(&dict->object->items[i + 1]))
            return true;
    return false;
}

static const sl_pickle_value *value_of(const sl_pickle_object *dict, const char *key)
{
    for (size_t i = 0; i < dict->count; i += 2)
        if (sl_pickle_is_text(&dict->items[i], key))
            return &dict->items[i + 1];
    return NULL;
}

static const sl_pickle_value *find_dict(const sl_pickle_value *value, int depth);

/* The only one of its values that is or holds a state dict. */
static const sl_pickle_value *only_dict(const sl_pickle_object *dict, int depth)
{
    const sl_pickle_value *only = NULL;
    for (size_t i = 0; i < dict->count; i += 2) {
        const sl_pickle_value *found = find_dict(&dict->items[i + 1], depth + 1);
        if (found && only)
            return NULL;
        if (found)
            only = found;
    }
    return only;
}

/* The names come first: a best accuracy beside a state dict may be a tensor too. */
static const sl_pickle_value *find_dict(const sl_pickle_value *value, int depth)
{
    static const char *const names[] = {"state_dict", "net_state_dict", "model_state_dict", "model",
                                        "net",        "backbone"};
    if (value->kind != SL_PICKLE_DICT || depth > MAX_NESTING || value->object->seen)
        return NULL;
    value->object->seen = true; /* once is enough, and a file can hold one dictionary in a million places */
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const sl_pickle_value *named = value_of(value->object, names[i]);
        const sl_pickle_value *found = named ? find_dict(named, depth + 1) : NULL;
        if (found)
            return found;
    }
    return has_tensors(value) ? value : only_dict(value->object, depth);
}

/* What a file without a state dict holds, for its error. */
static void describe_root(const sl_pickle_value *root, char *text, size_t size)
{
    static const char *const kinds[] = {"nothing",  "None",         "a number", "a number",
                                        "a number", "a number",     "a text",   "a tuple",
                                        "a list",   "a dictionary", "a type",   "a tensor or another object",
                                        "a storage"};
    int used = snprintf(text, size, "%s", kinds[root->kind]);
    for (size_t i = 0; root->kind == SL_PICKLE_DICT && i < root->object->count && i < 16; i += 2) {
        const sl_pickle_value *key = &root->object->items[i];
        if (key->kind != SL_PICKLE_TEXT || used < 0 || (size_t)used >= size)
            continue;
        int length = key->size < 40 ? (int)key->size : 40;
        used += snprintf(text + used, size - (size_t)used, "%s%.*s", i ? ", " : " of ", length, key->text);
    }
}

static sl_status add_weight(const sl_pickle_value *key, const sl_pickle_value *call, const sl_records *storages,
                            size_t *budget, sl_state_dict *out, sl_error *err)
{
    char name[SL_MAX_WEIGHT_NAME + 1];
    if (key->kind != SL_PICKLE_TEXT || key->size > SL_MAX_WEIGHT_NAME || memchr(key->text, '\0', key->size))
        return sl_fail(err, SL_ERR_FORMAT, "a weight has no name, or one of more than %d bytes",
                       SL_MAX_WEIGHT_NAME);
    memcpy(name, key->text, key->size);
    name[key->size] = '\0';
    sl_storage storage;
    sl_view view;
    sl_status status = read_tensor(call, storages, &storage, &view, err);
    if (status != SL_OK)
        return sl_fail_in(err, status, "weight %.200s", name);
    return sl_state_dict_add_view(out, name, &storage, &view, budget, err);
}

sl_status sl_torch_read_dict(const sl_pickle_value *root, const sl_records *storages, size_t *budget,
                             sl_state_dict *out, sl_error *err)
{
    const sl_pickle_value *dict = find_dict(root, 0);
    char text[200];
    if (!dict) {
        describe_root(root, text, sizeof text);
        return sl_fail(err, SL_ERR_FORMAT,
                       "it holds no state dict, or several: it is %s; save one with "
                       "torch.save(model.state_dict(), FILE)",
                       text);
    }
    for (size_t i = 0; i < dict->object->count; i += 2) {
        const sl_pickle_value *tensor = tensor_in(&dict->object->items[i + 1]);
        if (tensor)
            SL_TRY(add_weight(&dict->object->items[i], tensor, storages, budget, out, err));
    }
    return SL_OK;
}
