/* A state dict as a safetensors file: header and bytes, written in one go. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "net/import/weights/safetensors.h"

enum { PREFIX = 8, ALIGNMENT = 64 }; /* where the tensors begin; the format asks for 8 */

/* What is written: the dict, and which of its weights as bytes (NULL: none). */
typedef struct {
    const sl_state_dict *dict;
    const bool *bytes;
} writing;

static bool is_bytes(const writing *w, size_t i)
{
    return w->bytes && w->bytes[i];
}

static size_t weight_bytes(const writing *w, size_t i)
{
    return (size_t)sl_shape_elements(&w->dict->weights[i].shape) * (is_bytes(w, i) ? 1 : sizeof(float));
}

static void put_weight(const writing *w, size_t i, uint8_t *to)
{
    const float *from = w->dict->weights[i].data;
    if (!is_bytes(w, i)) {
        memcpy(to, from, weight_bytes(w, i));
        return;
    }
    for (size_t k = 0; k < weight_bytes(w, i); k++)
        to[k] = (uint8_t)(int8_t)lrintf(fminf(fmaxf(from[k], -128), 127));
}

/* {"dtype": .., "shape": [..], "data_offsets": [begin, end]}; NULL when there is no memory. */
static json_t *entry_of(const writing *all, size_t which, size_t begin)
{
    const sl_weight *w = &all->dict->weights[which];
    json_t *shape = json_array();
    for (int i = 0; i < w->shape.rank; i++)
        json_array_append_new(shape, json_integer(w->shape.dim[i]));
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", is_bytes(all, which) ? "I8" : "F32", "shape", shape,
                     "data_offsets", (json_int_t)begin, (json_int_t)(begin + weight_bytes(all, which)));
}

/* The header's JSON, malloc'd. Names and metadata that are not UTF-8 cannot be written: SL_ERR_ARGUMENT. */
static sl_status header_of(const writing *all, const char *const (*metadata)[2], size_t metadata_count, char **out,
                           sl_error *err)
{
    const sl_state_dict *dict = all->dict;
    json_t *header = json_object(), *texts = json_object();
    sl_status status = SL_OK;
    size_t at = 0;
    for (size_t i = 0; status == SL_OK && i < metadata_count; i++)
        if (json_object_set_new(texts, metadata[i][0], json_string(metadata[i][1])) != 0)
            status = sl_fail(err, SL_ERR_ARGUMENT, "the metadata %.80s is not UTF-8", metadata[i][0]);
    if (metadata_count)
        json_object_set(header, "__metadata__", texts);
    for (size_t i = 0; status == SL_OK && i < dict->count; i++) {
        const sl_weight *w = &dict->weights[i];
        if (json_object_set_new(header, w->name, entry_of(all, i, at)) != 0)
            status = sl_fail(err, SL_ERR_ARGUMENT, "the name of weight %.80s is not UTF-8", w->name);
        at += weight_bytes(all, i);
    }
    *out = status == SL_OK ? json_dumps(header, JSON_COMPACT) : NULL;
    if (status == SL_OK && !*out)
        status = sl_no_memory(err, "for the header of a safetensors file");
    json_decref(texts);
    json_decref(header);
    return status;
}

sl_status sl_safetensors_write_bytes(const char *path, const sl_state_dict *dict, const bool *bytes,
                                     const char *const (*metadata)[2], size_t metadata_count, sl_error *err)
{
    const writing w = {dict, bytes};
    char *header = NULL;
    sl_status status = header_of(&w, metadata, metadata_count, &header, err);
    if (status != SL_OK)
        return sl_fail_in(err, status, "%s", path);
    size_t header_size = strlen(header), start = (PREFIX + header_size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    size_t size = start;
    for (size_t i = 0; i < dict->count; i++)
        size += weight_bytes(&w, i);
    uint8_t *file = malloc(size);
    if (file) {
        sl_put_u64(file, start - PREFIX);
        memcpy(file + PREFIX, header, header_size);
        memset(file + PREFIX + header_size, ' ', start - PREFIX - header_size);
        size_t at = start;
        for (size_t i = 0; i < dict->count; at += weight_bytes(&w, i++))
            put_weight(&w, i, file + at);
        status = sl_write_file(path, file, size, err);
    } else {
        status = sl_fail(err, SL_ERR_MEMORY, "%s: no memory for its %zu bytes", path, size);
    }
    free(file);
    free(header);
    return status;
}

sl_status sl_safetensors_write(const char *path, const sl_state_dict *dict, const char *const (*metadata)[2],
                               size_t metadata_count, sl_error *err)
{
    return sl_safetensors_write_bytes(path, dict, NULL, metadata, metadata_count, err);
}
