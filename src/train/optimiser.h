/* Optimisers: how weights follow their gradients. */
#ifndef SL_TRAIN_OPTIMISER_H
#define SL_TRAIN_OPTIMISER_H

#include <stddef.h>

#include "base/status.h"
#include "secondlook_train.h"

typedef struct {
    sl_optimiser_kind kind;
    double momentum;              /* of SGD */
    double beta1, beta2, epsilon; /* of AdamW */
    double decay;
} sl_optimiser;

/* What an optimiser remembers of one tensor: SGD with momentum its velocity, AdamW the two moments; NULL where it
 * is not needed. [count] each, zeros at the start. */
typedef struct {
    float *first, *second;
} sl_moments;

/* How many of the two there are. */
int sl_optimiser_moments(const sl_optimiser *o);

/* One step of one tensor w [count] along its gradient g [count], which is multiplied by `scale` first; step: from 1.
 *   SGD     v = momentum v + (g + decay w),  w -= rate v
 *   AdamW   w -= rate decay w (Loshchilov and Hutter 2019; only where rank >= 2),
 *           m, v: means of g and g^2 with memory beta1, beta2,
 *           w -= rate m / (1 - beta1^step) / (sqrt(v / (1 - beta2^step)) + epsilon)
 * as PyTorch has them. */
void sl_optimiser_step(const sl_optimiser *o, unsigned long long step, double rate, double scale, int rank,
                       size_t count, const float *g, sl_moments *m, float *w);

#endif
