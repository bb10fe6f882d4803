/* eval openset's options and points: a gallery, queries, and who of them searches. */
#ifndef CLI_OPENSET_RUN_H
#define CLI_OPENSET_RUN_H

#include <jansson.h>

#include "common/gallery_options.h"
#include "common/output_files.h"
#include "secondlook_eval.h"

typedef struct {
    cli_galleries of;
    cli_match match;
    cli_models models;
    sl_openset_options options;
    const char *svg;
    cli_there there; /* a chart that is there */
    bool json;

    sl_engine *engine; /* of the gallery's model, for its rates; NULL where it cannot be opened */
    sl_oae *oae;
} openset_run;

/* --gallery, --queries, --people, --limit, the second look, networks, --json: a child of both commands' parsers.
 */
extern const struct argp cli_openset_argp;
openset_run cli_openset_defaults(void);

/* Opens what the run needs; CLI_OK or an exit code. Close in any case. */
int cli_openset_open(openset_run *run);
void cli_openset_close(openset_run *run);

json_t *cli_openset_point_json(double asked, const sl_openset_point *p);
void cli_openset_print_head(const char *what);
void cli_openset_print_point(double asked, const sl_openset_point *p);

#endif
