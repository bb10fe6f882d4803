/* Who searches when scores are measured: the gallery's own faces, other galleries, and the gallery's crops with
 * occluders drawn on them. */
#ifndef CLI_QUERY_SETS_H
#define CLI_QUERY_SETS_H

#include <jansson.h>

#include "common/options.h"
#include "secondlook_eval.h"

enum { CLI_QUERY_SETS = 16 };

/* --queries (more than once), --draw, --draw-limit */
typedef struct {
    const char *dirs[CLI_QUERY_SETS];
    size_t dir_count;
    const char *draw; /* NULL: all kinds, where the gallery keeps crops; "none" */
    long long draw_limit;
    sl_gallery *named[CLI_QUERY_SETS];  /* those of dirs */
    sl_gallery *opened[CLI_QUERY_SETS]; /* embedded anew, or drawn */
    size_t opened_count;
    float hidden_below; /* for sl_calibrate_options */
    char folder[256];   /* of what was embedded anew or drawn; removed at the end */
} cli_query_sets;
extern const struct argp cli_query_sets_argp;

/* The sets: those asked for, else the gallery itself, embedded as this engine embeds queries; then those drawn. engine
 * NULL: nothing can be drawn. CLI_OK or an exit code. Close in any case. */
int cli_query_sets_open(cli_query_sets *sets, const sl_engine *engine, const sl_gallery *gallery,
                        const char *gallery_dir, uint64_t seed, const sl_gallery *queries[CLI_QUERY_SETS],
                        size_t *count);
void cli_query_sets_close(cli_query_sets *sets);

/* What was measured (eval/calibrate.c). */
json_t *cli_calibration_json(const sl_calibration *c);
void cli_print_calibration(const sl_calibration *c);

#endif
