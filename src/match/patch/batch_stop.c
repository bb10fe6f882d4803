#include "match/patch/batch_stop.h"

#include <math.h>

#include "match/kernels/match_kernels.h"

static float run(const sl_match_layout *l, const sl_pairing *x, int iterations, float *changes)
{
    const sl_sinkhorn_rule rule = {.eps = l->sinkhorn.eps, .max_iterations = iterations, .stop = -1};
    const sl_sinkhorn_work work = {.u = x->u,
                                   .v = x->v,
                                   .K = x->K,
                                   .r = x->r,
                                   .c = x->c,
                                   .changes = changes,
                                   .patches = l->patches,
                                   .stride = l->stride};
    float score;
    sl_emd_kernels_now()->sinkhorn(x->S, &rule, &work, &score);
    return score;
}

/* Where the candidate weighs nothing, r is 0 from the first step on. Where the query does, the published program
 * divides by 0 from the second on: its mean is no number then, so that nobody in the batch stops early. */
static void changes_of_nothing(const sl_match_layout *l, const sl_pairing *x, float *changes)
{
    bool query_weighs = false;
    for (int m = 0; m < l->patches; m++)
        query_weighs |= x->v[m] > 0;
    changes[0] = (float)l->patches;
    for (int i = 1; i < l->sinkhorn.max_iterations; i++)
        changes[i] = query_weighs ? 0 : NAN;
}

void sl_batch_changes(const sl_match_layout *layout, const sl_pairing *pair, bool weighed, float *changes)
{
    if (weighed)
        run(layout, pair, layout->sinkhorn.max_iterations, changes);
    else
        changes_of_nothing(layout, pair, changes);
}

int sl_batch_iterations(const sl_match_layout *layout, const float *changes, size_t n)
{
    const int most = layout->sinkhorn.max_iterations;
    for (int i = 0; i < most; i++) {
        double sum = 0;
        for (size_t pair = 0; pair < n; pair++)
            sum += (double)changes[pair * (size_t)most + (size_t)i];
        if (sum / ((double)n * layout->patches) < (double)layout->sinkhorn.stop)
            return i + 1;
    }
    return most;
}

float sl_batch_score(const sl_match_layout *layout, const sl_pairing *pair, int iterations)
{
    return run(layout, pair, iterations, NULL);
}
