/* --gallery and --queries: the galleries that a command reads, as argp parsers to hang below its own. */
#ifndef CLI_GALLERY_OPTIONS_H
#define CLI_GALLERY_OPTIONS_H

#include "common/options.h"

typedef struct {
    const char *gallery_dir;
    const char *queries_dir;       /* of the faces that ask; NULL: the gallery's own */
    sl_gallery *gallery, *queries; /* open; one handle where they are one folder */
} cli_galleries;

extern const struct argp cli_gallery_argp;   /* --gallery, which must be given */
extern const struct argp cli_galleries_argp; /* and --queries */

/* Opens them for reading. CLI_OK, or an exit code after saying what is wrong; close in any case. */
int cli_galleries_open(cli_galleries *g);
void cli_galleries_close(cli_galleries *g);

#endif
