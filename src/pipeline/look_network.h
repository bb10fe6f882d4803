/* A learned look and its network, from inside. */
#ifndef SL_PIPELINE_LOOK_NETWORK_H
#define SL_PIPELINE_LOOK_NETWORK_H

#include "match/learned/learned.h"
#include "model/int8/int8.h"
#include "model/network.h"
#include "net/plan/plan.h"

typedef struct {
    sl_look look;
    sl_network network;  /* of a model; empty for one that is made up */
    sl_state_dict dict;  /* of one that is made up */
    const sl_graph *graph; /* inputs: patches of the query, of candidates; output SL_LOOK_SCORE */
    sl_graph *own;       /* of one that is made up */
    sl_compute precision;
    sl_int8_model int8;  /* in int8; without a probe where the look is made up: nothing is tested then */
    sl_weights *weights; /* the plans of all workers share them */
} sl_look_network;

/* A look whose network is still to be set; sl_look_network_sized reads its sizes from that. Closed by sl_look_close. */
sl_status sl_look_network_new(sl_compute precision, sl_look_network **out, sl_error *err);
void sl_look_network_sized(sl_look_network *look, const sl_graph *graph);

/* The graph for one query beside all candidates, or for as many, its output the scores. */
sl_status sl_look_network_graph(const sl_look_network *look, int queries, int candidates, sl_graph **out,
                                sl_error *err);

#endif
