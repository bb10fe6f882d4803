/* Sums and averages over the rows of [kept, rows, inner], or over outer and rows of [outer, kept, rows]. A few numbers
 * are added as floats; those sums are added in double, always in the same order. */
#include <stdlib.h>
#include <string.h>

#include "net/kernels/row_sums.h"
#include "net/plan/plan_layout.h"

enum { ROWS = 16 };

typedef struct {
    const sl_row_loops *loops;
    int64_t outer, kept, rows, inner; /* x [outer, kept, rows, inner]: outer and rows are summed over, or rows alone */
    double factor;
    double *sums; /* [kept * inner]; the plan's */
    const float *x;
    float *y;
} reduce_state;

static void bind_reduce(sl_step *step)
{
    reduce_state *s = step->state;
    s->x = step->data[0];
    s->y = step->data[1];
}

/* Columns from .. to of one kept index. */
static void add_columns(const reduce_state *s, int64_t k, int64_t from, int64_t to)
{
    double *sums = s->sums + k * s->inner;
    memset(sums + from, 0, (size_t)(to - from) * sizeof *sums);
    for (int64_t o = 0; o < s->outer; o++)
        for (int64_t r = 0; r < s->rows; r += ROWS) {
            const float *x = s->x + ((o * s->kept + k) * s->rows + r) * s->inner + from;
            s->loops->add_rows(x, s->rows - r < ROWS ? s->rows - r : ROWS, to - from, s->inner, sums + from);
        }
    for (int64_t c = from; c < to; c++)
        s->y[k * s->inner + c] = (float)(sums[c] * s->factor);
}

/* Numbers side by side are summed in lanes. */
static void add_runs(const reduce_state *s, int64_t k)
{
    double sum = 0;
    for (int64_t o = 0; o < s->outer; o++) {
        const float *x = s->x + (o * s->kept + k) * s->rows;
        for (int64_t r = 0; r < s->rows; r += ROWS * SL_ROW_LANES)
            sum += s->loops->sum(x + r, s->rows - r < ROWS * SL_ROW_LANES ? s->rows - r : ROWS * SL_ROW_LANES);
    }
    s->y[k] = (float)(sum * s->factor);
}

static void reduce_kept(const void *context, int64_t from, int64_t to)
{
    const reduce_state *s = context;
    for (int64_t k = from; k < to; k++)
        if (s->inner == 1)
            add_runs(s, k);
        else
            add_columns(s, k, 0, s->inner);
}

/* Blocks of columns, where there is but one kept index. */
enum { COLUMNS = 64 };
static void reduce_columns(const void *context, int64_t from, int64_t to)
{
    const reduce_state *s = context;
    const int64_t end = to * COLUMNS < s->inner ? to * COLUMNS : s->inner;
    add_columns(s, 0, from * COLUMNS, end);
}

static sl_status run_reduce(const sl_step *step, dnnl_stream_t stream, sl_error *err)
{
    const reduce_state *s = step->state;
    const int64_t work = s->outer * s->kept * s->rows * s->inner;
    (void)stream, (void)err;
    if (s->kept == 1 && s->inner > 1)
        sl_run_pieces((s->inner + COLUMNS - 1) / COLUMNS, work, reduce_columns, s);
    else
        sl_run_pieces(s->kept, work, reduce_kept, s);
    return SL_OK;
}

/* The axes of x, those side by side that share a fate as one: at most four, gone first. */
static bool merged(const sl_shape *x, unsigned mask, reduce_state *s)
{
    int64_t dim[SL_MAX_RANK + 4] = {0};
    int count = 0;
    bool last = false; /* whether the last one goes */
    for (int i = 0; i < x->rank; i++) {
        bool goes = mask >> i & 1;
        if (x->dim[i] == 1)
            continue;
        if (count == 0 && !goes) {
            dim[count++] = 1;
            last = true;
        }
        if (count && goes == last)
            dim[count - 1] *= x->dim[i];
        else
            dim[count++] = x->dim[i];
        last = goes;
    }
    for (int i = count; i < 4; i++)
        dim[i] = 1;
    s->outer = count ? dim[0] : 1, s->kept = dim[1], s->rows = dim[2], s->inner = dim[3];
    if (count == 1) /* all of it */
        s->rows = s->outer, s->outer = 1;
    if (count == 2 && s->outer > 1) /* [rows, columns] */
        s->inner = s->kept, s->rows = s->outer, s->outer = s->kept = 1;
    return count < 4 || (count == 4 && s->outer == 1);
}

sl_status sl_compile_reduce(sl_build *b, const sl_node *n, bool *done, sl_error *err)
{
    const sl_fn fn = n->attr.fn;
    if (n->op != SL_OP_REDUCE || (fn != SL_FN_SUM && fn != SL_FN_AVERAGE))
        return SL_OK;
    const sl_shape *x = &b->g->tensors[n->inputs[0]].shape;
    const bool listed = n->n_inputs > 1 && n->inputs[1] >= 0;
    sl_value values[2];
    const sl_value *in[2] = {&values[0], listed ? &values[1] : NULL};
    for (int i = 0; i < 1 + listed; i++) {
        const sl_tensor_info *t = &b->g->tensors[n->inputs[i]];
        values[i] = (sl_value){t->type, t->shape, (void *)t->data};
    }
    unsigned mask;
    reduce_state s = {.loops = sl_row_loops_active()}, *own;
    int buffers[2];
    SL_TRY(sl_reduce_mask(&(sl_call){n, in, NULL}, x->rank, &mask, err));
    if (!merged(x, mask, &s))
        return SL_OK;
    const double count = (double)sl_shape_elements(x) / (double)sl_shape_elements(&b->g->tensors[n->outputs[0]].shape);
    s.factor = fn == SL_FN_AVERAGE ? 1 / count : 1;
    s.sums = sl_plan_memory(b, (size_t)(s.kept * s.inner) * sizeof *s.sums);
    SL_TRY(sl_want_dense(b, n->inputs[0], &buffers[0], err));
    SL_TRY(sl_make_dense(b, n->outputs[0], &buffers[1], err));
    own = s.sums ? malloc(sizeof *own) : NULL;
    if (!own)
        return sl_build_no_memory(err);
    *own = s;
    *done = true;
    return sl_add_step(b, run_reduce, bind_reduce, free, own, buffers, 2, err);
}
