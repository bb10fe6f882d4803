/* identify and verify against a server: its answers become those of the library, and are told in the same way. */
#define _GNU_SOURCE
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/identify_answer.h"
#include "common/output.h"
#include "common/progress.h"
#include "common/rule_options.h"
#include "remote/remote.h"

/* ------------------------------------------------------------------ from JSON */

static float number_of(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    return json_is_number(value) ? (float)json_number_value(value) : NAN;
}

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

static sl_rule_source source_of(const char *name)
{
    return strcmp(name, "calibration") == 0 ? SL_RULE_CALIBRATION
           : strcmp(name, "model") == 0     ? SL_RULE_BUILT_IN
           : strcmp(name, "given") == 0     ? SL_RULE_GIVEN
                                            : SL_RULE_MISSING;
}

static sl_rule rule_of(const json_t *object)
{
    const json_t *bins = json_object_get(object, "bins");
    const char *promise = text_of(object, "promise");
    sl_rule rule = {.on_stage1 = strcmp(text_of(object, "on"), "stage1") == 0,
                    .promise = strcmp(promise, "fpir") == 0  ? SL_RATE_FPIR
                               : strcmp(promise, "far") == 0 ? SL_RATE_FMR
                                                             : SL_RATE_NONE,
                    .rate = json_number_value(json_object_get(object, "rate")),
                    .faces = (size_t)json_integer_value(json_object_get(object, "faces"))};
    for (size_t b = 0; b < json_array_size(bins) && b < SL_OCCLUSION_BINS; b++) {
        const json_t *bin = json_array_get(bins, b);
        rule.hidden_to[b] = number_of(bin, "hidden_to");
        rule.threshold[b] = number_of(bin, "threshold");
        rule.source[b] = source_of(text_of(bin, "source"));
        rule.extrapolated[b] = json_is_true(json_object_get(bin, "extrapolated"));
        rule.bins = (int)b + 1;
    }
    return rule.bins ? rule : sl_rule_given(NAN, 0);
}

static sl_box box_of(const json_t *array)
{
    float at[4];
    for (size_t i = 0; i < 4; i++)
        at[i] = (float)json_number_value(json_array_get(array, i));
    return (sl_box){at[0], at[1], at[2], at[3]};
}

/* Texts are the document's, which must outlive it. Freed by sl_answer_free. */
static bool answer_of(const json_t *face, const sl_rule *rule, sl_answer *out)
{
    const json_t *list = json_object_get(face, "candidates"), *first = json_object_get(face, "by_stage1");
    const size_t count = json_array_size(list), by_stage1 = json_array_size(first);
    const int decision = sl_decision_named(text_of(face, "decision")); /* -1 of a newer server: nobody is found */
    *out = (sl_answer){.decision = decision < 0 ? SL_UNKNOWN : (sl_decision)decision,
                       .rule = *rule, .hidden = number_of(face, "hidden"), .count = count, .stage1_count = by_stage1,
                       .candidates = calloc(count + 1, sizeof *out->candidates),
                       .stage1_candidates = calloc(by_stage1 + 1, sizeof *out->stage1_candidates)};
    out->bin = sl_rule_bin(rule, out->hidden);
    out->threshold = rule->threshold[out->bin];
    out->threshold_on_stage1 = rule->on_stage1;
    for (size_t i = 0; out->candidates && i < count; i++) {
        const json_t *c = json_array_get(list, i);
        out->candidates[i] = (sl_candidate){.rank = (int)i + 1,
                                            .label = text_of(c, "person"),
                                            .image = text_of(c, "image"),
                                            .score = number_of(c, "score"),
                                            .stage1 = number_of(c, "stage1"),
                                            .stage2 = number_of(c, "stage2")};
    }
    for (size_t i = 0; out->stage1_candidates && i < by_stage1; i++) {
        const char *label = json_string_value(json_array_get(first, i));
        out->stage1_candidates[i] = (sl_candidate){.rank = (int)i + 1, .label = label ? label : "", .image = ""};
    }
    return out->candidates && out->stage1_candidates;
}

/* ------------------------------------------------------------------ identify */

typedef struct {
    const cli_remote_search *how;
    cli_remote *remote;
    json_t *queries, *last; /* last: the last reply, for what all have in common */
    size_t faces, matched, failed;
} remote_run;

static sl_status ask(remote_run *run, const sl_photo *photo, json_t **reply, sl_error *err)
{
    const cli_remote_search *how = run->how;
    const cli_match *m = how->match;
    char top[16], k[16], alpha[32], rate[32], threshold[32];
    uint8_t *data;
    size_t size, n = 0;
    cli_field fields[9];
    sl_status status = cli_remote_photo(photo, &data, &size, err);
    if (status)
        return status;
    snprintf(top, sizeof top, "%d", how->top);
    snprintf(k, sizeof k, "%d", m->match.k);
    snprintf(alpha, sizeof alpha, "%.9g", (double)m->match.alpha);
    snprintf(rate, sizeof rate, "%.9g", how->fpir);
    snprintf(threshold, sizeof threshold, "%.9g", (double)m->threshold);
    fields[n++] = (cli_field){"image", NULL, data, size};
    fields[n++] = (cli_field){"top", top, NULL, 0};
    fields[n++] = (cli_field){"k", k, NULL, 0};
    fields[n++] = (cli_field){"main_face", how->main_face ? "true" : "false", NULL, 0};
    fields[n++] = (cli_field){"aligned", how->aligned ? "true" : "false", NULL, 0};
    if (m->look_given)
        fields[n++] = (cli_field){"rerank", sl_rerank_name(m->match.rerank), NULL, 0};
    if (!isnan(m->match.alpha))
        fields[n++] = (cli_field){"alpha", alpha, NULL, 0};
    if (how->fpir > 0)
        fields[n++] = (cli_field){"fpir", rate, NULL, 0};
    if (!isnan(m->threshold))
        fields[n++] = (cli_field){"threshold", threshold, NULL, 0};
    status = cli_remote_call(run->remote, "POST", "/identify", fields, n, reply, err);
    free(data);
    return status;
}

static void tell_faces(remote_run *run, const sl_photo *photo, const json_t *reply, json_t *list)
{
    const json_t *faces = json_object_get(reply, "faces");
    const size_t count = json_array_size(faces);
    const sl_rule rule = rule_of(json_object_get(reply, "rule"));
    if (!run->how->json) {
        cli_print_name(stdout, photo->path, 0);
        puts(count ? "" : ": no face found");
    }
    for (size_t i = 0; i < count; i++) {
        const json_t *one = json_array_get(faces, i);
        const cli_face face = {.box = box_of(json_object_get(one, "box"))};
        sl_answer answer;
        if (answer_of(one, &rule, &answer)) {
            run->faces++;
            run->matched += answer.decision == SL_MATCH;
            if (run->how->json)
                json_array_append_new(list, cli_answer_json(&face, &answer));
            else
                cli_print_answer(&face, i, count, &answer);
        }
        sl_answer_free(&answer);
    }
}

/* false: the run ends. */
static bool identify_photo(remote_run *run, const sl_photo *photo)
{
    sl_error err = {0};
    json_t *reply, *list = json_array();
    json_t *entry = json_pack("{s:o,s:O}", "image", cli_json_text(photo->path), "faces", list);
    const sl_status status = ask(run, photo, &reply, &err);
    if (status == SL_OK) {
        tell_faces(run, photo, reply, list);
        json_decref(run->last);
        run->last = reply;
    } else {
        cli_fail(photo->path, &err);
        json_object_set_new(entry, "error", cli_json_text(err.text));
        run->failed++;
    }
    json_array_append_new(run->queries, entry);
    json_decref(list);
    return status != SL_ERR_INTERRUPTED;
}

int cli_remote_identify(const char *gallery, const cli_photos *photos, const cli_remote_search *how)
{
    remote_run run = {.how = how, .queries = json_array()};
    int code = cli_remote_open(gallery, &run.remote);
    cli_progress_start("photos");
    for (size_t i = 0; i < photos->count && !code; i++)
        if (!identify_photo(&run, &photos->photos[i]) || cli_progress_step(NULL, i + 1, photos->count))
            code = CLI_INTERRUPTED;
    cli_progress_end();
    if (run.remote && how->json) {
        const sl_rule rule = rule_of(json_object_get(run.last, "rule"));
        const int printed = cli_print_json(
            json_pack("{s:o,s:o,s:o,s:o,s:o,s:O}", "gallery", cli_json_text(gallery), "model",
                      cli_json_text(text_of(run.last, "model")), "fingerprint",
                      cli_json_text(text_of(run.last, "fingerprint")), "rerank",
                      cli_json_text(text_of(run.last, "rerank")), "rule", cli_rule_json(&rule),
                      "queries", run.queries));
        code = code ? code : printed;
    }
    code = cli_photos_code(code, run.failed + photos->failed, run.faces);
    json_decref(run.queries);
    json_decref(run.last);
    cli_remote_close(run.remote);
    return code || run.matched ? code : CLI_UNKNOWN;
}

/* ------------------------------------------------------------------ verify */

static sl_status ask_pair(cli_remote *remote, char *const paths[2], const cli_match *match, double far, bool aligned,
                          json_t **reply, sl_error *err)
{
    char rate[32], threshold[32];
    cli_field fields[4] = {{"image_a", NULL, NULL, 0}, {"image_b", NULL, NULL, 0},
                           {"aligned", aligned ? "true" : "false", NULL, 0}};
    size_t n = 3;
    uint8_t *data[2] = {0};
    sl_status status = SL_OK;
    for (int i = 0; i < 2 && status == SL_OK; i++) {
        sl_photo *photo = NULL;
        status = cli_photo_at(paths[i], NULL, &photo, err);
        if (status == SL_OK)
            status = cli_remote_photo(photo, &data[i], &fields[i].size, err);
        fields[i].data = data[i];
        sl_photos_free(photo, photo != NULL);
    }
    snprintf(rate, sizeof rate, "%.9g", far);
    snprintf(threshold, sizeof threshold, "%.9g", (double)match->threshold);
    if (far > 0)
        fields[n++] = (cli_field){"far", rate, NULL, 0};
    else if (!isnan(match->threshold))
        fields[n++] = (cli_field){"threshold", threshold, NULL, 0};
    if (status == SL_OK)
        status = cli_remote_call(remote, "POST", "/v1/verify", fields, n, reply, err);
    free(data[0]);
    free(data[1]);
    return status;
}

int cli_remote_verify(const char *gallery, char *const paths[2], const cli_match *match, double far, bool aligned,
                      bool json)
{
    sl_error err = {0};
    cli_remote *remote;
    json_t *reply = NULL;
    int code = cli_remote_open(gallery, &remote);
    if (!code && ask_pair(remote, paths, match, far, aligned, &reply, &err))
        code = cli_fail(NULL, &err);
    if (!code) {
        const bool same = strcmp(text_of(reply, "decision"), "match") == 0;
        const float threshold = number_of(reply, "threshold");
        const float value =
            number_of(reply, strcmp(text_of(reply, "threshold_on"), "stage1") == 0 ? "stage1" : "score");
        char text[64];
        if (json)
            code = cli_print_json(json_incref(reply));
        else
            cli_say("%s  (%.4f%s)", same ? "same person" : "different people", value,
                    cli_threshold_text(value, threshold, text));
        code = code ? code : same ? CLI_OK : CLI_UNKNOWN;
    }
    json_decref(reply);
    cli_remote_close(remote);
    return code;
}
