/* A query's embedding, by how much of the face is hidden:
 *
 *     crop --> recogniser's layers --.--> recogniser's --> map, embedding t      as of every face in a gallery
 *                                    |                      |
 *                                    |                      `-> hidden --> w, 0 where nothing is
 *                                    `--> encoder's -----> embedding s           only where w > 0
 *
 *     embedding = unit length of (1 - w) t + w s
 *
 * In int8 the encoder begins at the crop: int8's ranges are of the recogniser's own activations.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "match/oae/oae.h"
#include "pipeline/engine.h"

/* NaN where nothing tells. */
static sl_status find_hidden(const sl_session *s, const sl_template *query, float *out, sl_error *err)
{
    const sl_oae *known;
    *out = NAN;
    SL_TRY(sl_engine_find_known(s->engine, &known, err));
    return known && sl_oae_has_statistics(known) ? sl_oae_hidden(known, query, out, err) : SL_OK;
}

static sl_status open_plan(sl_session *s, sl_error *err)
{
    const sl_engine *e = s->engine;
    const bool whole = e->precision == SL_COMPUTE_INT8;
    const sl_plan_options options = {.threads = s->threads, .precision = whole ? SL_COMPUTE_F32 : e->precision};
    return s->encoder ? SL_OK : sl_encoder_compile(&e->encoder, &e->recogniser, whole, &options, &s->encoder, err);
}

static size_t numbers_of(const sl_shape *shape)
{
    return (size_t)sl_shape_elements(shape);
}

/* What the encoder goes on from, of the face in this row: the recogniser's inner tensors, or the crop as it was read. */
static void feed(const sl_session *s, sl_plan *ran, int row)
{
    const sl_encoder *e = &s->engine->encoder;
    const int inner = s->engine->precision == SL_COMPUTE_INT8 ? 0 : e->n_from;
    sl_shape shape;
    for (int i = 0; i < (inner ? inner : 1); i++) {
        float *to = sl_plan_input(s->encoder, i, &shape);
        const size_t n = numbers_of(&shape);
        const float *from = inner ? sl_plan_output(ran, 2 + i, NULL) : sl_plan_input(ran, 0, NULL);
        memcpy(to, from + (size_t)row * n, n * sizeof *to);
    }
}

static double length_of(const float *x, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += (double)x[i] * x[i];
    return sqrt(sum);
}

/* x [n] becomes the mix, of unit length. */
static sl_status mix(float *x, const float *other, float weight, int n, sl_error *err)
{
    const double own = (1 - (double)weight) / length_of(x, n), by = (double)weight / length_of(other, n);
    for (int i = 0; i < n; i++)
        x[i] = (float)(own * x[i] + by * other[i]);
    const double length = length_of(x, n);
    if (!isfinite(length) || !(length > 0))
        return sl_fail(err, SL_ERR_NUMERIC, "the query encoder's embedding is no direction");
    for (int i = 0; i < n; i++)
        x[i] = (float)(x[i] / length);
    return SL_OK;
}

sl_status sl_session_encode(sl_session *s, sl_plan *ran, int row, sl_template *query, sl_error *err)
{
    const sl_engine *e = s->engine;
    float hidden;
    if (!e->encoder.manifest)
        return SL_OK;
    SL_TRY(find_hidden(s, query, &hidden, err));
    const float weight = sl_encoder_weight(e->encoder.manifest, hidden);
    if (!(weight > 0))
        return SL_OK;
    SL_TRY(open_plan(s, err));
    feed(s, ran, row);
    SL_TRY(sl_plan_run(s->encoder, err));
    return mix(query->embedding, sl_plan_output(s->encoder, 0, NULL), weight, query->shape.dim, err);
}
