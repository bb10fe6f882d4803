/* Freeing the batch a file was exported for. */
#ifndef SL_NET_IMPORT_BATCH_H
#define SL_NET_IMPORT_BATCH_H

#include "net/graph.h"

/* Exporters write the batch into constant shapes ("reshape to [1, 128]"). Where all inputs have the same
 * fixed first size and a tensor's first axis is surely that batch, the constant's first entry becomes 0
 * ("as the input has it"), so that the graph runs with any batch. Does nothing for other graphs. */
sl_status sl_free_batch(sl_graph *g, sl_error *err);

#endif
