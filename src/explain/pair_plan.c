/* The transport plan between two templates, for the pictures. */
#include "explain/explain.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "template/template.h"
#include "match/patch/emd_maps.h"
#include "match/second_look.h"

void sl_transport_free(sl_transport *t)
{
    free(t->plan);
    free(t->query_weights);
    free(t->other_weights);
    *t = (sl_transport){0};
}

/* Plan and weights of an opened look, in new memory. */
static sl_status take_plan(sl_second_look *look, const sl_template *query, const sl_template *other,
                           sl_transport *out, sl_error *err)
{
    const sl_patch_source from = sl_patch_source_of(query), to = sl_patch_source_of(other);
    sl_second_look_grid(look, &out->rows, &out->cols);
    size_t patches = (size_t)out->rows * (size_t)out->cols;
    out->plan = sl_calloc_aligned(patches * patches, sizeof(float));
    out->query_weights = sl_calloc_aligned(patches, sizeof(float));
    out->other_weights = sl_calloc_aligned(patches, sizeof(float));
    if (!out->plan || !out->query_weights || !out->other_weights)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for a transport plan of %zu patches", patches);
    SL_TRY(sl_second_look_query(look, &from, err));
    return sl_second_look_plan(look, &to, out->plan, NULL, out->query_weights, out->other_weights,
                               err);
}

sl_status sl_transport_make(const sl_template *query, const sl_template *other, const sl_match_options *options,
                            sl_transport *out, sl_error *err)
{
    *out = (sl_transport){0};
    if (!query || !other)
        return sl_fail(err, SL_ERR_ARGUMENT, "a pair needs the templates of both faces");
    SL_TRY(sl_shape_check_same(&query->shape, &other->shape, err));
    sl_match_options o = options ? *options : sl_emd_defaults();
    sl_match_suit(&o, &query->shape);
    if (!sl_look_moves_patches(o.rerank))
        return sl_fail(err, SL_ERR_ARGUMENT, "this look moves no patches, so it has no flow: ask for one that does, "
                       "such as emd");
    o.threads = 1;
    sl_second_look *look;
    SL_TRY(sl_second_look_check(&o, &other->shape, err));
    SL_TRY(sl_second_look_open(&o, &query->shape, &look, err));
    sl_status status = take_plan(look, query, other, out, err);
    sl_second_look_close(look);
    if (status != SL_OK)
        sl_transport_free(out);
    return status;
}

void sl_stretch(float *values, int count, float equal)
{
    float low = INFINITY, high = -INFINITY;
    for (int i = 0; i < count; i++) {
        if (!isfinite(values[i]))
            values[i] = 0;
        low = fminf(low, values[i]);
        high = fmaxf(high, values[i]);
    }
    bool flat = !(high - low > 1e-6f * fmaxf(fabsf(low), fabsf(high)));
    for (int i = 0; i < count; i++)
        values[i] = flat ? equal : (values[i] - low) / (high - low);
}
