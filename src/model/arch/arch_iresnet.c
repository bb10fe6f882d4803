/* InsightFace's IResNet-18, -50 and -100 (arcface_torch), input 3x112x112. */
#include "model/arch/arch_all.h"

/* y = bn3(conv2(prelu(bn2(conv1(bn1(x)))))) + r: conv1 widens, conv2 strides. */
static sl_act iresnet_block(sl_net *n, sl_act x, int channels, int stride)
{
    sl_act y = sl_net_batchnorm(n, x, "bn1"), r = x;
    y = sl_net_conv(n, y, channels, sl_square(3, 1, 1), "conv1");
    y = sl_net_batchnorm(n, y, "bn2");
    y = sl_net_prelu(n, y, "prelu");
    y = sl_net_conv(n, y, channels, sl_square(3, stride, 1), "conv2");
    y = sl_net_batchnorm(n, y, "bn3");
    if (stride != 1) {
        r = sl_net_conv(n, x, channels, sl_square(1, stride, 0), "downsample.0");
        r = sl_net_batchnorm(n, r, "downsample.1");
    }
    return sl_net_add(n, y, r);
}

static void describe_iresnet(sl_net *n, const int blocks[4])
{
    sl_act x = sl_net_input(n); /*                         3 x 112 x 112 */
    x = sl_net_conv(n, x, 64, sl_square(3, 1, 1), "conv1");
    x = sl_net_batchnorm(n, x, "bn1");
    x = sl_net_prelu(n, x, "prelu");
    for (int layer = 0, channels = 64; layer < 4; layer++, channels *= 2) {
        for (int i = 0; i < blocks[layer]; i++) {
            sl_net_enter(n, "layer%d.%d", layer + 1, i);
            x = iresnet_block(n, x, channels, i == 0 ? 2 : 1);
            sl_net_leave(n);
        }
        if (layer == 2)
            sl_net_output(n, x, "patch_map_14x14"); /*   256 x 14 x 14 */
    }
    x = sl_net_batchnorm(n, x, "bn2"); /*                  512 x 7 x 7 */
    sl_net_output(n, x, SL_ARCH_PATCH_MAP);
    x = sl_net_dense_bias(n, sl_net_flatten(n, x), 512, "fc");
    sl_net_output(n, sl_net_batchnorm(n, x, "features"), SL_ARCH_EMBEDDING);
}

static void describe_18(sl_net *n) { describe_iresnet(n, (const int[]){2, 2, 2, 2}); }
static void describe_50(sl_net *n) { describe_iresnet(n, (const int[]){3, 4, 14, 3}); }
static void describe_100(sl_net *n) { describe_iresnet(n, (const int[]){3, 13, 30, 3}); }

/* (x / 255 - 0.5) / 0.5 */
#define IRESNET(depth, function)                                                         \
    {                                                                                    \
        .name = "iresnet" #depth, .title = "InsightFace IResNet-" #depth ", RGB 112x112", \
        .channels = 3, .height = 112, .width = 112, .colour = SL_COLOUR_RGB,             \
        .published = SL_PIXEL_SCALE(127.5f, 127.5f), .alignment = "arcface-112",                       \
        .dim = 512, .rows = 7, .cols = 7, .patch_channels = 512, .describe = (function), \
    }

const sl_arch sl_arch_iresnet18 = IRESNET(18, describe_18);
const sl_arch sl_arch_iresnet50 = IRESNET(50, describe_50);
const sl_arch sl_arch_iresnet100 = IRESNET(100, describe_100);
