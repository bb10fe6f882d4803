/* Walking a description: tensors are looked up or listed, layers become nodes. */
#include "model/arch/arch_net.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* ---- names ---- */

void sl_net_enter(sl_net *n, const char *format, ...)
{
    size_t length = strlen(n->path);
    if (n->depth < SL_NET_DEPTH)
        n->ends[n->depth] = length;
    n->depth++;
    if (length && length + 1 < sizeof n->path)
        n->path[length++] = '.';
    va_list list;
    va_start(list, format);
    vsnprintf(n->path + length, sizeof n->path - length, format, list);
    va_end(list);
}

void sl_net_leave(sl_net *n)
{
    n->depth--;
    n->path[n->depth < SL_NET_DEPTH ? n->ends[n->depth] : 0] = 0;
}

static void keep_status(sl_net *n, sl_status status)
{
    if (n->status == SL_OK)
        n->status = status;
}

/* PATH.KEY.SUFFIX; suffix may be NULL. */
static void full_name(sl_net *n, const char *key, const char *suffix, char out[SL_NET_NAME])
{
    int length = snprintf(out, SL_NET_NAME, "%s%s%s%s%s", n->path, *n->path ? "." : "", key, suffix ? "." : "",
                          suffix ? suffix : "");
    if (length >= SL_NET_NAME)
        keep_status(n, sl_fail(n->err, SL_ERR_INTERNAL, "%s: the name %s is too long", n->arch->name, out));
}

/* ---- parameters ---- */

static void shape_text(const sl_shape *shape, char out[128])
{
    size_t at = (size_t)snprintf(out, 128, "[");
    for (int i = 0; i < shape->rank && at < 100; i++)
        at += (size_t)snprintf(out + at, 128 - at, "%s%lld", i ? ", " : "", (long long)shape->dim[i]);
    snprintf(out + at, 128 - at, "]");
}

static bool is_listed(const sl_net *n, const char *name)
{
    for (size_t i = n->n_tensors; i > 0; i--) /* a tensor used twice was used lately */
        if (strcmp(n->tensors[i - 1].name, name) == 0)
            return true;
    return false;
}

static void list_tensor(sl_net *n, const char *name, const sl_shape *shape, bool used)
{
    sl_arch_tensor *tensors = sl_with_room(n->tensors, n->n_tensors, &n->cap_tensors, sizeof *tensors);
    char *copy = tensors ? sl_strdup(name) : NULL;
    n->tensors = tensors ? tensors : n->tensors;
    if (copy)
        n->tensors[n->n_tensors++] = (sl_arch_tensor){copy, *shape, used};
    else
        keep_status(n, sl_fail(n->err, SL_ERR_MEMORY, "no memory for the tensors of %s", n->arch->name));
}

/* What the state dict has under that name, if it has the shape; else a problem is noted. */
static const sl_weight *look_up(sl_net *n, const char *name, const sl_shape *shape)
{
    const sl_weight *t = sl_state_dict_find(n->dict, name);
    char want[128], have[128];
    if (t && sl_shape_equal(&t->shape, shape))
        return t;
    n->n_problems++;
    if (!n->problems)
        return NULL;
    shape_text(shape, want);
    if (!t) {
        sl_text_add(n->problems, "%s %s is missing\n", name, want);
        return NULL;
    }
    shape_text(&t->shape, have);
    sl_text_add(n->problems, "%s is %s and should be %s\n", name, have, want);
    return NULL;
}

sl_tensor sl_net_parameter(sl_net *n, const char *key, const char *suffix, sl_shape shape)
{
    char name[SL_NET_NAME];
    full_name(n, key, suffix, name);
    if (is_listed(n, name))
        return n->graph ? sl_graph_find(n->graph, name) : -1;
    list_tensor(n, name, &shape, true);
    const sl_weight *t = n->dict ? look_up(n, name, &shape) : NULL;
    sl_tensor out = -1;
    if (t && n->graph && n->status == SL_OK)
        keep_status(n, sl_graph_add_const(n->graph, name, SL_TYPE_F32, &shape, t->data, false, &out, n->err));
    return out;
}

void sl_net_unused(sl_net *n, const char *key, sl_shape shape)
{
    char name[SL_NET_NAME];
    full_name(n, key, NULL, name);
    if (!is_listed(n, name))
        list_tensor(n, name, &shape, false);
}

/* ---- nodes ---- */

static sl_shape act_shape(const sl_act *x)
{
    return x->flat ? (sl_shape){2, {-1, x->c}} : (sl_shape){4, {-1, x->c, x->h, x->w}};
}

static bool builds(const sl_net *n)
{
    return n->graph && n->status == SL_OK && !n->n_problems;
}

/* PATH.KEY, or that with a number when a key is used again. */
static void free_name(sl_net *n, const char *key, char name[SL_NET_NAME])
{
    char base[SL_NET_NAME - 16];
    full_name(n, key, NULL, name);
    snprintf(base, sizeof base, "%.*s", (int)sizeof base - 1, name);
    for (int i = 1; sl_graph_find(n->graph, name) >= 0; i++)
        snprintf(name, SL_NET_NAME, "%s_%d", base, i);
}

/* Appends a node. Without a graph, or after a failure, the output has no tensor. */
static sl_tensor append(sl_net *n, sl_op op, const sl_attr *attr, const sl_tensor *inputs, int count, sl_type type,
                        const sl_shape *shape, const char *key)
{
    char name[SL_NET_NAME];
    sl_tensor y = -1;
    if (!builds(n))
        return y;
    free_name(n, key, name);
    keep_status(n, sl_graph_add_tensor(n->graph, name, type, shape, &y, n->err));
    if (n->status == SL_OK)
        keep_status(n, sl_graph_add_node(n->graph, op, name, attr, inputs, count, &y, 1, n->err));
    return y;
}

static sl_act node(sl_net *n, sl_op op, const sl_attr *attr, const sl_tensor *inputs, int count, sl_act y,
                   const char *key)
{
    const sl_shape shape = act_shape(&y);
    y.tensor = append(n, op, attr, inputs, count, SL_TYPE_F32, &shape, key);
    return y;
}

sl_tensor sl_net_node(sl_net *n, sl_op op, const sl_attr *attr, const sl_tensor *inputs, int count, const char *key)
{
    return append(n, op, attr, inputs, count, SL_TYPE_F32, &(sl_shape){.rank = -1}, key);
}

sl_tensor sl_net_node_of_rank(sl_net *n, sl_op op, const sl_attr *attr, const sl_tensor *inputs, int count, int rank,
                              const char *key)
{
    return append(n, op, attr, inputs, count, SL_TYPE_F32, &(sl_shape){rank, {-1, -1, -1, -1, -1, -1}}, key);
}

sl_tensor sl_net_node_i64(sl_net *n, sl_op op, const sl_attr *attr, const sl_tensor *inputs, int count,
                          const char *key)
{
    return append(n, op, attr, inputs, count, SL_TYPE_I64, &(sl_shape){.rank = -1}, key);
}

/* A constant made here; data is the graph's. */
static sl_tensor constant(sl_net *n, const char *key, sl_type type, const sl_shape *shape, const void *data)
{
    char name[SL_NET_NAME];
    sl_tensor out = -1;
    if (!builds(n))
        return out;
    const size_t bytes = (size_t)sl_shape_elements(shape) * sl_type_size(type);
    void *copy = malloc(bytes);
    if (!copy) {
        keep_status(n, sl_no_memory(n->err, "for the network"));
        return out;
    }
    memcpy(copy, data, bytes);
    free_name(n, key, name);
    keep_status(n, sl_graph_add_const(n->graph, name, type, shape, copy, true, &out, n->err));
    return out;
}

sl_tensor sl_net_ints(sl_net *n, const int64_t *values, int count)
{
    return constant(n, "ints", SL_TYPE_I64, &(sl_shape){1, {count}}, values);
}

sl_tensor sl_net_number(sl_net *n, float value, const char *key)
{
    return constant(n, key, SL_TYPE_F32, &(sl_shape){1, {1}}, &value);
}

enum { MOST_REPEATED = 4096 };

/* [count], each the same. */
static sl_tensor repeated_number(sl_net *n, float value, int count, const char *key)
{
    float values[MOST_REPEATED];
    for (int i = 0; i < count && i < MOST_REPEATED; i++)
        values[i] = value;
    return constant(n, key, SL_TYPE_F32, &(sl_shape){1, {count}}, values);
}

sl_tensor sl_net_input_of(sl_net *n, const char *name, const sl_shape *shape)
{
    sl_tensor x = -1;
    if (!n->graph || n->status != SL_OK)
        return x;
    keep_status(n, sl_graph_add_tensor(n->graph, name, SL_TYPE_F32, shape, &x, n->err));
    if (n->status == SL_OK)
        keep_status(n, sl_graph_add_input(n->graph, x, n->err));
    return x;
}

sl_act sl_net_input(sl_net *n)
{
    sl_act x = {.tensor = -1, .c = n->arch->channels, .h = n->arch->height, .w = n->arch->width};
    const sl_shape shape = act_shape(&x);
    x.tensor = sl_net_input_of(n, "input", &shape);
    return x;
}

void sl_net_mark(sl_net *n, sl_tensor x, const char *name)
{
    if (builds(n))
        keep_status(n, sl_graph_rename(n->graph, x, name, n->err));
}

void sl_net_name(sl_net *n, sl_tensor x, const char *name)
{
    sl_net_mark(n, x, name);
    if (builds(n))
        keep_status(n, sl_graph_add_output(n->graph, x, n->err));
}

void sl_net_output(sl_net *n, sl_act x, const char *name)
{
    sl_net_name(n, x.tensor, name);
}

/* ---- layers with parameters ---- */

static int slid(int size, int kernel, int stride, int pad)
{
    return size < 0 ? -1 : (size + 2 * pad - kernel) / stride + 1;
}

static sl_attr kernel_attr(sl_kernel k)
{
    return (sl_attr){.kernel = {k.h, k.w},
                     .stride = {k.stride, k.stride},
                     .dilation = {1, 1},
                     .pad = {k.pad_h, k.pad_w, k.pad_h, k.pad_w},
                     .groups = 1};
}

static sl_act slide(sl_act x, sl_kernel k)
{
    x.h = slid(x.h, k.h, k.stride, k.pad_h);
    x.w = slid(x.w, k.w, k.stride, k.pad_w);
    return x;
}

static sl_act conv_layer(sl_net *n, sl_act x, int channels, int groups, sl_kernel k, bool bias, const char *key)
{
    sl_attr attr = kernel_attr(k);
    attr.groups = groups;
    const sl_shape weights = {4, {channels, x.c / groups, k.h, k.w}}, per_channel = {1, {channels}};
    sl_tensor inputs[3] = {x.tensor, sl_net_parameter(n, key, "weight", weights), -1};
    if (bias)
        inputs[2] = sl_net_parameter(n, key, "bias", per_channel);
    sl_act y = slide(x, k);
    y.c = channels;
    return node(n, SL_OP_CONV, &attr, inputs, bias ? 3 : 2, y, key);
}

sl_act sl_net_conv(sl_net *n, sl_act x, int channels, sl_kernel k, const char *key)
{
    return conv_layer(n, x, channels, 1, k, false, key);
}

sl_act sl_net_conv_bias(sl_net *n, sl_act x, int channels, sl_kernel k, const char *key)
{
    return conv_layer(n, x, channels, 1, k, true, key);
}

sl_act sl_net_depthwise(sl_net *n, sl_act x, sl_kernel k, const char *key)
{
    return conv_layer(n, x, x.c, x.c, k, false, key);
}

static sl_act dense(sl_net *n, sl_act x, int dim, bool bias, const char *key)
{
    const sl_shape weights = {2, {dim, x.c}}, per_output = {1, {dim}};
    sl_tensor inputs[3] = {x.tensor, sl_net_parameter(n, key, "weight", weights), -1};
    if (bias)
        inputs[2] = sl_net_parameter(n, key, "bias", per_output);
    return node(n, SL_OP_DENSE, NULL, inputs, bias ? 3 : 2, (sl_act){.c = dim, .h = 1, .w = 1, .flat = true}, key);
}

sl_act sl_net_dense(sl_net *n, sl_act x, int dim, const char *key) { return dense(n, x, dim, false, key); }
sl_act sl_net_dense_bias(sl_net *n, sl_act x, int dim, const char *key) { return dense(n, x, dim, true, key); }

/* The last of a batch norm's parameters, from `first` on: scale, shift, mean, variance. */
static void norm_parameters(sl_net *n, const char *key, int channels, int first, sl_tensor out[4])
{
    static const char *const suffixes[4] = {"weight", "bias", "running_mean", "running_var"};
    const sl_shape per_channel = {1, {channels}}, scalar = {0};
    char counter[SL_NET_NAME];
    for (int i = first; i < 4; i++)
        out[i] = sl_net_parameter(n, key, suffixes[i], per_channel);
    snprintf(counter, sizeof counter, "%s.num_batches_tracked", key);
    sl_net_unused(n, counter, scalar);
}

void sl_net_batchnorm_parameters(sl_net *n, const char *key, int channels, sl_tensor out[4])
{
    norm_parameters(n, key, channels, 0, out);
}

sl_act sl_net_batchnorm(sl_net *n, sl_act x, const char *key)
{
    const sl_attr attr = {.a = n->epsilon};
    sl_tensor inputs[5] = {x.tensor};
    norm_parameters(n, key, x.c, 0, inputs + 1);
    return node(n, SL_OP_BATCHNORM, &attr, inputs, 5, x, key);
}

sl_act sl_net_batchnorm_plain(sl_net *n, sl_act x, const char *key)
{
    const sl_attr attr = {.a = n->epsilon};
    sl_tensor inputs[5] = {x.tensor, repeated_number(n, 1, x.c, "scale"), repeated_number(n, 0, x.c, "shift")};
    norm_parameters(n, key, x.c, 2, inputs + 1);
    return node(n, SL_OP_BATCHNORM, &attr, inputs, 5, x, key);
}

static sl_act prelu(sl_net *n, sl_act x, int slopes, const char *key)
{
    const sl_shape shape = {1, {slopes}};
    const sl_tensor inputs[2] = {x.tensor, sl_net_parameter(n, key, "weight", shape)};
    return node(n, SL_OP_PRELU, NULL, inputs, 2, x, key);
}

sl_act sl_net_prelu(sl_net *n, sl_act x, const char *key) { return prelu(n, x, x.c, key); }
sl_act sl_net_prelu_scalar(sl_net *n, sl_act x, const char *key) { return prelu(n, x, 1, key); }

/* ---- layers without ---- */

static sl_act unary(sl_net *n, sl_act x, const sl_attr *attr, const char *key)
{
    return node(n, SL_OP_UNARY, attr, &x.tensor, 1, x, key);
}

sl_act sl_net_relu(sl_net *n, sl_act x) { return unary(n, x, &(sl_attr){.fn = SL_FN_RELU}, "relu"); }

sl_act sl_net_relu6(sl_net *n, sl_act x)
{
    return unary(n, x, &(sl_attr){.fn = SL_FN_CLIP, .a = 0, .b = 6}, "relu6");
}

sl_act sl_net_add(sl_net *n, sl_act x, sl_act y)
{
    const sl_tensor inputs[2] = {x.tensor, y.tensor};
    return node(n, SL_OP_BINARY, &(sl_attr){.fn = SL_FN_ADD}, inputs, 2, x, "add");
}

sl_act sl_net_gate(sl_net *n, sl_act x, sl_act gate)
{
    const sl_tensor inputs[2] = {x.tensor, unary(n, gate, &(sl_attr){.fn = SL_FN_SIGMOID}, "sigmoid").tensor};
    return node(n, SL_OP_BINARY, &(sl_attr){.fn = SL_FN_MUL}, inputs, 2, x, "gate");
}

sl_act sl_net_scale(sl_net *n, sl_act x, float factor)
{
    const sl_tensor inputs[2] = {x.tensor, sl_net_number(n, factor, "scale.factor")};
    return node(n, SL_OP_BINARY, &(sl_attr){.fn = SL_FN_MUL}, inputs, 2, x, "scale");
}

sl_act sl_net_concat(sl_net *n, const sl_act *x, int count)
{
    sl_tensor inputs[8];
    sl_act y = x[0];
    for (int i = 0; i < count && i < 8; i++) {
        inputs[i] = x[i].tensor;
        y.c += i ? x[i].c : 0;
    }
    return node(n, SL_OP_CONCAT, &(sl_attr){.axis = 1}, inputs, count, y, "concat");
}

static sl_act pool_layer(sl_net *n, sl_act x, sl_kernel k, sl_fn fn, const char *key)
{
    sl_attr attr = kernel_attr(k);
    attr.fn = fn;
    return node(n, SL_OP_POOL, &attr, &x.tensor, 1, slide(x, k), key);
}

/* Of open sizes nothing is known after it either. */
static int slid_ceil(int size, int kernel, int stride)
{
    return size < 0 ? -1 : (size - kernel + stride - 1) / stride + 1;
}

sl_act sl_net_max_pool_ceil(sl_net *n, sl_act x, sl_kernel k)
{
    sl_attr attr = kernel_attr(k);
    sl_act y = x;
    attr.fn = SL_FN_MAX;
    attr.ceil_mode = true;
    y.h = slid_ceil(x.h, k.h, k.stride);
    y.w = slid_ceil(x.w, k.w, k.stride);
    return node(n, SL_OP_POOL, &attr, &x.tensor, 1, y, "max_pool");
}

sl_act sl_net_max_pool(sl_net *n, sl_act x, sl_kernel k)
{
    return pool_layer(n, x, k, SL_FN_MAX, "max_pool");
}

sl_act sl_net_average_pool(sl_net *n, sl_act x, sl_kernel k)
{
    return pool_layer(n, x, k, SL_FN_AVERAGE, "average_pool");
}

sl_act sl_net_flatten(sl_net *n, sl_act x)
{
    const sl_act y = {.c = x.c * x.h * x.w, .h = 1, .w = 1, .flat = true};
    return node(n, SL_OP_FLATTEN, &(sl_attr){.axis = 1}, &x.tensor, 1, y, "flatten");
}

sl_act sl_net_flatten_whc(sl_net *n, sl_act x)
{
    sl_act y = x;
    y.c = x.w;
    y.w = x.c;
    return sl_net_flatten(n, node(n, SL_OP_TRANSPOSE, &(sl_attr){.perm = {0, 3, 2, 1}}, &x.tensor, 1, y, "turn"));
}

sl_act sl_net_global_mean(sl_net *n, sl_act x)
{
    sl_act y = x;
    y.h = y.w = 1;
    y = node(n, SL_OP_GLOBAL_POOL, &(sl_attr){.fn = SL_FN_AVERAGE}, &x.tensor, 1, y, "global_mean");
    return sl_net_flatten(n, y);
}

sl_act sl_net_softmax(sl_net *n, sl_act x)
{
    return node(n, SL_OP_SOFTMAX, &(sl_attr){.axis = 1}, &x.tensor, 1, x, "softmax");
}

sl_act sl_net_l2norm(sl_net *n, sl_act x)
{
    return node(n, SL_OP_L2NORM, &(sl_attr){.axis = 1, .a = 1e-12f}, &x.tensor, 1, x, "l2norm");
}
