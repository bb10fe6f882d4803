/* The subcommands of `train`, a file each. */
#ifndef CLI_TRAIN_H
#define CLI_TRAIN_H

int cmd_train_finetune(int argc, char **argv);

#endif
