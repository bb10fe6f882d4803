/* The steps of an attack, on a window of the photo.
 *
 *     photo + noise -> slope of the sum of cosines by every sample -> step -> back into the bound and [0, 255] -.
 *                         ^                                                                                     |
 *                         `-------------------------------------------------------------------------------------'
 *     at the end: the change rounded to whole levels, so that it still is within the bound
 */
#ifndef SL_ATTACK_WALK_H
#define SL_ATTACK_WALK_H

#include "attack/attack.h"

/* Everything [samples] of the window; networks aim at the face in it. */
typedef struct {
    sl_attack *a;
    sl_numbers photo, now, slope; /* as it was, as it is (the same at first), where it should go */
    float *along;                 /* 0 at first: momentum */
    uint8_t *may;                 /* 1: may change */
    size_t samples, movable;      /* all; that may change, one at least */
    uint64_t seed;                /* of the noise */
    double sign;                  /* 1: cosines are to grow, -1: to fall */
} sl_walk;

/* All steps; `now` is whole then. SL_ERR_NUMERIC where there is no slope. */
sl_status sl_walk_run(sl_walk *w, sl_error *err);

/* The root of the change's mean square over what may change. */
double sl_walk_length(const sl_walk *w);

#endif
