/* The threshold for a promised rate. */
#ifndef CLI_THRESHOLD_H
#define CLI_THRESHOLD_H

#include <jansson.h>

#include "cli.h"

/* What is known about a threshold that was looked up for a rate. */
typedef struct {
    sl_threshold found;
    double rate;      /* asked for; 0: none was */
    const char *name; /* "false positive identification rate" or "false match rate" */
} cli_promise;

/* "threshold 0.5321 for a false positive identification rate of 1 %: this gallery's calibration" on one line. */
void cli_print_promise(const cli_promise *promise);

/* The same as {"rate", "of", "source"}; null when no rate was asked for. */
json_t *cli_promise_json(const cli_promise *promise);

#endif
