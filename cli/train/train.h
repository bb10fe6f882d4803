/* The subcommands of `train`, a file each. */
#ifndef CLI_TRAIN_H
#define CLI_TRAIN_H

int cmd_train_finetune(int argc, char **argv);
int cmd_train_distill(int argc, char **argv);
int cmd_train_average(int argc, char **argv);
int cmd_train_vit(int argc, char **argv);
int cmd_train_h1(int argc, char **argv);
int cmd_train_h2(int argc, char **argv);
int cmd_train_h2l(int argc, char **argv);
int cmd_train_points(int argc, char **argv);

#endif
