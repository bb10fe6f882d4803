/* secondlook models import | export: networks from other programs' files and to them. */
#include "models/models.h"

#include <stdlib.h>
#include <string.h>

#include "common/cli.h"
#include "common/options.h"
#include "common/output_files.h"
#include "common/output.h"

/* ------------------------------------------------------------------ import */

enum { KEY_ARCH = CLI_KEY_OWN, KEY_CORRECTED, KEY_LICENCE, KEY_REPLACE, KEY_BACKBONE, KEY_PATCH_MAP };

typedef struct {
    sl_import_options options;
    cli_list files;
    bool json;
} import_run;

static error_t parse_import(int key, char *arg, struct argp_state *state)
{
    import_run *run = state->input;
    switch (key) {
    case CLI_KEY_JSON: run->json = true; return 0;
    case CLI_KEY_MODELS_DIR: run->options.models_dir = arg; return 0;
    case KEY_ARCH: run->options.arch = arg; return 0;
    case KEY_PATCH_MAP: run->options.patch_map = arg; return 0;
    case KEY_CORRECTED: run->options.corrected_scale = 1; return 0;
    case KEY_LICENCE: run->options.licence = arg; return 0;
    case KEY_REPLACE: run->options.replace = 1; return 0;
    case KEY_BACKBONE: run->options.backbone = arg; return 0;
    case 'o': run->options.output = arg; return 0;
    case ARGP_KEY_ARG: cli_list_add(state, &run->files, arg); return 0;
    case ARGP_KEY_END:
        if (!run->files.count || !run->options.arch || !run->options.output)
            argp_error(state, "a CHECKPOINT, --arch ARCHITECTURE and -o NAME are needed");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option import_options[] = {
    {"arch", KEY_ARCH, "ARCHITECTURE", 0,
     "What the weights are for: arcface-r18, cosface-s20, facenet-ir1, mobilefacenet, iresnet18, iresnet50, "
     "iresnet100, ir50, ir101, ir152, irse50, vit, h1, h2, h2l or mtcnn (required)",
     0},
    {"output", 'o', "NAME", 0,
     "The model's name, in the models folder; FOLDER/NAME puts it elsewhere, to be used as FOLDER/NAME.json "
     "(required)",
     0},
    {"corrected-scale", KEY_CORRECTED, 0, 0,
     "facenet-ir1: feed (x - 127.5) / 128, as it was trained, and not x / 255, as the dissertation's code does", 0},
    {"backbone", KEY_BACKBONE, "NAME", 0,
     "h2 and h2l: the recogniser whose maps the weights were trained on, where the checkpoint has no network inside",
     0},
    {"patch-map", KEY_PATCH_MAP, "TENSOR", 0,
     "Another tensor in place of the architecture's patch map, such as patch_map_16x16 of arcface-r18", 0},
    {"licence", KEY_LICENCE, "TEXT", 0, "Licence of the weights, for the manifest", 0},
    {"replace", KEY_REPLACE, 0, 0, "Also when a model of that name is there", 0},
    CLI_OPTION_JSON,
    CLI_OPTION_MODELS_DIR,
    {0}};
static const struct argp import_parser = {
    import_options,
    parse_import,
    "CHECKPOINT|NETWORK --arch ARCHITECTURE -o NAME\n"
    "PNET RNET ONET --arch mtcnn -o NAME\n"
    "FOLDER --arch mtcnn -o NAME",
    "Makes a model of a PyTorch checkpoint (torch.save's zip or legacy form) or of safetensors. Nothing in the "
    "file is run. Its weights are checked by name and shape; those that the architecture does not know are skipped "
    "and named. Writes NAME.safetensors and the manifest NAME.json. An ONNX or TFLite file of a recogniser is copied, "
    "and its manifest written. h2 and h2l become second looks; the network inside their checkpoint becomes the "
    "recogniser NAME-backbone, whose templates they look at.\v"
    "Examples:\n"
    "  secondlook models import resnet18_110.pth --arch arcface-r18 -o arcface18\n"
    "  secondlook models import facenet.pt --arch facenet-ir1 --corrected-scale -o facenet\n"
    "  secondlook models import w600k_r50.onnx --arch iresnet50 -o r50\n"
    "  secondlook models import h2l.pth --arch h2l -o pairs\n"
    "  secondlook models import mtcnn_pnet.pt mtcnn_rnet.pt mtcnn_onet.pt --arch mtcnn -o mtcnn-torch\n\n"
    "and then\n"
    "  secondlook enroll --model arcface18 --gallery staff photos/\n\n"
    "The weights that an architecture needs: secondlook models inspect arcface-r18",
    0,
    0,
    0};

/* Every weight that is missing, misshapen or broken, a line each, and what would fit. */
static int fail_with_problems(json_t *report)
{
    size_t i;
    json_t *problem, *problems = json_object_get(report, "problems");
    const char *fits = json_string_value(json_object_get(report, "fits"));
    cli_warn("%s: not the weights of %s:", json_string_value(json_object_get(report, "file")),
             json_string_value(json_object_get(report, "architecture")));
    json_array_foreach(problems, i, problem) cli_note("  %s", json_string_value(problem));
    if (fits)
        cli_warn("they are those of %s", fits);
    return CLI_FAILED;
}

static void print_made(json_t *report)
{
    size_t i, k;
    json_t *model, *name, *models = json_object_get(report, "models");
    char size[32];
    json_array_foreach(models, i, model)
    {
        json_t *skipped = json_object_get(model, "skipped");
        cli_say("%s: %s, %lld tensors, %s", json_string_value(json_object_get(model, "name")),
                json_string_value(json_object_get(model, "architecture")),
                (long long)json_integer_value(json_object_get(model, "tensors")),
                cli_bytes_text((uint64_t)json_integer_value(json_object_get(model, "bytes")), size));
        cli_say("  %s", json_string_value(json_object_get(model, "manifest")));
        cli_say("  %s", json_string_value(json_object_get(model, "file")));
        const char *own = json_string_value(json_object_get(model, "normalisation"));
        if (own)
            cli_say("  the network makes %s of its pixels itself: the manifest's mean and std leave that to it", own);
        if (json_array_size(skipped))
            printf("  skipped, as the architecture does not know them:\n");
        json_array_foreach(skipped, k, name) cli_say("    %s", json_string_value(name));
    }
}

/* How the model is used: by its name in the models folder, else by its manifest. */
static void print_next(const import_run *run, json_t *report)
{
    json_t *models = json_object_get(report, "models"),
           *last = json_array_get(models, json_array_size(models) - 1);
    bool elsewhere = strchr(run->options.output, '/') != NULL;
    const char *name = json_string_value(json_object_get(last, elsewhere ? "manifest" : "name"));
    const char *dir = run->options.models_dir && !elsewhere ? run->options.models_dir : NULL;
    const char *arch = json_string_value(json_object_get(last, "architecture"));
    puts("\nuse it:");
    if (sl_rerank_named(arch) >= 0) {
        cli_say("  secondlook identify %s%s%s--rerank %s --look %s --gallery DIR PATH", dir ? "--models-dir " : "",
                dir ? dir : "", dir ? " " : "", arch, name);
        return;
    }
    bool detector = json_array_size(models) > 1;
    cli_say("  secondlook enroll %s%s%s--%s %s --gallery DIR PATH", dir ? "--models-dir " : "", dir ? dir : "",
            dir ? " " : "", detector ? "detector" : "model", name);
    if (!detector)
        printf("thresholds of its own, once a gallery is there:\n  secondlook calibrate --gallery DIR\n");
}

int cmd_models_import(int argc, char **argv)
{
    import_run run = {0};
    sl_error err = {0};
    char *text;
    argp_parse(&import_parser, argc, argv, 0, 0, &run);
    sl_status status =
        sl_model_import((const char *const *)run.files.items, run.files.count, &run.options, &text, &err);
    json_t *report = text ? json_loads(text, 0, NULL) : NULL;
    int code = CLI_OK;
    if (status) {
        code = report ? fail_with_problems(report) : cli_fail(NULL, &err);
    } else if (run.json) {
        code = cli_print_json_text(text);
    } else {
        print_made(report);
        print_next(&run, report);
    }
    json_decref(report);
    free(text);
    free(run.files.items);
    return code;
}

/* ------------------------------------------------------------------ export */

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
            cli_usage(state, "'%s': one NAME at a time", arg);
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
    {"output", 'o', "FILE", 0, "The ONNX file to write (required)", 0},
    CLI_OPTION_JSON,
    CLI_OPTION_MODELS_DIR,
    {0}};
static const struct argp export_parser = {
    export_options,
    parse_export,
    "NAME -o FILE.onnx",
    "Writes a recogniser or detector as ONNX (opset 14, any batch), which other runtimes read. A recogniser's "
    "embedding and patch map are outputs; how its pictures are made is in the file's metadata.\v"
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
    if (cli_check_output(run.out, &run.name, 1))
        return CLI_FAILED;
    if (sl_model_export(run.dir, run.name, run.out, &err))
        return cli_fail(NULL, &err);
    if (run.json)
        return cli_print_json(
            json_pack("{s:o,s:o}", "model", cli_json_text(run.name), "file", cli_json_text(run.out)));
    cli_say("%s written to %s", run.name, run.out);
    return CLI_OK;
}
