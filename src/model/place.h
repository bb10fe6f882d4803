/* Where a model that is made goes. */
#ifndef SL_MODEL_PLACE_H
#define SL_MODEL_PLACE_H

#include <stdint.h>

#include "base/status.h"

/* `output` is a model's NAME in models_dir, or FOLDER/NAME: *folder is malloc'd, *name lies in output. */
sl_status sl_model_place(const char *models_dir, const char *output, char **folder, const char **name,
                         sl_error *err);

/* The two paths of a model (malloc'd): folder/NAME.json and folder/NAME.FORMAT. SL_ERR_ARGUMENT for what no model may
 * be called. */
sl_status sl_model_paths(const char *folder, const char *name, const char *format, char **manifest, char **weights,
                         sl_error *err);

/* The SHA-256 and the bytes of a model's file, as its manifest tells them. */
sl_status sl_model_measure(const char *path, char sha256[65], uint64_t *bytes, sl_error *err);

/* SL_ERR_EXISTS when that model is there, or is a built-in one that would be hidden. manifest: the path it would
 * have. */
sl_status sl_model_refuse_existing(const char *models_dir, const char *output, const char *name,
                                   const char *manifest, sl_error *err);

#endif
