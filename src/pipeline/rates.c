/* Rates as a JSON file (docs/rates-format.md): read from anybody's hand, written whole. */
#include "pipeline/rates.h"

#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/sha256.h"

enum { MAX_BYTES = 1 << 20, MAX_LOOKS = 64 };

#define FORMAT "secondlook rates 1"

static const double edges[] = {.2, .3, .4, .5, 1};

void sl_rates_begin(sl_rates *r, const uint8_t fingerprint[32], uint32_t statistics, const char *look)
{
    *r = (sl_rates){.statistics = statistics, .bins = statistics ? sizeof edges / sizeof *edges : 1};
    memcpy(r->fingerprint, fingerprint, sizeof r->fingerprint);
    snprintf(r->look, sizeof r->look, "%s", look);
    for (uint32_t b = 0; b < r->bins; b++)
        r->bin[b].hidden_to = statistics ? edges[b] : 1;
}

uint32_t sl_rates_bin(const sl_rates *r, float hidden)
{
    uint32_t b = 0;
    while (b + 1 < r->bins && !((double)hidden < r->bin[b].hidden_to))
        b++;
    return b;
}

/* ---- reading ---- */

static bool read_curve(const json_t *list, sl_rate_curve *c)
{
    size_t n = json_array_size(list);
    if (!json_is_array(list) || n > SL_RATE_POINTS)
        return false;
    c->count = (uint32_t)n;
    for (size_t i = 0; i < n; i++) {
        const json_t *point = json_array_get(list, i), *rate = json_array_get(point, 0), *t = json_array_get(point, 1);
        if (json_array_size(point) != 2 || !json_is_number(rate) || !json_is_number(t))
            return false;
        c->rate[i] = json_number_value(rate);
        c->threshold[i] = json_number_value(t);
        if (!(c->rate[i] > 0 && c->rate[i] <= 1) || !(fabs(c->threshold[i]) < 1e6) ||
            (i && (c->rate[i] >= c->rate[i - 1] || c->threshold[i] < c->threshold[i - 1])))
            return false;
    }
    return true;
}

static bool read_count(const json_t *value, uint64_t *out)
{
    *out = (uint64_t)json_integer_value(value);
    return json_is_integer(value) && json_integer_value(value) >= 0;
}

static bool read_bins(const json_t *list, sl_rates *r)
{
    size_t n = json_array_size(list);
    if (n < 1 || n > SL_OCCLUSION_BINS)
        return false;
    r->bins = (uint32_t)n;
    for (size_t b = 0; b < n; b++) {
        const json_t *one = json_array_get(list, b), *to = json_object_get(one, "hidden_to");
        sl_rate_bin *bin = &r->bin[b];
        bin->hidden_to = json_number_value(to);
        if (!json_is_number(to) || !(bin->hidden_to > (b ? r->bin[b - 1].hidden_to : 0)) || bin->hidden_to > 1 ||
            !read_count(json_object_get(one, "searches"), &bin->searches) ||
            !read_count(json_object_get(one, "pairs"), &bin->pairs) ||
            !read_curve(json_object_get(one, "fpir"), &bin->fpir) ||
            !read_curve(json_object_get(one, "fmr"), &bin->fmr))
            return false;
    }
    return r->bin[n - 1].hidden_to == 1;
}

/* A fixed number of hex digits. */
static bool read_hex(const json_t *value, uint8_t *out, size_t bytes)
{
    const char *text = json_string_value(value);
    if (!text || strlen(text) != 2 * bytes || strspn(text, "0123456789abcdef") != 2 * bytes)
        return false;
    for (size_t i = 0; i < bytes; i++) {
        unsigned byte;
        sscanf(text + 2 * i, "%2x", &byte);
        out[i] = (uint8_t)byte;
    }
    return true;
}

static uint64_t big_endian(const uint8_t *bytes, size_t n)
{
    uint64_t value = 0;
    for (size_t i = 0; i < n; i++)
        value = value << 8 | bytes[i];
    return value;
}

static bool read_head(const json_t *root, sl_rates *r)
{
    const char *format = json_string_value(json_object_get(root, "format"));
    const json_t *gallery = json_object_get(root, "gallery");
    uint8_t statistics[4], id[8] = {0};
    if (!format || strcmp(format, FORMAT) != 0 ||
        !read_hex(json_object_get(root, "fingerprint"), r->fingerprint, sizeof r->fingerprint) ||
        !read_hex(json_object_get(root, "statistics"), statistics, sizeof statistics) ||
        (gallery && (!read_hex(gallery, id, sizeof id) || !read_count(json_object_get(root, "faces"), &r->faces) ||
                     r->faces == 0)))
        return false;
    r->statistics = (uint32_t)big_endian(statistics, sizeof statistics);
    r->gallery_id = big_endian(id, sizeof id);
    return true;
}

/* Is it this look? Files of the version before have "cells" for "same-cell". */
static bool is_look(const char *name, const char *look)
{
    static const char now[] = "same-cell,", former[] = "cells,";
    if (!strncmp(name, former, strlen(former)) && !strncmp(look, now, strlen(now)))
        return strcmp(name + strlen(former), look + strlen(now)) == 0;
    return strcmp(name, look) == 0;
}

/* Index of the look; the number of looks where it is not there. */
static size_t find_look(const json_t *looks, const char *look)
{
    size_t i, n = json_array_size(looks);
    for (i = 0; look && i < n; i++) {
        const char *name = json_string_value(json_object_get(json_array_get(looks, i), "look"));
        if (name && is_look(name, look))
            break;
    }
    return i;
}

static sl_status read_root(const json_t *root, const char *name, const char *look, sl_rates *out, sl_error *err)
{
    const json_t *looks = json_object_get(root, "looks");
    const size_t n = json_array_size(looks), i = find_look(looks, look);
    if (!read_head(root, out) || n < 1 || n > MAX_LOOKS)
        return sl_fail(err, SL_ERR_FORMAT, "%s: no rates of this version: measure them again", name);
    if (i == n)
        return sl_fail(err, SL_ERR_NOT_FOUND, "%s: has no rates for the look \"%s\"", name, look);
    const json_t *one = json_array_get(looks, i);
    const char *key = json_string_value(json_object_get(one, "look"));
    if (!key || strlen(key) >= sizeof out->look || !read_bins(json_object_get(one, "bins"), out))
        return sl_fail(err, SL_ERR_FORMAT, "%s: its rates are not usable (look %zu): measure them again", name, i + 1);
    strcpy(out->look, key);
    return SL_OK;
}

sl_status sl_rates_parse(const char *text, size_t size, const char *name, const char *look, sl_rates *out,
                         sl_error *err)
{
    json_error_t at;
    *out = (sl_rates){0};
    json_t *root = size <= MAX_BYTES ? json_loadb(text, size, JSON_REJECT_DUPLICATES, &at) : NULL;
    sl_status status = root
                           ? read_root(root, name, look, out, err)
                           : sl_fail(err, SL_ERR_FORMAT, "%s: no JSON of at most 1 MiB: measure the rates again", name);
    json_decref(root);
    if (status != SL_OK)
        *out = (sl_rates){0};
    return status;
}

/* ---- writing ---- */

/* Short, as people read them: rates by three digits, thresholds by five places and upwards, so that they still hold
 * what they promise. */
static json_t *rounded_up(double value, double unit)
{
    return json_real(ceil(value / unit - 1e-9) * unit);
}

static json_t *curve_json(const sl_rate_curve *c)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < c->count; i++) {
        double digit = pow(10, floor(log10(c->rate[i])) - 2);
        json_array_append_new(list, json_pack("[o,o]", json_real(round(c->rate[i] / digit) * digit),
                                              rounded_up(c->threshold[i], 1e-5)));
    }
    return list;
}

static json_t *look_json(const sl_rates *r)
{
    json_t *bins = json_array();
    for (uint32_t b = 0; b < r->bins; b++)
        json_array_append_new(bins, json_pack("{s:f,s:I,s:I,s:o,s:o}", "hidden_to", r->bin[b].hidden_to, "searches",
                                              (json_int_t)r->bin[b].searches, "pairs", (json_int_t)r->bin[b].pairs,
                                              "fpir", curve_json(&r->bin[b].fpir), "fmr", curve_json(&r->bin[b].fmr)));
    return json_pack("{s:s,s:o}", "look", r->look, "bins", bins);
}

static json_t *file_json(const sl_rates *looks, size_t count, const char *measured_on)
{
    char fingerprint[65], statistics[9], gallery[17];
    json_t *list = json_array();
    sl_hex32(looks->fingerprint, fingerprint);
    snprintf(statistics, sizeof statistics, "%08x", (unsigned)looks->statistics);
    snprintf(gallery, sizeof gallery, "%016llx", (unsigned long long)looks->gallery_id);
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, look_json(&looks[i]));
    json_t *root = json_pack("{s:s,s:s,s:s,s:s}", "format", FORMAT, "fingerprint", fingerprint, "statistics",
                             statistics, "measured_on", measured_on);
    if (root && looks->gallery_id) {
        json_object_set_new(root, "gallery", json_string(gallery));
        json_object_set_new(root, "faces", json_integer((json_int_t)looks->faces));
    }
    if (!root || json_object_set_new(root, "looks", list)) {
        json_decref(root);
        return NULL;
    }
    return root;
}

char *sl_rates_text(const sl_rates *looks, size_t count, const char *measured_on)
{
    json_t *root = file_json(looks, count, measured_on);
    char *text = root ? json_dumps(root, JSON_REAL_PRECISION(6) | JSON_COMPACT) : NULL;
    json_decref(root);
    return text;
}

sl_status sl_rates_write(const sl_rates *looks, size_t count, const char *measured_on, const char *path, sl_error *err)
{
    char *text = sl_rates_text(looks, count, measured_on);
    sl_status status = text ? sl_write_file(path, text, strlen(text), err)
                            : sl_fail(err, SL_ERR_MEMORY, "%s: no memory for its rates", path);
    free(text);
    return status;
}
