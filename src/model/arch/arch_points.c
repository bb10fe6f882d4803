/* Where the five points of an aligned face are, and how far each is hidden (face/hidden_points.h): six convolutions
 * over a view of 3x64x64, and two dense layers. The batch norm between these keeps the ReLU's numbers alive: without it
 * most of them fall silent (docs/lab/points.md). */
#include "face/hidden_points.h"
#include "model/arch/arch_all.h"

static sl_act layer(sl_net *n, sl_act x, int channels, int stride, const char *key)
{
    sl_net_enter(n, "%s", key);
    x = sl_net_conv(n, x, channels, sl_square(3, stride, 1), "conv");
    x = sl_net_batchnorm(n, x, "bn");
    x = sl_net_relu(n, x);
    sl_net_leave(n);
    return x;
}

static void describe_points(sl_net *n)
{
    sl_act x = sl_net_input(n);       /*  3 x 64 x 64 */
    x = layer(n, x, 16, 2, "layer1"); /* 16 x 32 x 32 */
    x = layer(n, x, 32, 2, "layer2"); /* 32 x 16 x 16 */
    x = layer(n, x, 48, 1, "layer3");
    x = layer(n, x, 64, 2, "layer4"); /* 64 x 8 x 8 */
    x = layer(n, x, 64, 1, "layer5");
    x = layer(n, x, 48, 2, "layer6"); /* 48 x 4 x 4 */
    x = sl_net_dense_bias(n, sl_net_flatten(n, x), 64, "hidden");
    x = sl_net_relu(n, sl_net_batchnorm(n, x, "bn"));
    x = sl_net_dense_bias(n, x, SL_POINTS_TOLD, "told");
    sl_net_output(n, x, SL_ARCH_POINTS);
}

const sl_arch sl_arch_points = {
    .name = "points",
    .title = "five points of a face that something covers",
    .kind = SL_MODEL_POINTS,
    .channels = 3,
    .height = SL_POINTS_VIEW,
    .width = SL_POINTS_VIEW,
    .colour = SL_COLOUR_RGB,
    .published = SL_PIXEL_SCALE(127.5f, 64),
    .describe = describe_points,
};
