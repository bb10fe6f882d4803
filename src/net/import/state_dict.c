#include "net/import/state_dict.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static sl_status check(const sl_state_dict *dict, const char *name, const sl_shape *shape, sl_error *err)
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

static sl_status append(sl_state_dict *dict, const char *name, const sl_weight *weight, sl_error *err)
{
    if (dict->count == dict->capacity) {
        size_t capacity = dict->capacity ? 2 * dict->capacity : 64;
        sl_weight *grown = sl_realloc_array(dict->weights, capacity, sizeof *grown);
        if (!grown)
            return sl_fail(err, SL_ERR_MEMORY, "no memory for %zu weights", capacity);
        dict->weights = grown;
        dict->capacity = capacity;
    }
    char *copy = sl_strdup(name);
    if (!copy)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for a weight's name");
    dict->weights[dict->count] = *weight;
    dict->weights[dict->count++].name = copy;
    return SL_OK;
}

sl_status sl_state_dict_add(sl_state_dict *dict, const char *name, const sl_shape *shape, const float *data, bool owned,
                            sl_error *err)
{
    const sl_weight weight = {.shape = *shape, .data = data, .owned = owned};
    sl_status status = check(dict, name, shape, err);
    if (status == SL_OK)
        status = append(dict, name, &weight, err);
    if (status != SL_OK && owned)
        free((float *)data);
    return status;
}

const sl_weight *sl_state_dict_find(const sl_state_dict *dict, const char *name)
{
    for (size_t i = 0; i < dict->count; i++)
        if (strcmp(dict->weights[i].name, name) == 0)
            return &dict->weights[i];
    return NULL;
}

void sl_state_dict_free(sl_state_dict *dict)
{
    for (size_t i = 0; i < dict->count; i++) {
        free(dict->weights[i].name);
        if (dict->weights[i].owned)
            free((float *)dict->weights[i].data);
    }
    free(dict->weights);
    sl_unmap_file(&dict->map);
    *dict = (sl_state_dict){0};
}
