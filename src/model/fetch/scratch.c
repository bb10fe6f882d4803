/* Scratch folders, each held by a lock as long as its owner lives. */
#define _GNU_SOURCE
#include "model/fetch/scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

#define PREFIX ".fetch-"

static int remove_below(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

/* The folder opened and locked; -1 when it is none, or another process works in it. */
static int lock_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

void sl_scratch_sweep(const char *dir)
{
    DIR *folder = opendir(dir);
    if (!folder)
        return;
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) != 0)
            continue;
        char *path = sl_path_join(dir, entry->d_name);
        int fd = path ? lock_folder(path) : -1;
        if (fd >= 0) {
            nftw(path, remove_below, 16, FTW_DEPTH | FTW_PHYS);
            close(fd);
        }
        free(path);
    }
    closedir(folder);
}

/* Whether the locked folder is still the one of this name: another process may have taken it for a leftover
 * between its making and its locking. */
static bool is_there(const sl_scratch *s)
{
    struct stat held, named;
    return fstat(s->fd, &held) == 0 && lstat(s->path, &named) == 0 && held.st_ino == named.st_ino &&
           held.st_dev == named.st_dev;
}

static sl_status make_scratch(const char *dir, sl_scratch *s, sl_error *err)
{
    if (asprintf(&s->path, "%s/" PREFIX "XXXXXX", dir) < 0) {
        s->path = NULL;
        return sl_no_memory(err, "for a folder's name");
    }
    if (!mkdtemp(s->path)) {
        sl_status status = sl_fail(err, SL_ERR_IO, "%s: cannot make a folder in it: %s", dir, strerror(errno));
        free(s->path);
        s->path = NULL;
        return status;
    }
    s->fd = lock_folder(s->path);
    return SL_OK;
}

sl_status sl_scratch_open(const char *dir, sl_scratch *out, sl_error *err)
{
    for (int tries = 0; tries < 8; tries++) {
        *out = (sl_scratch){.fd = -1};
        SL_TRY(make_scratch(dir, out, err));
        if (out->fd >= 0 && is_there(out))
            return SL_OK;
        sl_scratch_close(out);
    }
    return sl_fail(err, SL_ERR_IO,
                   "%s: cannot lock a folder in it; a models folder must lie on a file system with locks", dir);
}

void sl_scratch_close(sl_scratch *s)
{
    if (s->path)
        nftw(s->path, remove_below, 16, FTW_DEPTH | FTW_PHYS);
    if (s->fd >= 0)
        close(s->fd);
    free(s->path);
    *s = (sl_scratch){.fd = -1};
}
