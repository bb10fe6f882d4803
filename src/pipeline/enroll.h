/* A photo on its way into a gallery: what one worker of an enrolment makes of it. */
#ifndef SL_PIPELINE_ENROLL_H
#define SL_PIPELINE_ENROLL_H

#include <stdbool.h>

#include "pipeline/engine.h"

/* A face that is to be added. */
typedef struct {
    sl_image crop;
    sl_template *template; /* complete */
    sl_point landmarks[68];
    int has_landmarks;
    sl_box box;
    sl_quality quality;
    int number; /* 1 for a photo's first face */
} sl_enroll_face;

/* What became of a photo. */
typedef struct {
    const sl_photo *photo;
    sl_error why; /* status SL_OK: the faces are to be added */
    sl_enroll_face *faces;
    size_t count;
    bool low_quality;
} sl_outcome;

/* One thread's part of an enrolment. */
typedef struct {
    const sl_enroll_options *options;
    sl_precision precision; /* of the patches */
    sl_session *session;
    sl_enroll_cpu spent;
    double since; /* when the present stage began */
} sl_enroll_worker;

/* Reads, searches, aligns and embeds: outcomes [count] with their photos set, else zero. */
void sl_enroll_work(sl_enroll_worker *worker, sl_outcome *outcomes, size_t count);

void sl_outcome_clear(sl_outcome *outcome);

#endif
