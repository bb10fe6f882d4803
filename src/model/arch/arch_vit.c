/* Model V of Face-ViT ("ViT_face"): a transformer over 14x14 patches of the picture itself. */
#include "model/arch/arch_all.h"
#include "model/arch/arch_transformer.h"

enum { SIDE = 8 /* of a patch, pixels */ };

static void fit_vit(sl_arch *own, const sl_state_dict *dict)
{
    sl_transformer_fit(&own->transformer, dict);
    own->dim = own->patch_channels = own->transformer.width;
}

/* [N, 3, 112, 112] -> [N * 196, 192]; within a patch: row, column, channel. */
static sl_tensor cut_patches(sl_net *n, sl_tensor x)
{
    const sl_arch *a = n->arch;
    const int64_t cut[6] = {-1, a->channels, a->rows, SIDE, a->cols, SIDE}, flat[2] = {-1, SIDE * SIDE * a->channels};
    x = sl_vit_transpose(n, sl_vit_reshape(n, x, cut, 6), (int[]){0, 2, 4, 3, 5, 1}, 6);
    return sl_vit_reshape(n, x, flat, 2);
}

/* Tokens [N * cells, width] as the map [N, width, rows, cols]. */
static sl_tensor as_map(sl_net *n, sl_tensor x)
{
    const sl_arch *a = n->arch;
    x = sl_vit_reshape(n, x, (int64_t[]){-1, a->rows, a->cols, a->transformer.width}, 4);
    return sl_vit_transpose(n, x, (int[]){0, 3, 1, 2}, 4);
}

static void describe_vit(sl_net *n)
{
    const sl_transformer *t = &n->arch->transformer;
    const int cells = n->arch->rows * n->arch->cols, numbers = SIDE * SIDE * n->arch->channels;
    sl_sequence s;
    sl_net_parameter(n, "pos_embedding", NULL, (sl_shape){3, {1, t->positions, t->width}});
    sl_net_parameter(n, "cls_token", NULL, (sl_shape){3, {1, 1, t->width}});
    sl_net_parameter(n, "patch_to_embedding", "weight", (sl_shape){2, {t->width, numbers}});
    sl_net_parameter(n, "patch_to_embedding", "bias", (sl_shape){1, {t->width}});
    sl_transformer_declare(n, t->width);

    const sl_act picture = sl_net_input(n);
    sl_transformer_counter(n);
    sl_sequence_start(n, &s, picture.tensor);
    sl_tensor x = sl_vit_dense(n, cut_patches(n, picture.tensor), numbers, t->width, true, "patch_to_embedding");
    sl_sequence_learned(n, &s, "cls_token");
    sl_sequence_take(n, &s, (sl_tokens){x, cells, false});
    sl_transformer_layers(n, &s, 3);
    sl_net_name(n, as_map(n, s.piece[1].x), SL_ARCH_PATCH_MAP);
    sl_net_name(n, sl_vit_norm(n, s.piece[0].x, t->width, "mlp_head.0"), SL_ARCH_EMBEDDING);
}

/* RGB from 0 to 255, as it is. Its patch map is the last layer's tokens, as the published drawings read them. */
const sl_arch sl_arch_vit = {
    .name = "vit",
    .title = "Face-ViT's model V (ViT_face), RGB 112x112",
    .channels = 3, .height = 112, .width = 112,
    .colour = SL_COLOUR_RGB,
    .published = SL_PIXEL_SCALE(0, 1),
    .alignment = "arcface-112",
    .dim = 512, .rows = 14, .cols = 14, .patch_channels = 512,
    .transformer = {.depth = 20, .heads = 8, .hidden = 2048, .width = 512, .cells = 196, .positions = 197,
                    .form = SL_VIT_PRE_NORM},
    .fit = fit_vit,
    .describe = describe_vit,
};
