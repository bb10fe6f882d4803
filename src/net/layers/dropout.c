/* Dropout: elements are dropped by the counter (seed, step), the node's axis number and their index, the rest is scaled
 * up. The gradient is the same node on the gradient: the same counter drops the same elements. */
#include "net/gradient.h"
#include "net/layers/backward.h"

void sl_dropout_counter(uint64_t seed, uint64_t step, float counter[SL_DROPOUT_COUNTER])
{
    for (int i = 0; i < 4; i++) /* pieces that a float holds exactly */
        counter[i] = (float)(seed >> 16 * i & 0xffff);
    for (int i = 0; i < 2; i++)
        counter[4 + i] = (float)(step >> 24 * i & 0xffffff);
}

static uint64_t mixed(uint64_t x) /* splitmix64 */
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

uint64_t sl_dropout_key(const float *counter, int number)
{
    uint64_t seed = 0, step = 0;
    for (int i = 0; i < 4; i++)
        seed |= (uint64_t)counter[i] << 16 * i;
    for (int i = 0; i < 2; i++)
        step |= (uint64_t)counter[4 + i] << 24 * i;
    return mixed(mixed(mixed(seed) ^ step) ^ (uint64_t)number);
}

bool sl_dropout_keeps(uint64_t key, int64_t element, float rate)
{
    return (double)(mixed(key ^ (uint64_t)element) >> 11) * 0x1p-53 >= (double)rate;
}

sl_status sl_dropout_infer(const sl_call *c, sl_error *err)
{
    if (!(c->node->attr.a >= 0 && c->node->attr.a < 1))
        return sl_layer_fail(c, err, SL_ERR_ARGUMENT, "a rate of %g is not from 0 to below 1", (double)c->node->attr.a);
    if (c->in[1]->shape.rank != 1 || c->in[1]->shape.dim[0] != SL_DROPOUT_COUNTER)
        return sl_layer_fail(c, err, SL_ERR_FORMAT, "the counter is not [%d]", SL_DROPOUT_COUNTER);
    c->out[0].type = SL_TYPE_F32;
    c->out[0].shape = c->in[0]->shape;
    return SL_OK;
}

sl_status sl_dropout_forward(const sl_call *c, sl_error *err)
{
    (void)err;
    const float *x = c->in[0]->data, rate = c->node->attr.a;
    float *out = c->out[0].data;
    const uint64_t key = sl_dropout_key(c->in[1]->data, c->node->attr.axis);
    for (int64_t i = 0, n = sl_shape_elements(&c->out[0].shape); i < n; i++)
        out[i] = sl_dropout_keeps(key, i, rate) ? x[i] / (1 - rate) : 0;
    return SL_OK;
}

void sl_dropout_gradient(sl_backward *b)
{
    sl_back_give(b, 0, sl_back_node(b, SL_OP_DROPOUT, &b->node.attr,
                                    SL_BACK_INPUTS(sl_back_grad(b, 0), b->node.inputs[1])));
}
