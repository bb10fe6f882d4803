/* The subcommands of `models`, a file each. */
#ifndef CLI_MODELS_H
#define CLI_MODELS_H

int cmd_models_new(int argc, char **argv);
int cmd_models_import(int argc, char **argv);
int cmd_models_export(int argc, char **argv);
int cmd_models_statistics(int argc, char **argv);
int cmd_models_quantise(int argc, char **argv);
int cmd_models_threshold(int argc, char **argv);

#endif
