/* The inside of a plan, shared by what compiles it. Nodes become steps that run in order. Steps work on buffers, which
 * they know by number until all steps are known; then each buffer gets its place in one arena (arena.c), and each step
 * the addresses.
 *
 *     tensor     sl_place: the buffers that hold it, one for each form: dense, another layout, a narrower type
 *     node       steps, reorders in front where a tensor is not yet in the form that is wanted;
 *                or nothing, where it was merged into an earlier step (plan_posts.c)
 *     sl_step    run (state), data [k] = address of buffers [k]
 *     sl_buffer  its bytes, its first and last step; constants have memory of their own
 *
 * Files that stand on each other, from below:
 *
 *     plan_type.c, shared_weights.c      types; weights that plans share
 *     plan_build.c                       buffers, memory, steps
 *     plan_primitive.c                   oneDNN's primitives as steps, reorders
 *     plan_places.c                      where tensors are
 *     plan_posts.c, plan_layout.c        what can be merged; layouts that our own steps understand
 *     plan_conv.c, plan_elements.c, ..   a node's steps, each file for some kinds
 *     plan.c                             all nodes
 */
#ifndef SL_NET_PLAN_BUILD_H
#define SL_NET_PLAN_BUILD_H

#include "net/plan/dnnl_adapter.h"
#include "net/plan/plan.h"
#include "net/plan/ranges.h"
#include "net/plan/shared_weights.h"

enum { SL_STEP_BUFFERS = SL_MAX_NODE_INPUTS + 8 };

/* ---- buffers ---- */

typedef struct {
    size_t bytes;
    int first, last; /* steps between which it holds something; last = INT_MAX: for good */
    int pending;     /* reads of the tensors in it that are still to be compiled */
    size_t offset;   /* in the arena */
    void *data;      /* where it is; constants have it from the start (their memory is the plan's) */
    bool constant;
} sl_buffer;

/* ---- steps ---- */

typedef struct sl_step sl_step;
struct sl_step {
    sl_status (*run)(const sl_step *s, dnnl_stream_t stream, sl_error *err);
    void (*bind)(sl_step *s); /* called once `data` is known; may be NULL */
    void (*free_state)(void *state);
    void *state;
    void **data; /* [n_buffers] */
    int *buffers;
    int n_buffers;
    bool steady; /* reads nothing but constants and steady inputs */
};

struct sl_plan {
    sl_step *steps;
    int n_steps;
    sl_buffer *buffers;
    int n_buffers;
    void **owned; /* constants: reordered weights, copies of the graph's constants */
    int n_owned;
    size_t cap_steps, cap_buffers, cap_owned;
    void *arena;
    int scratch; /* the buffer all primitives work in, or -1 */
    dnnl_stream_t stream;
    int threads;
    int n_inputs, n_outputs;
    int *inputs, *outputs; /* buffers */
    sl_shape *input_shapes, *output_shapes;
};

/* ---- the state of compiling ---- */

/* Where a tensor is: in a dense buffer, in one of another layout, in one of a narrower type, in several of
 * them; -1 where not. */
typedef struct {
    int dense, other, narrow;
    sl_md md;        /* of `other`: f32 */
    sl_md narrow_md; /* of `narrow`: bf16, s8 or u8 */
    int uses; /* reads still to be compiled; an output counts as one that never comes */
} sl_place;

typedef struct {
    const sl_graph *g;
    sl_plan *plan;
    dnnl_engine_t engine;
    sl_place *places; /* [tensors] */
    int *reader;      /* [tensors] the one node that reads the tensor, -1: none or several */
    bool *done;       /* [nodes] compiled, maybe merged into an earlier one */
    int node;         /* being compiled */
    bool *varies;     /* [tensors] depends on an input that is not steady */
    bool steady;      /* what is being compiled does not */
    bool learns;      /* the graph has gradients */
    sl_compute precision;
    dnnl_data_type_t wide;   /* of layers that are not int8: bf16, or f32 */
    const sl_ranges *ranges; /* int8: of the tensors that are read so */
    sl_weights *weights;     /* NULL: the plan keeps its own */
} sl_build;

/* ---- types (plan_type.c) ---- */

static inline bool sl_is_int8(dnnl_data_type_t type) { return type == dnnl_s8 || type == dnnl_u8; }

bool sl_has_constant_weights(const sl_build *b, const sl_node *n);

/* The type in which a layer reads its input and its weights; f32 for whatever is no convolution or dense layer. */
dnnl_data_type_t sl_type_of(const sl_build *b, const sl_node *n);

/* s8 or u8 for a tensor with a range, else dnnl_data_type_undef. */
dnnl_data_type_t sl_int8_type(const sl_build *b, sl_tensor t);

/* Whether a kernel is one of oneDNN's loops that know no shape, which are slow. */
bool sl_is_reference(const_dnnl_primitive_desc_t pd);

/* Whether all that reads t reads it in this type. */
bool sl_read_as(const sl_build *b, sl_tensor t, dnnl_data_type_t type);

/* Whether a node is a GELU that only bf16 layers read: it may stay in bf16. */
bool sl_is_narrow_gelu(const sl_build *b, const sl_node *n);

/* Whether our own Winograd computes a convolution. */
bool sl_suits_winograd(const sl_graph *g, const sl_node *n);

/* ---- int8 (plan_int8.c) ---- */

/* Per output channel: what its weights are multiplied by to become int8, and its sums to become numbers again. */
typedef struct {
    int count;
    float *to_weights, *to_output; /* [count] */
} sl_int8;
sl_status sl_int8_scales(const sl_build *b, const sl_node *n, sl_int8 *out, sl_error *err);
void sl_int8_free(sl_int8 *x);

/* The layer's constant bias, as it is added to the sums. */
sl_status sl_int8_bias(sl_build *b, sl_tensor t, const sl_int8 *scales, int *buffer, sl_error *err);

/* ---- building (plan_build.c) ---- */

static inline sl_status sl_build_no_memory(sl_error *err)
{
    return sl_no_memory(err, "to compile the network");
}

/* An error that names the node being compiled. */
sl_status sl_build_fail(const sl_build *b, sl_error *err, const char *what);

/* A buffer of the arena, or around memory of the plan. Returns its index, or -1. */
int sl_new_buffer(sl_build *b, size_t bytes);
int sl_const_buffer(sl_build *b, void *data, size_t bytes);

/* 64-byte aligned memory, uninitialised, that lives as long as the plan; NULL when there is none. */
void *sl_plan_memory(sl_build *b, size_t bytes);

/* True when the node being compiled is the last that reads the buffer: it may write its output there. */
bool sl_last_read(const sl_build *b, int buffer);

/* Appends a step; takes `state` in any case. */
sl_status sl_add_step(sl_build *b, sl_status (*run)(const sl_step *, dnnl_stream_t, sl_error *),
                      void (*bind)(sl_step *), void (*free_state)(void *), void *state, const int *buffers,
                      int n_buffers, sl_error *err);

/* Something made of the graph's constant t alone, packed or reordered weights, laid out as `to`: `fill` writes it. Its
 * memory is the plan's, or shared with other plans (shared_weights.c). */
typedef sl_status (*sl_fill_fn)(sl_build *b, sl_tensor t, const void *context, void *out, sl_error *err);
sl_status sl_const_made(sl_build *b, sl_tensor t, const sl_md *to, sl_fill_fn fill, const void *context, void **data,
                        sl_error *err);
sl_status sl_shared_weights(sl_build *b, sl_tensor t, const sl_md *to, sl_fill_fn fill, const void *context,
                            void **data, sl_error *err);

/* ---- oneDNN primitives as steps (plan_primitive.c) ---- */

/* What a primitive runs on: argument args[i] has memory laid out as mds[i] in buffers[i]. */
enum { SL_MOST_ARGS = 9 };
typedef struct {
    int args[SL_MOST_ARGS + 2], buffers[SL_MOST_ARGS + 2]; /* two more for what sl_add_primitive brings */
    sl_md mds[SL_MOST_ARGS + 2];                           /* borrowed */
    size_t offsets[SL_MOST_ARGS + 2];                      /* where in their buffers they begin, in bytes */
    int count;
    const sl_scales *scales; /* of its attribute, or NULL */
} sl_arguments;
void sl_add_arg(sl_arguments *a, int arg, const sl_md *md, int buffer);

/* Appends the primitive with its scratchpad and, where it is handed them, its scales; takes `pd` in any case. */
sl_status sl_add_primitive(sl_build *b, dnnl_primitive_desc_t pd, sl_arguments *a, sl_error *err);

/* An attribute with the scratchpad in our hands and these post-operations (may be NULL). */
dnnl_primitive_attr_t sl_new_attr(dnnl_post_ops_t ops);

/* Appends a reorder of tensor t from one form to another, with int8's scale between them. */
sl_status sl_add_reorder(sl_build *b, sl_tensor t, const sl_md *from, int from_buffer, const sl_md *to, int to_buffer,
                         sl_error *err);

/* Memory laid out as `from` becomes `to`, at once. scales: NULL, or by the first axis. */
typedef struct {
    const sl_md *from, *to;
    const sl_scales *scales;
} sl_const_form;
sl_status sl_reorder_now(sl_build *b, const sl_const_form *form, const void *from, void *to, sl_error *err);

/* The graph's constant t, dense as `from`, reordered into `to`; *buffer is a constant one. scales: NULL, or what t
 * alone decides. */
sl_status sl_const_reorder(sl_build *b, sl_tensor t, const sl_md *from, const sl_md *to, const sl_scales *scales,
                           int *buffer, sl_error *err);

/* ---- where tensors are (plan_places.c) ---- */

/* Says that tensor t is in `buffer`, dense or laid out as `md`. */
void sl_bind_dense(sl_build *b, sl_tensor t, int buffer);
sl_status sl_bind_md(sl_build *b, sl_tensor t, const sl_md *md, int buffer, sl_error *err);

/* A new buffer for t. */
sl_status sl_make_dense(sl_build *b, sl_tensor t, int *buffer, sl_error *err);
sl_status sl_make_md(sl_build *b, sl_tensor t, const sl_md *md, int *buffer, sl_error *err);

/* The buffer that holds t dense / as `md`; appends a reorder when it is elsewhere. */
sl_status sl_want_dense(sl_build *b, sl_tensor t, int *buffer, sl_error *err);
sl_status sl_want_md(sl_build *b, sl_tensor t, const sl_md *md, int *buffer, sl_error *err);

/* A buffer that holds t, whose numbers count as of the shape `as` (weights by groups), as `md`: weights that change are
 * laid out anew in every run. */
sl_status sl_want_as(sl_build *b, sl_tensor t, const sl_shape *as, const sl_md *md, int *buffer, sl_error *err);

/* The reverse: appends what brings t from `buffer`, where it is laid out as `md`, into a dense buffer of its own. */
sl_status sl_bind_as(sl_build *b, sl_tensor t, const sl_shape *as, const sl_md *md, int buffer, sl_error *err);

/* Counts down what a compiled node reads. */
void sl_consume(sl_build *b, const sl_node *n);

/* ---- compiling one node; *done false: not a case for this way ---- */

sl_status sl_compile_conv(sl_build *b, const sl_node *n, bool *done, sl_error *err);     /* plan_conv.c */
sl_status sl_compile_long_dense(sl_build *b, const sl_node *n, bool *done, sl_error *err); /* plan_long_dense.c */
sl_status sl_compile_dense(sl_build *b, const sl_node *n, bool *done, sl_error *err);    /* plan_conv.c */
/* For a node that suits it (plan_winograd.c). */
sl_status sl_compile_winograd(sl_build *b, const sl_node *n, const sl_window *w, bool *done, sl_error *err);
sl_status sl_compile_conv_back(sl_build *b, const sl_node *n, bool *done, sl_error *err); /* plan_conv_back.c */
sl_status sl_compile_batchnorm(sl_build *b, const sl_node *n, bool *done, sl_error *err); /* plan_batchnorm.c */
sl_status sl_compile_slopes(sl_build *b, const sl_node *n, bool *done, sl_error *err);   /* plan_slopes.c */
sl_status sl_compile_matmul(sl_build *b, const sl_node *n, bool *done, sl_error *err);   /* plan_matmul.c */
sl_status sl_compile_pool(sl_build *b, const sl_node *n, bool *done, sl_error *err);     /* plan_pool.c */
sl_status sl_compile_elements(sl_build *b, const sl_node *n, bool *done, sl_error *err); /* plan_elements.c */
sl_status sl_compile_movement(sl_build *b, const sl_node *n, bool *done, sl_error *err); /* plan_movement.c */
sl_status sl_compile_resize(sl_build *b, const sl_node *n, bool *done, sl_error *err);   /* plan_resize.c */
sl_status sl_compile_axis(sl_build *b, const sl_node *n, bool *done, sl_error *err);     /* plan_axis.c */
sl_status sl_compile_views(sl_build *b, const sl_node *n, bool *done, sl_error *err);    /* plan_views.c */
sl_status sl_compile_reduce(sl_build *b, const sl_node *n, bool *done, sl_error *err);   /* plan_reduce.c */
sl_status sl_compile_layernorm(sl_build *b, const sl_node *n, bool *done, sl_error *err); /* plan_layernorm.c */
sl_status sl_compile_pool_back(sl_build *b, const sl_node *n, bool *done, sl_error *err); /* plan_pool_back.c */
sl_status sl_compile_reference(sl_build *b, const sl_node *n, sl_error *err);            /* plan_reference.c */

/* Gives all buffers their places and allocates the arena (arena.c). */
sl_status sl_place_buffers(sl_plan *plan, sl_error *err);

#endif
