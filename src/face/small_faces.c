/* Faces that are too small for the look at a whole picture: the picture is looked at in larger scales, in tiles of the
 * size that the detector takes, each scale twice the one before:
 *
 *     whole picture, scaled down      twice as large             as large as the smallest face asks for
 *     +-------+                       +-------+-+-------+
 *     |       |   faces of 40         |       | |       |        ... the last scale shows it as large as the
 *     |       |   pixels and more     |       | |       |        detector wants it (least_face)
 *     +-------+   there               +-------+-+-------+
 *                                     tiles overlap by more than the faces that are taken from them
 *
 * From a tile only faces of up to 2.5 times the least size are taken: larger ones were seen whole in the scale before.
 * What was found there stays as it is. */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "face/detector.h"
#include "face/face_list.h"
#include "image/image.h"

enum { LEAST_FACE = 20 };               /* pixels: the smallest that is looked for where nobody says */
static const double usual_part = 56;    /* and no smaller than this part of the picture's mean side */
static const double cut_out = 480;      /* a picture of a lesser mean side is somebody's, cut out already */
static const double worthwhile = 1.2;   /* a scale that is not so much larger than the one before shows nothing new */
static const float most_sizes = 2.5f, overlap_sizes = 4, same_face = .3f, most_inside = .6f;

/* ---- what is wanted ---- */

static double least_of(const sl_image *image, int min_face)
{
    return min_face > 0 ? min_face : fmax(LEAST_FACE, sqrt((double)image->width * image->height) / usual_part);
}

/* Nobody asked, and the picture is of a face that was found. */
static bool is_cut_out(const sl_image *image, int min_face, size_t found)
{
    return !min_face && found && sqrt((double)image->width * image->height) < cut_out;
}

static int view_side(const sl_detector *d)
{
    return d->kind->side && d->kind->side < d->options.max_side ? d->kind->side : d->options.max_side;
}

/* ---- tiles along one side ---- */

typedef struct {
    int count, side; /* pixels of the picture */
    double step;
} tiling;

static tiling tiles_along(int length, double most, double overlap)
{
    tiling t = {.count = length <= most ? 1 : (int)ceil((length - overlap) / (most - overlap))};
    t.side = (int)ceil((length + (t.count - 1) * overlap) / t.count);
    t.step = t.count > 1 ? (double)(length - t.side) / (t.count - 1) : 0;
    return t;
}

/* ---- one tile ---- */

static void move(sl_face *f, double scale, int x, int y)
{
    const float a = (float)(1 / scale), bx = (float)(x + .5 / scale - .5), by = (float)(y + .5 / scale - .5);
    f->box = (sl_box){a * f->box.x0 + bx, a * f->box.y0 + by, a * f->box.x1 + bx, a * f->box.y1 + by};
    for (int i = 0; i < 5; i++)
        f->points[i] = (sl_point){a * f->points[i].x + bx, a * f->points[i].y + by};
}

/* Whether it is, or is a part of, a face that is known. */
static bool is_known(const sl_face *f, const sl_face *known, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const sl_box *k = &known[i].box;
        float w = fminf(f->box.x1, k->x1) - fmaxf(f->box.x0, k->x0),
              h = fminf(f->box.y1, k->y1) - fmaxf(f->box.y0, k->y0);
        if (sl_box_iou(&f->box, k) > same_face || (w > 0 && h > 0 && w * h > most_inside * sl_box_area(&f->box)))
            return true;
    }
    return false;
}

/* Adds the tile's faces that are small and not known. */
static sl_status look_at_tile(sl_detector *d, const sl_image *image, int x, int y, int width, int height, double scale,
                              float threshold, const sl_face *known, size_t n_known, sl_face_list *found, sl_error *err)
{
    sl_image part, scaled;
    sl_face *faces = NULL;
    size_t count = 0;
    SL_TRY(sl_image_crop(image, x, y, width, height, &part, err));
    sl_status status = sl_image_shrink(&part, (int)lround(width * scale), (int)lround(height * scale), &scaled, err);
    sl_image_free(&part);
    SL_TRY(status);
    status = d->kind->find(d, &scaled, threshold, &faces, &count, err);
    sl_image_free(&scaled);
    for (size_t i = 0; status == SL_OK && i < count; i++) {
        if (faces[i].box.y1 - faces[i].box.y0 > most_sizes * d->kind->least_face)
            continue;
        move(&faces[i], scale, x, y);
        if (!is_known(&faces[i], known, n_known) && !sl_face_list_add(found, &faces[i]))
            status = sl_no_memory(err, "for the faces of a picture");
    }
    free(faces);
    return status;
}

/* Tiles overlap: a face is seen twice, or once whole and once cut. */
static void thin(sl_face_list *found)
{
    size_t kept = 0;
    sl_faces_sort(found->faces, found->count);
    for (size_t i = 0; i < found->count; i++)
        if (!is_known(&found->faces[i], found->faces, kept))
            found->faces[kept++] = found->faces[i];
    found->count = kept;
}

static sl_status look_at_scale(sl_detector *d, const sl_image *image, double scale, float threshold,
                               const sl_face *known, size_t n_known, sl_face_list *found, sl_error *err)
{
    const double most = view_side(d) / scale, overlap = fmin(overlap_sizes * d->kind->least_face / scale, most / 2);
    const tiling across = tiles_along(image->width, most, overlap), down = tiles_along(image->height, most, overlap);
    for (int row = 0; row < down.count; row++)
        for (int col = 0; col < across.count; col++)
            SL_TRY(look_at_tile(d, image, (int)(col * across.step), (int)(row * down.step), across.side, down.side,
                                scale, threshold, known, n_known, found, err));
    thin(found);
    return SL_OK;
}

/* ---- all of it ---- */

/* Behind the `count` that are there, up to `most` in all. */
static sl_status append(sl_face **faces, size_t *count, const sl_face_list *more, size_t most, sl_error *err)
{
    for (size_t i = 0; i < more->count && *count < most; i++) {
        sl_face *grown = sl_realloc_array(*faces, *count + 1, sizeof *grown);
        if (!grown)
            return sl_no_memory(err, "for the faces of a picture");
        *faces = grown;
        (*faces)[(*count)++] = more->faces[i];
    }
    return SL_OK;
}

sl_status sl_detector_find_small(sl_detector *d, const sl_image *image, float threshold, int min_face, sl_face **faces,
                                 size_t *count, sl_error *err)
{
    const int side = image->width > image->height ? image->width : image->height;
    const double needed = (double)d->kind->least_face / least_of(image, min_face);
    double scale = fmin(1, (double)view_side(d) / side);
    sl_status status = SL_OK;
    if (is_cut_out(image, min_face, *count))
        return SL_OK;
    while (status == SL_OK && scale * worthwhile < needed && *count < d->options.max_faces) {
        sl_face_list found = {0};
        scale = fmin(2 * scale, needed);
        status = look_at_scale(d, image, scale, threshold, *faces, *count, &found, err);
        if (status == SL_OK)
            status = append(faces, count, &found, d->options.max_faces, err);
        free(found.faces);
    }
    return status;
}
