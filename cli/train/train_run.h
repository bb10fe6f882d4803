/* A run of training, whatever learns: opened, followed on the screen, made a model of. */
#ifndef CLI_TRAIN_RUN_H
#define CLI_TRAIN_RUN_H

#include <stdbool.h>

#include "common/options.h"
#include "secondlook_train.h"

typedef struct {
    sl_train_options options;
    sl_train_data data;
    const char *output, *folder, *licence; /* folder NULL: NAME.run, here */
    bool json, replace, last;
    bool encoder; /* what is made is a query encoder */
    const char *pairs_out; /* NULL: pairs are not written */
    size_t pairs_count;
    const sl_train_ranks *ranks; /* NULL: alone */
} cli_train_run;

/* The run's folder; free() it. NULL when there is no memory. */
char *cli_train_folder(const cli_train_run *run);

/* Trains and saves; says what it does. Returns the exit code. */
int cli_train(cli_train_run *run);

#endif
