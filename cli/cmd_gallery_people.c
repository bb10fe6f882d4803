/* secondlook gallery rename | merge | move | undo: who the faces of a gallery are. */
#include <string.h>

#include "common/cli.h"
#include "common/options.h"
#include "common/output.h"
#include "common/progress.h"
#include "secondlook_serve.h"

enum { MOST_TOLD = 20 };

typedef struct {
    const char *argument[3];
    int count, wanted; /* arguments */
    bool json;
} people_run;

static error_t parse(int key, char *arg, struct argp_state *state)
{
    people_run *run = state->input;
    switch (key) {
    case CLI_KEY_JSON: run->json = true; return 0;
    case ARGP_KEY_ARG:
        if (run->count == run->wanted)
            cli_usage(state, "'%s' is one argument too many", arg);
        run->argument[run->count++] = arg;
        return 0;
    case ARGP_KEY_END:
        if (run->count < run->wanted)
            argp_error(state, run->count ? "a name is missing" : "the gallery's DIR is missing");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {CLI_OPTION_JSON, {0}};

/* Opens the gallery that the first argument names, for writing. */
static int begin(people_run *run, const struct argp *parser, int wanted, int argc, char **argv, sl_gallery **gallery)
{
    sl_error err = {0};
    *run = (people_run){.wanted = wanted};
    argp_parse(parser, argc, argv, 0, 0, run);
    cli_catch_interrupts();
    return sl_gallery_open(run->argument[0], SL_GALLERY_WRITE, NULL, gallery, &err) ? cli_fail(run->argument[0], &err)
                                                                                    : CLI_OK;
}

/* ------------------------------------------------------------------ rename and merge */

static const struct argp rename_parser = {
    options, parse, "DIR FROM TO",
    "Gives a person another name. Where somebody is called TO already it is refused: 'gallery merge' makes one of "
    "two.\v"
    "Example: secondlook gallery rename staff 'A. Lovelace' 'Ada Lovelace'\n\n"
    "'gallery undo' takes it back. Exit code 1 when nobody is called FROM.",
    0, 0, 0};
static const struct argp merge_parser = {
    options, parse, "DIR FROM INTO",
    "Makes one person of two: the faces of FROM become INTO's.\v"
    "Example: secondlook gallery merge staff 'A. Lovelace' 'Ada Lovelace'\n\n"
    "'gallery undo' takes it back. Exit code 1 when there are not both.",
    0, 0, 0};

/* Faces of a person, by the name as it is spelled in the gallery. */
static sl_status count_faces(const sl_gallery *gallery, const char *label, size_t *count, sl_error *err)
{
    sl_entry entry;
    *count = 0;
    for (size_t i = 0; i < sl_gallery_size(gallery); i++) {
        const sl_status status = sl_gallery_entry(gallery, i, &entry, err);
        if (status)
            return status;
        *count += strcmp(entry.label, label) == 0;
    }
    return SL_OK;
}

static int rename_in(const people_run *run, sl_gallery *gallery, bool merge)
{
    sl_error err = {0};
    const char *dir = run->argument[0], *from = run->argument[1], *to = run->argument[2];
    size_t there, renamed;
    if (count_faces(gallery, to, &there, &err))
        return cli_fail(dir, &err);
    if (!merge && there && strcmp(from, to) != 0) {
        cli_warn("%s: somebody is called %s already: 'secondlook gallery merge' makes one person of the two", dir, to);
        return CLI_FAILED;
    }
    if (merge && !there) {
        cli_warn("%s: nobody is called %s: 'secondlook gallery rename' gives a name that is new", dir, to);
        return CLI_FAILED;
    }
    if (sl_gallery_rename(gallery, from, to, &renamed, &err))
        return cli_fail(dir, &err);
    if (!renamed && strcmp(from, to) != 0) {
        cli_warn("%s: nobody is called %s", dir, from);
        return CLI_FAILED;
    }
    if (run->json)
        return cli_print_json(json_pack("{s:I,s:I}", "renamed", (json_int_t)renamed, "faces",
                                        (json_int_t)(there + renamed)));
    cli_say("%zu face%s now those of %s", renamed, renamed == 1 ? " is" : "s are", to);
    return CLI_OK;
}

static int rename_or_merge(const struct argp *parser, bool merge, int argc, char **argv)
{
    people_run run;
    sl_gallery *gallery = NULL;
    int code = begin(&run, parser, 3, argc, argv, &gallery);
    if (!code)
        code = rename_in(&run, gallery, merge);
    sl_gallery_close(gallery);
    return code;
}

int cmd_gallery_rename(int argc, char **argv)
{
    return rename_or_merge(&rename_parser, false, argc, argv);
}

int cmd_gallery_merge(int argc, char **argv)
{
    return rename_or_merge(&merge_parser, true, argc, argv);
}

/* ------------------------------------------------------------------ move */

static const struct argp move_parser = {
    options, parse, "DIR IMAGE TO",
    "Gives one face, by its image id, to another person, who may be new.\v"
    "Example: secondlook gallery move staff ada/party.jpg 'Grace Hopper'\n\n"
    "'gallery list' shows the ids, 'gallery undo' takes it back.",
    0, 0, 0};

int cmd_gallery_move(int argc, char **argv)
{
    people_run run;
    sl_error err = {0};
    sl_gallery *gallery = NULL;
    int code = begin(&run, &move_parser, 3, argc, argv, &gallery);
    if (!code && sl_gallery_move(gallery, run.argument[1], run.argument[2], &err))
        code = cli_fail(run.argument[0], &err);
    sl_gallery_close(gallery);
    if (code)
        return code;
    if (run.json)
        return cli_print_json(
            json_pack("{s:o,s:o}", "image", cli_json_text(run.argument[1]), "label", cli_json_text(run.argument[2])));
    cli_say("%s is a face of %s now", run.argument[1], run.argument[2]);
    return CLI_OK;
}

/* ------------------------------------------------------------------ undo */

static const struct argp undo_parser = {
    options, parse, "DIR",
    "Takes back the last change that took faces away or gave them another name: 'gallery remove', 'rename', 'merge', "
    "'move', 'enroll --replace'. Called again, it takes back the one before. (Taking back new names is such a change "
    "itself: called again it gives the new names back.) 'gallery compact' ends what can be taken back.\v"
    "Example: secondlook gallery undo staff\n\n"
    "Exit code 1 when there is nothing to take back.",
    0, 0, 0};

typedef struct {
    json_t *faces; /* or NULL: told on stdout */
    size_t count;
} undone;

static void tell(void *context, const char *image, const char *label)
{
    undone *u = context;
    u->count++;
    if (u->faces) {
        json_array_append_new(u->faces, json_pack("{s:o,s:o}", "label", cli_json_text(label), "image",
                                                  cli_json_text(image)));
    } else if (u->count <= MOST_TOLD) {
        cli_print_name(stdout, label, 24);
        printf("  ");
        cli_print_name(stdout, image, 0);
        putchar('\n');
    } else if (u->count == MOST_TOLD + 1) {
        cli_say("..");
    }
}

/* The newest commit that took something away which can be brought back. */
static sl_status undo_last(sl_gallery *gallery, undone *u, sl_error *err)
{
    sl_gallery_mark to;
    size_t restored = 0;
    sl_status status = SL_OK;
    sl_gallery_get_mark(gallery, &to);
    for (; to.commit > 0 && restored == 0 && status == SL_OK; to.commit--) {
        const sl_gallery_mark from = {to.generation, to.commit - 1};
        status = sl_gallery_restore(gallery, &from, &to, tell, u, &restored, err);
    }
    return status;
}

static int undo_in(const people_run *run, sl_gallery *gallery)
{
    sl_error err = {0};
    sl_gallery_info info;
    undone u = {.faces = run->json ? json_array() : NULL};
    sl_gallery_get_info(gallery, &info);
    const sl_status status = info.removed ? undo_last(gallery, &u, &err) : SL_OK;
    if (status || !u.count) {
        json_decref(u.faces);
        if (status)
            return cli_fail(run->argument[0], &err);
        cli_warn("%s: nothing to take back", run->argument[0]);
        return CLI_FAILED;
    }
    if (run->json)
        return cli_print_json(json_pack("{s:o}", "restored", u.faces));
    cli_say("%zu face%s as before", u.count, u.count == 1 ? " is" : "s are");
    return CLI_OK;
}

int cmd_gallery_undo(int argc, char **argv)
{
    people_run run;
    sl_gallery *gallery = NULL;
    int code = begin(&run, &undo_parser, 1, argc, argv, &gallery);
    if (!code)
        code = undo_in(&run, gallery);
    sl_gallery_close(gallery);
    return code;
}
