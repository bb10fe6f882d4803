/* Options checked, networks opened; and the picture's file, which says what was done to it. */
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "attack/attack.h"
#include "base/file.h"
#include "base/names.h"

static const char *const methods[] = {"fgsm", "iterated", "momentum"}, *const norms[] = {"linf", "l2"},
                         *const regions[] = {"all", "glasses"};

const char *sl_attack_method_name(unsigned method)
{
    return sl_name_of(methods, 3, method);
}
int sl_attack_method_named(const char *name)
{
    return sl_named(methods, 3, name);
}
const char *sl_attack_norm_name(unsigned norm)
{
    return sl_name_of(norms, 2, norm);
}
int sl_attack_norm_named(const char *name)
{
    return sl_named(norms, 2, name);
}
const char *sl_attack_region_name(unsigned region)
{
    return sl_name_of(regions, 2, region);
}
int sl_attack_region_named(const char *name)
{
    return sl_named(regions, 2, name);
}

sl_attack_options sl_attack_defaults(void)
{
    return (sl_attack_options){.method = SL_ATTACK_MOMENTUM, .eps = 8, .steps = 10, .momentum = 1, .start = 1};
}

/* ---- opening ---- */

static sl_status check_range(const char *name, double value, double low, double high, sl_error *err)
{
    return value >= low && value <= high
               ? SL_OK
               : sl_fail(err, SL_ERR_ARGUMENT, "attack: %s is %g, and must be %g to %g", name, value, low, high);
}

static sl_status check(const sl_attack_options *o, sl_error *err)
{
    if (!sl_attack_method_name(o->method) || !sl_attack_norm_name(o->norm) || !sl_attack_region_name(o->region))
        return sl_fail(err, SL_ERR_ARGUMENT, "attack: there is no method %d, norm %d or region %d", (int)o->method,
                       (int)o->norm, (int)o->region);
    if (!o->models || !o->model_count || o->model_count > SL_ATTACK_MODELS)
        return sl_fail(err, SL_ERR_ARGUMENT, "attack: 1 to %d networks, not %zu", SL_ATTACK_MODELS,
                       o->models ? o->model_count : 0);
    SL_TRY(check_range("eps", o->eps, 0, 255, err));
    if (o->eps < (o->norm == SL_ATTACK_LINF ? 1 : 1e-3))
        return sl_fail(err, SL_ERR_ARGUMENT,
                       "attack: eps of %g grey levels leaves nothing that a picture of 8 bits could "
                       "show",
                       o->eps);
    SL_TRY(check_range("steps", o->steps, 1, SL_ATTACK_STEPS, err));
    SL_TRY(check_range("step", o->step, 0, 255, err));
    SL_TRY(check_range("momentum", o->momentum, 0, 10, err));
    return check_range("start", o->start, 0, 255, err);
}

sl_status sl_attack_open(const sl_attack_options *options, sl_attack **out, sl_error *err)
{
    *out = NULL;
    SL_TRY(check(options, err));
    sl_attack *a = calloc(1, sizeof *a);
    if (!a)
        return sl_no_memory(err, "for an attack");
    a->options = *options;
    sl_status status = SL_OK;
    for (; status == SL_OK && a->count < options->model_count; a->count++)
        status = sl_surrogate_open(options->models_dir, options->models[a->count],
                                   a->count == 0 ? options->encoder : NULL, &a->networks[a->count], err);
    if (status == SL_OK)
        *out = a;
    else
        sl_attack_close(a);
    return status;
}

void sl_attack_close(sl_attack *a)
{
    for (size_t i = 0; a && i < a->count; i++)
        sl_surrogate_close(&a->networks[i]);
    free(a);
}

/* ---- the file ---- */

/* What was done, in one line. */
static void describe(const sl_attack *a, uint64_t seed, char *text, size_t size)
{
    const sl_attack_options *o = &a->options;
    char name[200];
    int n = snprintf(
        text, size,
        "ATTACKED PICTURE, for tests: changed so that a network takes its face for somebody else. "
        "method %s, norm %s, region %s, eps %g, steps %d, step %g, momentum %g, start %g, seed %llu, networks",
        sl_attack_method_name(o->method), sl_attack_norm_name(o->norm), sl_attack_region_name(o->region), o->eps,
        o->steps, o->step, o->momentum, o->start, (unsigned long long)seed);
    for (size_t i = 0; i < a->count && n > 0 && (size_t)n < size; i++) {
        sl_show(name, sizeof name, sl_surrogate_name(&a->networks[i]));
        n += snprintf(text + n, size - (size_t)n, "%s %s", i ? "," : "", name);
    }
}

sl_status sl_attack_write(const sl_attack *a, const sl_attack_result *result, const sl_image *picture,
                          const char *path, sl_error *err)
{
    char made_by[64], what[2400];
    const char *const notes[][2] = {{"Comment", what}, {"Software", made_by}};
    uint8_t *data;
    size_t size;
    const char *ending = path ? strrchr(path, '.') : NULL;
    if (!ending || strcasecmp(ending, ".png") != 0)
        return sl_fail(err, SL_ERR_ARGUMENT,
                       "%s: an attacked picture's name must end in .png, as other formats would "
                       "change its samples",
                       path ? path : "(no name)");
    describe(a, result->seed, what, sizeof what);
    snprintf(made_by, sizeof made_by, "secondlook %s attack", sl_version());
    SL_TRY(sl_image_encode_noted(picture, notes, 2, &data, &size, err));
    sl_status status = sl_write_file(path, data, size, err);
    free(data);
    return status;
}
