/* Weights in the file's order, and a hash table of their names. */
#include "net/import/weights/state_dict.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static sl_status check_weight(const sl_state_dict *dict, const char *name, const sl_shape *shape, sl_error *err)
{
    size_t length = strlen(name);
    if (length == 0 || length > SL_MAX_WEIGHT_NAME)
        return sl_fail(err, SL_ERR_FORMAT, "a weight's name has %zu bytes, 1 to %d are possible", length,
                       SL_MAX_WEIGHT_NAME);
    if (dict->count == SL_MAX_WEIGHTS)
        return sl_fail(err, SL_ERR_LIMIT, "more than %d weights", SL_MAX_WEIGHTS);
    if (shape->rank < 0 || shape->rank > SL_MAX_RANK || sl_shape_elements(shape) < 0)
        return sl_fail(err, SL_ERR_FORMAT, "weight %s has too many dimensions or elements", name);
    if (sl_state_dict_find(dict, name))
        return sl_fail(err, SL_ERR_FORMAT, "weight %s is there twice", name);
    return SL_OK;
}

/* ---- the hash table: open addressing, at most half full ---- */

/* The slot that has the name, or the free one where it belongs. The capacity is a power of two and not 0. */
static uint32_t *weight_slot(const sl_state_dict *dict, const char *name)
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (const char *p = name; *p; p++)
        hash = (hash ^ (uint8_t)*p) * 16777619u;
    size_t mask = 2 * dict->capacity - 1, at = hash & mask;
    while (dict->slots[at] && strcmp(dict->weights[dict->slots[at] - 1].name, name) != 0)
        at = (at + 1) & mask;
    return &dict->slots[at];
}

static sl_status grow_dict(sl_state_dict *dict, sl_error *err)
{
    size_t capacity = dict->capacity ? 2 * dict->capacity : 64;
    sl_weight *weights = sl_realloc_array(dict->weights, capacity, sizeof *weights);
    if (weights)
        dict->weights = weights;
    uint32_t *slots = calloc(2 * capacity, sizeof *slots);
    if (!weights || !slots) {
        free(slots);
        return sl_fail(err, SL_ERR_MEMORY, "no memory for %zu weights", capacity);
    }
    free(dict->slots);
    dict->slots = slots;
    dict->capacity = capacity;
    for (size_t i = 0; i < dict->count; i++)
        *weight_slot(dict, dict->weights[i].name) = (uint32_t)i + 1;
    return SL_OK;
}

static sl_status append_weight(sl_state_dict *dict, const char *name, const sl_weight *weight, sl_error *err)
{
    if (dict->count == dict->capacity)
        SL_TRY(grow_dict(dict, err));
    char *copy = sl_strdup(name);
    if (!copy)
        return sl_no_memory(err, "for a weight's name");
    dict->weights[dict->count] = *weight;
    dict->weights[dict->count++].name = copy;
    *weight_slot(dict, copy) = (uint32_t)dict->count;
    return SL_OK;
}

sl_status sl_state_dict_add(sl_state_dict *dict, const char *name, const sl_shape *shape, const float *data, bool owned,
                            sl_error *err)
{
    const sl_weight weight = {.shape = *shape, .data = data, .owned = owned};
    sl_status status = check_weight(dict, name, shape, err);
    if (status == SL_OK)
        status = append_weight(dict, name, &weight, err);
    if (status != SL_OK && owned)
        free((float *)data);
    return status;
}

const sl_weight *sl_state_dict_find(const sl_state_dict *dict, const char *name)
{
    uint32_t index = dict->capacity ? *weight_slot(dict, name) : 0;
    return index ? &dict->weights[index - 1] : NULL;
}

sl_status sl_state_dict_map(const char *path, sl_state_dict_parser *parse, sl_state_dict *out, sl_error *err)
{
    sl_mapping map;
    *out = (sl_state_dict){0};
    SL_TRY(sl_map_file(path, SL_MAX_MODEL_BYTES, &map, err));
    sl_status status = parse(map.data, map.size, out, err);
    out->map = map;
    if (status != SL_OK) {
        sl_state_dict_free(out);
        return sl_fail_in(err, status, "%s", path);
    }
    return SL_OK;
}

void sl_state_dict_free(sl_state_dict *dict)
{
    for (size_t i = 0; i < dict->count; i++) {
        free(dict->weights[i].name);
        if (dict->weights[i].owned)
            free((float *)dict->weights[i].data);
    }
    free(dict->weights);
    free(dict->slots);
    sl_unmap_file(&dict->map);
    *dict = (sl_state_dict){0};
}
