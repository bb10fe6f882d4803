/* What comes with the library beside the manifests, compiled in by the build: the listed models' statistics per cell
 * (models/NAME.oae, match/oae/oae.h), what their scores mean (models/NAME.rates, pipeline/rates.h), and the weights of
 * query encoders (model/encoder.h) and of what corrects points (face/hidden_points.h), models/NAME.safetensors. */
#ifndef SL_MODEL_BUILTIN_FILES_H
#define SL_MODEL_BUILTIN_FILES_H

#include <stddef.h>

typedef struct {
    const char *name;
    const unsigned char *data; /* NULL ends the list */
    size_t size;
} sl_builtin_file;

extern const sl_builtin_file sl_builtin_oae[], sl_builtin_rates[], sl_builtin_safetensors[];

#endif
