/* A detector by its manifest: its networks opened, in the order in which they look at a picture. Immutable; each
 * session opens an sl_detector of its own on it. */
#ifndef SL_MODEL_DETECTOR_MODEL_H
#define SL_MODEL_DETECTOR_MODEL_H

#include "model/network.h"

typedef struct {
    const sl_detector_kind *kind;
    float threshold;                           /* score from which it is a face */
    sl_network networks[SL_DETECTOR_NETWORKS]; /* [kind->networks]; the last one is the named model's own */
    sl_network points; /* what corrects its points; graph NULL: nothing does */
} sl_detector_model;

/* own_points: its points stand as it has them, whatever the manifest names to correct them. */
sl_status sl_detector_model_open(const char *models_dir, const char *name, bool own_points, sl_detector_model *out,
                                 sl_error *err);
void sl_detector_model_close(sl_detector_model *model);

/* A detector with the usual options on these networks, which must outlive it. */
sl_status sl_detector_model_start(const sl_detector_model *model, int threads, sl_detector **out, sl_error *err);

#endif
