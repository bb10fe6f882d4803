/* Weights that an ONNX file keeps in files beside it, as PyTorch writes them since 2.9: each tensor names a file,
 * relative to the model's folder, and its bytes therein. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/sha256.h"
#include "net/import/onnx/onnx.h"

static const size_t max_side_file = (size_t)1 << 30;

static const char *entry(const Onnx__TensorProto *t, const char *key)
{
    for (size_t i = 0; i < t->n_external_data; i++) {
        const Onnx__StringStringEntryProto *e = t->external_data[i];
        if (e->key && e->value && strcmp(e->key, key) == 0)
            return e->value;
    }
    return NULL;
}

/* A number of bytes in decimal; `otherwise` when there is none. False when it is no such number. */
static bool bytes_of(const Onnx__TensorProto *t, const char *key, size_t otherwise, size_t *out)
{
    const char *text = entry(t, key);
    char *end;
    *out = otherwise;
    if (!text)
        return true;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    *out = (size_t)value;
    return text[0] >= '0' && text[0] <= '9' && !*end && !errno && value <= SIZE_MAX / 2;
}

/* Below the model's folder: no way up, no way from the root. */
static bool stays_below(const char *location)
{
    if (!location || !location[0] || location[0] == '/' || strlen(location) > 1000)
        return false;
    for (const char *part = location; part; part = strchr(part, '/')) {
        part += part[0] == '/';
        if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || !part[2]))
            return false;
    }
    return true;
}

static void take_into(uint8_t digest[32], const sl_mapping *map)
{
    uint8_t both[64];
    memcpy(both, digest, 32);
    sl_sha256_of(map->data, map->size, both + 32);
    sl_sha256_of(both, sizeof both, digest);
}

/* The file, mapped once. */
static sl_status side_file(sl_onnx_file *file, const char *folder, const char *location, uint8_t digest[32],
                           const sl_mapping **out, sl_error *err)
{
    for (int i = 0; i < file->n_sides; i++)
        if (strcmp(file->sides[i].location, location) == 0) {
            *out = &file->sides[i].map;
            return SL_OK;
        }
    if (file->n_sides == SL_ONNX_SIDES)
        return sl_fail(err, SL_ERR_LIMIT, "its weights are in more than %d other files", SL_ONNX_SIDES);
    sl_onnx_side *side = &file->sides[file->n_sides];
    char *path = sl_path_join(folder, location);
    side->location = sl_strdup(location);
    sl_status status = path && side->location ? sl_map_file(path, max_side_file, &side->map, err)
                                              : sl_no_memory(err, "for a path");
    if (status == SL_ERR_NOT_FOUND)
        status = sl_fail(err, SL_ERR_NOT_FOUND, "the model keeps weights in %.300s, which is not beside it: get that "
                         "file too, under this name", location);
    free(path);
    if (status != SL_OK) {
        free(side->location);
        *side = (sl_onnx_side){0};
        return status;
    }
    file->n_sides++;
    if (digest)
        take_into(digest, &side->map);
    *out = &side->map;
    return SL_OK;
}

static sl_status lend_side_data(sl_onnx_file *file, Onnx__TensorProto *t, const char *folder, uint8_t digest[32],
                                sl_error *err)
{
    const char *location = entry(t, "location"), *name = t->name ? t->name : "";
    const sl_mapping *map = NULL;
    size_t offset = 0, length = 0;
    if (!stays_below(location))
        return sl_fail(err, SL_ERR_FORMAT, "tensor %.200s: its data is said to be in \"%.200s\", which is no file "
                       "below the model's folder", name, location ? location : "");
    SL_TRY(side_file(file, folder, location, digest, &map, err));
    bool good = bytes_of(t, "offset", 0, &offset) && offset <= map->size &&
                bytes_of(t, "length", map->size - offset, &length) && length <= map->size - offset;
    if (!good)
        return sl_fail(err, SL_ERR_FORMAT, "tensor %.200s: its data reaches behind the end of %.300s, which has %zu "
                       "bytes: is that file complete?", name, location, map->size);
    t->has_data_location = 0; /* it has its data now */
    t->has_raw_data = 1;
    t->raw_data = (ProtobufCBinaryData){length, (uint8_t *)map->data + offset};
    return SL_OK;
}

sl_status sl_onnx_lend_sides(sl_onnx_file *file, const char *folder, uint8_t digest[32], sl_error *err)
{
    Onnx__GraphProto *graph = file->model->graph;
    for (size_t i = 0; graph && i < graph->n_initializer; i++) {
        Onnx__TensorProto *t = graph->initializer[i];
        if (t->has_data_location && t->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL)
            SL_TRY(lend_side_data(file, t, folder, digest, err));
    }
    return SL_OK;
}

void sl_onnx_close_sides(sl_onnx_file *file)
{
    for (int i = 0; i < file->n_sides; i++) {
        sl_unmap_file(&file->sides[i].map);
        free(file->sides[i].location);
    }
    file->n_sides = 0;
}
