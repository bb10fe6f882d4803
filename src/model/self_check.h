/* Whether a recogniser tells pictures apart at all: four made-up ones, as unlike as can be, must not get
 * embeddings that are all alike. What that finds: a wrong mean or std, weights that were never trained, numbers
 * that are none. */
#ifndef SL_MODEL_SELF_CHECK_H
#define SL_MODEL_SELF_CHECK_H

#include "model/recogniser.h"

enum { SL_SELF_CHECK_PICTURES = 4 };

typedef struct {
    bool finite;       /* all embeddings are numbers, and none is zero */
    float least, most; /* of the cosines between two pictures' embeddings */
    bool sound;        /* finite, and `least` at most SL_SELF_CHECK_LEAST */
} sl_self_check;

/* Networks that are fed as they were trained give .02 to .30 for their least alike pair, those of doubly
 * normalised pixels .81 to .99 (docs/models.md). */
#define SL_SELF_CHECK_LEAST .6f

/* Compiles the network and runs it once a picture, on one thread: tens of milliseconds for a MobileFaceNet. */
sl_status sl_recogniser_self_check(const sl_recogniser *r, sl_self_check *out, sl_error *err);

#endif
