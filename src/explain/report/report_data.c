/* The report's data: all figures of the page, and those that they are made of, as one line of JSON. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/sha256.h"
#include "explain/report/report.h"
#include "gallery/gallery.h"
#include "match/match.h"
#include "pipeline/engine.h"

/* ---- values ---- */

/* NaN is null. Nine digits are all that a float has. */
static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *numbers(const float *values, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; values && i < count; i++)
        json_array_append_new(list, number((double)values[i]));
    return list;
}

/* What may not be shown as it is (sl_visible) becomes U+FFFD; NULL is null. */
static json_t *text(const char *raw)
{
    sl_text clean = {0};
    if (!raw)
        return json_null();
    for (size_t left = strlen(raw), n; left > 0; raw += n, left -= n) {
        uint32_t code;
        n = sl_utf8_read(raw, left, &code);
        bool shown = n && sl_visible(code);
        sl_text_add_bytes(&clean, shown ? raw : "\xef\xbf\xbd", shown ? n : 3);
        n += n == 0;
    }
    json_t *out = clean.failed ? NULL : json_string(clean.data ? clean.data : "");
    free(clean.data);
    return out;
}

/* ---- where it comes from ---- */

static json_t *gallery_json(const sl_gallery *gallery)
{
    sl_gallery_info info;
    char id[17];
    if (!gallery)
        return json_null();
    sl_gallery_get_info(gallery, &info);
    snprintf(id, sizeof id, "%016llx", (unsigned long long)sl_gallery_id(gallery));
    return json_pack("{s:o,s:s,s:o,s:s,s:I,s:I,s:s}", "folder", text(sl_gallery_place(gallery)), "id", id, "model",
                     text(info.model), "fingerprint", info.fingerprint, "faces", (json_int_t)info.faces, "people",
                     (json_int_t)info.labels, "patches", sl_patches_name(info.patches));
}

static json_t *model_json(const sl_provenance *from, const sl_case *first)
{
    char fingerprint[65];
    if (from->engine) {
        const sl_model_info *model = sl_engine_model(from->engine);
        return json_pack("{s:o,s:s,s:o,s:s*}", "name", text(model->name), "fingerprint",
                         sl_engine_fingerprint(from->engine), "file_sha256", text(model->sha256), "encoder",
                         sl_engine_encoder(from->engine));
    }
    if (!first)
        return json_null();
    sl_hex32(first->query->shape.fingerprint, fingerprint);
    return json_pack("{s:s}", "fingerprint", fingerprint);
}

static json_t *look_json(const sl_match_options *m)
{
    char key[SL_MATCH_KEY];
    sl_match_key(m, key);
    json_t *o = json_pack("{s:s,s:s}", "rerank", sl_rerank_name(m->rerank), "reads", key);
    if (!sl_looks_again(m))
        return o;
    json_object_set_new(o, "k", json_integer(m->k));
    json_object_set_new(o, "alpha", number((double)m->alpha));
    if (!(sl_rerank_reads(m->rerank) & SL_READS_PATCHES))
        return o;
    json_object_set_new(o, "feature", json_string(sl_feature_name(m->feature)));
    json_object_set_new(o, "weighting", json_string(sl_weighting_name(m->weighting)));
    json_object_set_new(o, "patch_precision", json_string(sl_patch_compute_name(m->patch_compute)));
    if (sl_rerank_reads(m->rerank) & SL_READS_SOLVER)
        json_object_set_new(o, "solver", json_string(sl_solver_name(m->solver)));
    return o;
}

static json_t *rule_json(const sl_rule *rule)
{
    static const char *const sources[] = {"calibration", "model", "given", "missing"};
    static const char *const promises[] = {NULL, "far", "fpir"};
    json_t *bins = json_array();
    for (int b = 0; b < rule->bins; b++)
        json_array_append_new(bins,
                              json_pack("{s:o,s:o,s:s,s:b}", "hidden_to", number((double)rule->hidden_to[b]),
                                        "threshold", number((double)rule->threshold[b]), "source",
                                        sources[rule->source[b]], "extrapolated", rule->extrapolated[b] != 0));
    json_t *o = json_pack("{s:s?,s:s,s:o}", "promise", promises[rule->promise], "on",
                          rule->on_stage1 ? "stage1" : "score", "bins", bins);
    if (rule->promise != SL_RATE_NONE)
        json_object_set_new(o, "rate", json_real(rule->rate));
    if (rule->promise == SL_RATE_FPIR)
        json_object_set_new(o, "faces", json_integer((json_int_t)rule->faces));
    return o;
}

/* ---- a case ---- */

static json_t *candidates_json(const sl_case *one, const sl_candidate *list, size_t count)
{
    json_t *all = json_array();
    for (size_t i = 0; i < count; i++) {
        char hex[65];
        json_array_append_new(
            all, json_pack("{s:i,s:o,s:o,s:o,s:o,s:o,s:o}", "rank", list[i].rank, "label", text(list[i].label),
                           "image", text(list[i].image), "image_sha256",
                           text(sl_case_photo_sha256(one, &list[i], hex)), "score", number((double)list[i].score),
                           "stage1", number((double)list[i].stage1), "stage2", number((double)list[i].stage2)));
    }
    return all;
}

/* Of the best candidate: the embeddings whose product is stage 1, the shares, and of oae the faces embedded again.
 */
static json_t *why_json(const sl_told_case *told, const sl_template *other)
{
    const sl_attribution *w = &told->why;
    const size_t n = (size_t)(w->rows * w->cols), dim = (size_t)other->shape.dim;
    json_t *o =
        json_pack("{s:o,s:o,s:i,s:i,s:o,s:o,s:o,s:o}", "embedding_query",
                  numbers(told->one->query->embedding, dim), "embedding_candidate", numbers(other->embedding, dim),
                  "rows", w->rows, "cols", w->cols, "stage1", numbers(w->stage1, n), "stage2",
                  numbers(w->stage2, n), "rest1", number((double)w->rest1), "rest2", number((double)w->rest2));
    json_object_set_new(o, "shares", numbers(w->shares, n));
    json_object_set_new(o, "rest", number((double)w->rest));
    json_object_set_new(o, "weights_query", numbers(w->query_weights, n));
    json_object_set_new(o, "weights_candidate", numbers(w->other_weights, n));
    if (w->dim) {
        json_object_set_new(o, "again_query", numbers(w->query_again, (size_t)w->dim));
        json_object_set_new(o, "again_candidate", numbers(w->other_again, (size_t)w->dim));
    }
    return o;
}

/* Of a look that was learned. */
static json_t *heats_json(const sl_told_heats *h)
{
    json_t *o = json_object(), *tiles = json_array();
    for (unsigned k = 0; sl_heat_name(k); k++) {
        const size_t n = (size_t)(h->of[k].rows * h->of[k].cols);
        if (n)
            json_object_set_new(o, sl_heat_name(k), json_pack("{s:o,s:o}", "query", numbers(h->of[k].query, n),
                                                              "candidate", numbers(h->of[k].other, n)));
    }
    const int cells = h->flow.rows * h->flow.cols;
    for (int m = 0; m < cells; m++)
        json_array_append_new(tiles, json_integer(h->flow.tile[m]));
    if (cells)
        json_object_set_new(o, "flow", json_pack("{s:O,s:o}", "tile", tiles, "brightness",
                                                 numbers(h->flow.brightness, (size_t)cells)));
    json_decref(tiles);
    return o;
}

static json_t *hiding_json(const sl_told_case *told)
{
    const sl_hiding *h = &told->hiding;
    const char *by = told->heats.of[SL_HEAT_RELEVANCE].rows ? "relevance" : "shares";
    const size_t n = (size_t)h->cells + 1;
    json_t *areas = json_array();
    for (int k = 0; k < SL_RANDOM_ORDERS; k++)
        json_array_append_new(areas, json_real(h->random_areas[k]));
    return json_pack("{s:s,s:i,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "by", by, "seed", SL_REPORT_SEED, "hidden",
                     numbers(h->hidden, n), "shown", numbers(h->shown, n), "random_hidden",
                     numbers(h->random_hidden, n), "hidden_area", number(h->hidden_area), "shown_area",
                     number(h->shown_area), "random_area", number(h->random_area), "random_areas", areas);
}

static json_t *box_json(const sl_box *b)
{
    return json_pack("[o,o,o,o]", number((double)b->x0), number((double)b->y0), number((double)b->x1),
                     number((double)b->y1));
}

static sl_status add_why(json_t *o, const sl_told_case *told, sl_error *err)
{
    const sl_answer *answer = told->one->answer;
    sl_template *other;
    if (!answer->count)
        return SL_OK;
    SL_TRY(sl_gallery_template(told->one->gallery, answer->candidates[0].entry, &other, err));
    json_object_set_new(o, "why", why_json(told, other));
    sl_template_free(other);
    if (told->heats.of[SL_HEAT_RELEVANCE].rows)
        json_object_set_new(o, "heats", heats_json(&told->heats));
    if (told->hiding.cells)
        json_object_set_new(o, "hiding", hiding_json(told));
    return SL_OK;
}

static sl_status case_json(const sl_told_case *told, json_t **out, sl_error *err)
{
    const sl_case *one = told->one;
    const sl_answer *a = one->answer;
    json_t *o = json_pack("{s:I,s:o,s:o,s:o,s:o}", "number", (json_int_t)told->number, "photo",
                          text(sl_report_query_name(one)), "photo_sha256", text(one->photo_sha256), "box",
                          box_json(&one->query->box), "truth", text(one->true_label));
    if (!o)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for the report's data");
    json_object_set_new(o, "gallery", gallery_json(one->gallery));
    json_object_set_new(o, "look", look_json(&a->match));
    json_object_set_new(o, "rule", rule_json(&a->rule));
    json_object_set_new(o, "hidden", number((double)a->hidden));
    json_object_set_new(o, "bin", json_integer(a->bin));
    json_object_set_new(o, "threshold", number((double)a->threshold));
    json_object_set_new(o, "judged", a->count ? number((double)sl_case_judged(one, a->candidates)) : json_null());
    json_object_set_new(o, "decision", json_string(sl_decision_name(a->decision)));
    json_object_set_new(o, "candidates", candidates_json(one, a->candidates, a->count));
    json_object_set_new(o, "first_look", candidates_json(one, a->stage1_candidates, a->stage1_count));
    *out = o;
    return add_why(o, told, err);
}

/* ---- the line ---- */

/* JSON on one line, where < > & (in strings only) are written as escapes: it is only text in a page. */
static char *one_line(const json_t *root)
{
    sl_text line = {0};
    char *dump = json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(9));
    for (const char *at = dump; at && *at;) {
        size_t plain = strcspn(at, "<>&");
        sl_text_add_bytes(&line, at, plain);
        at += plain;
        if (*at)
            sl_text_add(&line, "\\u%04x", (unsigned)*at++);
    }
    free(dump);
    if (!dump || line.failed) {
        free(line.data);
        return NULL;
    }
    return line.data;
}

sl_status sl_report_data(const sl_provenance *from, const char *title, const sl_told_case *cases, size_t count,
                         const char page[65], char **out, sl_error *err)
{
    json_t *list = json_array(), *one;
    sl_status status = SL_OK;
    *out = NULL;
    json_t *root = json_pack("{s:s,s:o,s:o,s:o,s:{s:s,s:s,s:s},s:o}", "format", "secondlook report 1", "title",
                             text(title), "made", text(from->time), "command", text(from->command), "program",
                             "version", sl_version(), "isa", sl_isa_in_use(), "networks", sl_net_backend(),
                             "model", model_json(from, count ? cases[0].one : NULL));
    for (size_t i = 0; status == SL_OK && i < count; i++) {
        one = NULL;
        status = case_json(&cases[i], &one, err);
        json_array_append_new(list, one);
    }
    if (status == SL_OK && (!root || json_object_set(root, "cases", list) ||
                            json_object_set_new(root, "page_sha256", json_string(page)) ||
                            json_array_size(list) != count || !(*out = one_line(root))))
        status = sl_fail(err, SL_ERR_MEMORY, "no memory for the report's data");
    json_decref(list);
    json_decref(root);
    return status;
}
