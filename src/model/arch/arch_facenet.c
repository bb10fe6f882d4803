/* FaceNet's InceptionResnetV1, input 3x160x160 (only that size gives the 3x3 map). Paddings are 0 unless stated. */
#include "model/arch/arch_all.h"

static sl_act conv_relu(sl_net *n, sl_act x, int channels, sl_kernel k, const char *key)
{
    sl_net_enter(n, "%s", key);
    x = sl_net_conv(n, x, channels, k, "conv");
    x = sl_net_batchnorm(n, x, "bn");
    sl_net_leave(n);
    return sl_net_relu(n, x);
}

/* Kernels by their size: stride 1, and padded so that the picture keeps its size; valid: not padded. */
static const sl_kernel k1x1 = {1, 1, 1, 0, 0}, k3x3 = {3, 3, 1, 1, 1}, k1x7 = {1, 7, 1, 0, 3}, k7x1 = {7, 1, 1, 3, 0},
                       k1x3 = {1, 3, 1, 0, 1}, k3x1 = {3, 1, 1, 1, 0}, valid3x3 = {3, 3, 1, 0, 0},
                       half3x3 = {3, 3, 2, 0, 0};

/* x + scale * conv2d(concat(branches)); conv2d is 1x1 with a bias and without batch norm. */
static sl_act residual(sl_net *n, sl_act x, const sl_act *branches, int count, float scale)
{
    sl_act y = sl_net_conv_bias(n, sl_net_concat(n, branches, count), x.c, k1x1, "conv2d");
    return sl_net_add(n, sl_net_scale(n, y, scale), x);
}

static sl_act block35(sl_net *n, sl_act x)
{
    sl_act b0 = conv_relu(n, x, 32, k1x1, "branch0");
    sl_act b1 = conv_relu(n, x, 32, k1x1, "branch1.0");
    b1 = conv_relu(n, b1, 32, k3x3, "branch1.1");
    sl_act b2 = conv_relu(n, x, 32, k1x1, "branch2.0");
    b2 = conv_relu(n, b2, 32, k3x3, "branch2.1");
    b2 = conv_relu(n, b2, 32, k3x3, "branch2.2");
    return sl_net_relu(n, residual(n, x, (sl_act[]){b0, b1, b2}, 3, .17f));
}

static sl_act block17(sl_net *n, sl_act x)
{
    sl_act b0 = conv_relu(n, x, 128, k1x1, "branch0");
    sl_act b1 = conv_relu(n, x, 128, k1x1, "branch1.0");
    b1 = conv_relu(n, b1, 128, k1x7, "branch1.1");
    b1 = conv_relu(n, b1, 128, k7x1, "branch1.2");
    return sl_net_relu(n, residual(n, x, (sl_act[]){b0, b1}, 2, .10f));
}

/* The last one has scale 1 and no relu. */
static sl_act block8(sl_net *n, sl_act x, float scale)
{
    sl_act b0 = conv_relu(n, x, 192, k1x1, "branch0");
    sl_act b1 = conv_relu(n, x, 192, k1x1, "branch1.0");
    b1 = conv_relu(n, b1, 192, k1x3, "branch1.1");
    b1 = conv_relu(n, b1, 192, k3x1, "branch1.2");
    return residual(n, x, (sl_act[]){b0, b1}, 2, scale);
}

static sl_act last_block8(sl_net *n, sl_act x) { return block8(n, x, 1); }
static sl_act other_block8(sl_net *n, sl_act x) { return sl_net_relu(n, block8(n, x, .20f)); }

static sl_act mixed_6a(sl_net *n, sl_act x)
{
    sl_act b0 = conv_relu(n, x, 384, half3x3, "branch0");
    sl_act b1 = conv_relu(n, x, 192, k1x1, "branch1.0");
    b1 = conv_relu(n, b1, 192, k3x3, "branch1.1");
    b1 = conv_relu(n, b1, 256, half3x3, "branch1.2");
    return sl_net_concat(n, (sl_act[]){b0, b1, sl_net_max_pool(n, x, half3x3)}, 3);
}

static sl_act mixed_7a(sl_net *n, sl_act x)
{
    sl_act b0 = conv_relu(n, x, 256, k1x1, "branch0.0");
    b0 = conv_relu(n, b0, 384, half3x3, "branch0.1");
    sl_act b1 = conv_relu(n, x, 256, k1x1, "branch1.0");
    b1 = conv_relu(n, b1, 256, half3x3, "branch1.1");
    sl_act b2 = conv_relu(n, x, 256, k1x1, "branch2.0");
    b2 = conv_relu(n, b2, 256, k3x3, "branch2.1");
    b2 = conv_relu(n, b2, 256, half3x3, "branch2.2");
    return sl_net_concat(n, (sl_act[]){b0, b1, b2, sl_net_max_pool(n, x, half3x3)}, 4);
}

static sl_act in_module(sl_net *n, sl_act x, sl_act (*block)(sl_net *, sl_act), const char *key)
{
    sl_net_enter(n, "%s", key);
    x = block(n, x);
    sl_net_leave(n);
    return x;
}

static sl_act repeat(sl_net *n, sl_act x, sl_act (*block)(sl_net *, sl_act), int times, const char *key)
{
    for (int i = 0; i < times; i++) {
        sl_net_enter(n, "%s.%d", key, i);
        x = block(n, x);
        sl_net_leave(n);
    }
    return x;
}

static void describe_facenet(sl_net *n)
{
    n->epsilon = 1e-3f;
    sl_act x = sl_net_input(n); /*                       3 x 160 x 160 */
    x = conv_relu(n, x, 32, half3x3, "conv2d_1a"); /*         32 x 79 x 79 */
    x = conv_relu(n, x, 32, valid3x3, "conv2d_2a"); /*        32 x 77 x 77 */
    x = conv_relu(n, x, 64, k3x3, "conv2d_2b"); /*            64 x 77 x 77 */
    x = sl_net_max_pool(n, x, half3x3); /*               64 x 38 x 38 */
    x = conv_relu(n, x, 80, k1x1, "conv2d_3b"); /*            80 x 38 x 38 */
    x = conv_relu(n, x, 192, valid3x3, "conv2d_4a"); /*      192 x 36 x 36 */
    x = conv_relu(n, x, 256, half3x3, "conv2d_4b"); /*       256 x 17 x 17 */
    x = repeat(n, x, block35, 5, "repeat_1");
    x = in_module(n, x, mixed_6a, "mixed_6a"); /*            896 x 8 x 8 */
    x = repeat(n, x, block17, 10, "repeat_2");
    x = in_module(n, x, mixed_7a, "mixed_7a"); /*           1792 x 3 x 3 */
    x = repeat(n, x, other_block8, 5, "repeat_3");
    x = in_module(n, x, last_block8, "block8");
    sl_net_output(n, x, SL_ARCH_PATCH_MAP);

    x = sl_net_dense(n, sl_net_global_mean(n, x), 512, "last_linear");
    x = sl_net_batchnorm(n, x, "last_bn");
    sl_net_output(n, sl_net_l2norm(n, x), SL_ARCH_EMBEDDING);
    sl_net_unused(n, "logits.weight", (sl_shape){2, {8631, 512}});
    sl_net_unused(n, "logits.bias", (sl_shape){1, {8631}});
}

/* The dissertation's code feeds [0, 1]; the network was trained with (x - 127.5) / 128. */
const sl_arch sl_arch_facenet_ir1 = {
    .name = "facenet-ir1",
    .title = "FaceNet InceptionResnetV1 (vggface2), RGB 160x160",
    .channels = 3, .height = 160, .width = 160,
    .colour = SL_COLOUR_RGB,
    .published = SL_PIXEL_SCALE(0, 255),
    .corrected = SL_PIXEL_SCALE(127.5f, 128),
    .float_crops = true,
    .alignment = "facenet-160",
    .dim = 512, .rows = 3, .cols = 3, .patch_channels = 1792,
    .describe = describe_facenet,
};
