/* The user study: its page for whoever has the address, its figures for who may administer. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/own.h"
#include "page/page_files.h"
#include "server.h"
#include "store/study_store.h"

/* ---- participants, who have no key: the study's number, which nobody can guess, is in the address ---- */

static sv_study *addressed(sv_request *r)
{
    sv_study *study = atomic_load(&r->server->study);
    if (study && strcmp(sv_study_id(study), r->args[0]) == 0)
        return study;
    sv_refuse(r, 404, 0, "no study of this number is served");
    return NULL;
}

static void reply_file(sv_request *r, const char *subfolder, const char *name)
{
    uint8_t *data;
    size_t size;
    sl_error err = {0};
    const sv_study *study = addressed(r);
    if (!study)
        return;
    if (sv_study_file(study, subfolder, name, &data, &size, &err) != SL_OK)
        sv_refuse_error(r, &err);
    else
        sv_reply_bytes(r, 200, sv_file_type(name), data, size);
}

/* The page's own addresses are relative: they need the slash at the end. */
static void study_index(sv_request *r, sl_session *session)
{
    (void)session;
    const size_t path = strcspn(r->target, "?");
    if (r->target[path - 1] == '/') {
        reply_file(r, NULL, "index.html");
    } else if (addressed(r)) {
        sv_reply_fixed(r, 308, NULL, "", 0);
        if (asprintf(&r->reply.location, "/study/%s/", r->args[0]) < 0)
            r->reply.location = NULL;
    }
}

static void study_file(sv_request *r, sl_session *session)
{
    (void)session;
    reply_file(r, NULL, r->args[1]);
}

static void study_tile(sv_request *r, sl_session *session)
{
    (void)session;
    reply_file(r, "tiles", r->args[1]);
}

static void study_answers(sv_request *r, sl_session *session)
{
    (void)session;
    sl_study_sheet sheet;
    sl_error err = {0};
    sv_study *study = addressed(r);
    if (!study)
        return;
    const sl_status status = sv_study_add(study, r->body ? r->body : (const uint8_t *)"", r->size, &sheet, &err);
    if (status == SL_ERR_MISMATCH)
        sv_refuse(r, 422, 0, "%s", err.text);
    else if (status != SL_OK)
        sv_refuse_error(r, &err);
    else
        sv_reply_json(r, 201, json_pack("{s:I,s:I}", "answers", (json_int_t)sheet.answers, "missing",
                                        (json_int_t)sheet.missing));
}

/* ---- for who may administer ---- */

static bool figures(sv_request *r, sl_study_result *out)
{
    sl_error err = {0};
    if (!sv_may_administer(r))
        return false;
    sv_study *study = atomic_load(&r->server->study);
    if (!study)
        sv_refuse(r, 404, 0, "no study is served: begin a job of the kind study, or start the server with --study DIR");
    else if (sv_study_score(study, out, &err) != SL_OK)
        sv_refuse_error(r, &err);
    else
        return true;
    return false;
}

static void study_told(sv_request *r, sl_session *session)
{
    (void)session;
    sl_study_result result;
    sl_error err = {0};
    char *text, address[80];
    if (!figures(r, &result))
        return;
    if (sl_study_result_json(&result, &text, &err) != SL_OK) {
        sv_refuse_error(r, &err);
        return;
    }
    json_t *document = json_loads(text, 0, NULL);
    free(text);
    snprintf(address, sizeof address, "/study/%s/", result.id);
    json_object_set_new(document, "address", json_string(address));
    sv_reply_json(r, 200, document);
}

static void study_chart(sv_request *r, sl_session *session)
{
    (void)session;
    sl_study_result result;
    sl_error err = {0};
    char *svg;
    if (!figures(r, &result))
        return;
    if (sl_study_result_chart(&result, &svg, &err) == SL_OK)
        sv_reply_bytes(r, 200, "image/svg+xml", svg, strlen(svg));
    else if (result.participants == 0)
        sv_refuse(r, 404, 0, "nobody has answered yet");
    else
        sv_refuse_error(r, &err);
}

static void study_lines(sv_request *r, sl_session *session)
{
    (void)session;
    sl_study_result result;
    sl_error err = {0};
    char *csv;
    if (!figures(r, &result))
        return;
    if (sv_study_csv(atomic_load(&r->server->study), &csv, &err) == SL_OK)
        sv_reply_bytes(r, 200, "text/csv; charset=utf-8", csv, strlen(csv));
    else
        sv_refuse_error(r, &err);
}

#define ROUTE(method, path, scope, flags, run, about) {method, path, scope, flags, SV_STYLE_OWN, run, about, NULL}

const sv_route sv_study_routes[] = {
    ROUTE("GET", "/study/{study}", SV_NOBODY, SV_AT_ONCE, study_index, NULL),
    ROUTE("GET", "/study/{study}/{file}", SV_NOBODY, SV_AT_ONCE, study_file, NULL),
    ROUTE("GET", "/study/{study}/tiles/{file}", SV_NOBODY, SV_AT_ONCE, study_tile, NULL),
    {"POST", "/study/{study}/answers", SV_NOBODY, 0, SV_STYLE_OWN, study_answers,
     "Hands in a participant's answers to the study (docs/study.md)", "body!:object"},
    ROUTE("GET", "/v1/study", SV_ADMIN, 0, study_told, "The study's address, participants and figures"),
    ROUTE("GET", "/v1/study/chart", SV_ADMIN, 0, study_chart, "Its accuracies with their intervals, SVG"),
    ROUTE("GET", "/v1/study/csv", SV_ADMIN, 0, study_lines, "A line per participant and arm, CSV"),
    {0}};
