/* Results on stdout: tables for people, one JSON document for programs. */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <jansson.h>

#include "common/cli.h"
#include "common/printer.h"
#include "wire/wire_json.h"

/* Writes the document to stdout and releases it. CLI_OK or CLI_FAILED. */
int cli_print_json(json_t *document);

/* The same of a document as text. Characters that may not be shown as they are (sl_visible) are written as \\u
 * escapes. */
int cli_print_json_text(const char *text);

/* As wire_json.h says, with all digits. */
static inline json_t *cli_json_number(double value)
{
    return wire_number(value, WIRE_EXACT);
}

static inline json_t *cli_json_text(const char *text)
{
    return wire_text(text);
}

static inline json_t *cli_json_box(const sl_box *box)
{
    return wire_box(box, WIRE_EXACT);
}

static inline json_t *cli_json_quality(const sl_quality *quality)
{
    return wire_quality(quality, WIRE_EXACT);
}

/* ">= threshold 0.5000", "< threshold 0.5000", or that the model has none. */
const char *cli_threshold_text(float value, float threshold, char buffer[64]);

/* "12.3 MB" in a buffer of the caller's. */
const char *cli_bytes_text(uint64_t bytes, char buffer[32]);

#endif
