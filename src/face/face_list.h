/* The faces that a detector considers: a list that grows, its order, and thinning. A network that looks at every place
 * gives the same face many times over; of those that overlap too much the best one stays:
 *
 *     best first  .99 [------]   .97 [------]           .91 [--]     .88    [------]
 *     they lie    [------]       ..[------] goes        ......[--]   .....[------] goes: the second is gone, the first
 *                                                                    still overlaps it
 */
#ifndef SL_FACE_FACE_LIST_H
#define SL_FACE_FACE_LIST_H

#include <stdbool.h>

#include "secondlook.h"

typedef struct {
    sl_face *faces; /* malloc'd; NULL when there are none */
    size_t count, capacity;
} sl_face_list;

/* False without memory; the list is as before. */
bool sl_face_list_add(sl_face_list *list, const sl_face *face);

/* Box and points are finite, and the box has an area. */
bool sl_face_is_sound(const sl_face *face);

/* Best score first; equal scores by place. */
void sl_faces_sort(sl_face *faces, size_t count);

/* Greedy non-maximum suppression of faces sorted by score, in place: of two boxes whose IoU is above `iou` the weaker
 * one goes. Returns how many stay, at most `max_faces`. */
size_t sl_faces_suppress(sl_face *faces, size_t count, float iou, size_t max_faces);

/* The same, but those that overlap the best one too much become one with it: box and points are the mean of all by
 * their scores, the score is the best one's. */
size_t sl_faces_blend(sl_face *faces, size_t count, float iou, size_t max_faces);

static inline double sl_box_area(const sl_box *b)
{
    return ((double)b->x1 - b->x0) * ((double)b->y1 - b->y0);
}

/* Area of the intersection over area of the union; boxes are continuous (width = x1 - x0). */
float sl_box_iou(const sl_box *a, const sl_box *b);

#endif
