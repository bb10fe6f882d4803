/* Starting a program, waiting for it, and ending it with its children. */
#define _GNU_SOURCE
#include "model/fetch/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "base/file.h"

extern char **environ;

enum { MAX_SAID = 600 };

/* 0 or what hindered it. The group is the child's own: a terminal's Ctrl-C comes to us alone, who then end it. */
static int start_child(const char *dir, const char *log, char *const argv[], pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    posix_spawn_file_actions_addchdir_np(&actions, dir);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setpgroup(&attr, 0);
    int failed = posix_spawnp(pid, argv[0], &actions, &attr, argv, environ);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&actions);
    return failed;
}

/* Its exit state; SL_ERR_INTERRUPTED when it was ended before its time. */
static sl_status wait_for(pid_t pid, const char *name, const sl_stop *stop, int *state, sl_error *err)
{
    const struct timespec nap = {.tv_nsec = 50000000};
    for (pid_t ended; (ended = waitpid(pid, state, WNOHANG)) != pid;) {
        if (ended < 0 && errno != EINTR)
            return sl_fail(err, SL_ERR_IO, "%s: its end cannot be waited for: %s", name, strerror(errno));
        if (stop->progress && stop->progress(stop->context, 0, 0)) {
            kill(-pid, SIGKILL);
            while (waitpid(pid, state, 0) < 0 && errno == EINTR)
                ;
            return sl_fail(err, SL_ERR_INTERRUPTED, "interrupted while %s ran", name);
        }
        nanosleep(&nap, NULL); /* a signal ends it early */
    }
    return SL_OK;
}

static sl_status fail_with_log(const char *name, const char *log, const char *hint, sl_error *err)
{
    uint8_t *text = NULL;
    size_t size = 0;
    if (sl_read_file(log, 1 << 20, &text, &size, NULL) == SL_OK && size > MAX_SAID)
        memmove(text, text + size - MAX_SAID, MAX_SAID + 1);
    sl_status status = sl_fail(err, SL_ERR_IO, "%s failed; %s; it said: %s", name, hint, text ? (char *)text : "");
    free(text);
    return status;
}

sl_status sl_child_run(const char *dir, char *const argv[], const char *hint, const sl_stop *stop, sl_error *err)
{
    pid_t pid;
    int state = 0;
    char *log = sl_path_join(dir, "log");
    if (!log)
        return sl_fail(err, SL_ERR_MEMORY, "no memory to run %s", argv[0]);
    int failed = start_child(dir, log, argv, &pid);
    sl_status status = failed ? sl_fail(err, SL_ERR_IO, "cannot run %s: %s; %s", argv[0], strerror(failed), hint)
                              : wait_for(pid, argv[0], stop, &state, err);
    if (status == SL_OK && (!WIFEXITED(state) || WEXITSTATUS(state) != 0))
        status = fail_with_log(argv[0], log, hint, err);
    free(log);
    return status;
}
