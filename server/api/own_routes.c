/* The native API, route by route. The OpenAPI document is made of this table. */
#include "api/own.h"
#include "server.h"

#define ASKING(method, path, scope, flags, run, about, asks)                                                           \
    {                                                                                                                  \
        method, path, scope, flags, SV_STYLE_OWN, run, about, asks                                                     \
    }
#define ROUTE(method, path, scope, flags, run, about) ASKING(method, path, scope, flags, run, about, NULL)
#define GALLERY "/v1/galleries/{gallery}"
#define PAGE "page:integer size:integer"
#define LOOK "rerank:none|emd|oae|maxsim|same-cell|h2l|h2|auto k:integer alpha:number"
#define SEARCH                                                                                                         \
    "top:integer " LOOK " fpir:number far:number threshold:number main_face:boolean aligned:boolean "                  \
    "explain:none|png|url"
#define PAIR_RULE "far:number fpir:number threshold:number aligned:boolean"

const sv_route sv_own_routes[] = {
    ROUTE("GET", "/healthz", SV_NOBODY, SV_AT_ONCE, sv_own_health, "The server runs"),
    ROUTE("GET", "/readyz", SV_NOBODY, SV_AT_ONCE, sv_own_ready, "The server takes requests"),
    ROUTE("GET", "/metrics", SV_READ, SV_AT_ONCE, sv_own_metrics, "Figures for Prometheus"),
    ROUTE("GET", "/openapi.json", SV_NOBODY, SV_AT_ONCE, sv_own_openapi, "This document"),

    ROUTE("GET", "/v1/galleries", SV_READ, 0, sv_own_galleries, "The galleries that the key is for"),
    ASKING("POST", "/v1/galleries", SV_ADMIN, SV_WRITES, sv_own_gallery_create, "Makes a gallery", "name!"),
    ROUTE("GET", GALLERY, SV_READ, 0, sv_own_gallery, "What a gallery is"),
    ROUTE("DELETE", GALLERY, SV_ADMIN, SV_WRITES, sv_own_gallery_erase, "Erases a gallery and its files"),
    ROUTE("GET", GALLERY "/rates", SV_READ, 0, sv_own_rates,
          "What thresholds promise there: the rule of searches, and rules for rates down to one in a million"),

    ASKING("GET", GALLERY "/people", SV_READ, 0, sv_own_people, "People; q: part of the name", PAGE " q"),
    ASKING("POST", GALLERY "/people/{person}/rename", SV_ENROL, SV_WRITES, sv_own_person_rename,
           "Gives a person another name, or joins two", "to!"),
    ROUTE("DELETE", GALLERY "/people/{person}", SV_ENROL, SV_WRITES, sv_own_person_remove, "Removes a person"),
    ASKING("POST", GALLERY "/undo", SV_ENROL, SV_WRITES, sv_own_undo,
           "Takes a removal or a new name back, until the gallery is compacted; undo: what that answered", "undo!"),
    ASKING("PUT", GALLERY "/people/{person}/metadata", SV_ENROL, SV_WRITES, sv_own_person_metadata,
           "Keeps a JSON object with a person, which lists show", "body!:object"),
    ROUTE("DELETE", GALLERY "/people/{person}/metadata", SV_ENROL, SV_WRITES, sv_own_person_metadata, "Forgets that"),

    ASKING("GET", GALLERY "/faces", SV_READ, 0, sv_own_faces, "Faces, of all or of one person", PAGE " person"),
    ASKING("POST", GALLERY "/faces", SV_ENROL, SV_WRITES, sv_own_face_add, "Enrols a photo's main face",
           "image!:file person! id replace:boolean one_face:boolean aligned:boolean metadata:object"),
    ROUTE("GET", GALLERY "/faces/{face}", SV_READ, 0, sv_own_face, "A face"),
    ROUTE("GET", GALLERY "/faces/{face}/crop", SV_READ, 0, sv_own_face_crop, "The crop that was kept of it, a JPEG"),
    ROUTE("DELETE", GALLERY "/faces/{face}", SV_ENROL, SV_WRITES, sv_own_face_remove, "Removes a face"),
    ASKING("PUT", GALLERY "/faces/{face}/metadata", SV_ENROL, SV_WRITES, sv_own_face_metadata,
           "Keeps a JSON object with a face", "body!:object"),
    ROUTE("DELETE", GALLERY "/faces/{face}/metadata", SV_ENROL, SV_WRITES, sv_own_face_metadata, "Forgets that"),

    ASKING("POST", GALLERY "/identify", SV_READ, 0, sv_own_identify,
           "Who is on a photo; one of fpir, far and threshold; explain: the best pair as base64, or an address for ten "
           "minutes",
           "image!:file " SEARCH),
    ASKING("POST", GALLERY "/batch", SV_READ, 0, sv_own_batch,
           "The same of up to 64 photos: parts called image, or images (an array of base64)",
           "image:files images:files " SEARCH),
    ASKING("POST", GALLERY "/verify", SV_READ, 0, sv_own_verify_person, "Is a photo of this person",
           "image!:file person! " PAIR_RULE),
    ASKING("POST", GALLERY "/explain", SV_READ, 0, sv_own_explain, "Why a photo got its score with a face; a PNG",
           "image!:file face! part:pair|trust|shares|flow|query index:integer aligned:boolean " LOOK),
    ASKING("GET", "/v1/explanations/{explanation}", SV_READ, 0, sv_own_explanation,
           "The same of a face that was searched with explain=url", "face part:pair|trust|shares|flow|query"),
    ASKING("POST", "/v1/verify", SV_READ, 0, sv_own_verify, "Do two photos show one person",
           "image_a!:file image_b!:file " PAIR_RULE),
    ASKING("POST", "/v1/detect", SV_READ, 0, sv_own_detect, "The faces of a photo", "image!:file"),

    ASKING("POST", GALLERY "/jobs", SV_ADMIN, 0, sv_own_job_begin,
           "Begins work that takes long; far: of cluster; folder: of import, below what --import-from allows; the "
           "rest: of study, which is served from then on",
           "kind!:compact|verify|calibrate|duplicates|cluster|export|import|study far:number folder pairs:integer "
           "same:integer examples:integer seed:integer strangers:near|random consent"),
    ASKING("POST", GALLERY "/import", SV_ENROL, 0, sv_own_import,
           "Enrols what a tar archive holds, PERSON/PHOTO, or what export wrote; a job", "body!:tar"),
    ROUTE("GET", "/v1/jobs", SV_READ, 0, sv_own_jobs, "All jobs"),
    ROUTE("GET", "/v1/jobs/{job}", SV_READ, 0, sv_own_job, "A job"),
    ROUTE("GET", "/v1/jobs/{job}/events", SV_READ, 0, sv_own_job_events, "Its progress as server-sent events"),
    ROUTE("GET", "/v1/jobs/{job}/archive", SV_ADMIN, 0, sv_own_job_archive, "The tar archive that export made"),
    ROUTE("DELETE", "/v1/jobs/{job}", SV_ADMIN, 0, sv_own_job_cancel, "Asks a job to end"),

    ROUTE("GET", "/v1/keys", SV_ADMIN, 0, sv_own_keys, "Keys, without their secrets"),
    ASKING("POST", "/v1/keys", SV_ADMIN, 0, sv_own_key_add,
           "Makes a key, which is shown this once; with a password: a login for the page",
           "name! gallery! scope!:read|enrol|admin password"),
    ROUTE("DELETE", "/v1/keys/{key}", SV_ADMIN, 0, sv_own_key_revoke, "Revokes a key"),
    ASKING("GET", "/v1/audit", SV_ADMIN, 0, sv_own_audit,
           "The latest lines of the audit log; before: a line's seq; subject: a part of the name",
           "last:integer before:integer action subject key gallery"),
    ROUTE("GET", "/v1/audit/verify", SV_ADMIN, 0, sv_own_audit_verify, "Whether the log is as it was written"),

    ASKING("POST", "/v1/session", SV_NOBODY, 0, sv_login,
           "Begins a browser's session by a key, or a name and a password", "key name password"),
    ROUTE("GET", "/v1/session", SV_READ, 0, sv_login_tell, "Who the session is"),
    ROUTE("DELETE", "/v1/session", SV_READ, 0, sv_logout, "Ends it"),
    {0}};
