/* The bar on a terminal's stderr, and Ctrl-C. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <signal.h>
#include <stddef.h>

/* The number of the signal that asked to stop, else 0. */
extern volatile sig_atomic_t cli_interrupted;

/* From here on the first Ctrl-C sets cli_interrupted, so that work can end in order; the second one
 * ends the program at once. */
void cli_catch_interrupts(void);

/* Starts a bar for `unit`, e.g. "photos". It shows itself after half a second, and only on a terminal. */
void cli_progress_start(const char *unit);

/* What stands behind the bar, e.g. "256 kept"; "" for nothing. */
void cli_progress_tail(const char *text);

/* An sl_progress_fn: draws at most ten times a second, returns non-zero once interrupted. */
int cli_progress_step(void *context, size_t done, size_t total);

/* Takes the bar away, e.g. before a message is printed; the next step draws it again. */
void cli_progress_clear(void);

/* Takes the bar away for good. */
void cli_progress_end(void);

/* Seconds of a clock that only goes forward. */
double cli_now(void);

#endif
