/* emd of patch maps that are no templates' (sl_emd_compare, sl_emd_bank). */
#ifndef SL_MATCH_EMD_MAPS_H
#define SL_MATCH_EMD_MAPS_H

#include "match/match.h"

/* The dissertation's look: emd with its own options. */
sl_match_options sl_emd_defaults(void);

/* Checks the options (NULL: the above) and lays them out for maps of this one's size; alpha, k and rerank are not read.
 * SL_ERR_ARGUMENT for what only templates can have: the feature contributions, the weighting trust. */
sl_status sl_emd_maps_layout(const sl_match_options *options, const sl_patch_map *map, sl_match_layout *out,
                             sl_error *err);

#endif
