/* A network's weights as a small difference to another's, 8 bits a number:
 *
 *     weight[row, i] = own[row, i] + scale[row] * step[row, i]        step: whole, -127 .. 127
 *
 * Rows are those of the first axis; what has one axis is one row. In a state dict the weight NAME is two: NAME, the
 * steps, and NAME.scale [rows]. Weights that are not there are the other network's. */
#ifndef SL_MODEL_DELTA_H
#define SL_MODEL_DELTA_H

#include "net/import/weights/state_dict.h"
#include "net/reweigh.h"

/* The difference of `weights` to the constants of `own` that have their names, each row with the scale of its greatest
 * number. bytes [2 count] (the caller's): which of the dict are to be written as bytes. */
sl_status sl_delta_make(const sl_graph *own, const sl_weights_of *weights, int count, sl_state_dict *out, bool *bytes,
                        sl_error *err);

/* Whether `delta` fits `own`: SL_ERR_FORMAT where it has anything but steps and scales of own's constants, in their
 * shapes, finite. */
sl_status sl_delta_check(const sl_state_dict *delta, const sl_graph *own, sl_error *err);

/* The weights of `own` with a difference that fits: [*count], their numbers in *owned; both the caller's. Names are the
 * dict's. */
sl_status sl_delta_weights(const sl_state_dict *delta, const sl_graph *own, sl_weights_of **out, int *count,
                           float **owned, sl_error *err);

#endif
