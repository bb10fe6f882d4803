#define _GNU_SOURCE
#include "model/place.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/sha256.h"
#include "model/catalogue.h"

sl_status sl_model_place(const char *models_dir, const char *output, char **folder, const char **name,
                         sl_error *err)
{
    const char *slash = strrchr(output, '/');
    *name = slash ? slash + 1 : output;
    if (!slash)
        return sl_models_dir(models_dir, folder, err);
    *folder = strndup(output, slash == output ? 1 : (size_t)(slash - output));
    return *folder ? SL_OK : sl_no_memory(err, "for a folder's name");
}

sl_status sl_model_paths(const char *folder, const char *name, const char *format, char **manifest, char **weights,
                         sl_error *err)
{
    const char *slash = folder[0] && folder[strlen(folder) - 1] == '/' ? "" : "/";
    if (asprintf(manifest, "%s%s%s.json", folder, slash, name) < 0)
        *manifest = NULL;
    if (asprintf(weights, "%s%s%s.%s", folder, slash, name, format) < 0)
        *weights = NULL;
    if (!*manifest || !*weights)
        return sl_no_memory(err, "for a model's name");
    if (!sl_manifest_name(name))
        return sl_fail(err, SL_ERR_ARGUMENT,
                       "a model cannot be named \"%s\": 1 to 63 letters, digits, '-', '_' or '.' can", name);
    return SL_OK;
}

sl_status sl_model_measure(const char *path, char sha256[65], uint64_t *bytes, sl_error *err)
{
    sl_mapping map;
    SL_TRY(sl_map_file(path, SL_MAX_MODEL_BYTES, &map, err));
    sl_sha256_hex(map.data, map.size, sha256);
    *bytes = map.size;
    sl_unmap_file(&map);
    return SL_OK;
}

sl_status sl_model_refuse_existing(const char *models_dir, const char *output, const char *name,
                                   const char *manifest, sl_error *err)
{
    struct stat st;
    sl_manifest *known = NULL;
    char *path = NULL;
    const bool there = stat(manifest, &st) == 0 ||
                       (!strchr(output, '/') && sl_catalogue_find(models_dir, name, &known, &path, NULL) == SL_OK);
    sl_manifest_free(known);
    free(path);
    if (!there)
        return SL_OK;
    return sl_fail(err, SL_ERR_EXISTS, "a model %s is there already: choose another name, or --replace it", name);
}
