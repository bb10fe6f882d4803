/* Options of training: a recipe, and what differs from it. */
#ifndef CLI_TRAIN_OPTIONS_H
#define CLI_TRAIN_OPTIONS_H

#include "common/options.h"
#include "secondlook_train.h"

enum { CLI_MOST_CHANGES = 64 };

/* Options may stand before --recipe, which they are changes of: they are kept, and applied at the end. */
typedef struct {
    sl_train_options options;
    const char *recipe;
    struct {
        int key;
        char *arg;
    } changes[CLI_MOST_CHANGES];
    int count;
} cli_training;

extern const struct argp cli_training_argp;

#endif
