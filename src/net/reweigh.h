/* A graph with other weights in the places of its own. */
#ifndef SL_NET_REWEIGH_H
#define SL_NET_REWEIGH_H

#include "net/graph.h"

/* Other weights for a constant of a graph. */
typedef struct {
    const char *name;
    const float *value;
} sl_weights_of;

/* g with these weights. Its constants are g's and theirs, which must outlive it. */
sl_status sl_graph_reweighed(const sl_graph *g, const sl_weights_of *weights, int count, sl_graph **out,
                             sl_error *err);

#endif
