/* Views of faces with known points, covered and badly aligned, as a network of points learns them.
 *
 *     wide face --covered--> how far each point is hidden
 *                  |
 *                  '--in any light, by any camera--misplaced--> view, and where its points are
 */
#ifndef SL_TRAIN_HIDDEN_VIEWS_H
#define SL_TRAIN_HIDDEN_VIEWS_H

#include "face/hidden_points.h"
#include "train/data/augment.h"
#include "train/data/wide_faces.h"

/* View `number` of a run: the same arguments give the same numbers, on any thread. Of the mix `a` all counts but mirror
 * and jitter, which are the view's own. other: a face to cut cloth from. view: [3, SL_POINTS_VIEW, SL_POINTS_VIEW];
 * told: [SL_POINTS_TOLD], what a network should say of it. */
sl_status sl_hidden_view(const sl_augmentation *a, const sl_wide_face *face, const sl_wide_face *other, uint64_t seed,
                         uint64_t number, float *view, float *told, sl_error *err);

#endif
