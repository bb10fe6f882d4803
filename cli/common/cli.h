/* What all commands share: exit codes, dispatch, messages, interruption. The command line sees only
 * secondlook.h, the C library and jansson. */
#ifndef CLI_H
#define CLI_H

#include <stddef.h>
#include <stdio.h>

#include "secondlook.h"

/* What an exit code means, for every command. Of several that apply, the one that stands first here: */
enum {
    CLI_USAGE = 2,         /* wrong usage: nothing was begun */
    CLI_INTERRUPTED = 130, /* stopped by Ctrl-C or SIGTERM: what was acknowledged stays */
    CLI_FAILED = 1,        /* something that was asked for failed, whatever else succeeded */
    CLI_NO_FACE = 3,       /* all photos could be read, and none of them (verify, explain: one of them) shows a face */
    CLI_UNKNOWN = 4,       /* identify: nobody is known; verify: not the same person */
    CLI_OK = 0,            /* all that was asked for is done; a photo without a face is told, and is no failure */
};

typedef struct {
    const char *name, *summary; /* summary NULL: a name of the version before for the command that has this `run` */
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
int cmd_gallery_cluster(int argc, char **argv);
int cmd_gallery_rename(int argc, char **argv);
int cmd_gallery_merge(int argc, char **argv);
int cmd_gallery_move(int argc, char **argv);
int cmd_gallery_undo(int argc, char **argv);
int cmd_gallery_duplicates(int argc, char **argv);
int cmd_gallery_note(int argc, char **argv);
int cmd_gallery_backup(int argc, char **argv);
int cmd_gallery_restore(int argc, char **argv);
int cmd_gallery_export(int argc, char **argv);
int cmd_gallery_import(int argc, char **argv);
int cmd_identify(int argc, char **argv);
int cmd_verify(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_attack(int argc, char **argv);
int cmd_occlude(int argc, char **argv);
int cmd_eval(int argc, char **argv);
int cmd_eval_identify(int argc, char **argv);
int cmd_eval_verify(int argc, char **argv);
int cmd_eval_openset(int argc, char **argv);
int cmd_study(int argc, char **argv);
int cmd_eval_explain(int argc, char **argv);
int cmd_train(int argc, char **argv);
int cmd_calibrate(int argc, char **argv);
int cmd_bench(int argc, char **argv);
int cmd_version(int argc, char **argv);

/* "secondlook: ..." on stderr. */
void cli_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Says what went wrong, about which file (NULL: none), and returns the exit code for it. */
int cli_fail(const char *path, const sl_error *err);

/* Prints the warning that a call left in err beside its success; nothing when there is none. */
void cli_warn_of(const char *path, const sl_error *err);

/* The exit code that belongs to a status. */
int cli_exit_code(sl_status status);

/* The exit code of work on many photos by the rule above: `code` where that is one, else by whether the user
 * interrupted, how many photos failed (those without a face are none of them), and how many showed a face. */
int cli_photos_code(int code, size_t failed, size_t with_face);

#endif
