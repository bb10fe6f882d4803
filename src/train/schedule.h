/* The rate of learning, step by step.
 *
 *     rate |      ____________  constant
 *          |     /\
 *          |    /  `-.          cosine
 *          |   /      `--.___
 *          +--+----------------> step
 *          warm-up
 */
#ifndef SL_TRAIN_SCHEDULE_H
#define SL_TRAIN_SCHEDULE_H

#include "secondlook_train.h"

/* Of step `step` (from 0) of options->steps: in the warm-up a straight line from warm_up_rate, which is step 0's,
 * to rate; then constant, a staircase, or half a cosine that is at last_rate in the last step. */
double sl_schedule_rate(const sl_train_options *options, uint64_t step);

#endif
