/* The five points of a face from a closer look. They decide how the face is aligned, and the look at the whole picture
 * gives them roughly. The network is most exact for faces of a certain size, and errs differently in the mirror: so the
 * face is brought to that size, and both ways round are looked at.
 *
 *     photo                 window 224 x 224          its mirror image
 *     +-------------+       +---------+               +---------+
 *     |      __     |       |  .---.  |               |  .---.  |
 *     |     /o o\   |  ->   | | o o | |  5 points     | | o o | |  5 points, mirrored back
 *     |     \ ~ /   |       | |  ~  | |               | |  ~  | |
 *     |             |       |  '---'  |               |  '---'  |
 *     +-------------+       +---------+               +---------+
 *                           face of 190 pixels, set straight if it leans much
 *
 *     points  = the mean of both, back in the photo
 *     upright = score in the photo * score in the window * score in its mirror image
 *
 * docs/models.md has what this gains. */
#include "face/retinaface.h"

#include <math.h>
#include <stdlib.h>

#include "face/align.h"
#include "face/face_list.h"
#include "image/image.h"

/* The face in its window, in pixels: of what was tried on LFW (windows of 128 to 320, faces of 45 to 220) what
 * gives points nearest to MTCNN's. An odd number of cells of stride 32: the middle of the face is the middle of a
 * cell. */
enum { WINDOW = 224, FACE = 190 };

/* It is this face when its box overlaps the expected one so much. Its score may be low: that there is a face is
 * known.
 */
static const float least_overlap = .5f, least_score = .3f;

/* The network knows faces that lean a little. One that leans more is set straight, by its rough points. */
static const float most_lean = 20;

/* Window's pixels to the photo's. */
static sl_affine window_of(const sl_face *face)
{
    const sl_box *box = &face->box;
    const float lean = sl_points_lean(face->points);
    const double turn = fabsf(lean) > most_lean ? lean / 57.29578 : 0;
    double side = fmax((double)box->x1 - box->x0, (double)box->y1 - box->y0), scale = side / FACE;
    double c = scale * cos(turn), s = scale * sin(turn), half = (WINDOW - 1) / 2.;
    double x = ((double)box->x0 + box->x1) / 2, y = ((double)box->y0 + box->y1) / 2;
    return (sl_affine){{c, -s, x - (c - s) * half, s, c, y - (s + c) * half}};
}

/* Where the box lies in its window, and in the window's mirror image. */
static sl_box box_in_window(const sl_box *box)
{
    float scale = FACE / fmaxf(box->x1 - box->x0, box->y1 - box->y0), middle = (WINDOW - 1) / 2.f;
    float w = scale * (box->x1 - box->x0) / 2, h = scale * (box->y1 - box->y0) / 2;
    return (sl_box){middle - w, middle - h, middle + w, middle + h};
}

/* A face of the window's size is the business of strides 32 and 16. Stride 8, whose anchors are a sixth of it and less,
 * said nothing of it in any of 30,650 looks at all faces of LFW, and takes a third of the network's time. */
enum { HEADS = 2 };

/* The best face of the window that is the expected one; *found is false when there is none. */
static sl_status look(sl_retinaface_network *n, const sl_image *window, bool mirrored, const sl_box *expected,
                      bool *found, sl_face *face, sl_error *err)
{
    sl_retinaface_head heads[HEADS];
    sl_face *faces = NULL;
    size_t count = 0, i = 0;
    SL_TRY(sl_retinaface_look(n, window, mirrored, HEADS, heads, err));
    SL_TRY(sl_retinaface_decode(heads, HEADS, least_score, &faces, &count, err));
    while (i < count && sl_box_iou(&faces[i].box, expected) < least_overlap)
        i++;
    if ((*found = i < count))
        *face = faces[i];
    free(faces);
    return SL_OK;
}

/* The mean of both looks' points, in the window's pixels, and the product of their scores; *looks is how many found the
 * face. */
static sl_status look_both_ways(sl_retinaface_network *n, const sl_image *window, const sl_box *expected,
                                sl_point points[5], float *score, int *looks, sl_error *err)
{
    sl_point sum[5] = {{0}};
    *looks = 0;
    *score = 1;
    for (int mirrored = 0; mirrored < 2; mirrored++) {
        sl_face seen;
        bool found;
        SL_TRY(look(n, window, mirrored, expected, &found, &seen, err));
        for (int i = 0; found && i < 5; i++) {
            const sl_point p = seen.points[mirrored ? sl_mirrored_point[i] : i];
            sum[i].x += mirrored ? WINDOW - 1 - p.x : p.x;
            sum[i].y += p.y;
        }
        *looks += found;
        *score *= found ? seen.score : least_score;
    }
    for (int i = 0; *looks && i < 5; i++)
        points[i] = (sl_point){sum[i].x / (float)*looks, sum[i].y / (float)*looks};
    return SL_OK;
}

sl_status sl_retinaface_refine(sl_retinaface_network *n, const sl_image *image, sl_face *face, sl_error *err)
{
    if (!(face->box.x1 > face->box.x0 && face->box.y1 > face->box.y0))
        return SL_OK;
    const sl_box expected = box_in_window(&face->box);
    const sl_affine map = window_of(face);
    sl_image window;
    sl_point points[5];
    float score;
    int looks;
    SL_TRY(sl_image_take(image, &map, WINDOW, WINDOW, &window, err));
    sl_status status = look_both_ways(n, &window, &expected, points, &score, &looks, err);
    for (int i = 0; status == SL_OK && looks && i < 5; i++)
        face->points[i] = sl_affine_apply(&map, points[i]);
    if (status == SL_OK)
        face->upright = face->score * score;
    sl_image_free(&window);
    return status;
}
