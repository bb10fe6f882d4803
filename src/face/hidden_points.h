/* Points that know when they are hidden. A detector sets its five points also where cloth lies over them, and takes a
 * fold for a mouth. A small network looks at the face once it is aligned by these points, tells which of them are
 * hidden, and where they must be by what is seen of the rest. Nose and mouth go there. Of a point that is seen nothing
 * changes, not a bit.
 *
 *     photo, points --align--> view 64 x 64 --network--> all seen: nothing changes
 *                     ^                          | else
 *                     |          its mirror image too --network--> where each point is, how far it is hidden
 *                     '------------- once more, by these points <----------'
 */
#ifndef SL_FACE_HIDDEN_POINTS_H
#define SL_FACE_HIDDEN_POINTS_H

#include "image/image.h"
#include "net/graph.h"
#include "net/plan/plan.h"

/* The view is wider than a recogniser's crop: the head's outline tells where its middle is. */
enum { SL_POINTS_VIEW = 64 };

/* What the network says of a view, [SL_POINTS_TOLD]: five pairs (x, y), how far each point is from where aligned points
 * lie in the mean, in units of SL_POINTS_UNIT pixels; then five parts, from 0 to 1, of what lies around each that is
 * covered. */
enum { SL_POINTS_TOLD = 15 };
#define SL_POINTS_UNIT 3.2f

/* Where aligned points lie in the view in the mean. */
void sl_points_of_view(sl_point out[5]);

/* The view of a face with these points: photo = map(view). SL_ERR_NUMERIC where they coincide or are not finite. */
sl_status sl_points_view_map(const sl_point points[5], sl_affine *map, sl_error *err);

/* An RGB view as the network reads it: [3, SL_POINTS_VIEW, SL_POINTS_VIEW]. */
void sl_points_view_input(const sl_image *view, bool mirrored, float *out);

/* One thread's own. */
typedef struct {
    sl_plan *plan; /* of a view, or its mirror image */
} sl_hidden_points;

/* Whether a graph can be such a network, by its input and output. */
bool sl_hidden_points_fits(const sl_graph *graph);

/* The graph may go afterwards. SL_ERR_UNSUPPORTED where it does not fit. */
sl_status sl_hidden_points_open(const sl_graph *graph, int threads, sl_hidden_points *out, sl_error *err);
void sl_hidden_points_close(sl_hidden_points *h);

/* Sets nose and corners of the mouth right where the network says that they are hidden. Points by which nothing can be
 * aligned stay as they are. */
sl_status sl_hidden_points_correct(sl_hidden_points *h, const sl_image *image, sl_point points[5], sl_error *err);

#endif
