/* MTCNN comes as three checkpoints, which are told apart by their weights. */
#define _GNU_SOURCE
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/mem.h"
#include "model/import/import.h"

enum { NETS = 3 };
static const char *const nets[NETS] = {"pnet", "rnet", "onet"};

/* ---- which files ---- */

static bool is_checkpoint_name(const char *name)
{
    static const char *const endings[] = {".pt", ".pth", ".ckpt", ".safetensors"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t n = strlen(name), e = strlen(endings[i]);
        if (n > e && strcmp(name + n - e, endings[i]) == 0)
            return true;
    }
    return false;
}

/* Takes a folder's file when its name says which network it has; a second one of a network is refused. */
static sl_status take_net_file(const char *folder, const char *name, char *files[NETS], sl_error *err)
{
    for (int i = 0; i < NETS; i++) {
        if (!is_checkpoint_name(name) || !strcasestr(name, nets[i]))
            continue;
        if (files[i])
            return sl_fail(err, SL_ERR_ARGUMENT, "%s has several files of %s: name the three that are meant",
                           folder, nets[i]);
        files[i] = sl_path_join(folder, name);
        return files[i] ? SL_OK : sl_no_memory(err, "for a file's name");
    }
    return SL_OK;
}

static sl_status list_net_files(const char *folder, char *files[NETS], sl_error *err)
{
    struct dirent **names;
    int n = scandir(folder, &names, NULL, alphasort);
    if (n < 0)
        return sl_fail(err, SL_ERR_IO, "%s: cannot be listed", folder);
    sl_status status = SL_OK;
    for (int i = 0; i < n; i++) {
        if (status == SL_OK)
            status = take_net_file(folder, names[i]->d_name, files, err);
        free(names[i]);
    }
    free(names);
    for (int i = 0; i < NETS && status == SL_OK; i++)
        if (!files[i])
            status =
                sl_fail(err, SL_ERR_NOT_FOUND, "%s has no checkpoint with \"%s\" in its name", folder, nets[i]);
    return status;
}

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* files[0 .. 2] are the caller's to free. */
static sl_status list_files(const char *const *given, size_t count, char *files[NETS], sl_error *err)
{
    if (count == 1 && is_folder(given[0]))
        return list_net_files(given[0], files, err);
    if (count != NETS)
        return sl_fail(err, SL_ERR_ARGUMENT,
                       "mtcnn is made of three checkpoints (P-, R- and O-net) or a folder with them; %zu are given",
                       count);
    for (int i = 0; i < NETS; i++)
        if (!(files[i] = sl_strdup(given[i])))
            return sl_no_memory(err, "for a file's name");
    return SL_OK;
}

/* ---- reading ---- */

/* Reads one, and puts it where its network belongs. */
static sl_status read_one(const char *file, sl_import models[NETS], char **json, sl_error *err)
{
    sl_import m;
    sl_status status = sl_import_read(file, "mtcnn", &m, json, err);
    int at = 0;
    while (status == SL_OK && at < NETS && strcmp(m.arch->name + strlen("mtcnn-"), nets[at]) != 0)
        at++;
    if (status == SL_OK && models[at].arch)
        status = sl_fail(err, SL_ERR_ARGUMENT, "%s and %s are both %s", models[at].file, file, nets[at]);
    if (status == SL_OK)
        models[at] = m;
    else
        sl_import_clear(&m);
    return status;
}

static sl_status name_all(const char *folder, const char *name, sl_import models[NETS], sl_error *err)
{
    static const char *const endings[NETS] = {"-pnet", "-rnet", ""};
    for (int i = 0; i < NETS; i++)
        SL_TRY(sl_import_name(&models[i], folder, name, endings[i], err));
    for (int i = 0; i < NETS - 1; i++) /* in the same folder */
        models[NETS - 1].stages[i] = strrchr(models[i].manifest, '/') + 1;
    return SL_OK;
}

sl_status sl_import_mtcnn(const char *const *given, size_t count, const char *folder, const char *name,
                          sl_import models[3], char **json, sl_error *err)
{
    char *files[NETS] = {0};
    sl_status status = list_files(given, count, files, err);
    for (int i = 0; i < NETS && status == SL_OK; i++)
        status = read_one(files[i], models, json, err);
    if (status == SL_OK)
        status = name_all(folder, name, models, err);
    for (int i = 0; i < NETS; i++)
        free(files[i]);
    return status;
}
