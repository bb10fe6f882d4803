/* What a network's arithmetic comes to, and how quick a machine is at it. */
#ifndef SL_NET_FLOP_H
#define SL_NET_FLOP_H

#include "net/plan/plan.h"

/* Floating-point operations, 2 for each multiplication that is summed, of convolutions, dense layers and matrix
 * products, forward and back. All shapes of g are known. */
double sl_graph_flop(const sl_graph *g);

/* The same a second, in a dense layer, the product of two large square matrices, with these threads and precision: what
 * a network could reach at best. The quickest of some rounds, a second or so. */
sl_status sl_measure_products(const sl_plan_options *options, double *flop_per_second, sl_error *err);

#endif
