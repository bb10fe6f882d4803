/* A recogniser in int8: which tensors its layers may read in int8 and in what range, measured on real faces, and a
 * self-test. The weights stay in the model's file; this is a small file beside it (docs/int8-format.md). */
#ifndef SL_MODEL_INT8_H
#define SL_MODEL_INT8_H

#include "model/recogniser.h"

/* Embeddings in int8 must have this cosine to those in f32 for this part of the faces that are measured (one of 512 may
 * miss it), and stay this far from it in the mean, so that faces that were not measured keep it too. */
#define SL_INT8_LEAST_COSINE 0.999
#define SL_INT8_LEAST_SHARE 0.998
#define SL_INT8_LEAST_MEAN 0.9997
enum { SL_INT8_LEAST_FACES = 32, SL_INT8_MOST_FACES = 512 };

typedef struct {
    uint8_t fingerprint[32];     /* of the recogniser's templates */
    int width, height, channels; /* of the probe, as of the recogniser's crops */
    int dim;
    uint8_t *probe;   /* [height, width, channels] the mean of the faces: nobody's */
    float *expected;  /* [dim] its embedding in f32, unit length */
    float cosine;     /* to it of the embedding in int8 when the file was made */
    sl_ranges ranges;
} sl_int8_model;

/* ---- the file (int8_file.c) ---- */

/* SL_ERR_FORMAT or SL_ERR_CORRUPT for anything else than a whole file of this version. name: for messages. */
sl_status sl_int8_parse(const void *data, size_t size, const char *name, sl_int8_model *out, sl_error *err);
sl_status sl_int8_write(const sl_int8_model *m, const char *path, sl_error *err);
void sl_int8_model_free(sl_int8_model *m);

/* Memory for a probe and an embedding of the sizes that stand in it. */
sl_status sl_int8_model_alloc(sl_int8_model *m, sl_error *err);

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
