/* Inside of making a model's int8 ranges. */
#ifndef SL_MODEL_INT8_MAKE_H
#define SL_MODEL_INT8_MAKE_H

#include "model/int8/int8.h"

/* Crops of one network run. */
enum { SL_INT8_BATCH = 8 };

/* The faces that are measured and what f32 makes of them. */
typedef struct {
    const sl_recogniser *r;
    const sl_image **crops; /* [count] */
    size_t count;
    int threads;
    float *embeddings; /* [count, dim] in f32 */
    size_t done, total; /* runs over faces, for the progress */
    sl_progress_fn progress;
    void *context;
} sl_int8_faces;

/* What is known of a tensor. */
typedef struct {
    sl_tensor tensor; /* in the specialised graph */
    sl_range range;
    double error; /* 1 - cosine to f32 that it costs */
    bool used;
} sl_int8_candidate;

/* Runs the plan over faces [first, first + n), n <= SL_INT8_BATCH; SL_ERR_INTERRUPTED where the caller wants an end. */
sl_status sl_int8_run(sl_int8_faces *f, sl_plan *plan, size_t first, size_t n, sl_error *err);

/* The range of each candidate, and f->embeddings (int8_ranges.c). `g`: the graph for SL_INT8_BATCH, which gets the
 * candidates as further outputs. */
sl_status sl_int8_measure(sl_int8_faces *f, sl_graph *g, sl_int8_candidate *candidates, int count, sl_error *err);

#endif
