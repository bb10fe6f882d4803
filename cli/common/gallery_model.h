/* A gallery and an engine of its model: the one asked for, else the gallery's own. */
#ifndef CLI_GALLERY_MODEL_H
#define CLI_GALLERY_MODEL_H

#include "common/options.h"
#include "secondlook.h"

/* Opens the gallery for reading, and an engine (and session, which may be NULL as in cli_open): without --model of the
 * model whose name the gallery keeps. CLI_OK, or an exit code after saying what is wrong: nothing has that name here,
 * or its fingerprint is another one. */
int cli_open_with_gallery(const cli_models *models, const char *dir, sl_engine **engine, sl_session **session,
                          sl_gallery **gallery);

/* An engine for what is to be added to a gallery: as above where there is one, else of --model or the default. */
int cli_open_to_add(const cli_models *models, const char *dir, sl_engine **engine);

/* The same engine and session for a gallery that is open already. */
int cli_open_for_gallery(const cli_models *models, const char *dir, const sl_gallery *gallery, sl_engine **engine,
                         sl_session **session);

/* An engine of the model asked for, else of the gallery's own, for what it knows beside the gallery; NULL where it
 * cannot be opened, and nothing is said: who cannot do without says what is missing. */
sl_engine *cli_engine_if_here(const cli_models *models, const sl_gallery *gallery);

#endif
