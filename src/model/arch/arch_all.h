/* All architectures, each in its arch_NAME.c. */
#ifndef SL_MODEL_ARCH_ALL_H
#define SL_MODEL_ARCH_ALL_H

#include "model/arch/arch_net.h"

extern const sl_arch sl_arch_arcface_r18, sl_arch_cosface_s20, sl_arch_facenet_ir1, sl_arch_mobilefacenet,
    sl_arch_mobilefacenet_prelu, sl_arch_iresnet18, sl_arch_iresnet50, sl_arch_iresnet100, sl_arch_mtcnn_pnet,
    sl_arch_mtcnn_rnet, sl_arch_mtcnn_onet, sl_arch_tiny;

#endif
