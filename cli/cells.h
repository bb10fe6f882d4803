/* What some second looks need of a model: its head, or its statistics per cell as well. */
#ifndef CLI_CELLS_H
#define CLI_CELLS_H

#include "options.h"

/* Opens what the options need (sl_match_needs) and puts it into the options, which choose their second look first
 * when they are to (cli_match_chosen): oae where the model has statistics per cell, else emd. *out (NULL otherwise) is
 * freed by sl_cells_close when the options are done with. engine: NULL where none is open. gallery: NULL or where
 * statistics may come from. CLI_OK or an exit code. */
int cli_open_cells(cli_match *match, const cli_models *models, const sl_engine *engine, const sl_gallery *gallery,
                   sl_cells **out);

int cmd_models_calibrate(int argc, char **argv);
int cmd_models_quantise(int argc, char **argv); /* quantise.c */

#endif
