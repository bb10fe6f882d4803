/* The way into the program: global help and the table of commands. */
#define _GNU_SOURCE
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cli.h"

static const char about[] = "Face identification that takes a second look, and shows why.";

static const char tail[] =
    "'secondlook COMMAND --help' tells each command's options and shows examples.\n"
    "\n"
    "A first session:\n"
    "  secondlook models fetch                              get the default networks with npm\n"
    "  secondlook enroll --gallery staff photos/            a folder of photos per person\n"
    "  secondlook identify --gallery staff query.jpg        who is it?\n"
    "  secondlook identify --gallery staff --explain why query.jpg\n"
    "                                                       and why: open why/report.html\n"
    "\n"
    "Exit codes: 0 done, 1 something that was asked for failed, 2 wrong usage, 3 no face on any photo,\n"
    "4 nobody above the threshold, or not the same person, 130 interrupted.\n";

static const cli_command commands[] = {
    {"models", "list, fetch or inspect networks", cmd_models},
    {"enroll", "put photos of known people into a gallery", cmd_enroll},
    {"identify", "who is on these photos? ranked, decided, explained", cmd_identify},
    {"verify", "do two photos show the same person?", cmd_verify},
    {"explain", "draw why two faces are alike", cmd_explain},
    {"gallery", "look after a gallery: names, backups, arrays, damage", cmd_gallery},
    {"detect", "find the faces of photos", cmd_detect},
    {"align", "cut faces out as aligned crops", cmd_align},
    {"occlude", "draw masks or sunglasses, or crop, for test queries", cmd_occlude},
    {"attack", "photos changed so that networks err, for tests of your own", cmd_attack},
    {"eval", "measure how well a gallery's faces are told apart", cmd_eval},
    {"study", "do explanations help people? make and score a user study", cmd_study},
    {"train", "networks that learn from your people", cmd_train},
    {"calibrate", "the threshold for a false match rate", cmd_calibrate},
    {"bench", "measure this machine", cmd_bench},
    {"version", "version, instruction set and back end", cmd_version},
    {NULL, NULL, NULL},
};

/* getopt prints an unknown option as it is: a word that could be one holds nothing that may not be shown. */
static int check_words(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (argv[i][0] != '-' || strlen(argv[i]) == sl_show(NULL, 0, argv[i]))
            continue;
        cli_warn("%s: an option cannot hold such characters: put them into a word of their own ('--label NAME'), and "
                 "'./' before a file's name that begins with '-'", argv[i]);
        return CLI_USAGE;
    }
    return CLI_OK;
}

int main(int argc, char **argv)
{
    argp_err_exit_status = CLI_USAGE;
    setenv("ARGP_HELP_FMT", "rmargin=100,no-dup-args-note", 0); /* the user's own wins */
    if (argc == 2 && (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V"))) {
        printf("secondlook %s\n", sl_version());
        return CLI_OK;
    }
    int code = check_words(argc, argv);
    if (code)
        return code;
    code = cli_dispatch("secondlook", about, commands, tail, argc, argv);
    /* A full disk behind a redirected stdout must not look like success. */
    if ((fflush(stdout) || ferror(stdout)) && code != CLI_INTERRUPTED) {
        cli_warn("the results could not be written to stdout: %s", strerror(errno));
        return CLI_FAILED;
    }
    return code;
}
