/* What learns: a graph that ends in a loss, compiled with the gradients of its parameters.
 *
 *     inputs: a batch            parameters
 *          \                     |  value: the optimiser writes here, the next run reads it
 *           v                    v
 *         forward -> loss -> backward -> gradient, one per parameter
 *            `-> the batch's statistics, towards which the running ones move
 */
#ifndef SL_TRAIN_LEARNER_H
#define SL_TRAIN_LEARNER_H

#include "net/gradient.h"
#include "net/plan/plan.h"

typedef struct {
    const char *name; /* as long as the learner */
    sl_shape shape;
    size_t count;
    float *value;          /* [count] of the next run */
    const float *gradient; /* [count] of the last run */
    int ready;             /* the step of the plan after which it is there */
} sl_param;

/* The running mean or variance [count] of a batch normalisation. */
typedef struct {
    const char *name;
    size_t count;
    float *value;
    const float *batch; /* [count] the last batch's */
    float *sum;         /* [count] of the batches of a step */
    double correction;  /* of a variance: n / (n - 1), n the numbers it is of; of a mean 1 */
} sl_running;

typedef struct {
    sl_graph *training, *back;
    sl_plan *plan;
    sl_param *params;
    int n_params;
    sl_running *running; /* with the batch's statistics */
    int n_running;
} sl_learner;

typedef struct {
    const char *loss;          /* a tensor of one element */
    const char *const *params; /* constants, which are what the parameters begin as */
    int n_params;
    bool batch_statistics;
    sl_plan_options plan;
} sl_learner_options;

/* `g` and its constants must outlive the learner. shapes: of g's inputs. */
sl_status sl_learner_open(const sl_graph *g, const sl_shape *shapes, const sl_learner_options *options,
                          sl_learner *out, sl_error *err);
void sl_learner_close(sl_learner *learner);

/* Runs the batch that stands in the inputs (sl_plan_input of the plan, by g's own numbers). `after` (NULL: nobody)
 * is told of the plan's steps, so that it can take gradients while others are still computed. */
sl_status sl_learner_run(sl_learner *learner, sl_plan_after after, void *context, double *loss, sl_error *err);

/* Takes note of the last batch's statistics; first: of a step's first batch. */
void sl_learner_add_statistics(sl_learner *learner, bool first);

/* Moves the running statistics by a tenth towards the mean of a step's batches: as PyTorch does where there is
 * one. */
void sl_learner_move_statistics(sl_learner *learner, int batches);

#endif
