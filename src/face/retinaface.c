/* RetinaFace on whole pictures: in which size they are looked at, and which of the faces are kept. A picture is looked
 * at as it is, or scaled down to the options' long side; a large one once more in small, for a face that fills it:
 *
 *     first look, long side at most 1280     all faces
 *     coarse look, long side 320             only those of more than 3/8 of the picture's long side
 *                                            joined: what is only a part of such a face goes
 */
#include "face/retinaface.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "face/face_list.h"
#include "image/image.h"

typedef struct {
    sl_detector base;
    sl_retinaface_network network;
} retinaface;

static const float most_overlap = .4f; /* IoU of two boxes above which the weaker one goes */

/* ---- one look ---- */

/* The size in which the picture is looked at. */
typedef struct {
    int width, height;
} view;

static view view_of(const sl_image *image, int max_side)
{
    int side = image->width > image->height ? image->width : image->height;
    double scale = side > max_side ? (double)max_side / side : 1;
    view v = {.width = (int)lround(image->width * scale), .height = (int)lround(image->height * scale)};
    v.width = v.width < 1 ? 1 : v.width;
    v.height = v.height < 1 ? 1 : v.height;
    return v;
}

/* Pixels of the scaled picture to pixels of the photo; centres are at integers. */
static void to_photo(sl_face *f, double sx, double sy)
{
    float ax = (float)sx, bx = (float)(.5 * sx - .5), ay = (float)sy, by = (float)(.5 * sy - .5);
    f->box = (sl_box){ax * f->box.x0 + bx, ay * f->box.y0 + by, ax * f->box.x1 + bx, ay * f->box.y1 + by};
    for (int i = 0; i < 5; i++)
        f->points[i] = (sl_point){ax * f->points[i].x + bx, ay * f->points[i].y + by};
}

/* The faces of one view in the photo's pixels, best first, not yet thinned. */
static sl_status faces_of_view(retinaface *r, const sl_image *image, const view *v, float threshold,
                               sl_face **faces, size_t *count, sl_error *err)
{
    sl_retinaface_head heads[SL_RETINAFACE_HEADS];
    *faces = NULL;
    *count = 0;
    if (v->width == image->width && v->height == image->height) {
        SL_TRY(sl_retinaface_look(&r->network, image, false, SL_RETINAFACE_HEADS, heads, err));
    } else {
        sl_image scaled;
        SL_TRY(sl_image_shrink(image, v->width, v->height, &scaled, err));
        sl_status status = sl_retinaface_look(&r->network, &scaled, false, SL_RETINAFACE_HEADS, heads, err);
        sl_image_free(&scaled);
        SL_TRY(status);
    }
    SL_TRY(sl_retinaface_decode(heads, SL_RETINAFACE_HEADS, threshold, faces, count, err));
    for (size_t i = 0; i < *count; i++)
        to_photo(&(*faces)[i], (double)image->width / v->width, (double)image->height / v->height);
    return SL_OK;
}

/* ---- both looks ---- */

/* A face that fills the picture is larger than any anchor: a second, coarse look finds it. Only faces of more than
 * this part of the long side are taken from there, the others are better seen in the first one. */
enum { COARSE_FROM = 400, COARSE_SIDE = 320 };
static const float coarse_part = .375f;

/* Those of the coarse look that are large enough, thinned. */
static sl_status large_faces(retinaface *r, const sl_image *image, float threshold, sl_face **faces, size_t *count,
                             sl_error *err)
{
    view v = view_of(image, COARSE_SIDE);
    size_t n, kept = 0;
    SL_TRY(faces_of_view(r, image, &v, threshold, faces, &n, err));
    float least = coarse_part * (float)(image->width > image->height ? image->width : image->height);
    for (size_t i = 0; i < n; i++)
        if ((*faces)[i].box.y1 - (*faces)[i].box.y0 > least)
            (*faces)[kept++] = (*faces)[i];
    *count = sl_faces_suppress(*faces, kept, most_overlap, r->base.options.max_faces);
    return SL_OK;
}

/* True for a box that lies inside a much larger one: what a close look takes for a face within a face. */
static bool is_part_of(const sl_box *part, const sl_box *whole)
{
    float w = fminf(part->x1, whole->x1) - fmaxf(part->x0, whole->x0);
    float h = fminf(part->y1, whole->y1) - fmaxf(part->y0, whole->y0);
    float area = (part->x1 - part->x0) * (part->y1 - part->y0);
    return w > 0 && h > 0 && w * h > .8f * area && area < .4f * (whole->x1 - whole->x0) * (whole->y1 - whole->y0);
}

/* Adds the large faces and drops what is only a part of one; sorted, not thinned. */
static sl_status join_faces(sl_face **faces, size_t *count, const sl_face *large, size_t n_large, sl_error *err)
{
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++) {
        size_t j = 0;
        while (j < n_large && !is_part_of(&(*faces)[i].box, &large[j].box))
            j++;
        if (j == n_large)
            (*faces)[kept++] = (*faces)[i];
    }
    *count = kept;
    if (!n_large)
        return SL_OK;
    sl_face *joined = sl_realloc_array(*faces, kept + n_large, sizeof *joined);
    if (!joined)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for %zu faces", kept + n_large);
    memcpy(joined + kept, large, n_large * sizeof *joined);
    *faces = joined;
    *count += n_large;
    sl_faces_sort(joined, *count);
    return SL_OK;
}

/* All faces of both looks at the whole picture, thinned. */
static sl_status find(sl_detector *d, const sl_image *image, float threshold, sl_face **faces, size_t *count,
                      sl_error *err)
{
    retinaface *r = (retinaface *)d;
    view v = view_of(image, d->options.max_side);
    SL_TRY(faces_of_view(r, image, &v, threshold, faces, count, err));
    if (v.width > COARSE_FROM || v.height > COARSE_FROM) {
        sl_face *large;
        size_t n_large;
        sl_status status = large_faces(r, image, threshold, &large, &n_large, err);
        if (status == SL_OK)
            status = join_faces(faces, count, large, n_large, err);
        free(large);
        SL_TRY(status);
    }
    *count = sl_faces_suppress(*faces, *count, most_overlap, d->options.max_faces);
    return SL_OK;
}

/* ---- the kind ---- */

static sl_status refine(sl_detector *d, const sl_image *image, sl_face *face, sl_error *err)
{
    return sl_retinaface_refine(&((retinaface *)d)->network, image, face, err);
}

static void close_network(sl_detector *d) { sl_retinaface_network_close(&((retinaface *)d)->network); }

static sl_status open_network(sl_detector *d, const sl_detector_network *networks, sl_error *err)
{
    return sl_retinaface_network_open(networks[0].graph, d->options.threads, &((retinaface *)d)->network, err);
}

const sl_detector_kind sl_detector_retinaface = {
    .name = "retinaface",
    .networks = 1,
    .threshold = .8f,
    .least_face = 40,
    .size = sizeof(retinaface),
    .fits = sl_retinaface_network_fits,
    .open = open_network,
    .close = close_network,
    .find = find,
    .refine = refine,
};
