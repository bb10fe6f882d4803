/* One network laid open down to a photo's pixels: how like another embedding a face is, and the slope of that.
 *
 *     photo --take--> crop --grey or BGR, (x - mean) / std--> network --> embedding . other = cosine
 *       ^               ^                                        |
 *       `- give back ---+---------- the transposes -----------  slope
 *
 * Everything but the network is linear; nothing rounds. */
#ifndef SL_ATTACK_SURROGATE_H
#define SL_ATTACK_SURROGATE_H

#include "face/align.h"
#include "model/encoder.h"

typedef struct {
    sl_recogniser recogniser;
    sl_encoder encoder;     /* whose weights the network has in place of the recogniser's; empty: its own */
    sl_encoder_parts parts;
    const sl_align_template *align;
    sl_graph *whole, *forward, *back;
    sl_plan *plan;    /* its outputs: cosine, embedding, slope by the picture */
    float *crop;      /* [height, width, 3] scratch */
    float *other;     /* [dim] the embedding that the cosine is to */
    sl_taking taking; /* of the face that is attacked */
} sl_surrogate;

/* By name or a manifest's path; encoder: as sl_encoder_choose takes it. Closed even after a failure. */
sl_status sl_surrogate_open(const char *models_dir, const char *model, const char *encoder, sl_surrogate *out,
                            sl_error *err);

/* The encoder's name, or the recogniser's. */
const char *sl_surrogate_name(const sl_surrogate *s);
void sl_surrogate_close(sl_surrogate *s);

/* Aims at a face of a photo by its five points. SL_ERR_NUMERIC where no crop can be taken by them. */
sl_status sl_surrogate_aim(sl_surrogate *s, const sl_image *photo, const sl_point points[5], sl_error *err);

/* The embedding [dim], not of unit length, of the face that is aimed at. */
sl_status sl_surrogate_embed(sl_surrogate *s, const sl_numbers *photo, float *embedding, sl_error *err);

/* Its cosine to `other`; and where slope is not NULL, the slope of that by every number of the window is added. */
sl_status sl_surrogate_cosine(sl_surrogate *s, const sl_numbers *photo, sl_numbers *slope, double *cosine,
                              sl_error *err);

/* The window's pixels that the crop is made of get numbers above 0. */
sl_status sl_surrogate_reach(sl_surrogate *s, sl_numbers *window, sl_error *err);

#endif
