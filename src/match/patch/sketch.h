/* Sketches: what a face's patches have in a few directions that most faces share. They bound every similarity from
 * above, and with them the score of emd, at an eighth of the similarities' cost: who can not be among the best by that
 * needs no second look at all.
 *
 * The directions are orthonormal, the first is that of the mean patch. A unit patch is x = a d_1 + t d_2.. + rest, of
 * which a, |rest| and t^ = factor * codes, t in 8 bits, are kept. So, rests being orthogonal to all directions,
 *     <x, q> <= a_x a_q + <t^_x, t^_q> + |rest_x| |rest_q| + |t_x - t^_x| |t^_q| + |t_x| |t_q - t^_q|.
 * Any directions are right; those of a sample of the gallery's own patches leave small rests. */
#ifndef SL_MATCH_SKETCH_H
#define SL_MATCH_SKETCH_H

#include <stdbool.h>

#include "match/patch/topk.h"

enum { SL_SKETCH_DIM = 64 };

/* Of a gallery's faces, each made when it is first asked for and kept (some 100 bytes a patch; of faces behind the
 * first GiB nothing is known). Threads may share it. */
typedef struct sl_sketches sl_sketches;
sl_status sl_sketches_open(sl_face_store faces, sl_sketches **out, sl_error *err);
void sl_sketches_close(sl_sketches *sketches);

/* Whether they bound what this layout compares, and pay: emd of the stored int8 maps of 256 channels or more, with
 * weights of the query's patches that are its own or APC's. */
bool sl_sketches_serve(const sl_match_layout *layout);

/* One thread's memory for one query after the other; sketches and layout must outlive it. */
typedef struct sl_sketcher sl_sketcher;
sl_status sl_sketcher_open(sl_sketches *sketches, const sl_match_layout *layout, sl_sketcher **out, sl_error *err);
void sl_sketcher_close(sl_sketcher *sketcher);

void sl_sketcher_query(sl_sketcher *sketcher, const sl_patch_set *query);

/* What stage 2 of the query and candidate `i`, face `face` of the gallery, can be at most. source_of gives the
 * candidate when it has no sketch yet. */
sl_status sl_sketcher_upper_bound(sl_sketcher *sketcher, size_t face, sl_patch_source_fn source_of, void *context, size_t i,
                              float *upper_bound, sl_error *err);

/* Has the face's sketch brought near for the next call. */
void sl_sketcher_fetch(const sl_sketcher *sketcher, size_t face);

#endif
