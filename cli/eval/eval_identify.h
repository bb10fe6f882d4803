/* One run of `eval identify`, and what is made of its results. */
#ifndef CLI_EVAL_IDENTIFY_H
#define CLI_EVAL_IDENTIFY_H

#include "common/cli.h"
#include "common/output_files.h"
#include "common/gallery_options.h"
#include "eval/sweep_options.h"
#include "secondlook_eval.h"

typedef struct {
    cli_galleries of;
    cli_sweep sweep;
    cli_models models;
    sl_eval_options options;
    const char *svg_dir, *sheets_dir; /* NULL: no pictures */
    cli_there there; /* pictures that are there */
    int sheet_count;
    bool json;

    sl_engine *engine; /* with the encoder that was asked for; NULL without one */
    sl_oae *oae;
    sl_eval_config *configs; /* [count] */
    sl_evaluation *results;
    size_t count;

    size_t sheet_config; /* the first configuration with a second look: the sheets are of it */
    sl_eval_line *lines; /* its queries won and lost */
    size_t line_count, line_capacity;
    bool lines_failed;
} eval_run;

/* The results on stdout. CLI_OK or an exit code. */
int cli_eval_print_json(const eval_run *run);
int cli_eval_print_table(const eval_run *run);

/* Whether configuration `at` is the first of those that stand on its first ranking. */
bool cli_eval_starts_ranking(const eval_run *run, size_t at);

/* --svg. CLI_OK or an exit code. */
int cli_eval_draw_charts(const eval_run *run);

/* --sheets: keeps the lines (an sl_eval_options' line, its context is the run), then draws. */
void cli_eval_keep_line(void *context, const sl_eval_line *line);
int cli_eval_draw_sheets(eval_run *run);

#endif
