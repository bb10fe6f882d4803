/* Models made here, of others: their files and manifests. */
#ifndef SL_MODEL_DERIVED_H
#define SL_MODEL_DERIVED_H

#include "model/arch/arch.h"
#include "model/encoder.h"
#include "net/reweigh.h"

typedef struct {
    const char *models_dir, *output; /* as in sl_import_options */
    const char *licence;             /* NULL: that of the model it was made of */
    const char *provenance;          /* in words: how it was made */
    int replace;
    const char *eyes;                /* of an encoder: the one for faces whose eyes alone are hidden; NULL: none */
} sl_derived;

/* The files of each: NAME.safetensors or NAME.onnx, and the manifest NAME.json, which is written last; each complete or
 * not at all. Then the model is opened once, as every command will. */

/* A recogniser with other weights. Where `from` is known as an architecture: its state dict, with `g`'s constants of
 * the same names; else the graph `g` as it is, with embedding and patch map. */
sl_status sl_derive_recogniser(const sl_recogniser *from, const sl_graph *g, const sl_derived *options,
                               sl_error *err);

/* A recogniser that goes on from the patch map of `from`: `g` as it is, with that map, and its tensor `embedding`. */
sl_status sl_derive_above(const sl_recogniser *from, const sl_graph *g, const char *embedding,
                          const sl_derived *options, sl_error *err);

/* A second look over `backbone`'s maps: an architecture, and its state dict. */
sl_status sl_derive_look(const sl_recogniser *backbone, const sl_arch *arch, const sl_state_dict *dict,
                         const sl_derived *options, sl_error *err);

/* A corrector of points: an architecture, and its state dict. licence NULL: not stated. */
sl_status sl_derive_points(const sl_arch *arch, const sl_state_dict *dict, const sl_derived *options, sl_error *err);

/* A query encoder of `from`: the difference that `weights` make to the graph of sl_encoder_base. covered, share: as a
 * manifest has them. */
sl_status sl_derive_encoder(const sl_recogniser *from, const sl_weights_of *weights, int count, const float covered[2],
                            float share, const sl_derived *options, sl_error *err);

#endif
