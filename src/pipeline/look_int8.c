#include "pipeline/look_int8.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* What rounding elsewhere may add to the probe's difference of scores. */
#define SLACK .02

sl_status sl_look_int8_path(const char *models_dir, const sl_look_network *l, char **path, sl_error *err)
{
    return sl_models_side_file(models_dir, l->network.manifest, ".int8", path, err);
}

static bool is_of(const sl_int8_model *m, const sl_look *look)
{
    return m->kind == SL_INT8_LOOK && memcmp(m->fingerprint, look->own, sizeof m->fingerprint) == 0 &&
           m->width == look->channels && m->height == look->cells;
}

static sl_status read_ranges(const char *path, sl_look_network *l, sl_error *err)
{
    const char *name = l->look.name;
    sl_status status = sl_int8_read(path, &l->int8, err);
    if (status == SL_ERR_NOT_FOUND)
        return sl_fail(err, status, "the look %s has no int8 ranges, %s: make them with 'secondlook models quantise "
                       "--look %s --gallery DIR'", name, path, name);
    SL_TRY(status);
    return is_of(&l->int8, &l->look) ? SL_OK
           : sl_fail(err, SL_ERR_MISMATCH, "%s: is not of the look %s as it is now: make it again with 'secondlook "
                     "models quantise --look %s --gallery DIR'", path, name, name);
}

sl_status sl_look_int8_open(const char *models_dir, sl_look_network *l, sl_error *err)
{
    char *path;
    SL_TRY(sl_look_int8_path(models_dir, l, &path, err));
    sl_status status = read_ranges(path, l, err);
    free(path);
    return status;
}

sl_status sl_look_int8_probe(const sl_look_network *l, int pairs, sl_look_plan *plan, float *scores, sl_error *err)
{
    const size_t numbers = (size_t)l->look.cells * (size_t)l->look.channels;
    const float *probe = l->int8.probe;
    float *second = sl_calloc_aligned((size_t)pairs * numbers, sizeof *second);
    if (!second)
        return sl_no_memory(err, "to test a second look");
    for (size_t i = 0; i < (size_t)pairs; i++)
        memcpy(second + i * numbers, probe + numbers, numbers * sizeof *second);
    sl_status status = sl_look_plan_run(plan, probe, second, pairs, scores, err);
    free(second);
    return status;
}

static sl_status judge_probe(const sl_look_network *l, const float *scores, int pairs, sl_error *err)
{
    const float expected = l->int8.expected[0];
    const double most = 1 - sl_int8_least(&l->int8, SLACK);
    for (int i = 0; i < pairs; i++)
        if (!(fabs((double)scores[i] - expected) <= most))
            return sl_fail(err, SL_ERR_CORRUPT, "the look %s in int8 fails its self-test: the probe's score is %.4f, "
                           "%.4f +- %.4f is expected. Make its ranges again with 'secondlook models quantise --look %s "
                           "--gallery DIR', or take f32", l->look.name, (double)scores[i], (double)expected, most,
                           l->look.name);
    return SL_OK;
}

sl_status sl_look_int8_test(const sl_look_network *l, int pairs, sl_look_plan *plan, sl_error *err)
{
    float *scores = malloc((size_t)pairs * sizeof *scores);
    if (!scores)
        return sl_no_memory(err, "to test a second look");
    sl_status status = sl_look_int8_probe(l, pairs, plan, scores, err);
    if (status == SL_OK)
        status = judge_probe(l, scores, pairs, err);
    free(scores);
    return status;
}
