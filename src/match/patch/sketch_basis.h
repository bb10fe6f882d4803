/* The directions of sketches: of a sample of a gallery's patches, their mean and those in which they differ most. */
#ifndef SL_MATCH_SKETCH_BASIS_H
#define SL_MATCH_SKETCH_BASIS_H

#include "match/match.h"

/* The int8 rows of `set` are nearly the directions; `turn` makes what they give orthonormal. */
typedef struct {
    sl_match_layout layout; /* SL_SKETCH_DIM "patches" of C channels */
    sl_patch_set set;
    void *memory;
    float *turn; /* [2, SL_SKETCH_DIM, SL_SKETCH_DIM / 2] */
} sl_sketch_basis;

/* Faces whose patches cannot be read do not take part. */
sl_status sl_sketch_basis_make(sl_face_store faces, sl_sketch_basis *out, sl_error *err);
void sl_sketch_basis_free(sl_sketch_basis *basis);

/* t [R, SL_SKETCH_DIM] of an int8 set's unit patches. products: scratch [rows of the set, SL_SKETCH_DIM]. */
void sl_sketch_coordinates(const sl_sketch_basis *basis, const sl_patch_set *set, float *products, float *t);

#endif
