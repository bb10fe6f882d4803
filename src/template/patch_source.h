/* A face as it is stored, in place: nothing is copied. Matching sees stored faces only so, and does not know
 * whether they lie in a gallery, in a template or in a caller's arrays.
 *
 *     folder gallery ---.
 *     template ----------+--> sl_patch_source --> match: patch sets, contributions, sketches
 *     caller's map -----' */
#ifndef SL_TEMPLATE_PATCH_SOURCE_H
#define SL_TEMPLATE_PATCH_SOURCE_H

#include "template/template.h"

/* One face's map as it is stored: either int8 with one scale each patch, or f32. */
typedef struct {
    const int8_t *patches_i8; /* [map_rows * map_cols, channels], with patch_scales [map_rows * map_cols] */
    const float *patch_scales;
    const float *patches_f32;  /* or this; the other two NULL */
    const uint8_t *codes;      /* or compact: contributions [map_rows * map_cols, sl_code_bytes(dim)] with
                                  patch_scales */
    const float *centre;       /* and [map_rows * map_cols, dim] what they are around */
    const float *embedding;    /* [dim], any length; only for SL_WEIGHT_CC, else may be NULL */
    const sl_point *landmarks; /* 68 in units of the crop's side; only for SL_WEIGHT_LMK, else may be NULL */
    const float *contributions; /* [map_rows * map_cols, dim] where they are at hand (match/oae/contributions.h), else
                                   NULL; the feature contributions compares these */
    const float *trust; /* [map_rows * map_cols] of a query, only for SL_WEIGHT_TRUST, else NULL */
} sl_patch_source;

sl_patch_source sl_patch_source_of(const sl_template *t);
sl_patch_source sl_patch_source_of_map(const sl_patch_map *map);

/* Many stored faces of one shape, 0 .. count - 1: a gallery (sl_gallery_faces). A value; copy it freely. What it gives
 * is valid until the store behind it changes or is closed. Threads may call together. */
typedef struct {
    const sl_template_shape *shape;
    size_t count;
    const void *context; /* first argument of what follows */
    /* The patches alone; SL_ERR_UNSUPPORTED, with the way out, where embeddings alone are stored. */
    sl_status (*patches)(const void *context, size_t i, sl_patch_source *out, sl_error *err);
    sl_status (*embedding)(const void *context, size_t i, const float **out, sl_error *err); /* [D], unit length */
    sl_status (*landmarks)(const void *context, size_t i, const sl_point **out, sl_error *err); /* NULL: it has none */
    const char *(*name)(const void *context, size_t i); /* its image id, for messages */
} sl_face_store;

#endif
