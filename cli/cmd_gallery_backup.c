/* secondlook gallery backup | restore: a gallery in one file, and back. */
#include <unistd.h>

#include "common/cli.h"
#include "common/options.h"
#include "common/output.h"
#include "common/output_files.h"
#include "common/progress.h"

typedef struct {
    const char *from, *to;
    cli_there there;
    bool json;
} backup_run;

static error_t parse(int key, char *arg, struct argp_state *state)
{
    backup_run *run = state->input;
    switch (key) {
    case CLI_KEY_JSON: run->json = true; return 0;
    case CLI_KEY_REPLACE: run->there = CLI_THERE_REPLACED; return 0;
    case 'o': run->to = arg; return 0;
    case ARGP_KEY_ARG:
        if (run->from)
            cli_usage(state, "'%s' is one argument too many", arg);
        run->from = arg;
        return 0;
    case ARGP_KEY_END:
        if (!run->from || !run->to)
            argp_error(state, !run->from ? "what to read is missing" : "-o is missing");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static int report(const backup_run *run, const char *gallery)
{
    sl_error err = {0};
    sl_gallery *opened;
    sl_gallery_info info;
    if (sl_gallery_open(gallery, SL_GALLERY_READ, NULL, &opened, &err))
        return cli_fail(gallery, &err);
    sl_gallery_get_info(opened, &info);
    sl_gallery_close(opened);
    if (run->json)
        return cli_print_json(json_pack("{s:o,s:I,s:I,s:I}", "written", cli_json_text(run->to), "faces",
                                        (json_int_t)info.faces, "people", (json_int_t)info.labels, "bytes",
                                        (json_int_t)info.bytes));
    char size[32];
    cli_say("%s: %zu faces of %zu people, %s", run->to, info.faces, info.labels, cli_bytes_text(info.bytes, size));
    return CLI_OK;
}

/* ------------------------------------------------------------------ backup */

static const struct argp_option backup_options[] = {
    {"output", 'o', "FILE", 0, "The file (required)", 0}, CLI_OPTION_REPLACE, CLI_OPTION_JSON, {0}};
static const struct argp backup_parser = {
    backup_options, parse, "DIR -o FILE",
    "Writes a gallery into one file, calibrations too: a tar, as it was committed at that moment, whoever writes "
    "meanwhile. What was removed and not compacted yet is in it.\v"
    "Example: secondlook gallery backup staff -o staff.tar",
    0, 0, 0};

int cmd_gallery_backup(int argc, char **argv)
{
    backup_run run = {0};
    sl_error err = {0};
    argp_parse(&backup_parser, argc, argv, 0, 0, &run);
    cli_catch_interrupts();
    if (run.there != CLI_THERE_REPLACED && access(run.to, F_OK) == 0) {
        cli_warn("%s: is there already: --replace writes it anew", run.to);
        return CLI_FAILED;
    }
    if (cli_check_output(run.to, &run.from, 1))
        return CLI_FAILED;
    cli_progress_start("MB");
    const sl_status status = sl_gallery_backup(run.from, run.to, cli_progress_step, NULL, &err);
    cli_progress_end();
    return status ? cli_fail(run.from, &err) : report(&run, run.from);
}

/* ------------------------------------------------------------------ restore */

static const struct argp_option restore_options[] = {
    {"output", 'o', "DIR", 0, "The new gallery (required)", 0}, CLI_OPTION_JSON, {0}};
static const struct argp restore_parser = {
    restore_options, parse, "FILE -o DIR",
    "Makes a gallery of a backup. Every byte is checked first; DIR is there whole, or not at all, and replaces "
    "nothing.\v"
    "Example: secondlook gallery restore staff.tar -o staff",
    0, 0, 0};

int cmd_gallery_restore(int argc, char **argv)
{
    backup_run run = {0};
    sl_error err = {0};
    argp_parse(&restore_parser, argc, argv, 0, 0, &run);
    cli_catch_interrupts();
    cli_progress_start("steps");
    const sl_status status = sl_gallery_from_backup(run.from, run.to, cli_progress_step, NULL, &err);
    cli_progress_end();
    return status ? cli_fail(run.from, &err) : report(&run, run.to);
}
