/* IR and IR-SE of face.evoLVe, InsightFace_Pytorch and CurricularFace (He et al. 2016 with a norm first; Hu et al.
 * 2018; Huang et al. 2020), input 3x112x112. They differ from arch_iresnet.c in where norms stand, and in their
 * names. */
#include "model/arch/arch_all.h"

enum { REDUCTION = 16 }; /* of channels, within a squeeze */

/* x times how much each of its channels matters: sigmoid(fc2(relu(fc1(mean(x))))). */
static sl_act squeeze(sl_net *n, sl_act x)
{
    sl_act y = sl_net_average_pool(n, x, (sl_kernel){x.h, x.w, 1, 0, 0});
    y = sl_net_relu(n, sl_net_conv(n, y, x.c / REDUCTION, sl_square(1, 1, 0), "fc1"));
    return sl_net_gate(n, x, sl_net_conv(n, y, x.c, sl_square(1, 1, 0), "fc2"));
}

/* y = bn(conv(prelu(conv(bn(x))))), squeezed or not, + r: the first conv widens, the second strides. */
static sl_act irse_unit(sl_net *n, sl_act x, int channels, int stride, bool squeezed)
{
    sl_act y = sl_net_batchnorm(n, x, "res_layer.0"), r = x;
    y = sl_net_conv(n, y, channels, sl_square(3, 1, 1), "res_layer.1");
    y = sl_net_prelu(n, y, "res_layer.2");
    y = sl_net_conv(n, y, channels, sl_square(3, stride, 1), "res_layer.3");
    y = sl_net_batchnorm(n, y, "res_layer.4");
    if (squeezed) {
        sl_net_enter(n, "res_layer.5");
        y = squeeze(n, y);
        sl_net_leave(n);
    }
    if (x.c != channels) {
        r = sl_net_conv(n, x, channels, sl_square(1, stride, 0), "shortcut_layer.0");
        r = sl_net_batchnorm(n, r, "shortcut_layer.1");
    } else if (stride != 1) /* every second pixel */
        r = sl_net_max_pool(n, x, sl_square(1, stride, 0));
    return sl_net_add(n, y, r);
}

typedef struct {
    int units[4];
    bool squeezed;
    bool plain; /* the embedding's norm has no scale and no shift: CurricularFace */
} irse;

static void describe_irse(sl_net *n, const irse *form)
{
    sl_act x = sl_net_input(n); /*                         3 x 112 x 112 */
    x = sl_net_conv(n, x, 64, sl_square(3, 1, 1), "input_layer.0");
    x = sl_net_batchnorm(n, x, "input_layer.1");
    x = sl_net_prelu(n, x, "input_layer.2");
    for (int stage = 0, channels = 64, at = 0; stage < 4; stage++, channels *= 2) {
        for (int i = 0; i < form->units[stage]; i++) {
            sl_net_enter(n, "body.%d", at++);
            x = irse_unit(n, x, channels, i == 0 ? 2 : 1, form->squeezed);
            sl_net_leave(n);
        }
        if (stage == 2)
            sl_net_output(n, x, "patch_map_14x14"); /*   256 x 14 x 14 */
    }
    x = sl_net_batchnorm(n, x, "output_layer.0"); /*       512 x 7 x 7 */
    sl_net_output(n, x, SL_ARCH_PATCH_MAP);
    x = sl_net_dense_bias(n, sl_net_flatten(n, x), 512, "output_layer.3");
    x = form->plain ? sl_net_batchnorm_plain(n, x, "output_layer.4") : sl_net_batchnorm(n, x, "output_layer.4");
    sl_net_output(n, x, SL_ARCH_EMBEDDING);
}

#define UNITS_50 {3, 4, 14, 3}
#define UNITS_101 {3, 13, 30, 3}
#define UNITS_152 {3, 8, 36, 3}

/* (x / 255 - 0.5) / 0.5 */
#define IRSE(row, kind, layers, says, squeeze, no_affine)                                                     \
    static void describe_##row(sl_net *n) { describe_irse(n, &(const irse){layers, squeeze, no_affine}); }    \
    const sl_arch sl_arch_##row = {                                                                           \
        .name = kind, .title = says ", RGB 112x112",                                                          \
        .channels = 3, .height = 112, .width = 112, .colour = SL_COLOUR_RGB,                                  \
        .published = SL_PIXEL_SCALE(127.5f, 127.5f), .alignment = "arcface-112",                              \
        .dim = 512, .rows = 7, .cols = 7, .patch_channels = 512, .describe = describe_##row,                  \
    }

IRSE(ir50, "ir50", UNITS_50, "face.evoLVe's IR-50", false, false);
IRSE(ir101, "ir101", UNITS_101, "face.evoLVe's IR-101", false, false);
IRSE(ir152, "ir152", UNITS_152, "face.evoLVe's IR-152", false, false);
IRSE(irse50, "irse50", UNITS_50, "IR-SE-50 of InsightFace_Pytorch and face.evoLVe", true, false);
IRSE(ir50_plain, "ir50-plain", UNITS_50, "CurricularFace's IR-50", false, true);
IRSE(ir101_plain, "ir101-plain", UNITS_101, "CurricularFace's IR-101", false, true);
