/* UltraFace, the ultra light detector (ultraface.c says what it is). */
#ifndef SL_FACE_ULTRAFACE_H
#define SL_FACE_ULTRAFACE_H

#include "face/dense_detector.h"

extern const sl_detector_kind sl_detector_ultraface;

#endif
