/* The trainer from inside.
 *
 *     task: a batch --> learner --> gradients, summed over runs and ranks --> optimiser --> weights
 *                          ^
 *                          `-- the part that learns, with a loss
 */
#ifndef SL_TRAIN_TRAINER_H
#define SL_TRAIN_TRAINER_H

#include "train/data/source.h"
#include "train/learner.h"
#include "train/optimiser.h"
#include "train/run_log.h"
#include "train/run_state.h"
#include "train/task.h"

/* What belongs to one parameter beside its place in the learner. */
typedef struct {
    sl_moments moments;
    float *sum;  /* [count] of the gradients of a step's runs; NULL where a step has one run */
    float *best; /* [count] where the judgement was best; NULL: nobody judges */
} sl_memory;

struct sl_trainer {
    sl_train_options o; /* threads settled; its texts are owned */
    char *settings;

    const sl_task *task;
    void *work; /* the task's own, as are: */
    const sl_graph *net;          /* the network that is made; its constants are the weights at the start */
    const char *const *learning;  /* [n_learning] names of those that learn */
    int n_learning;
    const sl_source *learned, *judged; /* judged NULL: nobody judges */
    size_t judging;                    /* pictures or pairs that do */
    uint8_t fingerprint[32];           /* of the network at the start, or whose maps are read */

    float *classes; /* [classes, dim] what the classes' vectors began as; NULL: the loss has none */
    sl_graph *part; /* what learns, with the loss */
    sl_learner learner;
    int counter;          /* the learner's input that dropout counts by; -1: nothing is dropped */
    sl_memory *memory;    /* [params] */
    float **best_running; /* [running] */
    sl_standing at;
    double flop; /* of a run */
    sl_states states;
    sl_run_log log;   /* file NULL: none */
    char *checkpoint; /* its path; NULL: none */
};

static inline sl_plan_options sl_trainer_plan(const sl_trainer *t)
{
    return (sl_plan_options){.threads = t->o.threads, .precision = SL_COMPUTE_F32};
}

/* Judges the weights of now, and keeps them where they are the best so far (judging.c). */
sl_status sl_trainer_judge(sl_trainer *t, sl_train_judgement *out, sl_error *err);

/* net's weights as they are now, or as they were best, mixed with those of the start by options.keep (judging.c):
 * the count; their memory is *owned. */
sl_status sl_trainer_weights(const sl_trainer *t, bool best, sl_weights_of **out, int *count, float **owned,
                             sl_error *err);

#endif
