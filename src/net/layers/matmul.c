/* MatMul as numpy's: the last two axes are matrices, those before broadcast; a vector counts as a matrix
 * of one row (left) or one column (right) whose axis of 1 then vanishes. */
#include "net/layers/layers.h"

typedef struct {
    sl_shape a, b, batch; /* both operands as [..., M, K] and [..., K, N]; the broadcast leading axes */
    int64_t m, k, n;
} product;

static bool product_of(const sl_call *c, product *p)
{
    p->a = c->in[0]->shape;
    p->b = c->in[1]->shape;
    if (p->a.rank < 1 || p->b.rank < 1)
        return false;
    if (p->a.rank == 1)
        p->a = (sl_shape){2, {1, p->a.dim[0]}};
    if (p->b.rank == 1)
        p->b = (sl_shape){2, {p->b.dim[0], 1}};
    p->m = p->a.dim[p->a.rank - 2];
    p->k = p->a.dim[p->a.rank - 1];
    p->n = p->b.dim[p->b.rank - 1];
    if (p->b.dim[p->b.rank - 2] != p->k || p->k < 1)
        return false;
    p->a.rank -= 2;
    p->b.rank -= 2;
    return sl_broadcast(&p->a, &p->b, &p->batch);
}

sl_status sl_matmul_infer(const sl_call *c, sl_error *err)
{
    product p;
    if (!product_of(c, &p))
        return sl_layer_fail(c, err, SL_ERR_FORMAT, "the two inputs' shapes do not fit");
    sl_shape s = p.batch;
    if (c->in[0]->shape.rank > 1)
        s.dim[s.rank++] = p.m;
    if (c->in[1]->shape.rank > 1)
        s.dim[s.rank++] = p.n;
    c->out[0].type = SL_TYPE_F32;
    c->out[0].shape = s;
    return SL_OK;
}

static void multiply_matrix(const product *p, const float *a, const float *b, float *out)
{
    for (int64_t i = 0; i < p->m; i++)
        for (int64_t j = 0; j < p->n; j++) {
            double sum = 0;
            for (int64_t k = 0; k < p->k; k++)
                sum += (double)a[i * p->k + k] * b[k * p->n + j];
            out[i * p->n + j] = (float)sum;
        }
}

sl_status sl_matmul_forward(const sl_call *c, sl_error *err)
{
    (void)err;
    product p;
    product_of(c, &p);
    const float *a = c->in[0]->data, *b = c->in[1]->data;
    float *out = c->out[0].data;
    sl_walk w;
    sl_walk_start(&w, &p.batch);
    w.n = 2;
    sl_broadcast_strides(&p.a, &p.batch, w.stride[0]);
    sl_broadcast_strides(&p.b, &p.batch, w.stride[1]);
    for (int64_t i = sl_shape_elements(&p.batch); i > 0; i--, sl_walk_next(&w), out += p.m * p.n)
        multiply_matrix(&p, a + w.offset[0] * p.m * p.k, b + w.offset[1] * p.k * p.n, out);
    return SL_OK;
}
