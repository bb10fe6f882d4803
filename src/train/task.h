/* What a run can train, a row each. The trainer (trainer.c) makes steps of any of them:
 *
 *     pictures   a recogniser on aligned crops              task_pictures.c
 *     maps       a transformer on stored patch maps         task_maps.c
 *     points     where hidden points are, on whole photos   task_points.c
 */
#ifndef SL_TRAIN_TASK_H
#define SL_TRAIN_TASK_H

#include "secondlook_train.h"
#include "train/weights_of.h"

enum { SL_MAX_PART_INPUTS = 20 };

typedef struct {
    /* Opens network and data: sets work, net, learning, learned, judged, judging, fingerprint of the trainer. */
    sl_status (*open)(sl_trainer *t, const sl_train_data *data, sl_progress_fn progress, void *context, sl_error *err);
    /* Sets t->part, the graph that ends in SL_LOSS_TENSOR, and the shapes of its inputs. */
    sl_status (*part)(sl_trainer *t, sl_shape shapes[SL_MAX_PART_INPUTS], sl_error *err);
    /* The learner is compiled: what else runs in a step. t->flop has the learner's, and may get more. NULL: nothing. */
    sl_status (*ready)(sl_trainer *t, sl_error *err);
    /* The run is open and has steps to go: what takes long before the first batch. NULL: nothing. */
    sl_status (*begin)(sl_trainer *t, sl_progress_fn progress, void *context, sl_error *err);
    /* Writes the batch of run number `run`, of all runs, into the learner's inputs. */
    sl_status (*fill)(sl_trainer *t, uint64_t run, sl_error *err);
    /* What net is worth with these weights, to those who judge. */
    sl_status (*judge)(const sl_trainer *t, const sl_weights_of *weights, int count, sl_train_judgement *out,
                       sl_error *err);
    /* Makes a model of net with these weights; how: in words. */
    sl_status (*save)(const sl_trainer *t, const sl_weights_of *weights, int count, const char *how,
                      const sl_train_output *output, sl_error *err);
    void (*close)(sl_trainer *t); /* also of what was half opened */
} sl_task;

extern const sl_task sl_task_pictures, sl_task_maps, sl_task_points;

#endif
