/* When and by which command something was made, for reports. */
#ifndef CLI_PROVENANCE_H
#define CLI_PROVENANCE_H

/* The command line, each word quoted for a shell where it needs to be; free() it, NULL when there is no memory.
 * Before the options are parsed, which moves them. */
char *cli_command_line(int argc, char **argv);

/* "2026-11-28T17:39:29Z" */
void cli_time_now(char out[32]);

#endif
