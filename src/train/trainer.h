/* The trainer from inside.
 *
 *     lesson: pictures --> front --> learner --> gradients, summed over runs and ranks --> optimiser --> weights
 *                            |          ^
 *        targets, of the start, or labels
 */
#ifndef SL_TRAIN_TRAINER_H
#define SL_TRAIN_TRAINER_H

#include "train/judge.h"
#include "train/learner.h"
#include "train/optimiser.h"
#include "train/run_log.h"
#include "train/run_state.h"
#include "train/student.h"

/* What belongs to one parameter beside its place in the learner. */
typedef struct {
    sl_moments moments;
    float *sum;  /* [count] of the gradients of a step's runs; NULL where a step has one run */
    float *best; /* [count] where the judgement was best; NULL: nobody judges */
} sl_memory;

struct sl_trainer {
    sl_train_options o; /* threads settled; its texts are owned */
    char *settings;
    sl_student student;
    sl_lesson lesson;
    sl_plan *front;    /* NULL: the cut is the pictures, and no teacher is asked */
    bool front_embeds; /* its output 0 is the teacher's embedding of what came in */
    float *targets;    /* [learned, dim] unit embeddings at the start; NULL: not needed */
    float *classes;    /* [classes, dim] what the classes' vectors began as */
    sl_graph *part;    /* behind the cut, with the loss */
    sl_learner learner;
    sl_memory *memory;    /* [params] */
    float **best_running; /* [running] */
    size_t *which;        /* [batch] */
    sl_standing at;
    double flop; /* of a run, front and learner */
    sl_states states;
    sl_run_log log;   /* file NULL: none */
    char *checkpoint; /* its path; NULL: none */
};

/* Judges the weights of now, and keeps them where they are the best so far (judging.c). */
sl_status sl_trainer_judge(sl_trainer *t, sl_train_judgement *out, sl_error *err);

/* net's weights as they are now, or as they were best, mixed with those of the start by options.keep (judging.c):
 * the count; their memory is *owned. */
sl_status sl_trainer_weights(const sl_trainer *t, bool best, sl_weights_of **out, int *count, float **owned,
                             sl_error *err);

#endif
