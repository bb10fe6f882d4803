/* secondlook train finetune and distill: a recogniser goes on learning, to become another or a query encoder. */
#include <stdlib.h>
#include <string.h>

#include "common/cli.h"
#include "common/options.h"
#include "common/photo_paths.h"
#include "common/photo_work.h"
#include "common/printer.h"
#include "common/progress.h"
#include "train/mpi_ranks.h"
#include "train/train.h"
#include "train/train_options.h"
#include "train/train_run.h"

typedef struct {
    cli_models models;
    cli_training training;
    cli_list paths;
    const char *gallery_dir;
    cli_train_run run;
    bool list_weights, aligned;
    sl_gallery *gallery;
} finetune_run;

enum { KEY_LIST = CLI_KEY_OWN, KEY_ROOT, KEY_LICENCE, KEY_LIST_WEIGHTS };

static error_t parse(int key, char *arg, struct argp_state *state)
{
    finetune_run *run = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &run->training;
        state->child_inputs[1] = &run->models;
        state->child_inputs[2] = &run->run;
        return 0;
    case CLI_KEY_ALIGNED: run->aligned = true; return 0;
    case CLI_KEY_GALLERY: run->gallery_dir = arg; return 0;
    case KEY_LIST: run->run.data.list = arg; return 0;
    case KEY_ROOT: run->run.data.root = arg; return 0;
    case KEY_LICENCE: run->run.licence = arg; return 0;
    case KEY_LIST_WEIGHTS: run->list_weights = true; return 0;
    case ARGP_KEY_ARG: cli_list_add(state, &run->paths, arg); return 0;
    case ARGP_KEY_END:
        if (run->list_weights)
            return 0;
        if (!run->run.output)
            argp_error(state, "--output NAME is missing: what the new model is called");
        if ((run->gallery_dir != NULL) + (run->run.data.list != NULL) + (run->paths.count > 0) != 1)
            argp_error(state, "faces to learn from are needed: --gallery DIR, --list FILE, or folders of photos");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options[] = {
    {"gallery", CLI_KEY_GALLERY, "DIR", 0, "Learn from this gallery, enrolled with --keep-crops", 0},
    {"list", KEY_LIST, "FILE", 0, "Learn from aligned crops: lines \"path,label\"", 0},
    {"root", KEY_ROOT, "DIR", 0, "What paths in the list are below (default: its own folder)", 0},
    CLI_OPTION_ALIGNED,
    {"licence", KEY_LICENCE, "TEXT", 0, "Of the new weights (default: that of the network they began as)", 0},
    {"list-weights", KEY_LIST_WEIGHTS, 0, 0, "Print the names of the weights that could learn, for --learn", 0},
    {0}};
static const struct argp_child children[] = {{&cli_training_argp, 0, "Training:", 1},
                                             {&cli_models_argp, 0, "Networks:", 2},
                                             {&cli_train_run_argp, 0, 0, 0},
                                             {0}};
static const struct argp finetune_parser = {
    options,
    parse,
    "[PATH...]",
    "Lets a recogniser go on learning from photos of your people: to find them behind masks, sunglasses and what "
    "else covers a face (distill, no labels are read), or to tell them apart better (a margin loss). PATH: folders of "
    "photos, "
    "a folder for each person. Some of the people are held out and judge: the weights that serve them best are "
    "saved, as a model of its own.\v"
    "Ctrl-C writes a checkpoint; --resume goes on. Examples:\n"
    "  secondlook train finetune photos/ --output mine\n"
    "  secondlook train finetune --gallery staff --steps 200 --output mine --resume\n"
    "  secondlook train finetune --recipe dissertation --model arcface-r18 photos/ --output arcface-mine",
    children,
    0,
    0};

static const struct argp distill_parser = {
    options,
    parse,
    "[PATH...]",
    "Teaches a recogniser to see through what covers a face, from photos of your people, and makes a query encoder "
    "of it: queries are embedded by it, galleries stay as they are, and nobody enrols again. No names are read: the "
    "embedding of a covered face is to become what the recogniser made of the untouched one. PATH: folders of "
    "photos, a folder for each person. Some of the people are held out and judge: without --last nothing is made "
    "that serves them worse.\v"
    "Ctrl-C writes a checkpoint; --resume goes on. Examples:\n"
    "  secondlook train distill --gallery staff --output staff-covered\n"
    "  secondlook train distill photos/ --steps 200 --output mine\n"
    "  secondlook identify --gallery staff --encoder staff-covered query.jpg",
    children,
    0,
    0};

/* ---- photos ---- */

static int enroll_photos(finetune_run *run, const sl_engine *engine, const cli_photos *found)
{
    sl_error err = {0};
    sl_enroll_report report;
    sl_enroll_options enroll = sl_enroll_defaults();
    const sl_gallery_options made = {.engine = engine, .patches = SL_PATCHES_NONE};
    if (sl_gallery_open(":memory:", SL_GALLERY_CREATE, &made, &run->gallery, &err))
        return cli_fail(NULL, &err);
    enroll.threads = run->models.threads;
    enroll.aligned = run->aligned;
    enroll.keep_crops = 1;
    enroll.progress = cli_progress_step;
    cli_progress_start("photos");
    sl_status status = sl_enroll(engine, run->gallery, found->photos, found->count, &enroll, &report, &err);
    cli_progress_end();
    if (status)
        return cli_fail(NULL, &err);
    if (report.enrolled < report.photos)
        cli_warn("%zu of %zu photos show a face to learn from", report.enrolled, report.photos);
    return CLI_OK;
}

/* Folders of photos become a gallery in memory. */
static int read_photos(finetune_run *run)
{
    const cli_photo_rules rules = {0};
    cli_photos found = {0};
    sl_engine *engine = NULL;
    int code = cli_photos_of(&run->paths, &rules, &found);
    if (!code)
        code = cli_open(&run->models, &engine, NULL);
    if (!code)
        code = enroll_photos(run, engine, &found);
    sl_engine_close(engine);
    cli_photos_free(&found);
    return code;
}

static int open_gallery(finetune_run *run)
{
    sl_error err = {0};
    if (run->paths.count)
        return read_photos(run);
    if (!run->gallery_dir)
        return CLI_OK;
    return sl_gallery_open(run->gallery_dir, SL_GALLERY_READ, NULL, &run->gallery, &err)
               ? cli_fail(run->gallery_dir, &err)
               : CLI_OK;
}

/* ---- the run ---- */

static int list_weights(const finetune_run *run)
{
    sl_error err = {0};
    char *lines;
    if (sl_train_list_weights(run->models.engine.models_dir, run->models.engine.model, &lines, &err))
        return cli_fail(NULL, &err);
    for (char *line = lines, *end; (end = strchr(line, '\n')); line = end + 1) {
        *end = 0;
        cli_say("%s", line);
    }
    free(lines);
    return CLI_OK;
}

static int train(finetune_run *run)
{
    cli_train_run *r = &run->run;
    cli_train_set(r, &run->training, &run->models);
    int code = open_gallery(run);
    r->data.gallery = run->gallery;
    return code ? code : cli_train(r);
}

static int learn(const struct argp *parser, bool encoder, int argc, char **argv)
{
    finetune_run run = {.run.encoder = encoder};
    argp_parse(parser, argc, argv, 0, 0, &run);
    cli_catch_interrupts();
    if (run.list_weights) {
        free(run.paths.items);
        return list_weights(&run);
    }
    int code = cli_ranks_begin(&run.run.ranks);
    if (!code) {
        code = train(&run);
        cli_ranks_end(code);
    }
    sl_gallery_close(run.gallery);
    free(run.paths.items);
    return code;
}

int cmd_train_finetune(int argc, char **argv)
{
    return learn(&finetune_parser, false, argc, argv);
}

int cmd_train_distill(int argc, char **argv)
{
    return learn(&distill_parser, true, argc, argv);
}
