/* A network in int8: which tensors its layers may read in int8 and in what range, measured on real faces, and a
 * self-test. The weights stay in the model's file; this is a small file beside it (docs/int8-format.md). All of a
 * recogniser's is here, of a learned look's the file alone: the rest is in pipeline/quantise_look.c. */
#ifndef SL_MODEL_INT8_H
#define SL_MODEL_INT8_H

#include "model/recogniser.h"

/* Embeddings in int8 must have this cosine to those in f32 for this part of the faces that are measured (one of 512 may
 * miss it), and stay this far from it in the mean, so that faces that were not measured keep it too. */
#define SL_INT8_LEAST_COSINE 0.999
#define SL_INT8_LEAST_SHARE 0.998
#define SL_INT8_LEAST_MEAN 0.9997
enum { SL_INT8_LEAST_FACES = 32, SL_INT8_MOST_FACES = 512 };

typedef enum { SL_INT8_RECOGNISER = 1, SL_INT8_LOOK = 2 } sl_int8_kind; /* as the file has them */

/* The probe is what the network is tested on: a recogniser's is the mean of the faces' crops, u8 [height, width,
 * channels]; a look's two maps drawn with the mean and the spread of those of the pairs, f32 [2, cells, patch
 * channels], which are channels, height and width here. Nobody's face. */
typedef struct {
    sl_int8_kind kind;
    uint8_t fingerprint[32]; /* of the recogniser's templates, of the look */
    int width, height, channels;
    int dim;          /* of the answer: a look's is the score, 1 */
    void *probe;
    float *expected;  /* [dim] the answer to the probe in f32: an embedding of unit length, a score */
    float agreement;  /* of int8's answer when the file was made: the cosine to it; 1 less the difference of scores */
    sl_ranges ranges;
} sl_int8_model;

/* ---- the file (int8_file.c) ---- */

/* SL_ERR_FORMAT or SL_ERR_CORRUPT for anything else than a whole file of a kind that is known; whose it is, the caller
 * checks. name: for messages. */
sl_status sl_int8_parse(const void *data, size_t size, const char *name, sl_int8_model *out, sl_error *err);

/* Reads the file of that name; SL_ERR_NOT_FOUND where there is none. */
sl_status sl_int8_read(const char *path, sl_int8_model *out, sl_error *err);
sl_status sl_int8_write(const sl_int8_model *m, const char *path, sl_error *err);
void sl_int8_model_free(sl_int8_model *m);

/* Memory for a probe and an answer of the sizes and the kind that stand in it. */
sl_status sl_int8_model_alloc(sl_int8_model *m, sl_error *err);

/* The agreement that the self-test asks for. Another processor rounds a little otherwise; a wrong range moves the
 * answer much further. `slack`: what rounding alone may do. */
static inline double sl_int8_least(const sl_int8_model *m, double slack)
{
    return 1 - (3 * (1 - (double)m->agreement) + slack);
}

/* ---- use (int8_plan.c) ---- */

/* The network compiled in int8 (the options' ranges are the model's), its self-test passed: the probe's embedding is as
 * near to f32's as it was when the file was made. SL_ERR_CORRUPT where it is not. */
sl_status sl_int8_compile(const sl_recogniser *r, const sl_int8_model *m, int batch, const sl_plan_options *plain,
                          sl_plan **out, sl_error *err);

/* ---- making (int8_make.c) ---- */

/* Measures ranges over the crops (at most SL_INT8_MOST_FACES, evenly taken), then leaves out what costs most until
 * embeddings keep SL_INT8_LEAST_COSINE. SL_ERR_UNSUPPORTED where nothing is left. */
sl_status sl_int8_make(const sl_recogniser *r, const sl_image *crops, size_t count, const sl_quantise_options *options,
                       sl_int8_model *out, sl_int8_report *report, sl_error *err);

#endif
