/* The native API, route by route. The OpenAPI document is made of this table. */
#include "api/own.h"
#include "server.h"

#define ROUTE(method, path, scope, flags, run, about) {method, path, scope, flags, SV_STYLE_OWN, run, about}
#define GALLERY "/v1/galleries/{gallery}"

const sv_route sv_own_routes[] = {
    ROUTE("GET", "/healthz", SV_NOBODY, SV_AT_ONCE, sv_own_health, "The server runs"),
    ROUTE("GET", "/readyz", SV_NOBODY, SV_AT_ONCE, sv_own_ready, "The server takes requests"),
    ROUTE("GET", "/metrics", SV_READ, SV_AT_ONCE, sv_own_metrics, "Figures for Prometheus"),
    ROUTE("GET", "/openapi.json", SV_NOBODY, SV_AT_ONCE, sv_own_openapi, "This document"),

    ROUTE("GET", "/v1/galleries", SV_READ, 0, sv_own_galleries, "The galleries that the key is for"),
    ROUTE("POST", "/v1/galleries", SV_ADMIN, SV_WRITES, sv_own_gallery_create, "Makes a gallery: {name}"),
    ROUTE("GET", GALLERY, SV_READ, 0, sv_own_gallery, "What a gallery is"),
    ROUTE("DELETE", GALLERY, SV_ADMIN, SV_WRITES, sv_own_gallery_erase, "Erases a gallery and its files"),
    ROUTE("GET", GALLERY "/rates", SV_READ, 0, sv_own_rates,
          "What thresholds promise there: the rule of searches, and rules for rates down to one in a million"),

    ROUTE("GET", GALLERY "/people", SV_READ, 0, sv_own_people, "People: page, size, q (part of the name)"),
    ROUTE("POST", GALLERY "/people/{person}/rename", SV_ENROL, SV_WRITES, sv_own_person_rename,
          "Gives a person another name, or joins two: {to}"),
    ROUTE("DELETE", GALLERY "/people/{person}", SV_ENROL, SV_WRITES, sv_own_person_remove, "Removes a person"),
    ROUTE("PUT", GALLERY "/people/{person}/metadata", SV_ENROL, SV_WRITES, sv_own_person_metadata,
          "Keeps a JSON object with a person, which lists show"),
    ROUTE("DELETE", GALLERY "/people/{person}/metadata", SV_ENROL, SV_WRITES, sv_own_person_metadata, "Forgets that"),

    ROUTE("GET", GALLERY "/faces", SV_READ, 0, sv_own_faces, "Faces: page, size, person"),
    ROUTE("POST", GALLERY "/faces", SV_ENROL, SV_WRITES, sv_own_face_add,
          "Enrols a photo's main face: image (a file, or base64 in JSON), person, id, replace, one_face, aligned, "
          "metadata (a JSON object)"),
    ROUTE("GET", GALLERY "/faces/{face}", SV_READ, 0, sv_own_face, "A face"),
    ROUTE("GET", GALLERY "/faces/{face}/crop", SV_READ, 0, sv_own_face_crop, "The crop that was kept of it, a JPEG"),
    ROUTE("DELETE", GALLERY "/faces/{face}", SV_ENROL, SV_WRITES, sv_own_face_remove, "Removes a face"),
    ROUTE("PUT", GALLERY "/faces/{face}/metadata", SV_ENROL, SV_WRITES, sv_own_face_metadata,
          "Keeps a JSON object with a face"),
    ROUTE("DELETE", GALLERY "/faces/{face}/metadata", SV_ENROL, SV_WRITES, sv_own_face_metadata, "Forgets that"),

    ROUTE("POST", GALLERY "/identify", SV_READ, 0, sv_own_identify,
          "Who is on a photo: image, top, rerank, k, alpha; fpir, far or threshold; main_face; "
          "explain (none, png: the best pair as base64, url: for ten minutes)"),
    ROUTE("POST", GALLERY "/batch", SV_READ, 0, sv_own_batch,
          "The same of up to 64 photos: parts called image, or images (an array of base64)"),
    ROUTE("POST", GALLERY "/verify", SV_READ, 0, sv_own_verify_person, "Is a photo of this person: image, person; far"),
    ROUTE("POST", GALLERY "/explain", SV_READ, 0, sv_own_explain,
          "Why a photo got its score with a face: image, face, part (pair, trust, shares or query); a PNG"),
    ROUTE("GET", "/v1/explanations/{explanation}", SV_READ, 0, sv_own_explanation,
          "The same of a face that was searched with explain=url: face, part"),
    ROUTE("POST", "/v1/verify", SV_READ, 0, sv_own_verify, "Do two photos show one person: image_a, image_b; far"),
    ROUTE("POST", "/v1/detect", SV_READ, 0, sv_own_detect, "The faces of a photo: image"),

    ROUTE("POST", GALLERY "/jobs", SV_ADMIN, 0, sv_own_job_begin,
          "Begins work that takes long: {kind}: compact, verify, calibrate, duplicates, cluster (far), export, or import "
          "(folder: below what --import-from allows)"),
    ROUTE("POST", GALLERY "/import", SV_ENROL, 0, sv_own_import,
          "Enrols what a tar archive holds, PERSON/PHOTO, or what export wrote; a job"),
    ROUTE("GET", "/v1/jobs", SV_READ, 0, sv_own_jobs, "All jobs"),
    ROUTE("GET", "/v1/jobs/{job}", SV_READ, 0, sv_own_job, "A job"),
    ROUTE("GET", "/v1/jobs/{job}/events", SV_READ, 0, sv_own_job_events, "Its progress as server-sent events"),
    ROUTE("GET", "/v1/jobs/{job}/archive", SV_ADMIN, 0, sv_own_job_archive, "The tar archive that export made"),
    ROUTE("DELETE", "/v1/jobs/{job}", SV_ADMIN, 0, sv_own_job_cancel, "Asks a job to end"),

    ROUTE("GET", "/v1/keys", SV_ADMIN, 0, sv_own_keys, "Keys, without their secrets"),
    ROUTE("POST", "/v1/keys", SV_ADMIN, 0, sv_own_key_add, "Makes a key: {name, gallery, scope}; shown this once. With a password: a login for the page"),
    ROUTE("DELETE", "/v1/keys/{key}", SV_ADMIN, 0, sv_own_key_revoke, "Revokes a key"),
    ROUTE("GET", "/v1/audit", SV_ADMIN, 0, sv_own_audit,
          "The latest lines of the audit log: last, before (seq), action, subject (a part of the name), key, gallery"),
    ROUTE("GET", "/v1/audit/verify", SV_ADMIN, 0, sv_own_audit_verify, "Whether the log is as it was written"),

    ROUTE("POST", "/v1/session", SV_NOBODY, 0, sv_login, "Begins a browser's session: {key}, or {name, password}"),
    ROUTE("GET", "/v1/session", SV_READ, 0, sv_login_tell, "Who the session is"),
    ROUTE("DELETE", "/v1/session", SV_READ, 0, sv_logout, "Ends it"),
    {0}};
