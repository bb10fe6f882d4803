/* Results on stdout: tables for people, one JSON document for programs. */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <jansson.h>

#include "common/cli.h"
#include "common/printer.h"

/* Writes the document to stdout and releases it. CLI_OK or CLI_FAILED. */
int cli_print_json(json_t *document);

/* The same of a document as text. Characters that may not be shown as they are (sl_visible) are written as \\u escapes. */
int cli_print_json_text(const char *text);

/* Numbers and texts that JSON may not be able to hold: NaN and infinity become null, bytes that are
 * not UTF-8 become U+FFFD. */
json_t *cli_json_number(double value);
json_t *cli_json_text(const char *text);

/* [x0, y0, x1, y1] in pixels. */
json_t *cli_json_box(const sl_box *box);
json_t *cli_json_quality(const sl_quality *quality);

/* ">= threshold 0.5000", "< threshold 0.5000", or that the model has none. */
const char *cli_threshold_text(float value, float threshold, char buffer[64]);

/* "12.3 MB" in a buffer of the caller's. */
const char *cli_bytes_text(uint64_t bytes, char buffer[32]);

#endif
