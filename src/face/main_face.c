/* Which of a photo's faces is the one it is of. */
#include <math.h>

#include "face/face_list.h"

/* Area less twice the squared distance of the box's centre from the picture's: a small face in the middle loses
 * to a large one beside it, a stranger at the edge to the sitter. */
size_t sl_main_face(const sl_image *image, const sl_face *faces, size_t count)
{
    size_t best = 0;
    double best_value = -INFINITY;
    for (size_t i = 0; i < count; i++) {
        const sl_box *b = &faces[i].box;
        double dx = (b->x0 + b->x1) / 2.0 - image->width / 2.0, dy = (b->y0 + b->y1) / 2.0 - image->height / 2.0;
        double value = sl_box_area(b) - 2 * (dx * dx + dy * dy);
        if (value > best_value) {
            best_value = value;
            best = i;
        }
    }
    return best;
}
