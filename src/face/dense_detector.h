/* Detectors that are one network which speaks of every place of a picture at once, with published post-processing:
 * what SCRFD, YuNet, UltraFace, BlazeFace and the RetinaFace of PyTorch have in common. The picture is put into the
 * network's input, and what comes out is brought back:
 *
 *     +-------------+         +-----------+
 *     |   picture   |  ---->  | scaled    |   by one factor, at the top left (or in the middle, or all over it)
 *     +-------------+         |-----------|
 *                             | black     |   outputs --decode--> faces in the input's pixels --> picture's
 *                             +-----------+
 */
#ifndef SL_FACE_DENSE_DETECTOR_H
#define SL_FACE_DENSE_DETECTOR_H

#include "face/detector.h"
#include "face/face_list.h"
#include "net/plan/plan_cache.h"

enum { SL_DENSE_OUTPUTS = 16 }; /* at most */

/* One output; data NULL where only shapes are known. */
typedef struct {
    const float *data;
    int64_t rows, channels; /* channels: the last dimension */
} sl_dense_output;

/* All outputs for an input of this size. */
typedef struct {
    sl_dense_output outputs[SL_DENSE_OUTPUTS];
    int count, width, height;
} sl_dense_look;

/* What tells one such detector from another. */
typedef struct {
    bool stretch;    /* the picture fills the input, whatever its shape */
    bool centred;    /* the picture lies in the middle of the input, and is sampled pixel by pixel */
    bool bgr;        /* the order of the planes */
    float mean[3], std; /* the network reads (pixel - mean of its plane) / std */
    int side;        /* of a network that takes any size: square inputs of this side; 0: as large as the picture is */
    float overlap;   /* IoU of two boxes above which the weaker one goes */
    bool blended;    /* or both become one, their mean by scores */
    bool (*fits)(const sl_dense_look *look); /* whether outputs of these shapes are such a network's */
    bool (*has_points)(const sl_dense_look *look);
    /* Adds the faces whose score reaches the threshold, in the input's pixels; false without memory. */
    bool (*decode)(const sl_dense_look *look, float threshold, sl_face_list *faces);
} sl_dense_rule;

typedef struct {
    sl_detector base;
    const sl_dense_rule *rule;
    const sl_graph *graph;
    int width, height; /* of the input; 0: any */
    sl_plan_cache plans;
} sl_dense;

bool sl_dense_fits(const sl_graph *graph, const sl_dense_rule *rule);

/* A kind's own open chooses the rule; close and find go into its row as they are. Each detector is an sl_dense. */
sl_status sl_dense_open(sl_detector *detector, const sl_dense_rule *rule, const sl_graph *graph, sl_error *err);
void sl_dense_close(sl_detector *detector);
sl_status sl_dense_find(sl_detector *detector, const sl_image *image, float threshold, sl_face **faces, size_t *count,
                        sl_error *err);

/* The points of a face of which only the box is known, where they lie in the mean. */
void sl_dense_guess_points(sl_face *face);

/* ---- grids.c: networks with outputs for each cell of three grids ---- */

typedef struct {
    int stride, rows, cols;
    const float *score[2]; /* [rows, cols, anchors]; the second one of networks that have two, else NULL */
    const float *box;      /* [rows, cols, anchors, 4] */
    const float *points;   /* [rows, cols, anchors, 10]; NULL: it has none */
} sl_grid;

enum { SL_GRIDS = 3 }; /* strides 8, 16, 32 */

/* Which output is what, by shapes alone. scores: how many a cell and anchor has. False: they are no such network's. */
bool sl_grids_of(const sl_dense_look *look, int anchors, int scores, sl_grid grids[SL_GRIDS]);

#endif
