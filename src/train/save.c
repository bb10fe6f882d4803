/* A model made of a trainer's weights. */
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "model/derived.h"
#include "train/trainer.h"

/* A whole network's fused graph has a batch of its own: the same for one picture, with the same names. */
static sl_status graph_to_save(const sl_trainer *t, const sl_weights_of *weights, int count, sl_graph **single,
                               sl_graph **out, sl_error *err)
{
    sl_student one = t->student;
    *single = *out = NULL;
    if (t->student.fused) {
        SL_TRY(sl_recogniser_graph(&t->student.recogniser, 1, single, err));
        one.net = *single;
    }
    return sl_student_graph(&one, weights, count, out, err);
}

static sl_status write_model(const sl_trainer *t, bool best, const sl_weights_of *weights, int count,
                             const sl_train_output *o, sl_error *err)
{
    sl_graph *single, *g;
    char *provenance = NULL;
    sl_status status = graph_to_save(t, weights, count, &single, &g, err);
    if (status == SL_OK &&
        asprintf(&provenance, "%s, %s for %llu steps on photos of %d people.",
                 t->student.recogniser.network.manifest->name,
                 t->o.loss == SL_LOSS_DISTILL ? "distilled from itself on covered faces" : "finetuned",
                 (unsigned long long)(best ? t->at.best_step : t->at.step),
                 sl_source_people(t->lesson.learned)) < 0) {
        provenance = NULL;
        status = sl_no_memory(err, "for a manifest");
    }
    const sl_derived made = {.models_dir = t->o.models_dir,
                             .output = o->output,
                             .licence = o->licence,
                             .provenance = provenance,
                             .replace = o->replace};
    if (status == SL_OK)
        status = sl_derive_recogniser(&t->student.recogniser, g, &made, err);
    free(provenance);
    sl_graph_free(g);
    sl_graph_free(single);
    return status;
}

sl_status sl_trainer_save(sl_trainer *t, const sl_train_output *output, sl_error *err)
{
    sl_weights_of *weights;
    float *owned;
    int count;
    if (!output || !output->output)
        return sl_fail(err, SL_ERR_ARGUMENT, "a model needs a name");
    const bool best = !output->last && !isnan(t->at.best.clean);
    SL_TRY(sl_trainer_weights(t, best, &weights, &count, &owned, err));
    sl_status status = write_model(t, best, weights, count, output, err);
    free(weights);
    free(owned);
    return status;
}
