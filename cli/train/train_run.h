/* A run of training, whatever learns: opened, followed on the screen, made a model of. */
#ifndef CLI_TRAIN_RUN_H
#define CLI_TRAIN_RUN_H

#include <stdbool.h>

#include "common/options.h"
#include "secondlook_train.h"
#include "train/train_options.h"

typedef struct {
    sl_train_options options;
    sl_train_data data;
    const char *output, *folder, *licence; /* folder NULL: NAME.run, here */
    bool json, replace, last, resume;
    bool encoder; /* what is made is a query encoder */
    const char *pairs_out; /* NULL: pairs are not written */
    size_t pairs_count;
    const sl_train_ranks *ranks; /* NULL: alone */
} cli_train_run;

/* --output, --replace, --run, --resume, --last and --json; its input is a cli_train_run. */
extern const struct argp cli_train_run_argp;

/* What was read of training and networks becomes the run's options. */
void cli_train_set(cli_train_run *run, const cli_training *training, const cli_models *models);

/* The run's folder; free() it. NULL when there is no memory. */
char *cli_train_folder(const cli_train_run *run);

/* Trains and saves; says what it does. Returns the exit code. */
int cli_train(cli_train_run *run);

#endif
