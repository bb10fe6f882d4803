/* Nodes that move numbers without computing. */
#include "net/plan_build.h"

/* The output is the input's numbers in the same order: another name for the same memory. */
static bool is_view(const sl_build *b, const sl_node *n)
{
    switch (n->op) {
    case SL_OP_RESHAPE: case SL_OP_FLATTEN: case SL_OP_SQUEEZE: case SL_OP_UNSQUEEZE:
        return true;
    case SL_OP_TRANSPOSE:
        return sl_transpose_is_reshape(n, &b->g->tensors[n->inputs[0]].shape);
    default:
        return n->op == SL_OP_UNARY && n->attr.fn == SL_FN_IDENTITY;
    }
}

sl_status sl_compile_movement(sl_build *b, const sl_node *n, bool *done, sl_error *err)
{
    int buffer;
    if (!is_view(b, n))
        return SL_OK;
    SL_TRY(sl_want_dense(b, n->inputs[0], &buffer, err));
    sl_bind_dense(b, n->outputs[0], buffer);
    *done = true;
    return SL_OK;
}
