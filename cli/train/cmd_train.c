/* secondlook train: what learns. */
#include <stddef.h>

#include "common/cli.h"
#include "train/train.h"

int cmd_train(int argc, char **argv)
{
    static const cli_command commands[] = {
        {"finetune", "a recogniser goes on learning, from your people", cmd_train_finetune},
        {NULL, NULL, NULL},
    };
    return cli_dispatch(argv[0], "Networks that learn. docs/training.md tells how and what it brings.", commands,
                        "Example: secondlook train finetune --gallery staff --output mine\n", argc, argv);
}
