/* The RetinaFace of Pytorch_Retinaface (pytorch_retinaface.c says what it is). */
#ifndef SL_FACE_PYTORCH_RETINAFACE_H
#define SL_FACE_PYTORCH_RETINAFACE_H

#include "face/dense_detector.h"

extern const sl_detector_kind sl_detector_pytorch_retinaface;

#endif
