/* A query's embedding, by how much of the face is hidden:
 *
 *     crop --> recogniser's layers --.--> recogniser's --> map, embedding t      as of every face in a gallery
 *                                    |                      |
 *                                    |                      `-> hidden --> w, v, 0 where nothing is
 *                                    |--> encoder's -----> embedding s           only where w > 0
 *                                    `--> that of eyes --> embedding e           only where v > 0
 *
 *     embedding = unit length of (1 - w - v) t + w s + v e          t's part may be below 0 (manifest.h, share)
 *
 * s and e are means of what the encoder makes of the face and of the face in the mirror: what is left to see of a
 * covered face is little, and seen twice it is known better (docs/lab/encoder.md). In int8, and of the face in the
 * mirror, encoders begin at the crop: int8's ranges are of the recogniser's own activations.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "match/oae/oae.h"
#include "pipeline/engine.h"
#include "template/template.h"

/* NaN where nothing tells. The query notes it: each look reads all weights of the head, which are 19 MB. */
static sl_status find_hidden(const sl_session *s, sl_template *query, sl_hidden *out, sl_error *err)
{
    const sl_patch_source face = sl_patch_source_of(query);
    const sl_oae *known;
    *out = (sl_hidden){NAN, NAN, NAN};
    SL_TRY(sl_engine_find_known(s->engine, &known, err));
    if (!known || !sl_oae_has_statistics(known))
        return SL_OK;
    SL_TRY(sl_oae_check(known, &query->shape, true, "hidden", err));
    SL_TRY(sl_hidden_of_face(known, &face, out, err));
    query->hidden = out->all;
    query->hidden_by = sl_oae_checksum(known);
    return SL_OK;
}

static sl_status open_plan(const sl_session *s, const sl_encoder *e, bool whole, sl_plan **plan, sl_error *err)
{
    const bool int8 = s->engine->precision == SL_COMPUTE_INT8;
    const sl_plan_options options = {.threads = s->threads,
                                     .precision = int8 ? SL_COMPUTE_F32 : s->engine->precision};
    return *plan ? SL_OK : sl_encoder_compile(e, &s->engine->recogniser, whole, &options, plan, err);
}

/* Row `row` of a batch. */
static void take(const float *from, int row, sl_plan *to, int input)
{
    sl_shape shape;
    float *x = sl_plan_input(to, input, &shape);
    const size_t n = (size_t)sl_shape_elements(&shape);
    memcpy(x, from + (size_t)row * n, n * sizeof *x);
}

/* What the encoder goes on from, of the face in this row: the recogniser's inner tensors. */
static void feed(const sl_session *s, const sl_encoder *e, sl_plan *ran, int row, sl_plan *plan)
{
    char *inner[SL_MOST_INNER];
    const int n_inner = sl_encoder_inner(&s->engine->encoder, inner);
    for (int i = 0; i < e->n_from; i++)
        for (int k = 0; k < n_inner; k++)
            if (strcmp(inner[k], e->from[i]) == 0)
                take(sl_plan_output(ran, 2 + k, NULL), row, plan, i);
}

/* The crop [1, channels, height, width] that the plan is to read, left to right. */
static void mirror(sl_plan *plan)
{
    sl_shape shape;
    float *row = sl_plan_input(plan, 0, &shape), *end = row + sl_shape_elements(&shape);
    for (const int64_t width = shape.dim[3]; row < end; row += width)
        for (int64_t x = 0; x < width / 2; x++) {
            const float left = row[x];
            row[x] = row[width - 1 - x];
            row[width - 1 - x] = left;
        }
}

static double length_of(const float *x, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += (double)x[i] * x[i];
    return sqrt(sum);
}

/* sum += share x / |x| */
static void add(double *sum, const float *x, float share, int n)
{
    const double by = (double)share / length_of(x, n);
    for (int i = 0; i < n; i++)
        sum[i] += by * x[i];
}

/* What encoder number `which` makes of the face, or of the face in the mirror, by its share. */
static sl_status add_view(sl_session *s, int which, bool mirrored, sl_plan *ran, int row, float share, int dim,
                          double *sum, sl_error *err)
{
    const sl_encoder *e = which ? s->engine->encoder.eyes : &s->engine->encoder;
    const bool whole = mirrored || s->engine->precision == SL_COMPUTE_INT8 || e->n_from == 0;
    sl_plan **plan = &s->encoders[which][whole];
    SL_TRY(open_plan(s, e, whole, plan, err));
    if (whole)
        take(sl_plan_input(ran, 0, NULL), row, *plan, 0);
    else
        feed(s, e, ran, row, *plan);
    if (mirrored)
        mirror(*plan);
    SL_TRY(sl_plan_run(*plan, err));
    add(sum, sl_plan_output(*plan, 0, NULL), share, dim);
    return SL_OK;
}

static sl_status add_encoder(sl_session *s, int which, sl_plan *ran, int row, float share, int dim, double *sum,
                             sl_error *err)
{
    for (int view = 0; view < SL_ENCODER_VIEWS && share > 0; view++)
        SL_TRY(add_view(s, which, view > 0, ran, row, share / SL_ENCODER_VIEWS, dim, sum, err));
    return SL_OK;
}

/* x [n] becomes the sum's direction. */
static sl_status take_direction(const double *sum, int n, float *x, sl_error *err)
{
    double square = 0;
    for (int i = 0; i < n; i++)
        square += sum[i] * sum[i];
    if (!isfinite(square) || !(square > 0))
        return sl_fail(err, SL_ERR_NUMERIC, "the query encoder's embedding is no direction");
    for (int i = 0; i < n; i++)
        x[i] = (float)(sum[i] / sqrt(square));
    return SL_OK;
}

static sl_status encode(sl_session *s, sl_encoder_shares shares, sl_plan *ran, int row, sl_template *query,
                        sl_error *err)
{
    const int dim = query->shape.dim;
    double *sum = calloc((size_t)dim, sizeof *sum);
    if (!sum)
        return sl_no_memory(err, "for a query");
    add(sum, query->embedding, 1 - shares.own - shares.eyes, dim);
    sl_status status = add_encoder(s, 0, ran, row, shares.own, dim, sum, err);
    if (status == SL_OK)
        status = add_encoder(s, 1, ran, row, shares.eyes, dim, sum, err);
    if (status == SL_OK)
        status = take_direction(sum, dim, query->embedding, err);
    free(sum);
    return status;
}

sl_status sl_session_encode(sl_session *s, sl_plan *ran, int row, sl_template *query, sl_error *err)
{
    const sl_encoder *e = &s->engine->encoder;
    sl_hidden hidden;
    if (!e->manifest)
        return SL_OK;
    SL_TRY(find_hidden(s, query, &hidden, err));
    const sl_encoder_shares shares = sl_encoder_shares_of(e, hidden.eyes, hidden.mouth);
    return shares.own > 0 || shares.eyes > 0 ? encode(s, shares, ran, row, query, err) : SL_OK;
}
