/* The command line and the time, for reports. */
#define _GNU_SOURCE
#include "common/provenance.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static bool is_plain(const char *word)
{
    return *word && strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=+./,:@%") ==
                        strlen(word);
}

/* 'word', with '\'' for a quote in it. */
static void write_quoted(FILE *out, const char *word)
{
    fputc('\'', out);
    for (; *word; word++)
        if (*word == '\'')
            fputs("'\\''", out);
        else
            fputc(*word, out);
    fputc('\'', out);
}

char *cli_command_line(int argc, char **argv)
{
    char *line = NULL;
    size_t size;
    FILE *out = open_memstream(&line, &size);
    if (!out)
        return NULL;
    fputs(argv[0], out); /* program and command, as cli_dispatch has it */
    for (int i = 1; i < argc; i++) {
        fputc(' ', out);
        if (is_plain(argv[i]))
            fputs(argv[i], out);
        else
            write_quoted(out, argv[i]);
    }
    if (fclose(out)) {
        free(line);
        return NULL;
    }
    return line;
}

void cli_time_now(char out[32])
{
    const time_t now = time(NULL);
    struct tm utc;
    gmtime_r(&now, &utc);
    strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &utc);
}
