/* Weights of a graph by name: which of them learn. */
#ifndef SL_TRAIN_WEIGHTS_OF_H
#define SL_TRAIN_WEIGHTS_OF_H

#include "net/import/weights/state_dict.h"
#include "net/reweigh.h"

/* Marks the constants of g that could learn and whose names match `learn` (NULL: all) in learns [tensors of g], and
 * lists their names, which are g's, in names [tensors of g]. dict: the state dict that g was made of, or an empty one;
 * model: for messages. SL_ERR_NOT_FOUND where none matches. */
sl_status sl_learning_weights(const sl_graph *g, const sl_state_dict *dict, const char *learn, const char *model,
                              bool *learns, const char **names, int *count, sl_error *err);

#endif
