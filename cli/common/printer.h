/* The one way in which text from outside (labels, ids, paths, manifests, error texts that hold them) comes to a
 * terminal: shown by sl_show, so that it can send no escape sequence, begin no line and turn no writing. No printf
 * takes such text. */
#ifndef CLI_PRINTER_H
#define CLI_PRINTER_H

#include <argp.h>
#include <stdio.h>

/* A name, padded to `width` columns. */
void cli_print_name(FILE *out, const char *name, int width);

/* A name in a table's cell of `width` columns: padded, or cut with an ellipsis. */
void cli_print_cell(FILE *out, const char *name, int width);

/* The columns that a name takes. */
int cli_name_width(const char *name);

/* The widest a column of names gets in a table; JSON has them whole. */
enum { CLI_CELL_MAX = 40 };

/* A line on stdout: the formatted text as a name is printed, and its end. */
void cli_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same on stderr, where a progress bar makes room for it. */
void cli_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A usage error, after argp_error: ends the program. */
void cli_usage(struct argp_state *state, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
