/* The table of detectors, and what holds for all of them: which options, pictures and thresholds are sound. A new
 * detector is a file of its own and a row here (CONTRIBUTING.md). */
#include "face/detector.h"

#include <stdlib.h>
#include <string.h>

#include "face/blazeface.h"
#include "face/mtcnn.h"
#include "face/pytorch_retinaface.h"
#include "face/retinaface.h"
#include "face/scrfd.h"
#include "face/ultraface.h"
#include "face/yunet.h"
#include "image/image.h"

enum { MIN_SIDE = 32, MAX_SIDE = 8192 };

static const sl_detector_kind *const kinds[] = {
    &sl_detector_retinaface,
    &sl_detector_mtcnn,
    &sl_detector_scrfd,
    &sl_detector_yunet,
    &sl_detector_ultraface,
    &sl_detector_blazeface,
    &sl_detector_pytorch_retinaface,
};

enum { KINDS = sizeof kinds / sizeof *kinds };

const sl_detector_kind *sl_detector_kind_at(int i) { return i < KINDS ? kinds[i] : NULL; }

const sl_detector_kind *sl_detector_kind_find(const char *name)
{
    for (int i = 0; i < KINDS; i++)
        if (strcmp(kinds[i]->name, name) == 0)
            return kinds[i];
    return NULL;
}

const sl_detector_kind *sl_detector_kind_of(const sl_graph *network)
{
    for (int i = 0; i < KINDS; i++)
        if (kinds[i]->fits(network))
            return kinds[i];
    return NULL;
}

sl_status sl_detector_kind_check(const sl_detector_kind *kind, const sl_graph *network, sl_error *err)
{
    if (kind->fits(network))
        return SL_OK;
    const sl_detector_kind *other = sl_detector_kind_of(network);
    if (other)
        return sl_fail(err, SL_ERR_UNSUPPORTED, "the network is no %s but %s: say \"detector\": \"%s\" in its manifest",
                       kind->name, other->name, other->name);
    return sl_fail(err, SL_ERR_UNSUPPORTED, "the network's inputs and outputs are those of no detector that is known "
                   "here: %s", "retinaface (mnet.25), mtcnn, scrfd, yunet, ultraface, blazeface and "
                   "pytorch-retinaface are");
}

sl_detector_options sl_detector_defaults(int threads)
{
    return (sl_detector_options){.threads = threads, .max_side = 1280, .max_faces = 1000};
}

sl_status sl_detector_open(const sl_detector_kind *kind, const sl_detector_network *networks,
                           const sl_detector_options *options, sl_detector **out, sl_error *err)
{
    *out = NULL;
    if (options->max_side < MIN_SIDE || options->max_side > MAX_SIDE || !options->max_faces)
        return sl_fail(err, SL_ERR_ARGUMENT, "detector: max_side must be %d to %d, max_faces above 0", MIN_SIDE,
                       MAX_SIDE);
    sl_detector *d = calloc(1, kind->size);
    if (!d)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for a detector");
    d->kind = kind;
    d->options = *options;
    sl_status status = kind->open(d, networks, err);
    if (status == SL_OK && options->points)
        status = sl_hidden_points_open(options->points, options->threads, &d->points, err);
    d->options.points = NULL;
    if (status != SL_OK)
        sl_detector_close(d);
    else
        *out = d;
    return status;
}

void sl_detector_close(sl_detector *detector)
{
    if (!detector)
        return;
    detector->kind->close(detector);
    sl_hidden_points_close(&detector->points);
    free(detector);
}

sl_status sl_detector_find(sl_detector *d, const sl_image *image, float threshold, sl_face **faces, size_t *count,
                           sl_error *err)
{
    *faces = NULL;
    *count = 0;
    SL_TRY(sl_image_check(image, err));
    if (!(threshold > 0 && threshold <= 1))
        return sl_fail(err, SL_ERR_ARGUMENT, "detector: threshold %g is not in (0, 1]", (double)threshold);
    sl_status status = d->kind->find(d, image, threshold, faces, count, err);
    if (status != SL_OK) {
        free(*faces);
        *faces = NULL;
        *count = 0;
    }
    return status;
}

sl_status sl_detector_refine(sl_detector *d, const sl_image *image, sl_face *face, sl_error *err)
{
    if (d->kind->refine)
        SL_TRY(d->kind->refine(d, image, face, err));
    return d->points.plan ? sl_hidden_points_correct(&d->points, image, face->points, err) : SL_OK;
}
