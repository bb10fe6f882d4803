/* Commands and subcommands: finding the one that was asked for, or the one that was meant. */
#define _GNU_SOURCE
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/cli.h"
#include "common/printer.h"

static void print_help(FILE *out, const char *program, const char *about, const cli_command *table,
                       const char *tail)
{
    fprintf(out, "Usage: %s COMMAND [OPTION...]\n%s\n\nCommands:\n", program, about);
    for (const cli_command *c = table; c->name; c++)
        if (c->summary)
            fprintf(out, "  %-10s %s\n", c->name, c->summary);
    fprintf(out, "\n%s", tail);
}

/* Levenshtein's distance of two short words. */
static size_t distance(const char *a, const char *b)
{
    size_t row[32], n = strlen(b);
    if (n >= 32)
        return n;
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 1; *a; a++, i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t change = diagonal + (*a != b[j - 1]);
            diagonal = row[j];
            size_t step = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            row[j] = change < step ? change : step;
        }
    }
    return row[n];
}

static int unknown(const char *program, const cli_command *table, const char *word)
{
    const cli_command *best = table;
    for (const cli_command *c = table; c->name; c++)
        if (c->summary && distance(word, c->name) < distance(word, best->name))
            best = c;
    const bool near = distance(word, best->name) <= 2;
    cli_note("%s: there is no command '%s'%s%s%s", program, word, near ? "; did you mean '" : "",
             near ? best->name : "", near ? "'?" : "");
    cli_note("Try '%s --help'.", program);
    return CLI_USAGE;
}

/* A former name gives the command as it is named now; it stands further up in the table. */
static const cli_command *find(const cli_command *table, const char *word)
{
    const cli_command *c = table, *now = table;
    while (c->name && strcmp(c->name, word))
        c++;
    if (!c->name || c->summary)
        return c->name ? c : NULL;
    while (now->run != c->run)
        now++;
    cli_note("'%s' is named '%s' now", word, now->name);
    return now;
}

static bool is_help(const char *word)
{
    return !strcmp(word, "--help") || !strcmp(word, "-h") || !strcmp(word, "-?") || !strcmp(word, "help");
}

int cli_dispatch(const char *program, const char *about, const cli_command *table, const char *tail, int argc,
                 char **argv)
{
    if (argc < 2) {
        print_help(stderr, program, about, table, tail);
        return CLI_USAGE;
    }
    static char help_option[] = "--help";
    bool help = is_help(argv[1]);
    if (help && argc == 2) {
        print_help(stdout, program, about, table, tail);
        return CLI_OK;
    }
    const char *word = help ? argv[2] : argv[1];
    const cli_command *command = find(table, word);
    if (!command)
        return unknown(program, table, word);
    char *name;
    if (asprintf(&name, "%s %s", program, command->name) < 0) {
        cli_warn("no memory");
        return CLI_FAILED;
    }
    argv[1] = name;
    if (help) { /* "help models list" is "models list --help" */
        memmove(argv + 2, argv + 3, (size_t)(argc - 3) * sizeof *argv);
        argv[argc - 1] = help_option;
    }
    int code = command->run(argc - 1, argv + 1);
    free(name);
    return code;
}
