/* Models from other programs' files and to them. */
#ifndef CLI_MODELS_H
#define CLI_MODELS_H

int cmd_models_import(int argc, char **argv);
int cmd_models_export(int argc, char **argv);

#endif
