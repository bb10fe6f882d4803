/* Query encoders averaged: weights that several runs learned lie so near each other that their mean is one of them, and
 * mostly a better one. What a part of 1 is nobody's is the recogniser's own.
 *
 *     weight = own + sum of part x (encoder's - own)
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "model/delta.h"
#include "model/derived.h"
#include "secondlook_train.h"

/* The sum so far: a row for each weight that any encoder has. */
typedef struct {
    const sl_graph *base;
    sl_weights_of *weights; /* room for all of base's tensors */
    int count;
} mixture;

/* The mixture's weight of this name, which begins as the recogniser's own. */
static sl_status weight_of(mixture *m, const char *name, float **out, size_t *numbers, sl_error *err)
{
    const sl_tensor_info *own = &m->base->tensors[sl_graph_find(m->base, name)];
    *numbers = (size_t)sl_shape_elements(&own->shape);
    for (int i = 0; i < m->count; i++)
        if (strcmp(m->weights[i].name, own->name) == 0) {
            *out = (float *)m->weights[i].value;
            return SL_OK;
        }
    *out = sl_calloc_aligned(*numbers, sizeof **out);
    if (!*out)
        return sl_no_memory(err, "for weights that are averaged");
    memcpy(*out, own->data, *numbers * sizeof **out);
    m->weights[m->count++] = (sl_weights_of){.name = own->name, .value = *out};
    return SL_OK;
}

static sl_status add_weights(mixture *m, const sl_weights_of *learned, int count, double part, sl_error *err)
{
    for (int i = 0; i < count; i++) {
        const float *own = m->base->tensors[sl_graph_find(m->base, learned[i].name)].data;
        float *sum;
        size_t numbers;
        SL_TRY(weight_of(m, learned[i].name, &sum, &numbers, err));
        for (size_t k = 0; k < numbers; k++)
            sum[k] += (float)(part * ((double)learned[i].value[k] - own[k]));
    }
    return SL_OK;
}

static sl_status add_encoder(mixture *m, const char *models_dir, const sl_recogniser *r, const sl_encoder_part *part,
                             sl_error *err)
{
    sl_encoder encoder;
    sl_weights_of *learned = NULL;
    float *owned = NULL;
    int count;
    SL_TRY(sl_encoder_open(models_dir, part->encoder, r, &encoder, err));
    sl_status status = sl_delta_weights(&encoder.delta, m->base, &learned, &count, &owned, err);
    if (status == SL_OK)
        status = add_weights(m, learned, count, part->part, err);
    free(learned);
    free(owned);
    sl_encoder_close(&encoder);
    return status;
}

/* "mobilefacenet-192, .4 of a, .4 of b." */
static sl_status save(const mixture *m, const sl_recogniser *r, const sl_encoder_part *parts, int count,
                      const char *models_dir, const sl_train_output *o, sl_error *err)
{
    static const float covered[2] = SL_ENCODER_COVERED;
    const float share = o->share > 0 ? (float)o->share : SL_ENCODER_SHARE;
    sl_text provenance = {0};
    sl_text_add(&provenance, "%s, averaged with", r->network.manifest->name);
    for (int i = 0; i < count; i++)
        sl_text_add(&provenance, "%s %g of %s", i ? "," : "", parts[i].part, parts[i].encoder);
    sl_text_add(&provenance, ".");
    const sl_derived made = {.models_dir = models_dir,
                             .output = o->output,
                             .licence = o->licence,
                             .provenance = provenance.data,
                             .replace = o->replace,
                             .eyes = o->eyes};
    sl_status status = provenance.failed ? sl_no_memory(err, "for a manifest")
                                         : sl_derive_encoder(r, m->weights, m->count, covered, share, &made, err);
    free(provenance.data);
    return status;
}

static sl_status average(const char *models_dir, const sl_recogniser *r, const sl_encoder_part *parts, int count,
                         const sl_train_output *o, sl_error *err)
{
    sl_graph *made = NULL;
    mixture m = {0};
    SL_TRY(sl_encoder_base(r, 1, &made, &m.base, err));
    m.weights = calloc((size_t)m.base->n_tensors + 1, sizeof *m.weights);
    sl_status status = m.weights ? SL_OK : sl_no_memory(err, "for weights that are averaged");
    for (int i = 0; i < count && status == SL_OK; i++)
        status = add_encoder(&m, models_dir, r, &parts[i], err);
    if (status == SL_OK)
        status = save(&m, r, parts, count, models_dir, o, err);
    for (int i = 0; i < m.count; i++)
        free((float *)m.weights[i].value);
    free(m.weights);
    sl_graph_free(made);
    return status;
}

static sl_status check_parts(const sl_encoder_part *parts, int count, const sl_train_output *o, sl_error *err)
{
    double sum = 0;
    if (!o || !o->output)
        return sl_fail(err, SL_ERR_ARGUMENT, "a model needs a name");
    if (!(o->share >= 0 && o->share <= SL_MOST_SHARE))
        return sl_fail(err, SL_ERR_ARGUMENT, "an encoder's share of an embedding is above 0, up to %d; it is %g",
                       SL_MOST_SHARE, o->share);
    if (!parts || count < 1)
        return sl_fail(err, SL_ERR_ARGUMENT, "an average needs one query encoder or more");
    for (int i = 0; i < count; i++) {
        if (!parts[i].encoder || !(parts[i].part > 0 && parts[i].part <= 1))
            return sl_fail(err, SL_ERR_ARGUMENT, "a part of an average is above 0, up to 1; %s has %g",
                           parts[i].encoder ? parts[i].encoder : "(nobody)", parts[i].part);
        sum += parts[i].part;
    }
    return sum <= 1 + 1e-6 ? SL_OK
                           : sl_fail(err, SL_ERR_ARGUMENT, "the parts of an average are %g together: 1 at most, and "
                                     "what is left is the recogniser's own", sum);
}

/* The recogniser that the first encoder names, where none is given. */
static sl_status open_recogniser(const char *models_dir, const char *model, const char *encoder, sl_recogniser *out,
                                 sl_error *err)
{
    sl_manifest *m = NULL;
    char *path = NULL;
    if (model)
        return sl_recogniser_open(models_dir, model, out, err);
    SL_TRY(sl_catalogue_find(models_dir, encoder, &m, &path, err));
    sl_status status = m->kind == SL_MODEL_ENCODER
                           ? sl_recogniser_open(models_dir, m->backbone, out, err)
                           : sl_fail(err, SL_ERR_ARGUMENT, "model %s is no query encoder but of kind \"%s\"", m->name,
                                     sl_model_kind_names[m->kind]);
    sl_manifest_free(m);
    free(path);
    return status;
}

sl_status sl_train_average(const char *models_dir, const char *model, const sl_encoder_part *parts, int count,
                           const sl_train_output *output, sl_error *err)
{
    sl_recogniser r;
    SL_TRY(check_parts(parts, count, output, err));
    SL_TRY(open_recogniser(models_dir, model, parts[0].encoder, &r, err));
    sl_status status = average(models_dir, &r, parts, count, output, err);
    sl_recogniser_close(&r);
    return status;
}
