/* SCRFD, InsightFace's detectors (scrfd.c says what it is). */
#ifndef SL_FACE_SCRFD_H
#define SL_FACE_SCRFD_H

#include "face/dense_detector.h"

extern const sl_detector_kind sl_detector_scrfd;

#endif
