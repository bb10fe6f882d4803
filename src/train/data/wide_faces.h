/* The main faces of whole photos, small and with what is around them, in memory: what points are learned from. Their
 * five points, by a detector on the uncovered photo, are the truth that covers will hide. */
#ifndef SL_TRAIN_WIDE_FACES_H
#define SL_TRAIN_WIDE_FACES_H

#include "base/ticker.h"
#include "train/data/source.h"

/* Side of a picture: the aligned face in the middle, half a crop more on each side, two of a crop's pixels to one. */
enum { SL_WIDE_SIDE = 112 };

typedef struct {
    sl_image picture;     /* RGB, SL_WIDE_SIDE square */
    sl_point points[5];   /* in its pixels, like .. */
    sl_point landmarks[68];
} sl_wide_face;

/* Those of a source of whole photos in which the engine finds a face and landmarks, in the source's order. Free with
 * sl_wide_faces_free. SL_ERR_NOT_FOUND where there is none. */
sl_status sl_wide_faces_find(const sl_source *photos, const sl_engine *engine, int threads, sl_ticker *ticker,
                             sl_wide_face **out, size_t *count, sl_error *err);
void sl_wide_faces_free(sl_wide_face *faces, size_t count);

#endif
