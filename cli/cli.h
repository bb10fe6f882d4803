/* What all commands share: exit codes, dispatch, messages, interruption. The command line sees only
 * secondlook.h, the C library and jansson. */
#ifndef CLI_H
#define CLI_H

#include <stddef.h>
#include <stdio.h>

#include "secondlook.h"

enum {
    CLI_OK = 0,
    CLI_FAILED = 1,
    CLI_USAGE = 2,
    CLI_NO_FACE = 3,
    CLI_UNKNOWN = 4,
    CLI_INTERRUPTED = 130,
};

typedef struct {
    const char *name, *summary;
    int (*run)(int argc, char **argv); /* argv[0] is the command's full name, "secondlook enroll" */
} cli_command;

/* Runs the command that argv[1] names, out of a table that ends with a NULL name. `program`: the name
 * so far; `about` and `tail`: what stands above and below the list of commands in the help. */
int cli_dispatch(const char *program, const char *about, const cli_command *table, const char *tail, int argc,
                 char **argv);

int cmd_models(int argc, char **argv);
int cmd_detect(int argc, char **argv);
int cmd_align(int argc, char **argv);
int cmd_enroll(int argc, char **argv);
int cmd_gallery(int argc, char **argv);
int cmd_gallery_copy(int argc, char **argv);
int cmd_identify(int argc, char **argv);
int cmd_verify(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_occlude(int argc, char **argv);
int cmd_eval(int argc, char **argv);
int cmd_eval_identify(int argc, char **argv);
int cmd_eval_verify(int argc, char **argv);
int cmd_eval_openset(int argc, char **argv);
int cmd_calibrate(int argc, char **argv);
int cmd_bench(int argc, char **argv);
int cmd_version(int argc, char **argv);

/* "secondlook: ..." on stderr. */
void cli_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Says what went wrong, about which file (NULL: none), and returns the exit code for it. */
int cli_fail(const char *path, const sl_error *err);

/* The exit code that belongs to a status. */
int cli_exit_code(sl_status status);

#endif
