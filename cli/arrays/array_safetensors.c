/* Arrays of faces as safetensors: "embeddings" [faces, dim], "patches" or "contributions" [faces, rows, cols,
 * channels], all F32; who each row is as JSON in the metadata's "labels" and "images". */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "arrays/arrays.h"

enum { MOST_HEADER = 100 << 20 };

/* ---- writing ---- */

/* A list of names as a text of JSON. */
static json_t *names_text(const cli_array_source *s, bool images)
{
    json_t *list = json_array();
    for (size_t i = 0; i < s->shape.faces; i++) {
        const char *label, *image;
        if (s->names(s->context, i, &label, &image) ||
            json_array_append_new(list, json_string(images ? image : label))) {
            json_decref(list);
            return NULL;
        }
    }
    char *text = json_dumps(list, JSON_COMPACT);
    json_t *out = text ? json_string(text) : NULL;
    free(text);
    json_decref(list);
    return out;
}

static json_t *header_of(const cli_array_source *s)
{
    const cli_array_shape *a = &s->shape;
    const json_int_t first = (json_int_t)(a->faces * (size_t)a->dim * sizeof(float));
    json_t *labels = names_text(s, false), *images = names_text(s, true);
    if (!labels || !images) {
        json_decref(labels);
        json_decref(images);
        return NULL;
    }
    json_t *header = json_pack("{s:{s:s,s:s,s:s,s:o,s:o},s:{s:s,s:[I,i],s:[I,I]}}", "__metadata__", "format", "faces",
                               "model", s->model, "fingerprint", s->fingerprint, "labels", labels, "images", images,
                               "embeddings", "dtype", "F32", "shape", (json_int_t)a->faces, a->dim, "data_offsets",
                               (json_int_t)0, first);
    if (header && a->rows)
        json_object_set_new(header, s->patches_are,
                            json_pack("{s:s,s:[I,i,i,i],s:[I,I]}", "dtype", "F32", "shape", (json_int_t)a->faces,
                                      a->rows, a->cols, a->channels, "data_offsets", first,
                                      first + (json_int_t)(a->faces * cli_patch_numbers(a) * sizeof(float))));
    return header;
}

static int write_all(FILE *f, const cli_array_source *s)
{
    json_t *header = header_of(s);
    char *text = header ? json_dumps(header, JSON_COMPACT) : NULL;
    int code = text ? CLI_OK : cli_array_bad(NULL, "the names cannot be written as JSON");
    if (!code) {
        const size_t size = strlen(text), padded = (size + 7) / 8 * 8;
        for (int i = 0; i < 8; i++)
            fputc((int)(padded >> 8 * i & 255), f);
        fprintf(f, "%-*s", (int)padded, text);
        code = cli_array_put_embeddings(f, s);
    }
    if (!code && s->shape.rows)
        code = cli_array_put_patches(f, s);
    free(text);
    json_decref(header);
    return code;
}

int cli_array_safetensors_write(const char *path, const cli_array_source *source)
{
    return cli_array_write_file(path, write_all, source);
}

/* ---- reading ---- */

static int read_header(FILE *f, const char *path, json_t **out, long *data)
{
    unsigned char begin[8];
    size_t size = 0;
    if (fread(begin, 1, 8, f) != 8)
        return cli_array_bad(path, "is no safetensors file");
    for (int i = 0; i < 8; i++)
        size |= (size_t)begin[i] << 8 * i;
    char *text = size <= MOST_HEADER ? malloc(size + 1) : NULL;
    *out = text && fread(text, 1, size, f) == size ? json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL) : NULL;
    free(text);
    *data = (long)(8 + size);
    return *out ? CLI_OK : cli_array_bad(path, "is no safetensors file, or damaged");
}

/* [faces, ..] of an F32 tensor: its offset, and `count` dimensions behind the faces. */
static bool tensor_of(const json_t *header, const char *name, size_t count, json_int_t *faces, int *sizes,
                      json_int_t *at)
{
    const json_t *t = json_object_get(header, name), *shape = json_object_get(t, "shape");
    const char *type = json_string_value(json_object_get(t, "dtype"));
    json_int_t numbers = *faces = json_integer_value(json_array_get(shape, 0));
    if (!type || strcmp(type, "F32") != 0 || json_array_size(shape) != count + 1 || *faces < 0 || *faces > INT32_MAX)
        return false;
    for (size_t i = 0; i < count; i++) {
        const json_int_t size = json_integer_value(json_array_get(shape, i + 1));
        if (size < 1 || size > 4096 || numbers > (json_int_t)1 << 46)
            return false;
        sizes[i] = (int)size;
        numbers *= size;
    }
    const json_t *offsets = json_object_get(t, "data_offsets");
    *at = json_integer_value(json_array_get(offsets, 0));
    return *at >= 0 && json_integer_value(json_array_get(offsets, 1)) - *at == numbers * (json_int_t)sizeof(float);
}

static int take_names(const json_t *header, const char *path, const char *key, size_t faces, char **out)
{
    const char *text = json_string_value(json_object_get(json_object_get(header, "__metadata__"), key));
    json_t *list = text ? json_loads(text, 0, NULL) : NULL;
    int code = json_array_size(list) == faces
                   ? CLI_OK
                   : cli_array_bad(path, "its metadata has no \"%s\" of %zu faces", key, faces);
    for (size_t i = 0; i < faces && !code; i++) {
        const char *name = json_string_value(json_array_get(list, i));
        out[i] = name ? strdup(name) : NULL;
        if (!out[i])
            code = cli_array_bad(path, "its \"%s\" are not all names", key);
    }
    json_decref(list);
    return code;
}

static int read_tensors(FILE *f, const char *path, const json_t *header, long data, cli_arrays *out)
{
    json_int_t faces, patch_faces, at, patches_at = 0;
    int dim, grid[3] = {0};
    if (!tensor_of(header, "embeddings", 1, &faces, &dim, &at))
        return cli_array_bad(path, "has no \"embeddings\" [faces, numbers] of F32");
    const bool patches = json_object_get(header, "patches") != NULL;
    if (patches && (!tensor_of(header, "patches", 3, &patch_faces, grid, &patches_at) || patch_faces != faces))
        return cli_array_bad(path, "its \"patches\" are not [faces, rows, columns, channels] of F32");
    const cli_array_shape shape = {(size_t)faces, dim, grid[0], grid[1], grid[2]};
    int code = cli_array_allocate(path, &shape, out);
    if (!code && fseek(f, data + (long)at, SEEK_SET) == 0)
        code = cli_array_get(f, path, out->embeddings, shape.faces * (size_t)dim);
    if (!code && patches && fseek(f, data + (long)patches_at, SEEK_SET) == 0)
        code = cli_array_get(f, path, out->patches, shape.faces * cli_patch_numbers(&shape));
    if (!code)
        code = take_names(header, path, "labels", shape.faces, out->labels);
    if (!code)
        code = take_names(header, path, "images", shape.faces, out->images);
    return code;
}

int cli_array_safetensors_read(const char *path, const char *names, cli_arrays *out)
{
    json_t *header = NULL;
    long data = 0;
    FILE *f = fopen(path, "rb");
    int code = !f     ? cli_array_bad(path, "cannot open: %s", strerror(errno))
               : names ? cli_array_bad(path, "has the names itself: --names is for .npy files")
                      : read_header(f, path, &header, &data);
    if (!code)
        code = read_tensors(f, path, header, data, out);
    json_decref(header);
    if (f)
        fclose(f);
    return code;
}
