/* A query encoder: a recogniser's own network with weights that learned to see through what covers a face. It embeds
 * queries so that they lie where the recogniser puts the same face uncovered; galleries stay the recogniser's.
 *
 *     NAME.json          manifest of kind "encoder": whose network, by fingerprint; how queries are mixed
 *     NAME.safetensors   the difference of weights, 8 bits each (delta.h)
 */
#ifndef SL_MODEL_ENCODER_H
#define SL_MODEL_ENCODER_H

#include "model/recogniser.h"

/* What lies before the first weights that differ is the recogniser's, and is not computed twice:
 *
 *     crop --> recogniser's layers --.--> recogniser's --> embedding, map
 *                                    |
 *                                  from --> encoder's --> embedding
 *
 * Who wears dark glasses is another task than who wears a mask: an encoder may name another one of the same recogniser
 * for faces whose eyes alone are hidden. */
enum { SL_ENCODER_FROM = SL_MOST_INNER / 2 };

/* The face, and the face in the mirror: an embedding by one view is another encoder's than one by both. */
enum { SL_ENCODER_VIEWS = 2 };

typedef struct sl_encoder {
    sl_manifest *manifest;
    sl_mapping map;      /* empty where it came with the library */
    sl_state_dict delta; /* may lie in the map */
    uint64_t id;         /* of what queries become by it: weights and mix, and those of eyes; never 0 */
    char *from[SL_ENCODER_FROM]; /* [n_from] tensors of the recogniser that it goes on from */
    sl_shape from_shapes[SL_ENCODER_FROM]; /* of one face */
    int n_from;                            /* 0: it begins at the crop */
    struct sl_encoder *eyes; /* of faces whose eyes alone are hidden; NULL: it is of those, too */
} sl_encoder;

/* What a new encoder's manifest says of covered and share: chosen on drawn covers of half a (docs/lab/encoder.md). */
#define SL_ENCODER_COVERED {.2f, .35f}
#define SL_ENCODER_SHARE .8f

/* Finds the encoder, the built-in ones too, and checks it. SL_ERR_MISMATCH, with both names, where it is of another
 * recogniser than r. */
sl_status sl_encoder_open(const char *models_dir, const char *name, const sl_recogniser *r, sl_encoder *out,
                          sl_error *err);
void sl_encoder_close(sl_encoder *e);

/* The same as options spell it: "auto" is the one that came with the library for this recogniser, "none" and NULL
 * are none; *out is empty where there is none. */
sl_status sl_encoder_choose(const char *models_dir, const char *option, const sl_recogniser *r, sl_encoder *out,
                            sl_error *err);

/* The name of the encoder that came with the library for this recogniser, malloc'd; *out NULL where there is none. */
sl_status sl_encoder_builtin(const sl_recogniser *r, char **out, sl_error *err);

/* Compiled for one face, output 0 the embedding [1, D]. Its inputs are e->from; or, where there is none or `whole`, the
 * crop [1, channels_in, height, width]. */
sl_status sl_encoder_compile(const sl_encoder *e, const sl_recogniser *r, bool whole, const sl_plan_options *options,
                             sl_plan **out, sl_error *err);

/* The recogniser's network with the encoder's weights: *out, the caller's, and what it stands on, freed after it. */
typedef struct {
    sl_graph *base; /* may be NULL */
    float *weights;
} sl_encoder_parts;
sl_status sl_encoder_graph(const sl_encoder *e, const sl_recogniser *r, int batch, sl_encoder_parts *parts,
                           sl_graph **out, sl_error *err);
void sl_encoder_parts_free(sl_encoder_parts *parts);

/* The graph whose constants an encoder's weights are differences to: that of the architecture, or for networks that
 * came whole the one that is run. *made: what the caller frees; may be NULL. */
sl_status sl_encoder_base(const sl_recogniser *r, int batch, sl_graph **made, const sl_graph **out, sl_error *err);

/* The distinct tensors that an encoder and its eyes go on from: inner [returned number], the encoder's. */
int sl_encoder_inner(const sl_encoder *e, char *inner[SL_MOST_INNER]);

/* How much of a query's embedding is the encoder's, and how much that of its eyes, where so much of a face is hidden
 * (NaN: not known): 0 .. share in all, nothing up to the first number of `covered` of the half that has more hidden. */
typedef struct {
    float own, eyes;
} sl_encoder_shares;
sl_encoder_shares sl_encoder_shares_of(const sl_encoder *e, float eyes_hidden, float mouth_hidden);

#endif
