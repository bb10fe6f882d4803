/* A network that learns in seconds, for trying things out: four convolutions over 3x32x32. */
#include "model/arch/arch_all.h"

static sl_act tiny_layer(sl_net *n, sl_act x, int channels, int stride, const char *key)
{
    sl_net_enter(n, "%s", key);
    x = sl_net_conv(n, x, channels, sl_square(3, stride, 1), "conv");
    x = sl_net_batchnorm(n, x, "bn");
    x = sl_net_prelu(n, x, "prelu");
    sl_net_leave(n);
    return x;
}

static void describe_tiny(sl_net *n)
{
    sl_act x = sl_net_input(n);            /*  3 x 32 x 32 */
    x = tiny_layer(n, x, 16, 2, "layer1"); /* 16 x 16 x 16 */
    x = tiny_layer(n, x, 32, 2, "layer2"); /* 32 x 8 x 8 */
    x = tiny_layer(n, x, 32, 1, "layer3");
    x = tiny_layer(n, x, 64, 2, "layer4"); /* 64 x 4 x 4 */
    sl_net_output(n, x, SL_ARCH_PATCH_MAP);
    x = sl_net_dense_bias(n, sl_net_flatten(n, x), 32, "head");
    sl_net_output(n, x, SL_ARCH_EMBEDDING);
}

const sl_arch sl_arch_tiny = {
    .name = "tiny",
    .title = "four convolutions, RGB 32x32, to try things out with",
    .channels = 3,
    .height = 32,
    .width = 32,
    .colour = SL_COLOUR_RGB,
    .published = SL_PIXEL_SCALE(127.5f, 128),
    .alignment = "arcface-112",
    .dim = 32,
    .rows = 4,
    .cols = 4,
    .patch_channels = 64,
    .describe = describe_tiny,
};
