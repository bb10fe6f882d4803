/* Numbers, texts, faces, rules. */
#define _GNU_SOURCE
#include "wire/wire_json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- numbers and texts ---- */

json_t *wire_number(double value, int digits)
{
    const double scale = digits >= 0 ? pow(10, digits) : 1;
    if (!isfinite(value))
        return json_null();
    return json_real(digits >= 0 ? round(value * scale) / scale : value);
}

json_t *wire_text(const char *text)
{
    if (!text)
        return json_null();
    json_t *plain = json_string(text);
    if (plain)
        return plain;
    char *fixed = malloc(3 * strlen(text) + 1), *to = fixed;
    uint32_t code;
    if (!fixed)
        return NULL;
    for (size_t left = strlen(text), n; left > 0; text += n ? n : 1, left -= n ? n : 1) {
        n = sl_utf8_read(text, left, &code);
        to = mempcpy(to, n ? text : "\xef\xbf\xbd", n ? n : 3);
    }
    *to = 0;
    json_t *string = json_string(fixed);
    free(fixed);
    return string;
}

/* ---- faces ---- */

json_t *wire_box(const sl_box *b, int digits)
{
    return json_pack("[o,o,o,o]", wire_number(b->x0, digits), wire_number(b->y0, digits), wire_number(b->x1, digits),
                     wire_number(b->y1, digits));
}

json_t *wire_quality(const sl_quality *q, int digits)
{
    return json_pack("{s:o,s:o,s:o,s:o,s:o}", "size", wire_number(q->size, digits), "sharpness",
                     wire_number(q->sharpness, digits), "pose", wire_number(q->pose, digits), "detector",
                     wire_number(q->detector, digits), "overall", wire_number(q->overall, digits));
}

/* ---- what a decision was made by ---- */

static const char *source_name(sl_rule_source source)
{
    static const char *const names[] = {"calibration", "model", "given", "missing"};
    return names[source];
}

static const char *promise_name(sl_rate_kind promise)
{
    static const char *const names[] = {NULL, "far", "fpir"};
    return names[promise];
}

json_t *wire_rule(const sl_rule *rule, int digits)
{
    json_t *bins = json_array();
    for (int b = 0; b < rule->bins; b++)
        json_array_append_new(bins, json_pack("{s:o,s:o,s:s,s:b}", "hidden_to", wire_number(rule->hidden_to[b], digits),
                                              "threshold", wire_number(rule->threshold[b], digits), "source",
                                              source_name(rule->source[b]), "extrapolated", rule->extrapolated[b]));
    json_t *object = json_pack("{s:s?,s:s,s:o}", "promise", promise_name(rule->promise), "on",
                               rule->on_stage1 ? "stage1" : "score", "bins", bins);
    if (rule->promise != SL_RATE_NONE)
        json_object_set_new(object, "rate", json_real(rule->rate));
    if (rule->promise == SL_RATE_FPIR)
        json_object_set_new(object, "faces", json_integer((json_int_t)rule->faces));
    return object;
}

void wire_add_judgement(json_t *object, const sl_rule *rule, float hidden, int digits)
{
    const int bin = sl_rule_bin(rule, hidden);
    json_object_set_new(object, "threshold", wire_number(rule->threshold[bin], digits));
    json_object_set_new(object, "threshold_on", json_string(rule->on_stage1 ? "stage1" : "score"));
    json_object_set_new(object, "threshold_by", json_string(source_name(rule->source[bin])));
    json_object_set_new(object, "hidden", wire_number(hidden, digits));
    json_object_set_new(object, "hidden_from", wire_number(bin ? rule->hidden_to[bin - 1] : 0, digits));
    json_object_set_new(object, "hidden_to", wire_number(rule->hidden_to[bin], digits));
}
