/* Sketches: what a face's patches have in a few directions that most faces share. They bound every similarity from
 * above, and with them the score of emd, at an eighth of the similarities' cost: who cannot be among the best by that
 * is pruned without being looked at.
 *
 * A unit patch x, C numbers, seen in a frame whose first 64 axes are those directions (orthonormal, the first that of
 * the mean patch):
 *
 *     |  a  |  t_2   t_3   t_4    ...    t_64  |  what is outside the 64 directions: C - 64 numbers  |
 *        |                  |                                        |
 *     along              turned                                    rest
 *     what x has in      63 coordinates, turned so that none is    its length |rest| alone
 *     common with all    much larger than the others: t^ =
 *     patches: a float   factor * codes, 8 bits each               a float
 *
 * The three parts are orthogonal to each other, so
 *
 *     <x, q>  =  a_x a_q  +  <t_x, t_q>  +  <rest_x, rest_q>
 *            <=  a_x a_q  +  <t^_x, t^_q> + |t_x - t^_x| |t^_q| + |t_x| |t_q - t^_q|  +  |rest_x| |rest_q|
 *                            product of bytes, and what 8 bits may have lost             as if they were parallel
 *
 * Any directions are right; those of a sample of the gallery's own patches leave small rests (sketch_basis.h). */
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
 * weights that are fixed or of which sketches know how they come about (weighting.h). */
bool sl_sketches_serve(const sl_match_layout *layout);

/* One thread's memory for one query after the other; sketches and layout must outlive it. */
typedef struct sl_sketcher sl_sketcher;
sl_status sl_sketcher_open(sl_sketches *sketches, const sl_match_layout *layout, sl_sketcher **out, sl_error *err);
void sl_sketcher_close(sl_sketcher *sketcher);

void sl_sketcher_query(sl_sketcher *sketcher, const sl_patch_set *query);

/* What stage 2 of the query and candidate `i`, face `face` of the gallery, can be at most. source_of gives the
 * candidate when it has no sketch yet. */
sl_status sl_sketcher_upper_bound(sl_sketcher *sketcher, size_t face, sl_patch_source_fn source_of, void *context,
                                  size_t i, float *upper_bound, sl_error *err);

/* Has the face's sketch brought near for the next call. */
void sl_sketcher_fetch(const sl_sketcher *sketcher, size_t face);

#endif
