/* The subcommands of `study`, a file each. */
#ifndef CLI_STUDY_COMMANDS_H
#define CLI_STUDY_COMMANDS_H

int cmd_study_make(int argc, char **argv);
int cmd_study_score(int argc, char **argv);

#endif
