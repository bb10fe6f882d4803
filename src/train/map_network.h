/* A transformer over stored patch maps (H1, H2, H2L): of what size, and the weights that it begins with. */
#ifndef SL_TRAIN_MAP_NETWORK_H
#define SL_TRAIN_MAP_NETWORK_H

#include "model/network.h"
#include "model/arch/arch.h"
#include "model/recogniser.h"
#include "secondlook_train.h"

typedef struct {
    sl_arch arch;          /* of the size that is made */
    sl_state_dict drawn;   /* weights at random, .. */
    sl_network network;    /* .. or the look that it goes on from */
    sl_graph *net;         /* as it is used */
} sl_map_network;

/* By options.task, depth, heads, form, features, single, no_positions, start and begin; over the maps of `below`. */
sl_status sl_map_network_open(const sl_train_options *options, const sl_recogniser *below, sl_map_network *out,
                              sl_error *err);
void sl_map_network_close(sl_map_network *head);

/* The weights it begins with. */
const sl_state_dict *sl_map_network_weights(const sl_map_network *head);

/* The graph as it learns, with dropout. Its inputs: the map [B, cells, channels] or those of both photos, then the
 * counter of dropout where there is any. */
sl_status sl_map_network_part(const sl_map_network *head, const sl_train_options *options, sl_graph **out,
                              sl_error *err);

/* Another network's graph with this one behind its patch map, as a recogniser; *embedding: the tensor's name in it.
 * Constants are those of `below` and of `above`, net's like, which must outlive it. */
sl_status sl_map_network_above(const sl_graph *below, const char *patch_map, const sl_map_network *head,
                               const sl_graph *above, sl_graph **out, const char **embedding, sl_error *err);

#endif
