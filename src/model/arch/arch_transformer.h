/* The transformers of Face-ViT, as its published code has them: what arch_vit.c and arch_hybrid.c are put together of.
 * Tokens of B photos are one tensor [B * count, width]; a sequence is a row of such pieces, which stay apart as long as
 * they can: what depends on one photo alone is then computed once for all that it is compared with.
 *
 *     [class token]  [patches of photo 1]  [separator]  [patches of photo 2]
 *          1 x 1           1 or N x R           1 x 1            N x R
 *
 * Published layer:  x = x + attention(x);  x = x + dense(gelu(dense(norm(x)))). Names are the published state
 * dict's. */
#ifndef SL_MODEL_ARCH_TRANSFORMER_H
#define SL_MODEL_ARCH_TRANSFORMER_H

#include "model/arch/arch_net.h"

enum { SL_VIT_PIECES = 4 };

typedef struct {
    sl_tensor x; /* [B * count, width] */
    int count;
    bool one; /* B may be 1 where others have N */
} sl_tokens;

typedef struct {
    sl_tokens piece[SL_VIT_PIECES];
    int n, count; /* pieces, tokens in all */
    sl_tensor batch; /* i64 [N, 1, 1]: what pieces of one are repeated by */
} sl_sequence;

/* Reads depth, heads, hidden, width and positions of a dict; `tokens` are those that positions are for. */
void sl_transformer_fit(sl_transformer *t, const sl_state_dict *dict);

/* Mentions the parameters of layers and class norm in the published order; norm: numbers of mlp_head.0. */
void sl_transformer_declare(sl_net *n, int norm);

/* The counter of dropouts as the graph's next input, where the row asks for any. */
void sl_transformer_counter(sl_net *n);

/* The sequence's next piece, with its positions: a learned token of this name, or the tokens given. */
void sl_sequence_start(sl_net *n, sl_sequence *s, sl_tensor sized);
void sl_sequence_learned(sl_net *n, sl_sequence *s, const char *key);
void sl_sequence_take(sl_net *n, sl_sequence *s, sl_tokens tokens);

/* All layers. Afterwards only the pieces whose bits are set in `read` are there; where that is the first alone, of one
 * token, the last layer computes nothing else. */
void sl_transformer_layers(sl_net *n, sl_sequence *s, unsigned read);

/* Layer norm over the last axis by KEY.weight and KEY.bias; a dense layer with bias. */
sl_tensor sl_vit_norm(sl_net *n, sl_tensor x, int width, const char *key);
sl_tensor sl_vit_dense(sl_net *n, sl_tensor x, int in, int out, bool bias, const char *key);
sl_tensor sl_vit_reshape(sl_net *n, sl_tensor x, const int64_t *shape, int rank);
sl_tensor sl_vit_transpose(sl_net *n, sl_tensor x, const int *perm, int rank);

#endif
