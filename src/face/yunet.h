/* YuNet, OpenCV's face detector (yunet.c says what it is). */
#ifndef SL_FACE_YUNET_H
#define SL_FACE_YUNET_H

#include "face/dense_detector.h"

extern const sl_detector_kind sl_detector_yunet;

#endif
