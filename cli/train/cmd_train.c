/* secondlook train: what learns. */
#include <stddef.h>

#include "common/cli.h"
#include "train/train.h"

int cmd_train(int argc, char **argv)
{
    static const cli_command commands[] = {
        {"finetune", "a recogniser goes on learning, from your people", cmd_train_finetune},
        {"distill", "a query encoder, which sees through what covers a face", cmd_train_distill},
        {"average", "several query encoders become one", cmd_train_average},
        {"points", "where a face's points are when something hides them", cmd_train_points},
        {"h2l", "a second look at two photos' patch maps: a feature of each", cmd_train_h2l},
        {"h2", "a second look at two photos' patch maps: one person or two", cmd_train_h2},
        {"h1", "a transformer over one photo's patch map", cmd_train_h1},
        {"vit", "a transformer over the picture itself", cmd_train_vit},
        {NULL, NULL, NULL},
    };
    return cli_dispatch(argv[0], "Networks that learn. docs/training.md tells how and what it brings.", commands,
                        "Example: secondlook train finetune --gallery staff --output mine\n", argc, argv);
}
