/* MTCNN's three networks (facenet-pytorch's layout of the authors' weights). Outputs are told apart by their channels,
 * as face/mtcnn.h wants them: scores [2], shifts of the box [4], and O-net's five points [10]. Valid convolutions;
 * pools may reach over the end. Dense layers read their input column by column. */
#include "face/mtcnn.h"
#include "model/arch/arch_all.h"

static const sl_kernel k1x1 = {1, 1, 1, 0, 0}, k2x2 = {2, 2, 1, 0, 0}, k3x3 = {3, 3, 1, 0, 0}, pool2 = {2, 2, 2, 0, 0},
                       pool3 = {3, 3, 2, 0, 0};

static sl_act conv_prelu(sl_net *n, sl_act x, int channels, sl_kernel k, const char *key, const char *slopes)
{
    return sl_net_prelu(n, sl_net_conv_bias(n, x, channels, k, key), slopes);
}

static void describe_pnet(sl_net *n)
{
    sl_act x = sl_net_input(n); /*                                                3 x h x w */
    x = conv_prelu(n, x, 10, k3x3, "conv1", "prelu1");
    x = sl_net_max_pool_ceil(n, x, pool2); /*                       10 x (h - 2)/2 x (w - 2)/2 */
    x = conv_prelu(n, x, 16, k3x3, "conv2", "prelu2");
    x = conv_prelu(n, x, 32, k3x3, "conv3", "prelu3");
    sl_net_output(n, sl_net_softmax(n, sl_net_conv_bias(n, x, 2, k1x1, "conv4_1")), "scores");
    sl_net_output(n, sl_net_conv_bias(n, x, 4, k1x1, "conv4_2"), "shifts");
}

static void describe_rnet(sl_net *n)
{
    sl_act x = sl_net_input(n); /*                              3 x 24 x 24 */
    x = conv_prelu(n, x, 28, k3x3, "conv1", "prelu1");
    x = sl_net_max_pool_ceil(n, x, pool3); /*                  28 x 11 x 11 */
    x = conv_prelu(n, x, 48, k3x3, "conv2", "prelu2");
    x = sl_net_max_pool_ceil(n, x, pool3); /*                    48 x 4 x 4 */
    x = conv_prelu(n, x, 64, k2x2, "conv3", "prelu3"); /*              64 x 3 x 3 */
    x = sl_net_dense_bias(n, sl_net_flatten_whc(n, x), 128, "dense4");
    x = sl_net_prelu(n, x, "prelu4");
    sl_net_output(n, sl_net_softmax(n, sl_net_dense_bias(n, x, 2, "dense5_1")), "scores");
    sl_net_output(n, sl_net_dense_bias(n, x, 4, "dense5_2"), "shifts");
}

static void describe_onet(sl_net *n)
{
    sl_act x = sl_net_input(n); /*                              3 x 48 x 48 */
    x = conv_prelu(n, x, 32, k3x3, "conv1", "prelu1");
    x = sl_net_max_pool_ceil(n, x, pool3); /*                  32 x 23 x 23 */
    x = conv_prelu(n, x, 64, k3x3, "conv2", "prelu2");
    x = sl_net_max_pool_ceil(n, x, pool3); /*                  64 x 10 x 10 */
    x = conv_prelu(n, x, 64, k3x3, "conv3", "prelu3");
    x = sl_net_max_pool_ceil(n, x, pool2); /*                    64 x 4 x 4 */
    x = conv_prelu(n, x, 128, k2x2, "conv4", "prelu4"); /*            128 x 3 x 3 */
    x = sl_net_dense_bias(n, sl_net_flatten_whc(n, x), 256, "dense5");
    x = sl_net_prelu(n, x, "prelu5");
    sl_net_output(n, sl_net_softmax(n, sl_net_dense_bias(n, x, 2, "dense6_1")), "scores");
    sl_net_output(n, sl_net_dense_bias(n, x, 4, "dense6_2"), "shifts");
    sl_net_output(n, sl_net_dense_bias(n, x, 10, "dense6_3"), "points");
}

#define MTCNN(part, side, words)                                                                                     \
    const sl_arch sl_arch_mtcnn_##part = {                                                                           \
        .name = "mtcnn-" #part,                                                                                      \
        .title = words,                                                                                              \
        .kind = SL_MODEL_DETECTOR,                                                                                   \
        .detector = &sl_detector_mtcnn,                                                                              \
        .channels = 3, .height = side, .width = side,                                                                \
        .colour = SL_COLOUR_RGB,                                                                                     \
        .published = SL_PIXEL_SCALE(127.5f, 128),                                                                    \
        .describe = describe_##part,                                                                                 \
    }

MTCNN(pnet, -1, "MTCNN's P-net, which proposes windows in RGB pictures of any size");
MTCNN(rnet, 24, "MTCNN's R-net, which looks at windows of 24x24");
MTCNN(onet, 48, "MTCNN's O-net, which looks at windows of 48x48 and finds five points");
