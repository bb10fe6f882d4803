/* A recogniser made of another one: the same network with other weights. */
#ifndef SL_MODEL_DERIVED_H
#define SL_MODEL_DERIVED_H

#include "model/recogniser.h"

typedef struct {
    const char *models_dir, *output; /* as in sl_import_options */
    const char *licence;             /* NULL: that of the other one */
    const char *provenance;          /* in words: how it was made */
    int replace;
} sl_derived;

/* Writes NAME.safetensors, where `from` is known as an architecture: its state dict, with `g`'s constants of the
 * same names; else NAME.onnx, the graph `g` as it is, with embedding and patch map. The manifest NAME.json is
 * written last; each file complete or not at all. Then the model is opened once, as every command will. */
sl_status sl_derive_recogniser(const sl_recogniser *from, const sl_graph *g, const sl_derived *options,
                               sl_error *err);

#endif
