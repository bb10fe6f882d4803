/* The native API, /v1: what its files share. */
#ifndef SERVER_OWN_H
#define SERVER_OWN_H

#include "api/enrol.h"
#include "api/api_faces.h"

/* The gallery that the address names, where the key may do what the route asks there; else NULL, and refused. */
sv_place *sv_named_gallery(sv_request *r);

/* Keys and the log are for whom all galleries are open to; others are refused. */
bool sv_may_administer(sv_request *r);

/* {"items", "page", "size", "total"}: `one` makes the i-th of `total`. */
void sv_reply_page(sv_request *r, size_t total, json_t *(*one)(void *context, size_t i), void *context);

/* As wire_json.h says, in as many digits as clients have use for. */
enum { SV_PIXEL_DIGITS = 1, SV_QUALITY_DIGITS = 4, SV_SCORE_DIGITS = 6 };

static inline json_t *sv_box_json(const sl_box *box)
{
    return wire_box(box, SV_PIXEL_DIGITS);
}

static inline json_t *sv_quality_json(const sl_quality *quality)
{
    return wire_quality(quality, SV_QUALITY_DIGITS);
}

static inline json_t *sv_rule_json(const sl_rule *rule)
{
    return wire_rule(rule, SV_SCORE_DIGITS);
}

static inline void sv_add_judgement(json_t *object, const sl_rule *rule, float hidden)
{
    wire_add_judgement(object, rule, hidden, SV_SCORE_DIGITS);
}

/* The look that is asked for, or *match as it is; false: refused. */
bool sv_ask_match(sv_request *r, const sl_gallery *gallery, sl_match_options *match);

/* Whether an answer comes with its reasons: as a picture, or as the address of pictures. false: refused. */
typedef enum { SV_EXPLAIN_NONE, SV_EXPLAIN_PNG, SV_EXPLAIN_URL } sv_explain;
bool sv_ask_explain(sv_request *r, sv_explain *out);
/* Adds them to a face's answer; the face's template and crop may be taken. */
void sv_add_explanation(sv_request *r, json_t *answer, sv_explain how, const sv_view *view,
                        const sl_match_options *match, const sl_answer *a, sv_face *query);

/* galleries, people, faces */
void sv_own_galleries(sv_request *r, sl_session *session);
void sv_own_gallery_create(sv_request *r, sl_session *session);
void sv_own_gallery(sv_request *r, sl_session *session);
void sv_own_gallery_erase(sv_request *r, sl_session *session);
void sv_own_rates(sv_request *r, sl_session *session);
void sv_own_people(sv_request *r, sl_session *session);
void sv_own_person_rename(sv_request *r, sl_session *session);
void sv_own_person_remove(sv_request *r, sl_session *session);
void sv_own_undo(sv_request *r, sl_session *session);
void sv_own_faces(sv_request *r, sl_session *session);
void sv_own_face_add(sv_request *r, sl_session *session);
void sv_own_face(sv_request *r, sl_session *session);
void sv_own_face_crop(sv_request *r, sl_session *session);
void sv_own_face_remove(sv_request *r, sl_session *session);
void sv_own_face_metadata(sv_request *r, sl_session *session);
void sv_own_person_metadata(sv_request *r, sl_session *session);

/* searches */
void sv_own_identify(sv_request *r, sl_session *session);
void sv_own_verify_person(sv_request *r, sl_session *session);
void sv_own_verify(sv_request *r, sl_session *session);
void sv_own_detect(sv_request *r, sl_session *session);
void sv_own_batch(sv_request *r, sl_session *session);
void sv_own_explain(sv_request *r, sl_session *session);
void sv_own_explanation(sv_request *r, sl_session *session);

/* jobs */
typedef struct sv_jobs sv_jobs;
sl_status sv_jobs_open(sv_server *server, sv_jobs **out, sl_error *err);
void sv_jobs_stop(sv_jobs *jobs); /* the one that runs is asked to end; streams end */
void sv_jobs_close(sv_jobs *jobs);
void sv_own_job_begin(sv_request *r, sl_session *session);
void sv_own_jobs(sv_request *r, sl_session *session);
void sv_own_job(sv_request *r, sl_session *session);
void sv_own_job_events(sv_request *r, sl_session *session);
void sv_own_job_cancel(sv_request *r, sl_session *session);
void sv_own_job_archive(sv_request *r, sl_session *session);
void sv_own_import(sv_request *r, sl_session *session);

/* the page's login */
void sv_login(sv_request *r, sl_session *session);
void sv_login_tell(sv_request *r, sl_session *session);
void sv_logout(sv_request *r, sl_session *session);

/* the server itself */
void sv_own_health(sv_request *r, sl_session *session);
void sv_own_ready(sv_request *r, sl_session *session);
void sv_own_metrics(sv_request *r, sl_session *session);
void sv_own_openapi(sv_request *r, sl_session *session);
void sv_own_keys(sv_request *r, sl_session *session);
void sv_own_key_add(sv_request *r, sl_session *session);
void sv_own_key_revoke(sv_request *r, sl_session *session);

/* the audit log */
void sv_own_audit(sv_request *r, sl_session *session);
void sv_own_audit_verify(sv_request *r, sl_session *session);

#endif
