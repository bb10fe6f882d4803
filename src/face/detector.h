/* Finding faces, whatever the detector. A kind of detector is a row of the table in detector.c; what it does inside is
 * its own business (retinaface.h, mtcnn.h). Everybody else sees only this:
 *
 *     "detector": "mtcnn" of a manifest -> kind --open(its networks)--> detector, one thread's own
 *
 *     picture --find---> faces: box, score and five points, best score first
 *     face ----refine--> its points as exact as this kind can tell them, and how surely it stands upright
 */
#ifndef SL_FACE_DETECTOR_H
#define SL_FACE_DETECTOR_H

#include <stdbool.h>

#include "face/hidden_points.h"
#include "net/graph.h"

/* A face whose `upright` is this or more convinces: the picture is the right way up, and is not looked at turned. The
 * scale is the same for all kinds (docs/results.md, "Turned photos", has what it was set by): upright faces get .98 and
 * more but for 2 % of them, faces upside down less. A kind whose scores lie elsewhere moves them there; one that cannot
 * tell says that all faces convince. */
#define SL_FACE_CONVINCES .98f

/* One network of a detector; the graph must outlive the detector. */
typedef struct {
    const sl_graph *graph;
    bool transposed; /* it reads pictures column by column, as the manifest says */
} sl_detector_network;

enum { SL_DETECTOR_NETWORKS = 3 }; /* at most */

typedef struct {
    int threads;      /* of one network run */
    int max_side;     /* a picture with a longer side is looked at scaled down to this */
    size_t max_faces; /* of a picture: the best ones */
    const sl_graph *points; /* what corrects points that something hides; may go once the detector is open. NULL:
                               nothing */
} sl_detector_options;

/* Long side 1280, 1,000 faces, points as the detector has them. */
sl_detector_options sl_detector_defaults(int threads);

typedef struct sl_detector sl_detector;

typedef struct {
    const char *name; /* in manifests */
    int networks;     /* 1, or as many as a cascade has, in the order in which they look */
    float threshold;  /* score from which it is a face, where neither manifest nor caller says */

    int side;         /* a picture with a longer side is looked at scaled down to this; 0: to the options' max_side */
    float least_face; /* height in pixels, at the size that is looked at, from which faces are found */

    size_t size; /* of its struct, which begins with an sl_detector */

    /* Whether this is the (last) network of such a detector, by its inputs and outputs. */
    bool (*fits)(const sl_graph *network);

    /* Given a zeroed struct whose beginning is filled in. SL_ERR_UNSUPPORTED, here or at the first picture, for
     * networks of another kind. close, also after open has failed, frees what the struct holds; not the struct. */
    sl_status (*open)(sl_detector *detector, const sl_detector_network *networks, sl_error *err);
    void (*close)(sl_detector *detector);

    /* As sl_detector_find; the picture and the threshold are sound. *faces and *count are NULL and 0 before. */
    sl_status (*find)(sl_detector *detector, const sl_image *image, float threshold, sl_face **faces, size_t *count,
                      sl_error *err);

    /* As sl_detector_refine; NULL for a kind whose faces are as exact as they get when they are found. */
    sl_status (*refine)(sl_detector *detector, const sl_image *image, sl_face *face, sl_error *err);
} sl_detector_kind;

/* The beginning of every kind's struct. */
struct sl_detector {
    const sl_detector_kind *kind;
    sl_detector_options options;
    bool guesses_points; /* it knows boxes alone: its five points are where they lie in the mean */
    sl_hidden_points points; /* empty: its points stand as they are */
};

/* By name; NULL for another one. sl_detector_kind_at(i): all of them, NULL behind the last. */
const sl_detector_kind *sl_detector_kind_find(const char *name);
const sl_detector_kind *sl_detector_kind_at(int i);

/* The kind that a network is of; NULL where it is none's. */
const sl_detector_kind *sl_detector_kind_of(const sl_graph *network);

/* SL_ERR_UNSUPPORTED for a (last) network that is not of this kind; the text names the kind that it is of, if any. */
sl_status sl_detector_kind_check(const sl_detector_kind *kind, const sl_graph *network, sl_error *err);

/* networks: [kind->networks]. SL_ERR_ARGUMENT for options out of range. */
sl_status sl_detector_open(const sl_detector_kind *kind, const sl_detector_network *networks,
                           const sl_detector_options *options, sl_detector **out, sl_error *err);
void sl_detector_close(sl_detector *detector);

/* The faces of an RGB or grey picture of any size whose score reaches `threshold`, best score first, in the picture's
 * pixels: box, score and points, and `upright` where the kind knows it by now; quality and landmarks are not set.
 * *faces is NULL when *count is 0; free() it. */
sl_status sl_detector_find(sl_detector *detector, const sl_image *image, float threshold, sl_face **faces,
                           size_t *count, sl_error *err);

/* Adds the faces that were too small for that: *faces [*count] is what sl_detector_find gave, and stays in front.
 * min_face: height in pixels of the picture; 0: 20, or a 56th of the root of its area where that is more, which takes
 * some five times as long as sl_detector_find; nothing more in a picture of less than 480 x 480 in which a face was
 * found. What min_face asks for takes as long as its square falls. */
sl_status sl_detector_find_small(sl_detector *detector, const sl_image *image, float threshold, int min_face,
                                 sl_face **faces, size_t *count, sl_error *err);

/* A closer look at a face that is to be used, in the picture that it was found in: sets its points and `upright`, and
 * corrects the points that are hidden. */
sl_status sl_detector_refine(sl_detector *detector, const sl_image *image, sl_face *face, sl_error *err);

#endif
