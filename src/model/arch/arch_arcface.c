/* ArcFace's ResNet-18 ("resnet_face18", without squeeze-and-excitation), input 1x128x128. */
#include "model/arch/arch_all.h"

/* y = prelu(bn2(conv2(prelu(bn1(conv1(bn0(x)))))) + r). conv2 widens and strides; both activations have one scalar
 * slope between them; r is x itself, not bn0(x). */
static sl_act arcface_block(sl_net *n, sl_act x, int channels, int stride)
{
    sl_act y = sl_net_batchnorm(n, x, "bn0"), r = x;
    y = sl_net_conv(n, y, x.c, sl_square(3, 1, 1), "conv1");
    y = sl_net_batchnorm(n, y, "bn1");
    y = sl_net_prelu_scalar(n, y, "prelu");
    y = sl_net_conv(n, y, channels, sl_square(3, stride, 1), "conv2");
    y = sl_net_batchnorm(n, y, "bn2");
    if (stride != 1) {
        r = sl_net_conv(n, x, channels, sl_square(1, stride, 0), "downsample.0");
        r = sl_net_batchnorm(n, r, "downsample.1");
    }
    return sl_net_prelu_scalar(n, sl_net_add(n, y, r), "prelu");
}

sl_act sl_arcface_map(sl_net *n, sl_act x)
{
    x = sl_net_conv(n, x, 64, sl_square(3, 1, 1), "conv1");
    x = sl_net_batchnorm(n, x, "bn1");
    x = sl_net_prelu_scalar(n, x, "prelu");
    x = sl_net_max_pool(n, x, sl_square(2, 2, 0)); /*                   64 x 64 x 64 */

    for (int layer = 1, channels = 64; layer <= 4; layer++, channels *= 2) {
        for (int i = 0; i < 2; i++) {
            sl_net_enter(n, "layer%d.%d", layer, i);
            x = arcface_block(n, x, channels, layer > 1 && i == 0 ? 2 : 1);
            sl_net_leave(n);
        }
        if (layer == 3)
            sl_net_output(n, x, "patch_map_16x16"); /*               256 x 16 x 16 */
    }
    x = sl_net_batchnorm(n, x, "bn4"); /*                              512 x 8 x 8 */
    sl_net_output(n, x, SL_ARCH_PATCH_MAP);
    return x;
}

static void describe_arcface(sl_net *n)
{
    sl_act x = sl_arcface_map(n, sl_net_input(n)); /*                  1 x 128 x 128 */
    sl_net_output(n, sl_net_average_pool(n, x, sl_square(2, 2, 0)), "patch_map_4x4");

    x = sl_net_dense_bias(n, sl_net_flatten(n, x), 512, "fc5");
    sl_net_output(n, sl_net_batchnorm(n, x, "bn5"), SL_ARCH_EMBEDDING);
}

/* Grey as the JPEG's own luma, (x - 127.5) / 127.5. */
const sl_arch sl_arch_arcface_r18 = {
    .name = "arcface-r18",
    .title = "ArcFace ResNet-18 (resnet_face18 without SE), grey 128x128",
    .channels = 1, .height = 128, .width = 128,
    .colour = SL_COLOUR_GREY,
    .published = SL_PIXEL_SCALE(127.5f, 127.5f),
    .alignment = "arcface-128",
    .dim = 512, .rows = 8, .cols = 8, .patch_channels = 512,
    .describe = describe_arcface,
};
