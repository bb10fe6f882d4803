/* A gallery's faces as an engine with a query encoder embeds queries. */
#ifndef CLI_ENCODED_H
#define CLI_ENCODED_H

#include "common/gallery_options.h"

/* Whether the first of some faces has a crop: without crops nothing can be embedded anew. */
bool cli_keeps_crops(const sl_gallery *gallery);

/* The crops of `gallery` (shown as `place`) embedded as queries, with the same names, into *out: a new gallery at `dir`
 * (":memory:" too) in this form. The caller closes it. CLI_OK, or an exit code after saying what is wrong. */
int cli_encode(const sl_engine *engine, const sl_gallery *gallery, const char *place, const char *dir,
               sl_patch_format form, int threads, sl_gallery **out);

/* Where the engine has a query encoder, the queries of g become what it makes of their crops, in memory. */
int cli_encode_queries(cli_galleries *g, const cli_models *models, const sl_engine *engine);

/* The engine by which the queries of g are to be embedded, and its work on them as above: with the encoder that the
 * user named, else with the usual one where the model is here (*engine NULL: it is not) and the queries keep crops;
 * where they keep none it warns. */
int cli_open_searching(cli_galleries *g, cli_models *models, sl_engine **engine);

#endif
