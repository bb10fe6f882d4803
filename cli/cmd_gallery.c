/* secondlook gallery info | list | remove | compact | upgrade | rebalance | verify (the others: files of their own) */
#include <stdlib.h>
#include <string.h>

#include "common/cli.h"
#include "common/options.h"
#include "common/output.h"
#include "common/progress.h"
#include "remote/remote.h"

enum { KEY_LABEL = CLI_KEY_OWN, KEY_IMAGE };

typedef struct {
    const char *dir, *label, *image;
    bool json;
} gallery_run;

#define OPTION_LABEL                                                                                              \
    {                                                                                                             \
        "label", KEY_LABEL, "NAME", 0, "Only this person", 0                                                      \
    }
#define OPTION_IMAGE                                                                                              \
    {                                                                                                             \
        "image", KEY_IMAGE, "ID", 0, "Only this image id", 0                                                      \
    }

static error_t parse(int key, char *arg, struct argp_state *state)
{
    gallery_run *run = state->input;
    switch (key) {
    case CLI_KEY_JSON: run->json = true; return 0;
    case KEY_LABEL: run->label = arg; return 0;
    case KEY_IMAGE: run->image = arg; return 0;
    case ARGP_KEY_ARG: cli_take_gallery(state, arg, &run->dir); return 0;
    case ARGP_KEY_END:
        cli_need_gallery(state, run->dir);
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static gallery_run parse_run(const struct argp *parser, int argc, char **argv)
{
    gallery_run run = {0};
    argp_parse(parser, argc, argv, 0, 0, &run);
    cli_catch_interrupts();
    return run;
}

static int open_gallery(const gallery_run *run, sl_gallery_mode mode, sl_gallery **gallery)
{
    sl_error err = {0};
    return sl_gallery_open(run->dir, mode, NULL, gallery, &err) ? cli_fail(run->dir, &err)
                                                                                   : CLI_OK;
}

/* ------------------------------------------------------------------ files left over */

typedef struct {
    const char *dir;
    json_t *json; /* [{file, bytes}], or NULL: told as warnings */
    size_t count;
} leftovers;

static void tell_leftover(void *context, const char *file, uint64_t bytes)
{
    leftovers *l = context;
    char size[32];
    l->count++;
    if (l->json)
        json_array_append_new(l->json, json_pack("{s:s,s:I}", "file", file, "bytes", (json_int_t)bytes));
    else
        cli_warn("%s/%s (%s) was left over by a compaction that was cut short; removed faces may be in it", l->dir,
                 file, cli_bytes_text(bytes, size));
}

/* What a compaction that was cut short left in the folder, as JSON or as warnings. */
static int tell_leftovers(const char *dir, json_t *json)
{
    leftovers l = {.dir = dir, .json = json};
    sl_error err = {0};
    if (sl_gallery_leftovers(dir, tell_leftover, &l, &err))
        return cli_fail(dir, &err);
    if (l.count && !json)
        cli_warn("'secondlook gallery compact %s' deletes %s, as does whatever writes to the gallery next", dir,
                 l.count == 1 ? "it" : "them");
    return CLI_OK;
}

/* ------------------------------------------------------------------ info */

static const struct argp_option info_options[] = {CLI_OPTION_JSON, {0}};
static const struct argp info_parser = {
    info_options, parse, "DIR", "What a gallery holds, and for which model.", 0, 0, 0};

static int gallery_info(int argc, char **argv)
{
    gallery_run run = parse_run(&info_parser, argc, argv);
    sl_gallery *gallery;
    sl_gallery_info info;
    char size[32];
    if (cli_is_remote(run.dir))
        return cli_remote_info(run.dir, run.json);
    int code = open_gallery(&run, SL_GALLERY_READ, &gallery);
    if (code)
        return code;
    sl_gallery_get_info(gallery, &info);
    sl_gallery_close(gallery);
    if (run.json) {
        json_t *left = json_array();
        code = tell_leftovers(run.dir, left);
        json_t *info_json = json_pack(
            "{s:o,s:o,s:s,s:i,s:[i,i,i],s:s,s:I,s:I,s:I,s:I,s:o}", "gallery", cli_json_text(run.dir), "model",
            cli_json_text(info.model), "fingerprint", info.fingerprint, "embedding_dim", info.dim, "patch_grid",
            info.patch_rows, info.patch_cols, info.patch_channels, "patches",
            sl_patches_name(info.patches), "faces", (json_int_t)info.faces, "people",
            (json_int_t)info.labels, "removed", (json_int_t)info.removed, "bytes", (json_int_t)info.bytes, "leftover",
            left);
        const int printed = cli_print_json(info_json);
        return code ? code : printed;
    }
    cli_say("faces        %zu of %zu people", info.faces, info.labels);
    cli_say("removed      %zu%s", info.removed, info.removed ? " (erased by 'gallery compact')" : "");
    cli_say("model        %s", info.model);
    cli_say("fingerprint  %s", info.fingerprint);
    cli_say("embedding    %d", info.dim);
    cli_say("patch map    %d x %d x %d, %s", info.patch_rows, info.patch_cols, info.patch_channels,
            sl_patches_name(info.patches));
    cli_say("on disk      %s", cli_bytes_text(info.bytes, size));
    return tell_leftovers(run.dir, NULL);
}

/* ------------------------------------------------------------------ list */

static const struct argp_option list_options[] = {CLI_OPTION_JSON, OPTION_LABEL, {0}};
static const struct argp list_parser = {list_options,
                                        parse,
                                        "DIR",
                                        "Every face: person, image id, quality, in the order of enrolment.\v"
                                        "Examples:\n"
                                        "  secondlook gallery list staff\n"
                                        "  secondlook gallery list staff --label Ada --json",
                                        0,
                                        0,
                                        0};

static json_t *entry_json(const sl_entry *e)
{
    return json_pack("{s:o,s:o,s:o,s:o,s:b,s:b}", "label", cli_json_text(e->label), "image",
                     cli_json_text(e->image), "box", cli_json_box(&e->box), "quality",
                     cli_json_quality(&e->quality), "landmarks", e->has_landmarks, "crop", e->has_crop);
}

static void print_entry(const sl_entry *e)
{
    cli_print_name(stdout, e->label, 24);
    printf("  %.2f  ", e->quality.overall);
    cli_print_name(stdout, e->image, 0);
    putchar('\n');
}

static int list_entries(const gallery_run *run, const sl_gallery *gallery, json_t *faces)
{
    sl_error err = {0};
    sl_entry entry;
    for (size_t i = 0; i < sl_gallery_size(gallery) && !cli_interrupted; i++) {
        if (sl_gallery_entry(gallery, i, &entry, &err))
            return cli_fail(run->dir, &err);
        if (run->label && strcmp(run->label, entry.label))
            continue;
        if (run->json)
            json_array_append_new(faces, entry_json(&entry));
        else
            print_entry(&entry);
    }
    if (cli_interrupted)
        return CLI_INTERRUPTED;
    return run->json ? cli_print_json(json_pack("{s:O}", "faces", faces)) : CLI_OK;
}

static int gallery_list(int argc, char **argv)
{
    gallery_run run = parse_run(&list_parser, argc, argv);
    sl_gallery *gallery;
    if (cli_is_remote(run.dir))
        return cli_remote_list(run.dir, run.label, run.json);
    int code = open_gallery(&run, SL_GALLERY_READ, &gallery);
    if (code)
        return code;
    json_t *faces = json_array();
    code = list_entries(&run, gallery, faces);
    json_decref(faces);
    sl_gallery_close(gallery);
    return code;
}

/* ------------------------------------------------------------------ remove */

static error_t parse_remove(int key, char *arg, struct argp_state *state)
{
    gallery_run *run = state->input;
    error_t error = parse(key, arg, state);
    if (key == ARGP_KEY_END && !run->label && !run->image)
        argp_error(state, "say what to remove: --label NAME, --image ID, or both");
    return error;
}

static const struct argp_option remove_options[] = {CLI_OPTION_JSON, OPTION_LABEL, OPTION_IMAGE, {0}};
static const struct argp remove_parser = {
    remove_options,
    parse_remove,
    "DIR",
    "Takes faces out of a gallery: they are no longer found, and 'gallery compact' erases their bytes.\v"
    "Examples:\n"
    "  secondlook gallery remove staff --label 'Ada Lovelace'\n"
    "  secondlook gallery remove staff --image ada/ada1.jpg && secondlook gallery compact staff\n\n"
    "Exit code 1 when there was nothing to remove.",
    0,
    0,
    0};

static int gallery_remove(int argc, char **argv)
{
    gallery_run run = parse_run(&remove_parser, argc, argv);
    sl_error err = {0};
    sl_gallery *gallery;
    size_t removed = 0;
    if (cli_is_remote(run.dir))
        return cli_remote_remove(run.dir, run.label, run.image, run.json);
    int code = open_gallery(&run, SL_GALLERY_WRITE, &gallery);
    if (code)
        return code;
    sl_status status = sl_gallery_remove(gallery, run.image, run.label, &removed, &err);
    sl_gallery_close(gallery);
    if (status)
        return cli_fail(run.dir, &err);
    if (!removed) {
        cli_warn("%s: nothing enrolled as%s%s%s%s", run.dir, run.label ? " " : "", run.label ? run.label : "",
                 run.image ? " " : "", run.image ? run.image : "");
        return CLI_FAILED;
    }
    if (run.json)
        return cli_print_json(json_pack("{s:I}", "removed", (json_int_t)removed));
    cli_say("removed %zu face%s; 'secondlook gallery compact %s' erases the bytes", removed, removed == 1 ? "" : "s",
            run.dir);
    return CLI_OK;
}

/* ------------------------------------------------------------------ compact and verify */

static const struct argp compact_parser = {
    0,
    parse,
    "DIR",
    "Rewrites a gallery without the faces that were removed: their bytes are "
    "gone afterwards. The old gallery stays as it is until the new one is "
    "complete.",
    0,
    0,
    0};
static const struct argp upgrade_parser = {
    0,
    parse,
    "DIR",
    "Makes what a gallery keeps so that it opens and is searched quickly (codes of its embeddings, tables of its "
    "names), where it is missing, short or damaged. A gallery of an older format is rewritten as the newest, without "
    "what was removed.\v"
    "Example: secondlook gallery upgrade staff\n\n"
    "New galleries have all of it. One without is right, and slower.",
    0,
    0,
    0};
static const struct argp verify_parser = {
    0, parse, "DIR", "Reads every byte of a gallery, checks every checksum, and names files that a compaction that was "
    "cut short left over.", 0, 0, 0};

static const struct argp rebalance_parser = {
    0, parse, "URLS", "Adds shards to a gallery in PostgreSQL: URLS name those that it has, in their order, and then "
    "the new ones. The people who belong there are copied, all shards are told, and the copies left behind are taken "
    "out. Searches go on. Cut short, it continues when it is called again. See docs/postgres.md.", 0, 0, 0};

typedef sl_status (*whole_fn)(const char *dir, sl_progress_fn progress, void *context, sl_error *err);

/* job: what a server calls it. */
static int whole(const struct argp *parser, whole_fn work, const char *job, const char *done, int argc, char **argv)
{
    gallery_run run = parse_run(parser, argc, argv);
    sl_error err = {0};
    if (cli_is_remote(run.dir))
        return cli_remote_job(run.dir, job, done);
    cli_progress_start("steps");
    sl_status status = work(run.dir, cli_progress_step, NULL, &err);
    cli_progress_end();
    if (status)
        return cli_fail(run.dir, &err);
    cli_say("%s: %s", run.dir, done);
    return CLI_OK;
}

static int gallery_compact(int argc, char **argv)
{
    return whole(&compact_parser, sl_gallery_compact, "compact", "compacted", argc, argv);
}

static int gallery_upgrade(int argc, char **argv)
{
    return whole(&upgrade_parser, sl_gallery_upgrade, "upgrade", "up to date", argc, argv);
}

static sl_status verify(const char *dir, sl_progress_fn progress, void *context, sl_error *err)
{
    const sl_status status = sl_gallery_verify(dir, progress, context, err);
    if (status == SL_OK)
        tell_leftovers(dir, NULL);
    return status;
}

static int gallery_verify(int argc, char **argv)
{
    return whole(&verify_parser, verify, "verify", "sound, every checksum holds", argc, argv);
}

static int gallery_rebalance(int argc, char **argv)
{
    return whole(&rebalance_parser, sl_gallery_rebalance, "rebalance", "everybody is where they belong", argc, argv);
}

int cmd_gallery(int argc, char **argv)
{
    static const cli_command commands[] = {
        {"info", "how many faces, of which model", gallery_info},
        {"list", "every face", gallery_list},
        {"remove", "take people or photos out", gallery_remove},
        {"rename", "another name for a person", cmd_gallery_rename},
        {"merge", "one person of two", cmd_gallery_merge},
        {"move", "a face to another person", cmd_gallery_move},
        {"note", "what is known of people", cmd_gallery_note},
        {"undo", "take back the last change", cmd_gallery_undo},
        {"compact", "erase what was removed", gallery_compact},
        {"upgrade", "make it open and answer quickly", gallery_upgrade},
        {"duplicates", "one person under two names?", cmd_gallery_duplicates},
        {"cluster", "which faces are one person", cmd_gallery_cluster},
        {"backup", "all of it in one file", cmd_gallery_backup},
        {"restore", "a gallery from such a file", cmd_gallery_restore},
        {"export", "embeddings and patches for other programs", cmd_gallery_export},
        {"import", "faces from embeddings", cmd_gallery_import},
        {"copy", "the same faces with other patches", cmd_gallery_copy},
        {"rebalance", "add shards to a gallery in PostgreSQL", gallery_rebalance},
        {"verify", "check every checksum", gallery_verify},
        {NULL, NULL, NULL},
    };
    return cli_dispatch(argv[0], "Looks after a gallery.", commands, "Example: secondlook gallery info staff\n",
                        argc, argv);
}
