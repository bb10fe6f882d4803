/* secondlook train finetune: a recogniser goes on learning. */
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cli.h"
#include "common/options.h"
#include "common/output.h"
#include "common/photo_paths.h"
#include "common/photo_work.h"
#include "common/printer.h"
#include "common/progress.h"
#include "train/mpi_ranks.h"
#include "train/mpi_ranks.h"
#include "train/train.h"
#include "train/train_options.h"

typedef struct {
    cli_models models;
    cli_training training;
    cli_list paths;
    const char *gallery_dir, *list, *root;
    const char *output, *run, *licence;
    bool list_weights, aligned, json, replace, resume, last;
    sl_gallery *gallery;
    const sl_train_ranks *ranks; /* NULL: alone */
} finetune_run;

/* Of several ranks one tells and writes. */
static bool speaks(const finetune_run *run)
{
    return !run->ranks || run->ranks->rank == 0;
}

enum { KEY_LIST = CLI_KEY_OWN, KEY_ROOT, KEY_RUN, KEY_RESUME, KEY_LAST, KEY_LICENCE, KEY_LIST_WEIGHTS };

static error_t parse(int key, char *arg, struct argp_state *state)
{
    finetune_run *run = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &run->training;
        state->child_inputs[1] = &run->models;
        return 0;
    case CLI_KEY_JSON: run->json = true; return 0;
    case CLI_KEY_ALIGNED: run->aligned = true; return 0;
    case CLI_KEY_REPLACE: run->replace = true; return 0;
    case CLI_KEY_GALLERY: run->gallery_dir = arg; return 0;
    case KEY_LIST: run->list = arg; return 0;
    case KEY_ROOT: run->root = arg; return 0;
    case KEY_RUN: run->run = arg; return 0;
    case KEY_RESUME: run->resume = true; return 0;
    case KEY_LAST: run->last = true; return 0;
    case KEY_LICENCE: run->licence = arg; return 0;
    case KEY_LIST_WEIGHTS: run->list_weights = true; return 0;
    case 'o': run->output = arg; return 0;
    case ARGP_KEY_ARG: cli_list_add(state, &run->paths, arg); return 0;
    case ARGP_KEY_END:
        if (run->list_weights)
            return 0;
        if (!run->output)
            argp_error(state, "--output NAME is missing: what the new model is called");
        if ((run->gallery_dir != NULL) + (run->list != NULL) + (run->paths.count > 0) != 1)
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
    {"output", 'o', "NAME", 0, "The new model's name, in the models folder; or FOLDER/NAME (required)", 0},
    {"replace", CLI_KEY_REPLACE, 0, 0, "Also when a model of that name is there", 0},
    {"run", KEY_RUN, "DIR", 0, "Where checkpoint, log.jsonl and charts go (default: NAME.run)", 0},
    {"resume", KEY_RESUME, 0, 0, "Go on from the run's checkpoint, as if it had not been stopped", 0},
    {"last", KEY_LAST, 0, 0, "Save the last weights, not the best", 0},
    {"licence", KEY_LICENCE, "TEXT", 0, "Of the new weights (default: that of the network they began as)", 0},
    {"list-weights", KEY_LIST_WEIGHTS, 0, 0, "Print the names of the weights that could learn, for --learn", 0},
    CLI_OPTION_JSON,
    {0}};
static const struct argp_child children[] = {
    {&cli_training_argp, 0, "Training:", 1}, {&cli_models_argp, 0, "Networks:", 2}, {0}};
static const struct argp parser = {
    options,
    parse,
    "[PATH...]",
    "Lets a recogniser go on learning from photos of your people: to find them behind masks, sunglasses and what "
    "else "
    "covers a face (distill, no labels are read), or to tell them apart better (a margin loss). PATH: folders of "
    "photos, "
    "a folder for each person. Some of the people are held out and judge: the weights that serve them best are "
    "saved, "
    "as a model of its own.\v"
    "Ctrl-C writes a checkpoint; --resume goes on. Examples:\n"
    "  secondlook train finetune photos/ --output mine\n"
    "  secondlook train finetune --gallery staff --steps 200 --output mine --resume\n"
    "  secondlook train finetune --recipe dissertation --model arcface-r18 photos/ --output arcface-mine",
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

/* The default folder of the run: NAME.run, here. */
static char *run_folder(const finetune_run *run)
{
    const char *slash = strrchr(run->output, '/');
    char *text;
    if (run->run)
        return strdup(run->run);
    return asprintf(&text, "%s.run", slash ? slash + 1 : run->output) < 0 ? NULL : text;
}

static void show_judged(char text[80], const char *what, const sl_train_judgement *j)
{
    snprintf(text, 80, "%s%.1f %% untouched, %.1f %% covered", what, 100 * j->clean, 100 * j->covered);
}

static int on_step(void *context, const sl_train_report *r, uint64_t steps)
{
    char *judged = context, tail[160];
    if (!isnan(r->judged.clean))
        show_judged(judged, ", held out: ", &r->judged);
    snprintf(tail, sizeof tail, "loss %.4f, %.0f pictures/s%s", r->loss, (double)r->pictures / r->seconds, judged);
    cli_progress_tail(tail);
    return cli_progress_step(NULL, (size_t)r->step, (size_t)steps);
}

static void tell_begin(const finetune_run *run, const sl_train_standing *s)
{
    if (run->json || !speaks(run))
        return;
    printf("%zu photos of %d people to learn from, %zu photos of others judge; %zu weights learn, %zu stay\n",
           s->pictures, s->people, s->judging, s->weights, s->frozen);
    if (s->step)
        printf("goes on after step %llu of %llu\n", (unsigned long long)s->step, (unsigned long long)s->steps);
    fflush(stdout);
}

static json_t *judged_json(const sl_train_judgement *j)
{
    return json_pack("{s:o,s:o}", "clean", cli_json_number(j->clean), "covered", cli_json_number(j->covered));
}

static int tell_end(const finetune_run *run, const sl_train_standing *s, const char *folder, double seconds)
{
    char start[80], best[80];
    if (run->json)
        return cli_print_json(json_pack(
            "{s:o,s:o,s:I,s:I,s:o,s:o,s:I,s:I,s:i,s:I,s:I,s:o}", "model", cli_json_text(run->output), "run",
            cli_json_text(folder), "steps", (json_int_t)s->step, "best_step", (json_int_t)s->best_step, "start",
            judged_json(&s->start), "best", judged_json(&s->best), "pictures", (json_int_t)s->pictures, "judging",
            (json_int_t)s->judging, "people", s->people, "weights", (json_int_t)s->weights, "frozen",
            (json_int_t)s->frozen, "seconds", cli_json_number(seconds)));
    if (s->judging) {
        show_judged(start, "", &s->start);
        show_judged(best, "", &s->best);
        printf("people held out, precision at 1: %s at the start; %s after step %llu\n", start, best,
               (unsigned long long)s->best_step);
    }
    cli_say("%s is made (%s/loss.svg shows how); use it as --model %s%s", run->output, folder, run->output,
            strchr(run->output, '/') ? ".json" : "");
    cli_say("enrol people anew with it; then 'models threshold' measures what its scores mean, without which identify "
            "knows nobody");
    return CLI_OK;
}

static int learn(finetune_run *run, sl_trainer *trainer, const char *folder)
{
    sl_error err = {0};
    char judged[80] = "";
    const double from = cli_now();
    sl_train_standing s = sl_trainer_standing(trainer);
    tell_begin(run, &s);
    cli_progress_start("steps");
    sl_status status = sl_trainer_run(trainer, on_step, judged, &err);
    cli_progress_end();
    if (status == SL_ERR_INTERRUPTED)
        cli_warn("a checkpoint is in %s: the same command with --resume goes on", folder);
    if (status)
        return cli_fail(NULL, &err);
    s = sl_trainer_standing(trainer);
    if (s.judging && !run->last && s.best_step == 0) {
        cli_warn(
            "no weights served the people held out better than those at the start: no model is made. Take more "
            "steps, another rate or --last");
        return CLI_FAILED;
    }
    if (!speaks(run))
        return CLI_OK;
    const sl_train_output out = {
        .output = run->output, .licence = run->licence, .replace = run->replace, .last = run->last};
    if (sl_trainer_save(trainer, &out, &err))
        return cli_fail(run->output, &err);
    return tell_end(run, &s, folder, cli_now() - from);
}

static int train(finetune_run *run, const char *folder)
{
    sl_error err = {0};
    sl_trainer *trainer;
    sl_train_options *o = &run->training.options;
    const sl_train_data data = {.gallery = run->gallery, .list = run->list, .root = run->root};
    o->models_dir = run->models.engine.models_dir;
    o->model = run->models.engine.model;
    o->threads = run->models.threads;
    o->precision = run->models.engine.precision;
    o->run = folder;
    o->resume = run->resume;
    o->ranks = run->ranks;
    cli_progress_start("pictures");
    sl_status status = sl_trainer_open(o, &data, cli_progress_step, NULL, &trainer, &err);
    cli_progress_end();
    if (status)
        return cli_fail(NULL, &err);
    int code = learn(run, trainer, folder);
    sl_trainer_close(trainer);
    return code;
}

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

static int run_over_ranks(finetune_run *run)
{
    char *folder = run_folder(run);
    int code = folder ? open_gallery(run) : CLI_FAILED;
    if (!code)
        code = train(run, folder);
    free(folder);
    return code;
}

int cmd_train_finetune(int argc, char **argv)
{
    finetune_run run = {0};
    argp_parse(&parser, argc, argv, 0, 0, &run);
    cli_catch_interrupts();
    if (run.list_weights) {
        free(run.paths.items);
        return list_weights(&run);
    }
    int code = cli_ranks_begin(&run.ranks);
    if (!code) {
        code = run_over_ranks(&run);
        cli_ranks_end(code);
    }
    sl_gallery_close(run.gallery);
    free(run.paths.items);
    return code;
}
