/* MatMul as numpy's: the last two axes are matrices, those before broadcast; a vector counts as a matrix
 * of one row (left) or one column (right) whose axis of 1 then vanishes. */
#include "net/layers/backward.h"

typedef struct {
    sl_shape a, b, batch;         /* the leading axes of both operands, and what they broadcast to */
    int64_t m, k, n;              /* [M, K] times [K, N] */
    int64_t a_step[2], b_step[2]; /* from row to row, from column to column */
} product;

/* Rows and columns of the last two axes, swapped where they are to be. */
static void matrix_of(const sl_shape *s, bool transposed, int64_t *rows, int64_t *columns, int64_t step[2])
{
    int64_t last = s->dim[s->rank - 1], before = s->dim[s->rank - 2];
    *rows = transposed ? last : before;
    *columns = transposed ? before : last;
    step[0] = transposed ? 1 : last;
    step[1] = transposed ? last : 1;
}

static bool product_of(const sl_call *c, product *p)
{
    const bool *transposed = c->node->attr.transposed;
    int64_t inner;
    p->a = c->in[0]->shape;
    p->b = c->in[1]->shape;
    if (p->a.rank < 1 || p->b.rank < 1 || (p->a.rank == 1 && transposed[0]) || (p->b.rank == 1 && transposed[1]))
        return false;
    if (p->a.rank == 1)
        p->a = (sl_shape){2, {1, p->a.dim[0]}};
    if (p->b.rank == 1)
        p->b = (sl_shape){2, {p->b.dim[0], 1}};
    matrix_of(&p->a, transposed[0], &p->m, &p->k, p->a_step);
    matrix_of(&p->b, transposed[1], &inner, &p->n, p->b_step);
    if (inner != p->k || p->k < 1)
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
                sum += (double)a[i * p->a_step[0] + k * p->a_step[1]] * b[k * p->b_step[0] + j * p->b_step[1]];
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

/* A vector as the matrix it counts as. */
static sl_tensor as_matrix(sl_backward *b, sl_tensor t, const sl_shape *shape, bool row)
{
    const sl_shape matrix = {2, {row ? 1 : shape->dim[0], row ? shape->dim[0] : 1}};
    return shape->rank == 1 ? sl_back_reshape(b, t, &matrix) : t;
}

/* Sums over the broadcast axes in front, and takes the vector's axis of 1 away again. */
static void give_matrix(sl_backward *b, int input, sl_tensor grad)
{
    const sl_shape shape = sl_back_in_shape(b, input);
    const sl_shape matrix = {2, {input == 0 ? 1 : shape.dim[0], input == 0 ? shape.dim[0] : 1}};
    grad = sl_back_fit(b, grad, shape.rank == 1 ? &matrix : &shape);
    sl_back_give(b, input, sl_back_reshape(b, grad, &shape));
}

/* Matrices one below the other. */
static sl_tensor rows_of_all(sl_backward *b, sl_tensor t)
{
    const sl_shape s = sl_back_shape(b, t);
    return sl_back_reshape(b, t, &(sl_shape){2, {sl_shape_span(&s, 0, s.rank - 1), s.dim[s.rank - 1]}});
}

/* P = op(A) op(B): op(A) gets gP op(B)^T, op(B) gets op(A)^T gP; a transposed operand gets the transposed of that. */
void sl_matmul_gradient(sl_backward *b)
{
    const bool ta = b->node.attr.transposed[0], tb = b->node.attr.transposed[1];
    const sl_shape a_shape = sl_back_in_shape(b, 0), b_shape = sl_back_in_shape(b, 1);
    sl_tensor x = as_matrix(b, b->node.inputs[0], &a_shape, true), y = as_matrix(b, b->node.inputs[1], &b_shape, false);
    sl_tensor gy = sl_back_grad(b, 0);
    sl_shape whole = sl_back_shape(b, gy);
    if (a_shape.rank == 1) { /* the axis of 1 that vanished, before N */
        int at = b_shape.rank == 1 ? whole.rank : whole.rank - 1;
        for (int i = whole.rank++; i > at; i--)
            whole.dim[i] = whole.dim[i - 1];
        whole.dim[at] = 1;
    }
    if (b_shape.rank == 1)
        whole.dim[whole.rank++] = 1;
    gy = sl_back_reshape(b, gy, &whole);
    if (sl_back_wants(b, 0))
        give_matrix(b, 0, ta ? sl_back_matmul(b, y, tb, gy, true) : sl_back_matmul(b, gy, false, y, !tb));
    if (!sl_back_wants(b, 1))
        return;
    if (a_shape.rank > 2 && b_shape.rank == 2 && !ta) { /* the sum over all matrices on the left is one product */
        x = rows_of_all(b, x);
        gy = rows_of_all(b, gy);
    }
    give_matrix(b, 1, tb ? sl_back_matmul(b, gy, true, x, ta) : sl_back_matmul(b, x, !ta, gy, false));
}
