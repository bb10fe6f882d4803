/* Audit logs are checked, keys made and revoked. */
#include "commands.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "store/audit.h"
#include "store/durable.h"
#include "store/keys.h"

int sv_command_audit(int argc, char **argv)
{
    uint64_t lines;
    char last[65];
    sl_error err;
    if (argc != 3 || strcmp(argv[1], "verify") != 0) {
        fputs("Usage: secondlook-server audit verify FILE\n", stderr);
        return 2;
    }
    if (sv_audit_verify(argv[2], &lines, last, &err) != SL_OK) {
        fprintf(stderr, "secondlook-server: %s\n", err.text);
        return 1;
    }
    printf("%s: %" PRIu64 " lines, each as it was written; the last hash is %s\n", argv[2], lines, last);
    return 0;
}

static int usage(void)
{
    fputs("Usage: secondlook-server keys list   --data DIR\n"
          "       secondlook-server keys add    --data DIR NAME GALLERY|* read|enrol|admin\n"
          "       secondlook-server keys login  --data DIR NAME GALLERY|* read|enrol|admin    (the password on stdin)\n"
          "       secondlook-server keys revoke --data DIR ID\n"
          "A server that runs reads its keys again at SIGHUP.\n", stderr);
    return 2;
}

static int fail(const sl_error *err)
{
    fprintf(stderr, "secondlook-server: %s\n", err->text);
    return 1;
}

static int list(sv_keys *keys)
{
    size_t count;
    sv_key *all = sv_keys_list(keys, &count);
    for (size_t i = 0; all && i < count; i++)
        printf("%s  %-6s %-20s %s\n", all[i].id, sv_scope_name(all[i].scope), all[i].gallery, all[i].name);
    free(all);
    return 0;
}

static int add(sv_keys *keys, char **words, const char *password)
{
    char made[37];
    sv_key key;
    sl_error err;
    const int scope = sv_scope_named(words[2]);
    if (scope < 0)
        return usage();
    if (sv_keys_add(keys, words[0], words[1], (sv_scope)scope, password, made, &key, &err) != SL_OK)
        return fail(&err);
    if (*made)
        printf("%s\n", made);
    return 0;
}

/* A login for the page: a line of stdin, not shown where it is typed. */
static int add_login(sv_keys *keys, char **words)
{
    char password[512] = "";
    struct termios before, silent;
    const bool typed = tcgetattr(STDIN_FILENO, &before) == 0;
    if (typed) {
        silent = before;
        silent.c_lflag &= ~(tcflag_t)ECHO;
        fputs("Password: ", stderr);
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    }
    const bool came = fgets(password, sizeof password, stdin) != NULL;
    if (typed) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
        fputs("\n", stderr);
    }
    password[strcspn(password, "\r\n")] = 0;
    const int code = came ? add(keys, words, password) : usage();
    sodium_memzero(password, sizeof password);
    return code;
}

int sv_command_keys(int argc, char **argv)
{
    sl_error err;
    sv_keys *keys;
    char made[37];
    if (argc < 4 || strcmp(argv[2], "--data") != 0)
        return usage();
    char *file = sv_join(argv[3], "keys.json");
    if (!file || sv_keys_open(file, 0, made, &keys, &err) != SL_OK) {
        free(file);
        return fail(&err);
    }
    free(file);
    if (*made)
        printf("The key for all galleries, which is shown this once: %s\n", made);
    int code = strcmp(argv[1], "list") == 0 && argc == 4  ? list(keys)
               : strcmp(argv[1], "add") == 0 && argc == 7 ? add(keys, argv + 4, NULL)
               : strcmp(argv[1], "login") == 0 && argc == 7 ? add_login(keys, argv + 4)
                                                          : -1;
    if (strcmp(argv[1], "revoke") == 0 && argc == 5)
        code = sv_keys_revoke(keys, argv[4], &err) == SL_OK ? 0 : fail(&err);
    sv_keys_close(keys);
    return code < 0 ? usage() : code;
}
