/* SGD with momentum, and AdamW. */
#include "train/optimiser.h"

#include <math.h>

int sl_optimiser_moments(const sl_optimiser *o)
{
    if (o->kind == SL_OPTIMISER_ADAMW)
        return 2;
    return o->momentum != 0;
}

static void step_sgd(const sl_optimiser *o, float rate, float scale, size_t count, const float *g, float *velocity,
                     float *w)
{
    const float decay = (float)o->decay, momentum = (float)o->momentum;
    if (!velocity) {
        for (size_t i = 0; i < count; i++)
            w[i] -= rate * (scale * g[i] + decay * w[i]);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        velocity[i] = momentum * velocity[i] + (scale * g[i] + decay * w[i]);
        w[i] -= rate * velocity[i];
    }
}

static void step_adamw(const sl_optimiser *o, unsigned long long step, double rate, float scale, int rank,
                       size_t count, const float *g, sl_moments *moments, float *w)
{
    const float b1 = (float)o->beta1, b2 = (float)o->beta2, epsilon = (float)o->epsilon;
    const float shrink = rank >= 2 ? (float)(1 - rate * o->decay) : 1;
    const float by = (float)(rate / (1 - pow(o->beta1, (double)step)));
    const float root = (float)(1 / sqrt(1 - pow(o->beta2, (double)step)));
    float *first = moments->first, *second = moments->second;
    for (size_t i = 0; i < count; i++) {
        float x = scale * g[i];
        first[i] = b1 * first[i] + (1 - b1) * x;
        second[i] = b2 * second[i] + (1 - b2) * x * x;
        w[i] = shrink * w[i] - by * first[i] / (sqrtf(second[i]) * root + epsilon);
    }
}

void sl_optimiser_step(const sl_optimiser *o, unsigned long long step, double rate, double scale, int rank,
                       size_t count, const float *g, sl_moments *m, float *w)
{
    if (o->kind == SL_OPTIMISER_SGD)
        step_sgd(o, (float)rate, (float)scale, count, g, m->first, w);
    else
        step_adamw(o, step, rate, (float)scale, rank, count, g, m, w);
}
