/* secondlook models export: networks to other programs' files. */
#include "convert.h"

#include "cli.h"
#include "options.h"
#include "output.h"

typedef struct {
    const char *dir, *name, *out;
    bool json;
} export_run;

static error_t parse_export(int key, char *arg, struct argp_state *state)
{
    export_run *run = state->input;
    switch (key) {
    case CLI_KEY_JSON: run->json = true; return 0;
    case CLI_KEY_MODELS_DIR: run->dir = arg; return 0;
    case 'o': run->out = arg; return 0;
    case ARGP_KEY_ARG:
        if (run->name)
            argp_error(state, "'%s': one NAME at a time", arg);
        run->name = arg;
        return 0;
    case ARGP_KEY_END:
        if (!run->name || !run->out)
            argp_error(state, "a model's NAME and -o FILE are needed");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option export_options[] = {
    {"output", 'o', "FILE", 0, "The ONNX file to write (required)", 0}, CLI_OPTION_JSON, CLI_OPTION_MODELS_DIR, {0}};
static const struct argp export_parser = {
    export_options,
    parse_export,
    "NAME -o FILE.onnx",
    "Writes a recogniser or detector as ONNX (opset 14, any batch), which other runtimes read. A recogniser's embedding "
    "and patch map are outputs; how its pictures are made is in the file's metadata.\v"
    "Examples:\n"
    "  secondlook models export mobilefacenet-192 -o mobilefacenet-192.onnx\n"
    "  secondlook models export my.json -o my.onnx",
    0,
    0,
    0};

int cmd_models_export(int argc, char **argv)
{
    export_run run = {0};
    sl_error err = {0};
    argp_parse(&export_parser, argc, argv, 0, 0, &run);
    if (sl_model_export(run.dir, run.name, run.out, &err))
        return cli_fail(NULL, &err);
    if (run.json)
        return cli_print_json(json_pack("{s:o,s:o}", "model", cli_json_text(run.name), "file", cli_json_text(run.out)));
    printf("%s written to %s\n", run.name, run.out);
    return CLI_OK;
}
