#include "attack/surrogate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/append_cosine.h"
#include "net/gradient.h"

enum { COSINE, EMBEDDING, SLOPE }; /* the plan's outputs */

/* ---- opening ---- */

static sl_status compile(sl_surrogate *s, sl_error *err)
{
    const sl_recogniser *r = &s->recogniser;
    const char *outputs[] = {SL_COSINE, r->network.manifest->embedding};
    const sl_shape shapes[] = {{4, {1, r->channels_in, r->height, r->width}}, {2, {1, r->dim}}};
    const sl_training fixed = {.stats = SL_STATS_FIXED};
    SL_TRY(s->encoder.manifest ? sl_encoder_graph(&s->encoder, r, 1, &s->parts, &s->whole, err)
                               : sl_recogniser_graph(r, 1, &s->whole, err));
    SL_TRY(sl_append_cosine(s->whole, sl_graph_find(s->whole, r->network.manifest->embedding), r->dim, err));
    SL_TRY(sl_graph_for_training(s->whole, shapes, outputs, 2, &fixed, &s->forward, err));
    SL_TRY(sl_graph_gradient(s->forward, s->forward->outputs[0], s->forward->inputs, 1, &s->back, err));
    return sl_plan_compile(s->back, 1, &s->plan, err);
}

sl_status sl_surrogate_open(const char *models_dir, const char *model, const char *encoder, sl_surrogate *out,
                            sl_error *err)
{
    *out = (sl_surrogate){0};
    SL_TRY(sl_recogniser_open(models_dir, model, &out->recogniser, err));
    SL_TRY(sl_encoder_choose(models_dir, encoder, &out->recogniser, &out->encoder, err));
    const sl_recogniser *r = &out->recogniser;
    const sl_manifest *m = r->network.manifest;
    out->align = sl_align_template_find(m->alignment);
    out->crop = sl_calloc_aligned((size_t)r->width * (size_t)r->height, 3 * sizeof *out->crop);
    out->other = sl_calloc_aligned((size_t)r->dim, sizeof *out->other);
    if (!out->crop || !out->other)
        return sl_no_memory(err, "to attack a network");
    if (!out->align)
        return sl_fail(err, SL_ERR_INTERNAL, "model %s: no alignment is called \"%.100s\"", m->name, m->alignment);
    sl_status status = compile(out, err);
    return status == SL_OK ? SL_OK : sl_fail_in(err, status, "model %s cannot be attacked", m->name);
}

const char *sl_surrogate_name(const sl_surrogate *s)
{
    return (s->encoder.manifest ? s->encoder.manifest : s->recogniser.network.manifest)->name;
}

void sl_surrogate_close(sl_surrogate *s)
{
    sl_plan_free(s->plan);
    sl_graph_free(s->back);
    sl_graph_free(s->forward);
    sl_graph_free(s->whole);
    sl_encoder_parts_free(&s->parts);
    sl_encoder_close(&s->encoder);
    sl_recogniser_close(&s->recogniser);
    free(s->crop);
    free(s->other);
    *s = (sl_surrogate){0};
}

sl_status sl_surrogate_aim(sl_surrogate *s, const sl_image *photo, const sl_point points[5], sl_error *err)
{
    const sl_recogniser *r = &s->recogniser;
    sl_affine map;
    SL_TRY(sl_face_align_map(points, s->align, r->width, r->height, &map, err));
    return sl_taking_of(photo, &map, r->width, r->height, &s->taking)
               ? SL_OK
               : sl_fail(err, SL_ERR_NUMERIC, "the face's five points lie outside the photo");
}

/* ---- between the crop [height, width, 3] and the network's input [channels, height, width] ---- */

/* What RGB sample `from` gives to the network's channel c. */
static float share(const sl_manifest *m, int c, int from)
{
    static const float luma[3] = {.299f, .587f, .114f};
    if (m->colour == SL_COLOUR_GREY)
        return luma[from];
    return from == (m->colour == SL_COLOUR_BGR ? 2 - c : c) ? 1 : 0;
}

/* The crop into the network's input, or back: slopes by the input into slopes by the crop. */
static void feed(const sl_surrogate *s, float *input, const float *slope, float *crop)
{
    const sl_recogniser *r = &s->recogniser;
    const sl_manifest *m = r->network.manifest;
    const size_t count = (size_t)r->width * (size_t)r->height;
    for (int c = 0; c < r->channels_in; c++)
        for (int from = 0; from < 3; from++) {
            const float w = share(m, c, from) / m->std[c];
            for (size_t i = 0; w != 0 && i < count; i++)
                if (slope)
                    crop[3 * i + (size_t)from] += w * slope[(size_t)c * count + i];
                else
                    input[(size_t)c * count + i] += w * crop[3 * i + (size_t)from];
        }
}

static sl_status run(sl_surrogate *s, const sl_numbers *photo, sl_error *err)
{
    const sl_recogniser *r = &s->recogniser;
    const sl_manifest *m = r->network.manifest;
    const size_t count = (size_t)r->width * (size_t)r->height;
    float *input = sl_plan_input(s->plan, 0, NULL);
    SL_TRY(sl_numbers_take(photo, &s->taking, r->width, r->height, s->crop, err));
    for (int c = 0; c < r->channels_in; c++)
        for (size_t i = 0; i < count; i++)
            input[(size_t)c * count + i] = -m->mean[c] / m->std[c];
    feed(s, input, NULL, s->crop);
    memcpy(sl_plan_input(s->plan, 1, NULL), s->other, (size_t)r->dim * sizeof *s->other);
    return sl_plan_run(s->plan, err);
}

sl_status sl_surrogate_embed(sl_surrogate *s, const sl_numbers *photo, float *embedding, sl_error *err)
{
    SL_TRY(run(s, photo, err));
    memcpy(embedding, sl_plan_output(s->plan, EMBEDDING, NULL), (size_t)s->recogniser.dim * sizeof *embedding);
    return SL_OK;
}

sl_status sl_surrogate_cosine(sl_surrogate *s, const sl_numbers *photo, sl_numbers *slope, double *cosine,
                              sl_error *err)
{
    const sl_recogniser *r = &s->recogniser;
    SL_TRY(run(s, photo, err));
    *cosine = (double)*sl_plan_output(s->plan, COSINE, NULL);
    if (!isfinite(*cosine))
        return sl_fail(err, SL_ERR_NUMERIC, "model %s: gives no number for this face", sl_surrogate_name(s));
    if (!slope)
        return SL_OK;
    memset(s->crop, 0, (size_t)r->width * (size_t)r->height * 3 * sizeof *s->crop);
    feed(s, NULL, sl_plan_output(s->plan, SLOPE, NULL), s->crop);
    return sl_numbers_give_back(s->crop, &s->taking, r->width, r->height, slope, err);
}

sl_status sl_surrogate_reach(sl_surrogate *s, sl_numbers *window, sl_error *err)
{
    const sl_recogniser *r = &s->recogniser;
    for (size_t i = 0; i < (size_t)r->width * (size_t)r->height * 3; i++)
        s->crop[i] = 1;
    return sl_numbers_give_back(s->crop, &s->taking, r->width, r->height, window, err);
}
