/* The subcommands of `models`, a file each. */
#ifndef CLI_MODELS_H
#define CLI_MODELS_H

#include <stdbool.h>

#include "secondlook.h"

int cmd_models_new(int argc, char **argv);
int cmd_models_import(int argc, char **argv);
int cmd_models_export(int argc, char **argv);
int cmd_models_statistics(int argc, char **argv);
int cmd_models_quantise(int argc, char **argv);
int cmd_models_threshold(int argc, char **argv);

/* models quantise, where a look is named (cmd_models_quantise_look.c): the exit code. */
int cli_quantise_look(const sl_look_quantise_options *options, const char *gallery_dir, bool json);

#endif
