#include "train/classes.h"

#include <math.h>

#include "base/mem.h"
#include "base/rng.h"
#include "train/loss.h"

/* Uniform in +- sqrt(6 / (people + dim)) (Glorot and Bengio 2010). */
static void draw_classes(sl_trainer *t, size_t count, int dim)
{
    sl_rng rng = sl_rng_seed(t->o.seed);
    const double most = sqrt(6.0 / (double)(sl_source_people(t->learned) + dim));
    for (size_t i = 0; i < count; i++)
        t->classes[i] = (float)sl_rng_range(&rng, -most, most);
}

static void average_classes(sl_trainer *t, int dim, const float *embeddings)
{
    for (size_t i = 0; i < sl_source_size(t->learned); i++) {
        const int c = sl_source_person(t->learned, i);
        for (int d = 0; d < dim; d++)
            t->classes[(size_t)c * (size_t)dim + (size_t)d] += embeddings[i * (size_t)dim + (size_t)d];
    }
}

sl_status sl_classes_begin(sl_trainer *t, int dim, const float *embeddings, sl_error *err)
{
    const size_t count = (size_t)sl_source_people(t->learned) * (size_t)dim;
    if (!sl_loss_has_classes(t->o.loss))
        return SL_OK;
    t->classes = sl_calloc_aligned(count, sizeof *t->classes);
    if (!t->classes)
        return sl_no_memory(err, "for the vectors of all people");
    if (embeddings)
        average_classes(t, dim, embeddings);
    else
        draw_classes(t, count, dim);
    return SL_OK;
}
