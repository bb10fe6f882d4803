/* Compiling a recogniser in int8, and the self-test of what came of it. */
#include <string.h>

#include "base/vector.h"
#include "model/int8/int8.h"

#define SLACK 2e-4

/* Every face of the batch is the probe. */
static sl_status self_test(const sl_recogniser *r, const sl_int8_model *m, int batch, sl_plan *plan, sl_error *err)
{
    const sl_image probe = {m->width, m->height, m->channels, m->probe};
    float *in = sl_plan_input(plan, 0, NULL);
    size_t picture = (size_t)r->channels_in * (size_t)r->width * (size_t)r->height;
    SL_TRY(sl_recogniser_prepare(r, &probe, in, err));
    for (int i = 1; i < batch; i++)
        memcpy(in + (size_t)i * picture, in, picture * sizeof *in);
    SL_TRY(sl_plan_run(plan, err));
    for (int i = 0; i < batch; i++) {
        double got = sl_cosine(sl_plan_output(plan, 0, NULL) + (size_t)i * (size_t)r->dim, m->expected, r->dim);
        if (!(got >= sl_int8_least(m, SLACK)))
            return sl_fail(err, SL_ERR_CORRUPT, "model %s in int8 fails its self-test: the probe's embedding has a "
                           "cosine of %.4f to that of f32, %.4f or more is expected. Make its ranges again with "
                           "'models quantise', or take --precision f32", r->network.manifest->name, got,
                           sl_int8_least(m, SLACK));
    }
    return SL_OK;
}

sl_status sl_int8_compile(const sl_recogniser *r, const sl_int8_model *m, int batch, const sl_plan_options *plain,
                          sl_plan **out, sl_error *err)
{
    sl_plan_options options = *plain;
    options.precision = SL_COMPUTE_INT8;
    options.ranges = &m->ranges;
    SL_TRY(sl_recogniser_compile(r, batch, &options, out, err));
    sl_status status = self_test(r, m, batch, *out, err);
    if (status != SL_OK) {
        sl_plan_free(*out);
        *out = NULL;
    }
    return status;
}
