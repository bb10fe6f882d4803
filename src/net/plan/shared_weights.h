/* Weights as the kernels want them, shared by all plans of one network: threads and batch sizes do not each keep their
 * own copy. Thread-safe. */
#ifndef SL_NET_SHARED_WEIGHTS_H
#define SL_NET_SHARED_WEIGHTS_H

#include <stddef.h>

typedef struct sl_weights sl_weights;

/* NULL when there is no memory. Freed after the plans that were compiled with it. */
sl_weights *sl_weights_new(void);
void sl_weights_free(sl_weights *weights);

/* Bytes that it holds. */
size_t sl_weights_bytes(sl_weights *weights);

#endif
