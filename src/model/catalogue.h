/* Which models there are, and where their files lie. */
#ifndef SL_MODEL_CATALOGUE_H
#define SL_MODEL_CATALOGUE_H

#include "base/file.h"
#include "model/builtin_files.h"
#include "model/manifest.h"
#include "net/graph.h"

/* The models folder: `dir`, else $SECONDLOOK_MODELS, $XDG_CACHE_HOME/secondlook, ~/.cache/secondlook; malloc'd.
 * SL_ERR_NOT_FOUND when none of them is set. */
sl_status sl_models_dir(const char *dir, char **out, sl_error *err);

/* Whether a model's name is the path of its manifest: it ends in .json. */
bool sl_is_manifest_path(const char *name);

/* The manifest of a name (DIR/NAME.json before the built-in ones) or of a path that ends in .json; *path is
 * where its file lies or would lie (malloc'd; "" in a models folder of which nothing says where it is). */
sl_status sl_catalogue_find(const char *models_dir, const char *name, sl_manifest **manifest, char **path,
                            sl_error *err);

/* models_dir/NAME and an ending: where what is measured of a model is kept (malloc'd). */
sl_status sl_models_side_file(const char *models_dir, const sl_manifest *manifest, const char *ending, char **path,
                              sl_error *err);

/* The file of a manifest that came with the library, weights and all; NULL for any other. */
const sl_builtin_file *sl_catalogue_builtin(const sl_manifest *manifest);

/* What the manifest says, for users; cleared by sl_model_info_clear. `path` as sl_catalogue_find gave it. */
sl_status sl_catalogue_describe(const sl_manifest *manifest, const char *path, sl_model_info *info, sl_error *err);
void sl_model_info_clear(sl_model_info *info);

/* Maps a model's file and checks its sha256 against the manifest's; `digest` is what the file has. */
sl_status sl_catalogue_map(const sl_manifest *manifest, const char *path, sl_mapping *out, uint8_t digest[32],
                           sl_error *err);

#endif
