/* All architectures, each in its arch_NAME.c. */
#ifndef SL_MODEL_ARCH_ALL_H
#define SL_MODEL_ARCH_ALL_H

#include "model/arch/arch_net.h"

extern const sl_arch sl_arch_arcface_r18, sl_arch_cosface_s20, sl_arch_facenet_ir1, sl_arch_mobilefacenet,
    sl_arch_mobilefacenet_prelu, sl_arch_iresnet18, sl_arch_iresnet50, sl_arch_iresnet100, sl_arch_mtcnn_pnet,
    sl_arch_mtcnn_rnet, sl_arch_mtcnn_onet, sl_arch_tiny, sl_arch_vit, sl_arch_h1, sl_arch_h2, sl_arch_h2l,
    sl_arch_ir50, sl_arch_ir101, sl_arch_ir152, sl_arch_irse50, sl_arch_ir50_plain, sl_arch_ir101_plain,
    sl_arch_points;

/* In no table: what H1 is above the map, [N, cells, width] -> embedding [N, width]. */
extern const sl_arch sl_arch_h1_head;
#define SL_HEAD_MAP "map"

/* ArcFace-18 from the picture to its patch map 512x8x8, which is an output, inside the modules entered. */
sl_act sl_arcface_map(sl_net *n, sl_act x);

#endif
