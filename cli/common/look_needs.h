/* What some second looks need of a model: its head, or its statistics per cell as well. */
#ifndef CLI_LOOK_NEEDS_H
#define CLI_LOOK_NEEDS_H

#include "common/options.h"

/* Opens what is known about the model, at least what the options need, puts it into the options and settles them
 * (sl_match_settle). *out (NULL where nothing is known) is freed by sl_oae_close when the options are done with.
 * engine: NULL where none is open. gallery: NULL, or where statistics may come from for a look that was asked for by
 * name. CLI_OK or an exit code. */
int cli_open_oae(cli_match *match, const cli_models *models, const sl_engine *engine, const sl_gallery *gallery,
                   sl_oae **out);

/* A learned look by what --look says: NAME, or NAME:PRECISION. */
sl_status cli_look_open(const char *models_dir, const char *text, sl_look **out, sl_error *err);

#endif
