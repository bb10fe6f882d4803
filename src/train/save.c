/* A model made of a trainer's weights. */
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "train/trainer.h"

static sl_status save_weights(const sl_trainer *t, bool best, const sl_train_output *output, const char *how,
                              sl_error *err)
{
    sl_weights_of *weights;
    float *owned;
    int count;
    SL_TRY(sl_trainer_weights(t, best, &weights, &count, &owned, err));
    sl_status status = t->task->save(t, weights, count, how, output, err);
    free(weights);
    free(owned);
    return status;
}

sl_status sl_trainer_save(sl_trainer *t, const sl_train_output *output, sl_error *err)
{
    char *how;
    if (!output || !output->output)
        return sl_fail(err, SL_ERR_ARGUMENT, "a model needs a name");
    if (output->encoder && t->o.task != SL_TRAIN_RECOGNISER)
        return sl_fail(err, SL_ERR_ARGUMENT, "a query encoder is made of a recogniser on crops, nothing else");
    const bool best = !output->last && !isnan(t->at.best.clean);
    if (asprintf(&how, "for %llu steps on photos of %d people",
                 (unsigned long long)(best ? t->at.best_step : t->at.step), sl_source_people(t->learned)) < 0)
        return sl_no_memory(err, "for a manifest");
    sl_status status = save_weights(t, best, output, how, err);
    free(how);
    return status;
}
