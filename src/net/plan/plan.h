/* A plan: a specialised graph compiled for one batch size. Weights are reordered once, activations,
 * biases and sums are fused as post-ops, buffers are reused by lifetime in one arena, nothing is
 * allocated in a run. */
#ifndef SL_NET_PLAN_H
#define SL_NET_PLAN_H

#include "net/graph.h"
#include "net/plan/ranges.h"
#include "net/plan/shared_weights.h"

typedef struct sl_plan sl_plan;

typedef struct {
    int threads;
    sl_compute precision; /* of convolutions and dense layers, where oneDNN has a fast kernel; all else is f32. Graphs
                           * with gradients: bf16 for what is multiplied, products of matrices too, sums and parameters
                           * f32; int8 counts as f32 */
    const sl_ranges *ranges; /* int8: layers that read one of these are int8, the others bf16 where there is that */
    sl_weights *weights;     /* of this network, for plans to share; it must outlive them. NULL: each keeps its own */
    int steady;              /* inputs, the graph's first, that sl_plan_run_again takes for unchanged */
} sl_plan_options;

/* Compiles `g` (specialised; may be freed afterwards). One plan is used by one thread at a time. Inputs and outputs
 * are f32 in every precision. SL_ERR_UNSUPPORTED where the processor lacks the precision (sl_compute_check). */
sl_status sl_plan_compile_as(const sl_graph *g, const sl_plan_options *options, sl_plan **out, sl_error *err);

/* The same in f32. */
sl_status sl_plan_compile(const sl_graph *g, int threads, sl_plan **out, sl_error *err);
void sl_plan_free(sl_plan *plan);

/* Where input i goes and output j is found: dense row-major float (NCHW), 64-byte aligned, valid as long
 * as the plan; inputs are written before sl_plan_run, outputs read after it. */
float *sl_plan_input(sl_plan *plan, int i, sl_shape *shape);
const float *sl_plan_output(const sl_plan *plan, int j, sl_shape *shape);

sl_status sl_plan_run(sl_plan *plan, sl_error *err);

/* The same with the steady inputs of the run before: what depends on them alone is not computed again. */
sl_status sl_plan_run_again(sl_plan *plan, sl_error *err);

/* The same; after each of its steps, numbered from 0, `after` is told: it may read outputs that are done by then. Its
 * failure ends the run. */
typedef sl_status (*sl_plan_after)(void *context, int step, sl_error *err);
sl_status sl_plan_run_watched(sl_plan *plan, sl_plan_after after, void *context, sl_error *err);

/* The step after which output j is done. */
int sl_plan_output_step(const sl_plan *plan, int j);

#endif
