/* The classes' vectors [people, dim] of a margin loss, as they begin. */
#ifndef SL_TRAIN_CLASSES_H
#define SL_TRAIN_CLASSES_H

#include "train/trainer.h"

/* Sets t->classes where the loss has any: at random, or, where embeddings [learned, dim] are given, at each person's
 * mean. A run that is resumed finds them in its checkpoint. */
sl_status sl_classes_begin(sl_trainer *t, int dim, const float *embeddings, sl_error *err);

#endif
