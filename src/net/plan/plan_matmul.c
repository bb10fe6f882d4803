/* Products of matrices on oneDNN; what is transposed is read so, by its strides. Graphs that learn in bf16 read narrow
 * copies of large operands. */
#include "net/plan/plan_build.h"

#include <string.h>

/* An operand as oneDNN is told of it: at least two axes, as many as the other has. */
typedef struct {
    sl_shape shape;
    int64_t strides[SL_MAX_RANK];
} operand;

static operand operand_of(const sl_shape *shape, bool row, bool transposed, int rank)
{
    sl_shape s = *shape;
    if (s.rank == 1) /* a vector is a matrix of one row or one column */
        s = (sl_shape){2, {row ? 1 : shape->dim[0], row ? shape->dim[0] : 1}};
    operand o = {.shape = {.rank = rank}};
    int extra = rank - s.rank;
    int64_t step = 1;
    for (int i = rank - 1; i >= 0; i--) {
        o.shape.dim[i] = i < extra ? 1 : s.dim[i - extra];
        o.strides[i] = step;
        step *= o.shape.dim[i];
    }
    if (transposed) {
        int64_t *d = o.shape.dim + rank - 2, *t = o.strides + rank - 2, first = d[0], row_step = t[0];
        d[0] = d[1], d[1] = first;
        t[0] = t[1], t[1] = row_step;
    }
    return o;
}

/* One matrix on the right for all on the left: their rows follow each other. */
static void merge_rows(operand *a, operand *b, operand *y)
{
    int rank = a->shape.rank;
    if (rank == 2 || sl_shape_span(&b->shape, 0, rank - 2) != 1 || a->strides[rank - 1] != 1)
        return;
    operand *all[] = {a, b, y};
    for (int i = 0; i < 3; i++) {
        sl_shape s = all[i]->shape;
        int64_t *t = all[i]->strides;
        int64_t rows = sl_shape_span(&s, 0, rank - 1);
        *all[i] = (operand){{2, {rows, s.dim[rank - 1]}}, {t[rank - 2], t[rank - 1]}};
    }
}

/* A dense buffer of operand i, in the type that the product takes it. */
static sl_status operand_buffer(sl_build *b, sl_tensor t, dnnl_data_type_t type, int *buffer, sl_error *err)
{
    sl_md narrow;
    if (type == dnnl_f32)
        return sl_want_dense(b, t, buffer, err);
    if (!sl_md_dense_as(&b->g->tensors[t].shape, type, &narrow))
        return sl_build_no_memory(err);
    sl_status status = sl_want_md(b, t, &narrow, buffer, err);
    sl_md_free(&narrow);
    return status;
}

static sl_status add_matmul(sl_build *b, const sl_node *n, dnnl_primitive_desc_t pd, const sl_md mds[3], sl_error *err)
{
    static const int args[] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST};
    sl_arguments a = {0};
    int buffers[3];
    sl_status status = operand_buffer(b, n->inputs[0], sl_md_type(&mds[0]), &buffers[0], err);
    if (status == SL_OK)
        status = operand_buffer(b, n->inputs[1], sl_md_type(&mds[1]), &buffers[1], err);
    if (status == SL_OK)
        status = sl_make_dense(b, n->outputs[0], &buffers[2], err);
    if (status != SL_OK) {
        dnnl_primitive_desc_destroy(pd);
        return status;
    }
    for (int i = 0; i < 3; i++)
        sl_add_arg(&a, args[i], &mds[i], buffers[i]);
    return sl_add_primitive(b, pd, &a, err);
}

static sl_status compile_as(sl_build *b, const sl_node *n, const operand all[3], dnnl_data_type_t type, bool *done,
                            sl_error *err)
{
    sl_md mds[3] = {0};
    bool good = true;
    for (int i = 0; i < 3; i++)
        good &= sl_md_strided_as(&all[i].shape, all[i].strides, i < 2 ? type : dnnl_f32, &mds[i]);
    dnnl_primitive_desc_t pd = NULL;
    dnnl_primitive_attr_t attr = sl_new_attr(NULL);
    *done = good && sl_pd_matmul(&pd, b->engine, &mds[0], &mds[1], &mds[2], attr) == dnnl_success;
    dnnl_primitive_attr_destroy(attr);
    if (*done && type != dnnl_f32 && sl_is_reference(pd)) {
        dnnl_primitive_desc_destroy(pd);
        *done = false;
    }
    sl_status status = *done ? add_matmul(b, n, pd, mds, err) : SL_OK;
    for (int i = 0; i < 3; i++)
        sl_md_free(&mds[i]);
    return status;
}

/* What is multiplied must be worth its narrow copies. */
enum { LEAST_SIDE = 32 };
static bool can_be_narrow(const sl_build *b, const operand all[3])
{
    const int64_t *p = all[0].shape.dim + all[0].shape.rank, *q = all[1].shape.dim + all[1].shape.rank;
    return b->learns && b->precision == SL_COMPUTE_BF16 && p[-2] >= LEAST_SIDE && p[-1] >= LEAST_SIDE &&
           q[-1] >= LEAST_SIDE;
}

sl_status sl_compile_matmul(sl_build *b, const sl_node *n, bool *done, sl_error *err)
{
    if (n->op != SL_OP_MATMUL)
        return SL_OK;
    const sl_shape *p = &b->g->tensors[n->inputs[0]].shape, *q = &b->g->tensors[n->inputs[1]].shape;
    int rank = p->rank > q->rank ? p->rank : q->rank;
    rank = rank < 2 ? 2 : rank;
    operand all[3] = {operand_of(p, true, n->attr.transposed[0], rank),
                      operand_of(q, false, n->attr.transposed[1], rank)};
    sl_shape y = {.rank = rank};
    for (int i = 0; i < rank - 2; i++)
        y.dim[i] = all[0].shape.dim[i] == 1 ? all[1].shape.dim[i] : all[0].shape.dim[i];
    y.dim[rank - 2] = all[0].shape.dim[rank - 2];
    y.dim[rank - 1] = all[1].shape.dim[rank - 1];
    all[2] = operand_of(&y, true, false, rank);
    merge_rows(&all[0], &all[1], &all[2]);
    if (can_be_narrow(b, all))
        SL_TRY(compile_as(b, n, all, b->wide, done, err));
    return *done ? SL_OK : compile_as(b, n, all, dnnl_f32, done, err);
}
