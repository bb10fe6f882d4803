/* A face recogniser: a network with the preprocessing, the alignment and the two outputs that make
 * templates, the embedding [D] and the patch map [R, C]. Immutable after opening. */
#ifndef SL_MODEL_RECOGNISER_H
#define SL_MODEL_RECOGNISER_H

#include "model/network.h"
#include "net/plan/plan.h"

typedef struct {
    sl_network network;
    int channels_in;            /* 1 or 3 */
    int width, height;          /* of the crop */
    int dim;                    /* D */
    int rows, cols, channels;   /* of the patch map */
    uint8_t fingerprint[32];    /* over everything that makes templates comparable */
} sl_recogniser;

/* Inner tensors that a compiled recogniser can be asked for. */
enum { SL_MOST_INNER = 16 };

/* `name` NULL: SL_DEFAULT_RECOGNISER. The manifest's outputs are found and their shapes read from the graph; where the
 * manifest states shapes they must agree. */
sl_status sl_recogniser_open(const char *models_dir, const char *name, sl_recogniser *out, sl_error *err);
void sl_recogniser_close(sl_recogniser *r);

/* The network specialised for `batch` crops, its outputs embedding and patch map; the recogniser must outlive it. */
sl_status sl_recogniser_graph(const sl_recogniser *r, int batch, sl_graph **out, sl_error *err);

/* The network compiled for `batch` crops: input [batch, channels_in, height, width], output 0 the
 * embedding [batch, D], output 1 the patch map [batch, C, rows, cols]. */
sl_status sl_recogniser_compile(const sl_recogniser *r, int batch, const sl_plan_options *options, sl_plan **out,
                                sl_error *err);

/* The same, and as outputs 2 .. the tensors named in inner [n_inner <= SL_MOST_INNER]. */
sl_status sl_recogniser_compile_with(const sl_recogniser *r, int batch, char *const *inner, int n_inner,
                                     const sl_plan_options *options, sl_plan **out, sl_error *err);

/* The crop in the network's size and colours: *fitted is the crop itself, or *made, which the caller frees in any case.
 * Crops of another size are resized (bilinear), grey ones are spread to RGB and the reverse. */
sl_status sl_recogniser_fit(const sl_recogniser *r, const sl_image *crop, sl_image *made, const sl_image **fitted,
                            sl_error *err);

/* The fitted crop as the network wants it: out [channels_in, height, width]. */
sl_status sl_recogniser_prepare(const sl_recogniser *r, const sl_image *crop, float *out, sl_error *err);

/* The patch map [C, rows * cols] of one crop as patches [rows * cols, C]. */
void sl_recogniser_patches(const sl_recogniser *r, const float *map, float *out);

#endif
