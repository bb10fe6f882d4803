/* Convolutions 3x3 of stride 1 on our own Winograd kernel, channels last, with activations and a residual sum. */
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "net/kernels/winograd.h"
#include "net/plan/plan_posts.h"

typedef struct {
    const sl_winograd *kernel;
    sl_wino_layer layer;
    int64_t block;       /* tiles that go through all three stages at once */
    int64_t block_floats; /* of scratch, for one worker */
    int workers;
    bool by_outputs;     /* workers share the outputs, else the tiles */
    float *scratch;
} wino_state;

enum { X, Y, SCRATCH, ADDED };

/* ---- running ---- */

static void winograd_work(const wino_state *s, int worker)
{
    const sl_wino_layer *l = &s->layer;
    int64_t tiles = sl_wino_tiles(l), panels = l->outputs / SL_WINO_LEAST_CHANNELS;
    int64_t first = 0, last = tiles, from = 0, to = l->outputs;
    if (s->by_outputs) {
        from = panels * worker / s->workers * SL_WINO_LEAST_CHANNELS;
        to = panels * (worker + 1) / s->workers * SL_WINO_LEAST_CHANNELS;
    } else {
        first = tiles * worker / s->workers;
        last = tiles * (worker + 1) / s->workers;
    }
    for (; first < last; first += s->block)
        s->kernel->tiles(l, first, last - first < s->block ? last - first : s->block, from, to,
                         s->scratch + worker * s->block_floats);
}

static sl_status run_winograd(const sl_step *step, dnnl_stream_t stream, sl_error *err)
{
    const wino_state *s = step->state;
    (void)stream, (void)err;
    if (s->workers == 1) {
        winograd_work(s, 0);
        return SL_OK;
    }
#pragma omp parallel for num_threads(s->workers) schedule(static)
    for (int i = 0; i < s->workers; i++)
        winograd_work(s, i);
    return SL_OK;
}

static void bind_winograd(sl_step *step)
{
    wino_state *s = step->state;
    s->layer.x = step->data[X];
    s->layer.y = step->data[Y];
    s->layer.add = step->n_buffers > ADDED ? step->data[ADDED] : NULL;
    s->scratch = step->data[SCRATCH];
}

/* ---- what follows ---- */

/* The slope of a post that is one, made [channels]; NULL where it is none. */
static const float *slope_of(sl_build *b, const sl_post *p, int64_t channels)
{
    const sl_attr *a = &b->g->nodes[p->node].attr;
    bool leaky = p->kind == SL_POST_UNARY && a->fn == SL_FN_LEAKY_RELU;
    if (p->kind != SL_POST_PRELU && !leaky && !(p->kind == SL_POST_UNARY && a->fn == SL_FN_RELU))
        return NULL;
    float *slope = sl_plan_memory(b, (size_t)channels * sizeof *slope);
    for (int64_t c = 0; slope && c < channels; c++)
        slope[c] = p->kind == SL_POST_PRELU ? ((const float *)b->g->tensors[p->other].data)[c] : leaky ? a->a : 0;
    return slope;
}

/* Takes in what the kernel can do; returns how many posts that is. *sum: the one that adds, or NULL. */
static int take_posts(sl_build *b, const sl_post *posts, int count, sl_wino_layer *l, const sl_post **sum)
{
    *sum = NULL;
    for (int i = 0; i < count; i++) {
        const float **slope = *sum ? &l->slope_of_sum : &l->slope;
        if (posts[i].kind == SL_POST_ADD) {
            *sum = &posts[i];
            continue;
        }
        if (*slope || !(*slope = slope_of(b, &posts[i], l->outputs)))
            return i;
    }
    return count;
}

/* ---- compiling ---- */

static sl_status pack_weights(sl_build *b, sl_tensor t, const void *context, void *out, sl_error *err)
{
    const wino_state *s = context;
    (void)err;
    sl_wino_pack(b->g->tensors[t].data, s->layer.outputs, s->layer.inputs, s->kernel->panel, out);
    return SL_OK;
}

static sl_status constants(sl_build *b, const sl_node *n, wino_state *s, sl_error *err)
{
    sl_wino_layer *l = &s->layer;
    const sl_shape packed = {1, {SL_WINO_POINTS * l->inputs * l->outputs}};
    size_t bytes = (size_t)l->outputs * sizeof(float);
    float *bias = sl_plan_memory(b, bytes);
    void *weights;
    sl_md md;
    if (!bias || !sl_md_dense(&packed, &md))
        return sl_build_no_memory(err);
    sl_status status = sl_const_made(b, n->inputs[1], &md, pack_weights, s, &weights, err);
    sl_md_free(&md);
    SL_TRY(status);
    l->weights = weights;
    if (n->n_inputs > 2 && n->inputs[2] >= 0)
        memcpy(bias, b->g->tensors[n->inputs[2]].data, bytes);
    else
        memset(bias, 0, bytes);
    l->bias = bias;
    return SL_OK;
}

/* Blocks are small where the weights stay in L2 beside them, and larger the more there is to read for each. */
static void divide_work(const sl_build *b, wino_state *s)
{
    const sl_wino_layer *l = &s->layer;
    int64_t products = l->inputs * l->outputs, tiles = sl_wino_tiles(l), panels = l->outputs / SL_WINO_LEAST_CHANNELS;
    s->block = products <= 64 * 64 ? 12 : products < 512 * 512 ? 24 : 48;
    s->by_outputs = tiles < s->block * b->plan->threads;
    int64_t most = s->by_outputs ? panels : tiles;
    s->workers = b->plan->threads < most ? b->plan->threads : (int)most;
    s->block = s->block < tiles ? s->block : tiles;
    s->block_floats = sl_wino_scratch(l, s->block, l->outputs);
}

static sl_status nhwc_buffers(sl_build *b, const sl_node *n, const sl_post *sum, sl_tensor result, int buffers[4],
                              sl_error *err)
{
    sl_md x, y;
    if (!sl_md_tag(&b->g->tensors[n->inputs[0]].shape, dnnl_nhwc, &x))
        return sl_build_no_memory(err);
    sl_status status = sl_want_md(b, n->inputs[0], &x, &buffers[X], err);
    sl_md_free(&x);
    SL_TRY(status);
    if (!sl_md_tag(&b->g->tensors[result].shape, dnnl_nhwc, &y))
        return sl_build_no_memory(err);
    if (sum)
        status = sl_want_md(b, sum->other, &y, &buffers[ADDED], err);
    buffers[Y] = buffers[ADDED];
    if (status == SL_OK)
        status = sum && sum->in_place ? sl_bind_md(b, result, &y, buffers[Y], err)
                                      : sl_make_md(b, result, &y, &buffers[Y], err);
    sl_md_free(&y);
    return status;
}

static sl_status fill_state(sl_build *b, const sl_node *n, const sl_window *w, wino_state *s, sl_error *err)
{
    const sl_shape *x = &b->g->tensors[n->inputs[0]].shape, *y = &b->g->tensors[n->outputs[0]].shape;
    s->kernel = sl_winograd_active();
    s->layer = (sl_wino_layer){.batch = x->dim[0], .in = {w->in[0], w->in[1]}, .out = {w->out[0], w->out[1]},
                               .pad = {w->pad[0], w->pad[1]}, .inputs = x->dim[1], .outputs = y->dim[1]};
    divide_work(b, s);
    return constants(b, n, s, err);
}

sl_status sl_compile_winograd(sl_build *b, const sl_node *n, const sl_window *w, bool *done, sl_error *err)
{
    sl_post posts[SL_MOST_POSTS];
    const sl_post *sum;
    int buffers[4] = {-1, -1, -1, -1}, count = sl_find_posts(b, n, posts);
    wino_state *s = calloc(1, sizeof *s);
    if (!s)
        return sl_build_no_memory(err);
    sl_status status = fill_state(b, n, w, s, err);
    if (status == SL_OK) {
        count = take_posts(b, posts, count, &s->layer, &sum);
        status = nhwc_buffers(b, n, sum, sl_posts_output(b, n, posts, count), buffers, err);
    }
    if (status == SL_OK) {
        buffers[SCRATCH] = sl_new_buffer(b, (size_t)(s->workers * s->block_floats) * sizeof(float));
        status = buffers[SCRATCH] < 0 ? sl_build_no_memory(err) : SL_OK;
    }
    if (status != SL_OK) {
        free(s);
        return status;
    }
    *done = true;
    SL_TRY(sl_add_step(b, run_winograd, bind_winograd, free, s, buffers, sum ? 4 : 3, err));
    sl_merge_posts(b, posts, count);
    return SL_OK;
}
