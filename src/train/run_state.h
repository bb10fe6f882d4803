/* Checkpoints: everything that a run needs to go on as if it had not been stopped, in one safetensors file that is
 * written complete or not at all. */
#ifndef SL_TRAIN_RUN_STATE_H
#define SL_TRAIN_RUN_STATE_H

#include "net/graph.h"
#include "secondlook_train.h"

/* One array of the state: "weight:NAME", "first:NAME", "second:NAME", "running:NAME". */
typedef struct {
    char *name;
    sl_shape shape;
    float *data; /* borrowed */
} sl_state;

typedef struct {
    sl_state *states;
    size_t count, capacity;
} sl_states;

/* KIND:NAME. */
sl_status sl_states_add(sl_states *s, const char *kind, const char *name, const sl_shape *shape, float *data,
                        sl_error *err);
void sl_states_free(sl_states *s);

/* Where a run stands; judgements are NaN where nobody judges. */
typedef struct {
    uint64_t step, best_step;
    sl_train_judgement start, best;
    double first_loss; /* of the first step */
} sl_standing;

sl_status sl_checkpoint_write(const char *path, const sl_states *states, const sl_standing *standing,
                              const char *settings, sl_error *err);

/* Reads it into the arrays of `states`, which must be those it has, each of its shape: SL_ERR_MISMATCH where not,
 * or where it was written under other settings; SL_ERR_NUMERIC for numbers that are not finite. Nothing is changed
 * then. */
sl_status sl_checkpoint_load(const char *path, const sl_states *states, const char *settings,
                             sl_standing *standing, sl_error *err);

#endif
