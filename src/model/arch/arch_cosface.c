/* CosFace's sphere20, input 3x112x96 (rows x columns): no batch norm anywhere. */
#include "model/arch/arch_all.h"

/* y = x + prelu2(conv2(prelu1(conv1(x)))), and nothing after the sum. */
static sl_act cosface_block(sl_net *n, sl_act x)
{
    sl_act y = sl_net_conv(n, x, x.c, sl_square(3, 1, 1), "conv1");
    y = sl_net_prelu(n, y, "prelu1");
    y = sl_net_conv(n, y, x.c, sl_square(3, 1, 1), "conv2");
    y = sl_net_prelu(n, y, "prelu2");
    return sl_net_add(n, x, y);
}

static void describe_cosface(sl_net *n)
{
    static const int blocks[4] = {1, 2, 4, 1};
    sl_act x = sl_net_input(n); /* 3 x 112 x 96 -> 56 x 48 -> 28 x 24 -> 14 x 12 -> 7 x 6 */
    for (int layer = 0, channels = 64; layer < 4; layer++, channels *= 2) {
        sl_net_enter(n, "layer%d", layer + 1);
        x = sl_net_conv_bias(n, x, channels, sl_square(3, 2, 1), "0");
        x = sl_net_prelu(n, x, "1");
        for (int i = 0; i < blocks[layer]; i++) {
            sl_net_enter(n, "%d", i + 2);
            x = cosface_block(n, x);
            sl_net_leave(n);
        }
        sl_net_leave(n);
        if (layer == 2)
            sl_net_output(n, x, "patch_map_14x12"); /* 256 x 14 x 12 */
    }
    sl_net_output(n, x, SL_ARCH_PATCH_MAP); /*           512 x 7 x 6 */
    sl_net_output(n, sl_net_dense_bias(n, sl_net_flatten(n, x), 512, "fc"), SL_ARCH_EMBEDDING);
}

/* (x / 255 - 0.5) / 0.5 */
const sl_arch sl_arch_cosface_s20 = {
    .name = "cosface-s20",
    .title = "CosFace sphere20, RGB 96x112 (wide x high)",
    .channels = 3, .height = 112, .width = 96,
    .colour = SL_COLOUR_RGB,
    .published = SL_PIXEL_SCALE(127.5f, 127.5f),
    .alignment = "cosface-96x112",
    .dim = 512, .rows = 7, .cols = 6, .patch_channels = 512,
    .describe = describe_cosface,
};
