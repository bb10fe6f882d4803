/* secondlook gallery note: what is known of people beside their faces. */
#include <stdlib.h>
#include <string.h>

#include "common/cli.h"
#include "common/options.h"
#include "common/output.h"
#include "common/people_notes.h"
#include "common/progress.h"
#include "common/stream.h"

enum { KEY_LABEL = CLI_KEY_OWN, KEY_SET, KEY_FROM, KEY_REMOVE };

typedef struct {
    const char *dir, *label, *set, *from;
    bool remove, json;
} note_run;

static const struct argp_option options[] = {
    {"label", KEY_LABEL, "NAME", 0, "Of this person", 0},
    {"set", KEY_SET, "JSON", 0, "What is known of them: any JSON value of up to 64 KiB; - reads it from stdin", 0},
    {"remove", KEY_REMOVE, 0, 0, "Take their note out", 0},
    {"from", KEY_FROM, "FILE", 0, "Set those of many people, as --json without --label prints them; - is stdin", 0},
    CLI_OPTION_JSON,
    {0}};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    note_run *run = state->input;
    switch (key) {
    case CLI_KEY_JSON: run->json = true; return 0;
    case KEY_LABEL: run->label = arg; return 0;
    case KEY_SET: run->set = arg; return 0;
    case KEY_FROM: run->from = arg; return 0;
    case KEY_REMOVE: run->remove = true; return 0;
    case ARGP_KEY_ARG: cli_take_gallery(state, arg, &run->dir); return 0;
    case ARGP_KEY_END:
        cli_need_gallery(state, run->dir);
        if (((run->set || run->remove) && !run->label) || (run->from && run->label))
            argp_error(state,
                       run->from ? "--from names the people itself, without --label" : "--label NAME is missing");
        if ((run->set != NULL) + run->remove + (run->from != NULL) > 1)
            argp_error(state, "--set, --remove and --from exclude each other");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    options, parse, "DIR",
    "Shows, sets and takes out what is known of a gallery's people beside their faces: one JSON value each, which "
    "'identify --json' adds to its answers and 'gallery backup' keeps. It goes along with 'gallery rename'.\v"
    "Examples:\n"
    "  secondlook gallery note staff --label 'Ada Lovelace' --set '{\"room\": 12}'\n"
    "  secondlook gallery note staff --label 'Ada Lovelace'\n"
    "  secondlook gallery note staff --json > notes.json && secondlook gallery note copy --from notes.json\n\n"
    "Exit code 1 when there is no such person, or no note.",
    0, 0, 0};

/* ------------------------------------------------------------------ reading */

static int show_one(const note_run *run, const sl_gallery *gallery)
{
    char *text;
    sl_error err = {0};
    if (sl_gallery_person_note(gallery, run->label, &text, &err))
        return cli_fail(NULL, &err);
    if (run->json) {
        json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
        free(text);
        return cli_print_json(json_pack("{s:o,s:o}", "label", cli_json_text(run->label), "note", value));
    }
    cli_print_name(stdout, text, 0);
    putchar('\n');
    free(text);
    return CLI_OK;
}

static void tell(void *context, const char *label, const char *json)
{
    (void)context;
    cli_print_name(stdout, label, 24);
    fputs("  ", stdout);
    cli_print_name(stdout, json, 0);
    putchar('\n');
}

static int show_all(const note_run *run, const sl_gallery *gallery)
{
    sl_error err = {0};
    json_t *notes = NULL;
    if (run->json ? cli_person_notes(gallery, &notes, &err) : sl_gallery_person_notes(gallery, tell, NULL, &err))
        return cli_fail(NULL, &err);
    return run->json ? cli_print_json(json_pack("{s:o}", "notes", notes)) : CLI_OK;
}

/* ------------------------------------------------------------------ setting */

static int set_one(const note_run *run, sl_gallery *gallery)
{
    sl_error err = {0};
    char *text = NULL;
    uint8_t *bytes = NULL;
    size_t size;
    if (run->set && strcmp(run->set, "-") == 0) {
        if (cli_stream_read("-", &bytes, &size, &err))
            return cli_fail("-", &err);
        text = strndup((char *)bytes, size);
        free(bytes);
    } else if (run->set) {
        text = strdup(run->set);
    } else if (sl_gallery_person_note(gallery, run->label, &text, &err)) { /* there must be one to take out */
        return cli_fail(NULL, &err);
    }
    const sl_status status = sl_gallery_set_person_note(gallery, run->label, run->remove ? NULL : text, &err);
    free(text);
    if (status)
        return cli_fail(NULL, &err);
    if (run->json)
        return cli_print_json(json_pack("{s:o,s:b}", "label", cli_json_text(run->label), "set", !run->remove));
    cli_say(run->remove ? "the note is gone" : "noted");
    return CLI_OK;
}

static void tell_refused(void *failed, size_t i, const sl_error *why)
{
    sl_error err = *why;
    (void)i;
    cli_fail(NULL, &err);
    ++*(size_t *)failed;
}

/* The object's values as notes; false: no memory. */
static bool take_notes(const json_t *values, sl_person_note *notes)
{
    const char *label;
    json_t *value;
    size_t i = 0;
    bool all = true;
    json_object_foreach((json_t *)values, label, value)
    {
        notes[i] = (sl_person_note){label, json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY)};
        all = all && notes[i++].json;
    }
    return all;
}

/* Nobody who is missing stops the others. */
static int set_each(const note_run *run, sl_gallery *gallery, const json_t *values)
{
    sl_error err = {SL_ERR_MEMORY, "no memory for notes"};
    const size_t count = json_object_size(values);
    size_t failed = 0;
    sl_status status = SL_ERR_MEMORY;
    sl_person_note *notes = calloc(count + 1, sizeof *notes);
    if (notes && take_notes(values, notes))
        status = sl_gallery_set_person_notes(gallery, notes, count, tell_refused, &failed, &err);
    for (size_t i = 0; notes && i < count; i++)
        free((char *)notes[i].json);
    free(notes);
    if (status)
        return cli_fail(NULL, &err);
    if (run->json)
        cli_print_json(json_pack("{s:I,s:I}", "set", (json_int_t)(count - failed), "failed", (json_int_t)failed));
    else
        cli_say("%zu %s noted", count - failed, count - failed == 1 ? "person" : "people");
    return failed ? CLI_FAILED : CLI_OK;
}

static int set_all(const note_run *run, sl_gallery *gallery)
{
    sl_error err = {0};
    json_error_t why;
    uint8_t *bytes;
    size_t size;
    if (cli_stream_read(run->from, &bytes, &size, &err))
        return cli_fail(run->from, &err);
    json_t *document = json_loadb((char *)bytes, size, JSON_REJECT_DUPLICATES, &why), *notes = NULL;
    free(bytes);
    if (!document || json_unpack(document, "{s:o}", "notes", &notes) || !json_is_object(notes)) {
        cli_warn("%s: is not what 'gallery note DIR --json' prints%s%s", run->from, document ? "" : ": ",
                 document ? "" : why.text);
        json_decref(document);
        return CLI_FAILED;
    }
    const int code = set_each(run, gallery, notes);
    json_decref(document);
    return code;
}

int cmd_gallery_note(int argc, char **argv)
{
    note_run run = {0};
    sl_error err = {0};
    sl_gallery *gallery;
    argp_parse(&parser, argc, argv, 0, 0, &run);
    cli_catch_interrupts();
    const bool writes = run.set || run.remove || run.from;
    if (sl_gallery_open(run.dir, writes ? SL_GALLERY_WRITE : SL_GALLERY_READ, NULL, &gallery, &err))
        return cli_fail(run.dir, &err);
    const int code = run.from    ? set_all(&run, gallery)
                     : writes    ? set_one(&run, gallery)
                     : run.label ? show_one(&run, gallery)
                                 : show_all(&run, gallery);
    sl_gallery_close(gallery);
    return code;
}
