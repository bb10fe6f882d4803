/* Face-ViT's hybrids: a transformer over the patch map of a network, of one photo (H1) or of two (H2, H2L). */
#include "model/arch/arch_all.h"
#include "model/arch/arch_transformer.h"

enum { MOST_CELLS = 256, MOST_DIM = 4096, CLASSES = 2 /* of H2: two people, one */ };

static sl_shape token_shape(const sl_net *n, int64_t tokens)
{
    return (sl_shape){3, {1, tokens, n->arch->transformer.width}};
}

static void declare_tokens(sl_net *n, bool separator)
{
    const sl_transformer *t = &n->arch->transformer;
    if (separator)
        sl_net_parameter(n, "sep", NULL, token_shape(n, 1));
    if (t->positions)
        sl_net_parameter(n, "pos_embedding", NULL, token_shape(n, t->positions));
    sl_net_parameter(n, "cls_token", NULL, token_shape(n, 1));
}

/* ---- H1: one photo, the network inside ---- */

static void fit_h1(sl_arch *own, const sl_state_dict *dict)
{
    sl_transformer_fit(&own->transformer, dict);
    own->dim = own->transformer.width;
}

/* Of the network inside, what leads to its own embedding is not needed. */
static void leave_embedding(sl_net *n, int numbers)
{
    static const char *const norm[] = {"bn5.weight", "bn5.bias", "bn5.running_mean", "bn5.running_var"};
    const int dim = 512;
    sl_net_unused(n, "fc5.weight", (sl_shape){2, {dim, numbers}});
    sl_net_unused(n, "fc5.bias", (sl_shape){1, {dim}});
    for (int i = 0; i < 4; i++)
        sl_net_unused(n, norm[i], (sl_shape){1, {dim}});
    sl_net_unused(n, "bn5.num_batches_tracked", (sl_shape){0});
}

/* [class token, patches] through the layers; the class token is the embedding. tokens [N * cells, width]. */
static void embed_tokens(sl_net *n, sl_tensor sized, sl_tensor tokens, int cells)
{
    sl_sequence s;
    sl_sequence_start(n, &s, sized);
    sl_sequence_learned(n, &s, "cls_token");
    sl_sequence_take(n, &s, (sl_tokens){tokens, cells, false});
    sl_transformer_layers(n, &s, 1);
    sl_net_name(n, sl_vit_norm(n, s.piece[0].x, n->arch->transformer.width, "mlp_head.0"), SL_ARCH_EMBEDDING);
}

static void describe_h1(sl_net *n)
{
    declare_tokens(n, false);
    sl_transformer_declare(n, n->arch->transformer.width);
    sl_net_enter(n, "face_model");
    const sl_act map = sl_arcface_map(n, sl_net_input(n));
    leave_embedding(n, map.c * map.h * map.w);
    sl_net_leave(n);

    sl_transformer_counter(n);
    sl_tensor x = sl_vit_reshape(n, map.tensor, (int64_t[]){0, map.c, map.h * map.w}, 3);
    x = sl_vit_reshape(n, sl_vit_transpose(n, x, (int[]){0, 2, 1}, 3), (int64_t[]){-1, map.c}, 2);
    embed_tokens(n, map.tensor, x, map.h * map.w);
}

const sl_arch sl_arch_h1 = {
    .name = "h1",
    .title = "Face-ViT's model H1 (Hybrid_ViT) over ArcFace ResNet-18, grey 128x128",
    .channels = 1, .height = 128, .width = 128,
    .colour = SL_COLOUR_GREY,
    .published = SL_PIXEL_SCALE(127.5f, 127.5f),
    .alignment = "arcface-128",
    .dim = 512, .rows = 8, .cols = 8, .patch_channels = 512,
    .transformer = {.depth = 1, .heads = 4, .hidden = 2048, .width = 512, .cells = 64, .positions = 129},
    .fit = fit_h1,
    .describe = describe_h1,
};

/* ---- H1's transformer alone, over the map of any network ---- */

static void describe_h1_head(sl_net *n)
{
    const sl_transformer *t = &n->arch->transformer;
    declare_tokens(n, false);
    sl_transformer_declare(n, t->width);
    const sl_tensor map = sl_net_input_of(n, SL_HEAD_MAP, &(sl_shape){3, {-1, t->cells, t->width}});
    sl_transformer_counter(n);
    embed_tokens(n, map, sl_vit_reshape(n, map, (int64_t[]){-1, t->width}, 2), t->cells);
}

/* Of no published file, so the table of architectures has it not: a model is made of it and of the network below
 * (train/task_maps.c). */
const sl_arch sl_arch_h1_head = {
    .name = "h1",
    .title = "Face-ViT's model H1 over another network's patch map",
    .dim = 512,
    .transformer = {.depth = 1, .heads = 4, .hidden = 2048, .width = 512, .cells = 64, .positions = 65},
    .fit = fit_h1,
    .describe = describe_h1_head,
};

/* ---- two photos ---- */

enum { FIRST = 1, SECOND = 3 }; /* pieces of the sequence */

/* [class token, photo 1, separator, photo 2]; the first photo may be one for all of the second. */
static void take_two_photos(sl_net *n, sl_sequence *s)
{
    const int cells = n->arch->transformer.cells, width = n->arch->transformer.width;
    const sl_shape shape = {3, {-1, cells, width}};
    const int64_t flat[2] = {-1, width};
    const sl_tensor first = sl_net_input_of(n, SL_LOOK_FIRST, &shape),
                    second = sl_net_input_of(n, SL_LOOK_SECOND, &shape);
    sl_transformer_counter(n);
    sl_sequence_start(n, s, second);
    sl_sequence_learned(n, s, "cls_token");
    sl_sequence_take(n, s, (sl_tokens){sl_vit_reshape(n, first, flat, 2), cells, true});
    sl_sequence_learned(n, s, "sep");
    sl_sequence_take(n, s, (sl_tokens){sl_vit_reshape(n, second, flat, 2), cells, false});
}

/* ---- H2: from the class token, are they one person? ---- */

static void fit_h2(sl_arch *own, const sl_state_dict *dict)
{
    sl_transformer *t = &own->transformer;
    sl_transformer_fit(t, dict);
    if (t->positions >= 4 && t->positions / 2 - 1 <= MOST_CELLS)
        t->cells = t->positions / 2 - 1;
}

static void describe_h2(sl_net *n)
{
    const sl_transformer *t = &n->arch->transformer;
    const int64_t one = 1, two = 2;
    sl_sequence s;
    declare_tokens(n, true);
    sl_transformer_declare(n, t->width);
    take_two_photos(n, &s);
    sl_transformer_layers(n, &s, 1);
    sl_tensor x = sl_vit_norm(n, s.piece[0].x, t->width, "mlp_head.0");
    sl_tensor logits = sl_vit_dense(n, x, t->width, CLASSES, true, "fc");
    x = sl_net_node(n, SL_OP_SOFTMAX, &(sl_attr){.axis = 1}, &logits, 1, "softmax");
    const sl_tensor cut[4] = {x, sl_net_ints(n, &one, 1), sl_net_ints(n, &two, 1), sl_net_ints(n, &one, 1)};
    x = sl_vit_reshape(n, sl_net_node(n, SL_OP_SLICE, NULL, cut, 4, "slice"), (int64_t[]){-1}, 1);
    sl_net_name(n, x, SL_LOOK_SCORE);
    sl_net_name(n, logits, SL_LOOK_LOGITS);
}

/* Its score is the probability of one person. */
const sl_arch sl_arch_h2 = {
    .name = "h2",
    .title = "Face-ViT's model H2 (ViT_face_model with use_cls): two photos' patch maps, one person or two",
    .kind = SL_MODEL_LOOK,
    .dim = CLASSES,
    .transformer = {.depth = 1, .heads = 1, .hidden = 2048, .width = 512, .cells = 64, .positions = 130},
    .fit = fit_h2,
    .describe = describe_h2,
};

/* ---- H2L: each photo's tokens, which have seen the other's, make its feature ---- */

static void fit_h2l(sl_arch *own, const sl_state_dict *dict)
{
    sl_transformer *t = &own->transformer;
    sl_transformer_fit(t, dict);
    const sl_weight *fc1 = sl_state_dict_find(dict, "fc1.weight"), *fc = sl_state_dict_find(dict, "fc.weight"),
                    *w = fc1 ? fc1 : fc;
    t->single = !fc1 && fc;
    if (!w || w->shape.rank != 2 || w->shape.dim[0] > MOST_DIM || w->shape.dim[1] > (int64_t)MOST_CELLS * t->width ||
        w->shape.dim[0] < 1 || w->shape.dim[1] < t->width)
        return;
    own->dim = (int)w->shape.dim[0];
    t->cells = (int)(w->shape.dim[1] / t->width);
}

static const char *const dense[2][2] = {{"fc1", "fc2"}, {"fc", "fc"}}, *const norms[2][2] = {{"bn1", "bn2"},
                                                                                             {"bn", "bn"}};

/* Equations 4.5 and 4.6 say layer norm, the published code has batch norm. */
static void declare_features(sl_net *n)
{
    const sl_arch *a = n->arch;
    const sl_transformer *t = &a->transformer;
    const int both = t->single ? 1 : 2;
    sl_tensor unused[4];
    for (int i = 0; i < both && t->form != SL_VIT_TEXT; i++)
        sl_net_batchnorm_parameters(n, norms[t->single][i], a->dim, unused);
    for (int i = 0; i < both; i++) {
        sl_net_parameter(n, dense[t->single][i], "weight", (sl_shape){2, {a->dim, (int64_t)t->cells * t->width}});
        sl_net_parameter(n, dense[t->single][i], "bias", (sl_shape){1, {a->dim}});
    }
}

static sl_tensor feature_of(sl_net *n, const sl_tokens *tokens, int photo)
{
    const sl_arch *a = n->arch;
    const int single = a->transformer.single, numbers = a->transformer.cells * a->transformer.width;
    sl_tensor x = sl_vit_reshape(n, tokens->x, (int64_t[]){-1, numbers}, 2);
    x = sl_vit_dense(n, x, numbers, a->dim, true, dense[single][photo]);
    if (a->transformer.form == SL_VIT_TEXT)
        return sl_vit_norm(n, x, a->dim, "mlp_head.0");
    const sl_act flat = {.tensor = x, .c = a->dim, .h = 1, .w = 1, .flat = true};
    return sl_net_batchnorm(n, flat, norms[single][photo]).tensor;
}

static sl_tensor unit(sl_net *n, sl_tensor x)
{
    return sl_net_node(n, SL_OP_L2NORM, &(sl_attr){.axis = 1, .a = 1e-12f}, &x, 1, "unit");
}

static void describe_h2l(sl_net *n)
{
    const sl_arch *a = n->arch;
    sl_sequence s;
    declare_tokens(n, true);
    sl_transformer_declare(n, a->dim);
    declare_features(n);
    take_two_photos(n, &s);
    sl_transformer_layers(n, &s, 1u << FIRST | 1u << SECOND);
    sl_net_mark(n, s.piece[FIRST].x, SL_LOOK_TOKENS_FIRST);
    sl_net_mark(n, s.piece[SECOND].x, SL_LOOK_TOKENS_SECOND);
    const sl_tensor f[2] = {feature_of(n, &s.piece[FIRST], 0), feature_of(n, &s.piece[SECOND], 1)};
    const sl_tensor units[2] = {unit(n, f[0]), unit(n, f[1])};
    sl_tensor cosine = sl_net_node(n, SL_OP_BINARY, &(sl_attr){.fn = SL_FN_MUL}, units, 2, "products");
    cosine = sl_net_node(n, SL_OP_REDUCE, &(sl_attr){.fn = SL_FN_SUM, .axes = {1}, .n_axes = 1}, &cosine, 1, "cosine");
    sl_net_name(n, cosine, SL_LOOK_SCORE);
    sl_net_name(n, f[0], "feature_1");
    sl_net_name(n, f[1], "feature_2");
    /* What the loss sees of both, one behind the other: [2 N, dim]. */
    const sl_tensor both = sl_net_node(n, SL_OP_CONCAT, &(sl_attr){.axis = 0}, f, 2, "both");
    sl_net_name(n, a->transformer.form == SL_VIT_TEXT ? both : sl_vit_norm(n, both, a->dim, "mlp_head.0"),
                SL_LOOK_FEATURES);
}

/* Its score is the cosine of both features. Not symmetric: the query is the first photo. */
const sl_arch sl_arch_h2l = {
    .name = "h2l",
    .title = "Face-ViT's model H2L (ViT_face_model): two photos' patch maps, a feature of each",
    .kind = SL_MODEL_LOOK,
    .dim = 512,
    .transformer = {.depth = 1, .heads = 2, .hidden = 2048, .width = 512, .cells = 64, .positions = 130},
    .fit = fit_h2l,
    .describe = describe_h2l,
};
