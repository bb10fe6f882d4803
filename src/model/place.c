#define _GNU_SOURCE
#include "model/place.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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
