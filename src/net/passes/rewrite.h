/* What the steps of specialisation share: a working graph whose shapes are known, edited in place. */
#ifndef SL_NET_REWRITE_H
#define SL_NET_REWRITE_H

#include "net/layers/layers.h"

/* Every node of `g` has known shapes; a node taken out has op SL_OP_COUNT. */
typedef struct {
    sl_graph *g;
    int cap;          /* length of the arrays below: tensors there can be */
    int *uses;        /* [cap] nodes that read the tensor, and one for each time it is a graph output */
    bool *wanted;     /* [cap] a graph output: stays as it is */
    sl_tensor *alias; /* [cap] another tensor of the same value, or -1 */
    int *pushed;      /* [nodes] a node applied to each input of this Concat instead of to its output, or -1 */
} sl_rewrite;

static inline sl_status sl_rewrite_no_memory(sl_error *err)
{
    return sl_no_memory(err, "to specialise the network");
}

/* ---- the steps ---- */

/* All of them, on every node in running order (fuse.c). */
sl_status sl_fuse_graph(sl_rewrite *r, sl_error *err);

/* per_channel.c, patterns.c: each looks at one node and at what produces its inputs. */
sl_status sl_fuse_affine(sl_rewrite *r, int node, sl_error *err);
sl_status sl_fuse_pad(sl_rewrite *r, int node, sl_error *err);
sl_status sl_fuse_scaled_input(sl_rewrite *r, int node, sl_error *err);
sl_status sl_fuse_matmul(sl_rewrite *r, int node, sl_error *err);
sl_status sl_fuse_prelu(sl_rewrite *r, int node, sl_error *err);
void sl_fuse_l2norm(sl_rewrite *r, int node);
void sl_fuse_softmax(sl_rewrite *r, int node);
void sl_fuse_transposed_softmax(sl_rewrite *r, int node);

/* ---- editing (rewrite.c) ---- */

/* Counts the readers of every tensor of r->g, which the caller has set; freed after a failure, too. */
sl_status sl_rewrite_start(sl_rewrite *r, sl_error *err);
void sl_rewrite_free(sl_rewrite *r);

static inline const sl_tensor_info *sl_tensor_of(const sl_rewrite *r, sl_tensor t)
{
    return &r->g->tensors[t];
}

/* The node that computes t when it is of kind `op` and, unless SL_FN_NONE, of function `fn`; else NULL. */
sl_node *sl_producer(const sl_rewrite *r, sl_tensor t, sl_op op, sl_fn fn);

/* Whether what computes t may be merged with the one reader of t: nothing else sees that tensor. */
bool sl_private(const sl_rewrite *r, sl_tensor t);

/* The constant `t` as one number per channel (axis 1) of `shape`: true when it broadcasts so.
 * values may be NULL. */
bool sl_per_channel(const sl_rewrite *r, sl_tensor t, const sl_shape *shape, double *values);

/* A constant of one float. */
bool sl_scalar(const sl_rewrite *r, sl_tensor t, float *value);

/* Gives a node another kind and other inputs; what nobody reads any more is taken out. */
void sl_become(sl_rewrite *r, int node, sl_op op, const sl_attr *attr, const sl_tensor *inputs, int n_inputs);

/* `first` takes over the output of `last`, which is taken out. */
void sl_absorb(sl_rewrite *r, int first, int last);

/* Takes out a node that changes nothing: readers of its output read its input instead. An output that was asked for
 * stays. */
void sl_bypass(sl_rewrite *r, sl_node *n);

/* A name that neither graph has. */
enum { SL_FRESH_NAME = 256 };
void sl_fresh_name(const sl_graph *a, const sl_graph *b, const char *like, char name[SL_FRESH_NAME]);

/* A new constant of floats; takes `data` (malloc'd) in any case. */
sl_status sl_new_const(sl_rewrite *r, const char *like, const sl_shape *shape, float *data, sl_tensor *out,
                       sl_error *err);

#endif
