/* Measuring a learned look for int8. */
#ifndef SL_PIPELINE_QUANTISE_LOOK_H
#define SL_PIPELINE_QUANTISE_LOOK_H

#include "pipeline/look_network.h"
#include "pipeline/look_pairs.h"

/* Scores in int8 may be so far from f32's in the mean. */
#define SL_LOOK_INT8_MEAN 0.01

/* The ranges of all that its layers may read in int8, nothing left out: for a look that is made up and has no accuracy
 * to lose. They go into look->int8, which has no probe then. */
sl_status sl_look_int8_take_all(sl_look_network *look, const sl_look_pairs *pairs, int threads, sl_error *err);

#endif
