/* MobileFaceNet, in the two layouts that are around: inverted residual blocks of the same widths, with clipped relus
 * (foamliu, 3x112x112) or PReLUs (Xiaoccer's, trained on CASIA, 3x112x96). */
#include "model/arch/arch_all.h"

static const sl_kernel k1x1 = {1, 1, 1, 0, 0}, k3x3 = {3, 3, 1, 1, 1}, half3x3 = {3, 3, 2, 1, 1};

/* The fifteen blocks: a run widens inside by `factor` and strides in its first. */
static const struct {
    int factor, channels, times, stride;
} runs[] = {{2, 64, 5, 2}, {4, 128, 1, 2}, {2, 128, 6, 1}, {4, 128, 1, 2}, {2, 128, 2, 1}};

typedef sl_act (*block_fn)(sl_net *n, sl_act x, int factor, sl_kernel middle, int channels);

static sl_act blocks(sl_net *n, sl_act x, block_fn block, const char *key)
{
    for (int run = 0, at = 0; run < 5; run++)
        for (int i = 0; i < runs[run].times; i++, at++) {
            int stride = i == 0 ? runs[run].stride : 1;
            sl_net_enter(n, "%s.%d.conv", key, at);
            sl_act y = block(n, x, runs[run].factor, stride == 2 ? half3x3 : k3x3, runs[run].channels);
            x = stride == 1 && x.c == y.c ? sl_net_add(n, x, y) : y;
            sl_net_leave(n);
        }
    return x;
}

/* ---- foamliu's ---- */

static sl_act clipped(sl_net *n, sl_act x, int channels, sl_kernel k, const char *key)
{
    sl_net_enter(n, "%s", key);
    x = channels ? sl_net_conv(n, x, channels, k, "0") : sl_net_depthwise(n, x, k, "0");
    x = sl_net_batchnorm(n, x, "1");
    sl_net_leave(n);
    return sl_net_relu6(n, x);
}

static sl_act clipped_block(sl_net *n, sl_act x, int factor, sl_kernel middle, int channels)
{
    x = clipped(n, x, x.c * factor, k1x1, "0");
    x = clipped(n, x, 0, middle, "1");
    x = sl_net_conv(n, x, channels, k1x1, "2");
    return sl_net_batchnorm(n, x, "3");
}

/* Its two batch norms come after both convolutions in the file. */
static sl_act separable(sl_net *n, sl_act x, int channels)
{
    x = sl_net_depthwise(n, x, k3x3, "dw_conv.depthwise");
    x = sl_net_relu(n, sl_net_batchnorm(n, x, "dw_conv.bn1"));
    x = sl_net_conv(n, x, channels, k1x1, "dw_conv.pointwise");
    return sl_net_relu(n, sl_net_batchnorm(n, x, "dw_conv.bn2"));
}

static void describe_mobilefacenet(sl_net *n)
{
    sl_act x = sl_net_input(n); /*                      3 x 112 x 112 */
    x = clipped(n, x, 64, half3x3, "conv1"); /*          64 x 56 x 56 */
    x = separable(n, x, 64);
    x = blocks(n, x, clipped_block, "features"); /*       128 x 7 x 7 */
    x = clipped(n, x, 512, k1x1, "conv2"); /*             512 x 7 x 7 */
    sl_net_output(n, x, SL_ARCH_PATCH_MAP);
    x = sl_net_depthwise(n, x, (sl_kernel){7, 7, 1, 0, 0}, "gdconv.depthwise");
    x = sl_net_batchnorm(n, x, "gdconv.bn");
    x = sl_net_flatten(n, sl_net_conv_bias(n, x, 128, k1x1, "conv3"));
    sl_net_output(n, sl_net_batchnorm(n, x, "bn"), SL_ARCH_EMBEDDING);
}

/* Pixels less ImageNet's mean, in its deviations. */
const sl_arch sl_arch_mobilefacenet = {
    .name = "mobilefacenet",
    .title = "MobileFaceNet with clipped relus (foamliu), RGB 112x112",
    .channels = 3, .height = 112, .width = 112,
    .colour = SL_COLOUR_RGB,
    .published = {{123.675f, 116.28f, 103.53f}, {58.395f, 57.12f, 57.375f}},
    .alignment = "arcface-112",
    .dim = 128, .rows = 7, .cols = 7, .patch_channels = 512,
    .describe = describe_mobilefacenet,
};

/* ---- Xiaoccer's ---- */

static sl_act linear(sl_net *n, sl_act x, int channels, sl_kernel k, const char *key)
{
    sl_net_enter(n, "%s", key);
    x = channels ? sl_net_conv(n, x, channels, k, "conv") : sl_net_depthwise(n, x, k, "conv");
    x = sl_net_batchnorm(n, x, "bn");
    sl_net_leave(n);
    return x;
}

static sl_act bent(sl_net *n, sl_act x, int channels, sl_kernel k, const char *key)
{
    x = linear(n, x, channels, k, key);
    sl_net_enter(n, "%s", key);
    x = sl_net_prelu(n, x, "prelu");
    sl_net_leave(n);
    return x;
}

static sl_act prelu_block(sl_net *n, sl_act x, int factor, sl_kernel middle, int channels)
{
    x = sl_net_conv(n, x, x.c * factor, k1x1, "0");
    x = sl_net_prelu(n, sl_net_batchnorm(n, x, "1"), "2");
    x = sl_net_depthwise(n, x, middle, "3");
    x = sl_net_prelu(n, sl_net_batchnorm(n, x, "4"), "5");
    x = sl_net_conv(n, x, channels, k1x1, "6");
    return sl_net_batchnorm(n, x, "7");
}

static void describe_prelu(sl_net *n)
{
    sl_act x = sl_net_input(n); /*                       3 x 112 x 96 */
    x = bent(n, x, 64, half3x3, "conv1"); /*             64 x 56 x 48 */
    x = bent(n, x, 0, k3x3, "dw_conv1");
    x = blocks(n, x, prelu_block, "blocks"); /*           128 x 7 x 6 */
    x = bent(n, x, 512, k1x1, "conv2"); /*                512 x 7 x 6 */
    sl_net_output(n, x, SL_ARCH_PATCH_MAP);
    x = linear(n, x, 0, (sl_kernel){7, 6, 1, 0, 0}, "linear7");
    x = linear(n, x, 128, k1x1, "linear1");
    sl_net_output(n, sl_net_flatten(n, x), SL_ARCH_EMBEDDING);
}

const sl_arch sl_arch_mobilefacenet_prelu = {
    .name = "mobilefacenet-prelu",
    .title = "MobileFaceNet with PReLUs, RGB 96x112 (wide x high)",
    .channels = 3, .height = 112, .width = 96,
    .colour = SL_COLOUR_RGB,
    .published = SL_PIXEL_SCALE(127.5f, 128),
    .alignment = "cosface-96x112",
    .dim = 128, .rows = 7, .cols = 6, .patch_channels = 512,
    .describe = describe_prelu,
};
