#define _GNU_SOURCE
#include "train/train_run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cli.h"
#include "common/output.h"
#include "common/printer.h"
#include "common/progress.h"

/* Of several ranks one tells and writes. */
static bool speaks(const cli_train_run *run)
{
    return !run->ranks || run->ranks->rank == 0;
}

char *cli_train_folder(const cli_train_run *run)
{
    const char *slash = strrchr(run->output, '/');
    char *text;
    if (run->folder)
        return strdup(run->folder);
    return asprintf(&text, "%s.run", slash ? slash + 1 : run->output) < 0 ? NULL : text;
}

static bool tells_pairs(const cli_train_run *run)
{
    return run->options.task == SL_TRAIN_H2 || run->options.task == SL_TRAIN_H2L;
}

static bool tells_points(const cli_train_run *run)
{
    return run->options.task == SL_TRAIN_POINTS;
}

static void show_judged(char text[80], const char *what, const sl_train_judgement *j)
{
    if (isnan(j->covered))
        snprintf(text, 80, "%s%.1f %%", what, 100 * j->clean);
    else
        snprintf(text, 80, "%s%.1f %% untouched, %.1f %% covered", what, 100 * j->clean, 100 * j->covered);
}

typedef struct {
    const char *unit; /* of what is learned from */
    char judged[80];
} following;

static int on_step(void *context, const sl_train_report *r, uint64_t steps)
{
    following *f = context;
    char tail[160];
    if (!isnan(r->judged.clean))
        show_judged(f->judged, ", held out: ", &r->judged);
    snprintf(tail, sizeof tail, "loss %.4f, %.0f %s/s%s", r->loss, (double)r->pictures / r->seconds, f->unit,
             f->judged);
    cli_progress_tail(tail);
    return cli_progress_step(NULL, (size_t)r->step, (size_t)steps);
}

static void tell_begin(const cli_train_run *run, const sl_train_standing *s)
{
    if (run->json || !speaks(run))
        return;
    printf("%zu photos of %d people to learn from, %zu %s of others judge; %zu weights learn, %zu stay\n", s->pictures,
           s->people, s->judging, tells_pairs(run) ? "pairs" : "photos", s->weights, s->frozen);
    if (s->step)
        printf("goes on after step %llu of %llu\n", (unsigned long long)s->step, (unsigned long long)s->steps);
    fflush(stdout);
}

static json_t *judged_json(const sl_train_judgement *j)
{
    return json_pack("{s:o,s:o}", "clean", cli_json_number(j->clean), "covered", cli_json_number(j->covered));
}

static int tell_end(const cli_train_run *run, const sl_train_standing *s, const char *folder, double seconds)
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
        printf("people held out, %s: %s at the start; %s after step %llu\n",
               tells_pairs(run)    ? "pairs told right"
               : tells_points(run) ? "points told right"
                                   : "precision at 1",
               start, best, (unsigned long long)s->best_step);
    }
    if (tells_pairs(run)) {
        cli_say("%s is made (%s/loss.svg shows how); it is a second look: --rerank %s --look %s%s", run->output, folder,
                sl_train_task_name((unsigned)run->options.task), run->output, strchr(run->output, '/') ? ".json" : "");
        return CLI_OK;
    }
    if (tells_points(run)) {
        cli_say("%s is made (%s/loss.svg shows how); a detector uses it once its manifest says \"points\": \"%s%s\"",
                run->output, folder, run->output, strchr(run->output, '/') ? ".json" : "");
        return CLI_OK;
    }
    if (run->encoder) {
        cli_say("%s is made (%s/loss.svg shows how); identify uses it as --encoder %s%s", run->output, folder,
                run->output, strchr(run->output, '/') ? ".json" : "");
        return CLI_OK;
    }
    cli_say("%s is made (%s/loss.svg shows how); use it as --model %s%s", run->output, folder, run->output,
            strchr(run->output, '/') ? ".json" : "");
    cli_say("enrol people anew with it; then 'models threshold' measures what its scores mean, without which identify "
            "knows nobody");
    return CLI_OK;
}

static int learn(cli_train_run *run, sl_trainer *trainer, const char *folder)
{
    sl_error err = {0};
    following follow = {.unit = tells_pairs(run) ? "pairs" : "pictures"};
    const double from = cli_now();
    sl_train_standing s = sl_trainer_standing(trainer);
    tell_begin(run, &s);
    cli_progress_start("steps");
    sl_status status = sl_trainer_run(trainer, on_step, &follow, &err);
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
        .output = run->output, .licence = run->licence, .replace = run->replace, .last = run->last,
        .encoder = run->encoder};
    if (sl_trainer_save(trainer, &out, &err))
        return cli_fail(run->output, &err);
    return tell_end(run, &s, folder, cli_now() - from);
}

static int write_pairs(const cli_train_run *run, const sl_trainer *trainer)
{
    sl_error err = {0};
    if (!run->pairs_out || !speaks(run))
        return CLI_OK;
    return sl_trainer_write_pairs(trainer, run->pairs_count, run->pairs_out, &err) ? cli_fail(NULL, &err) : CLI_OK;
}

static int train(cli_train_run *run, const char *folder)
{
    sl_error err = {0};
    sl_trainer *trainer;
    run->options.run = folder;
    run->options.ranks = run->ranks;
    cli_progress_start("pictures");
    sl_status status = sl_trainer_open(&run->options, &run->data, cli_progress_step, NULL, &trainer, &err);
    cli_progress_end();
    if (status)
        return cli_fail(NULL, &err);
    int code = write_pairs(run, trainer);
    if (!code)
        code = learn(run, trainer, folder);
    sl_trainer_close(trainer);
    return code;
}

int cli_train(cli_train_run *run)
{
    char *folder = cli_train_folder(run);
    int code = folder ? train(run, folder) : CLI_FAILED;
    free(folder);
    return code;
}
