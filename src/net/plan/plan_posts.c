/* Which element-wise nodes behind a layer may be merged into it. */
#include "net/plan/plan_posts.h"

static bool available(const sl_build *b, sl_tensor t)
{
    const sl_place *p = &b->places[t];
    return p->dense >= 0 || p->other >= 0 || p->narrow >= 0 || b->g->tensors[t].data;
}

/* Nothing but the node to be merged reads what is stored of t. */
static bool overwritable(const sl_build *b, sl_tensor t)
{
    const sl_place *p = &b->places[t];
    return p->uses == 1 && !b->g->tensors[t].data && (p->dense < 0 || sl_last_read(b, p->dense)) &&
           (p->other < 0 || sl_last_read(b, p->other)) && (p->narrow < 0 || sl_last_read(b, p->narrow));
}

static bool as_post(const sl_build *b, int node, sl_tensor input, sl_post *out)
{
    const sl_node *n = &b->g->nodes[node];
    const sl_shape *shape = &b->g->tensors[input].shape;
    *out = (sl_post){.node = node, .other = -1};
    if (n->op == SL_OP_UNARY) {
        out->kind = SL_POST_UNARY;
        return true;
    }
    if (n->op == SL_OP_PRELU) {
        int64_t stride[SL_MAX_RANK];
        out->kind = SL_POST_PRELU;
        out->other = n->inputs[1];
        const sl_tensor_info *slope = &b->g->tensors[out->other];
        sl_prelu_strides(&slope->shape, shape, stride);
        return n->inputs[0] == input && slope->data && sl_shape_elements(&slope->shape) == shape->dim[1] &&
               stride[1] == 1;
    }
    if (n->op != SL_OP_BINARY || n->attr.fn != SL_FN_ADD)
        return false;
    out->kind = SL_POST_ADD;
    out->other = n->inputs[0] == input ? n->inputs[1] : n->inputs[0];
    out->in_place = overwritable(b, out->other);
    return out->other != input && available(b, out->other) &&
           sl_shape_equal(&b->g->tensors[out->other].shape, shape);
}

int sl_find_posts(const sl_build *b, const sl_node *n, sl_post posts[SL_MOST_POSTS])
{
    sl_tensor t = n->outputs[0];
    bool added = false;
    int count = 0;
    while (count < SL_MOST_POSTS) {
        int node = b->reader[t];
        sl_post *p = &posts[count];
        if (node < 0 || !as_post(b, node, t, p) || (p->kind == SL_POST_ADD && added))
            break;
        added |= p->kind == SL_POST_ADD;
        t = b->g->nodes[node].outputs[0];
        count++;
    }
    return count;
}

sl_tensor sl_posts_output(const sl_build *b, const sl_node *n, const sl_post *posts, int count)
{
    return count ? b->g->nodes[posts[count - 1].node].outputs[0] : n->outputs[0];
}

void sl_merge_posts(sl_build *b, const sl_post *posts, int count)
{
    for (int i = 0; i < count; i++) {
        b->done[posts[i].node] = true;
        sl_consume(b, &b->g->nodes[posts[i].node]);
    }
}
