/* BlazeFace, MediaPipe's face detector (blazeface.c says what it is). */
#ifndef SL_FACE_BLAZEFACE_H
#define SL_FACE_BLAZEFACE_H

#include "face/dense_detector.h"

extern const sl_detector_kind sl_detector_blazeface;

#endif
