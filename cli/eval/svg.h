/* Charts of measurements. */
#ifndef CLI_SVG_H
#define CLI_SVG_H

#include "common/cli.h"
#include "common/output_files.h"
#include "secondlook_draw.h"

/* Writes dir/name, making the folder where it is not there, and tells so on stderr when it fails. CLI_OK or
 * CLI_FAILED. */
int cli_write_svg(const char *dir, const char *name, cli_there there, const sl_chart *chart);

#endif
