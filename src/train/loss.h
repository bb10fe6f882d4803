/* Losses, each a table row: the nodes that it hangs on an embedding, and the input that it reads beside it. */
#ifndef SL_TRAIN_LOSS_H
#define SL_TRAIN_LOSS_H

#include "net/graph.h"
#include "secondlook_train.h"

/* What the loss is called, and the classes' vectors [people, D], which learn with the network. */
#define SL_LOSS_TENSOR "train:loss"
#define SL_CLASS_VECTORS "train:classes"

/* Whether the loss tells people apart, by vectors of classes and labels. */
bool sl_loss_has_classes(sl_train_loss loss);

/* Appends the loss of `embedding` [batch, dim] to g, and one more input to g's own:
 *   distill    target [batch, dim], the sum of what the unit embedding is to be near, each by its weight:
 *              loss = offset - mean over rows of <unit embedding, target>, offset the sum of the weights
 *   others     labels [batch], whole numbers; classes [people, dim]: what SL_CLASS_VECTORS begin as, outlives g */
sl_status sl_loss_append(sl_graph *g, sl_tensor embedding, int batch, int dim, const sl_train_options *options,
                         const float *classes, int people, sl_error *err);

/* The same for two-way logits [batch, 2] of pairs: labels [batch], 1 for one person, 0 for two; cross entropy. */
sl_status sl_loss_append_logits(sl_graph *g, sl_tensor logits, int batch, const sl_train_options *options,
                                sl_error *err);

/* The same for what is told of points, [batch, count]: one more input, what should be told. Each number's distance
 * counts, small ones as their squares do: mean of sqrt(d^2 + e^2) - e. */
sl_status sl_loss_append_distance(sl_graph *g, sl_tensor told, int batch, int count, sl_error *err);

#endif
