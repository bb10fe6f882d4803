/* One request, from its first line to the reply. IO threads parse it, a worker answers it.
 *
 *     target, headers -> route, key -> body -> queue -> worker: route->run -> reply
 *
 * It belongs to one thread at a time: whoever has it writes to it. */
#ifndef SERVER_REQUEST_H
#define SERVER_REQUEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "http/multipart.h"
#include "http/url.h"
#include "secondlook.h"
#include "store/hub.h"
#include "store/keys.h"
#include "wire/wire_json.h"

typedef struct sv_server sv_server;
typedef struct sv_request sv_request;

/* How errors look. */
typedef enum { SV_STYLE_OWN, SV_STYLE_COMPREFACE, SV_STYLE_DEEPSTACK } sv_style;

enum {
    SV_AT_ONCE = 1,   /* answered by the IO thread: it neither waits nor looks at pictures */
    SV_KEY_IN_FORM = 2, /* the key is a field of the body, or part of the path: run checks it */
    SV_WRITES = 4       /* changes a gallery: searches go before it */
};

typedef struct {
    const char *method, *path; /* "/v1/galleries/{gallery}": {} takes any segment */
    sv_scope scope;            /* that the key must have; SV_NOBODY: no key is asked for */
    unsigned flags;
    sv_style style;
    void (*run)(sv_request *r, sl_session *session);
    const char *about; /* for the OpenAPI document; NULL: it is not told there */
    const char *asks;  /* for it too: what is asked for, "name[!]:type .." (openapi.c); NULL: nothing */
} sv_route;

typedef struct {
    int status;       /* 0: there is none yet */
    const char *type; /* a literal */
    char *body;       /* malloc'd, or `fixed` */
    size_t size;
    bool fixed;
    bool close;        /* the connection cannot be read on */
    const char *allow; /* of 405 */
    char *cookie;      /* malloc'd, of Set-Cookie; NULL */
    char *location;    /* malloc'd; NULL */
    struct sv_stream *stream; /* in place of the body (http/resume.h) */
} sv_reply;

enum { SV_ARGS_MAX = 4 };

struct sv_request {
    sv_server *server;
    void *connection; /* libmicrohttpd's */
    int fd;
    double began; /* seconds of the monotonic clock */
    char id[17];
    char method[8];
    char *target;
    sv_url url;
    const sv_route *route;
    const char *args[SV_ARGS_MAX]; /* what {} took, in url */
    char *content_type, *key_text, *idempotency, *cookie, *csrf;
    bool cross_site;          /* a browser says so (Sec-Fetch-Site) */
    unsigned long last_event; /* Last-Event-ID; 0 */
    sv_key key; /* zero where none was asked for */

    bool begun, suspended;
    uint8_t *body; /* [size] */
    size_t size, room;
    bool form_parsed;
    sv_parts parts;
    json_t *json; /* of a JSON body; NULL */

    sv_reply reply;
    sv_place
        *place; /* where `change` is to be made once run has returned, which then replies; NULL: there is a reply */
    sv_change *change;
    char undo[64];    /* by which a change can be taken back (sv_undo); "" */
    sv_request *next; /* in the queue */
};

/* ---- what is asked ---- */

/* Parses the body as its type says, once; false when it was refused (there is a reply then). */
bool sv_request_parse(sv_request *r);

/* A parameter from the URL, a field of the form or a string, number or truth value of the JSON body; NULL when it is
 * nowhere. The text lives in `hold` or in the request. */
const char *sv_ask(sv_request *r, const char *name, char hold[512]);
bool sv_ask_bool(sv_request *r, const char *name, bool otherwise);
double sv_ask_number(sv_request *r, const char *name, double least, double most, double otherwise);

/* Is `word` in the list of that name, parted by commas? */
bool sv_ask_listed(sv_request *r, const char *name, const char *word);

/* The bytes of a picture: a part, or base64 in JSON. 1; 0 when it is not there; -1 when it is no base64. *held is to be
 * freed. */
int sv_ask_picture(sv_request *r, const char *name, const uint8_t **data, size_t *size, uint8_t **held);

/* ---- what is replied ---- */

/* Takes the document; NULL is told as no memory. */
void sv_reply_json(sv_request *r, int status, json_t *document);
/* Takes malloc'd bytes. */
void sv_reply_bytes(sv_request *r, int status, const char *type, void *bytes, size_t size);
void sv_reply_fixed(sv_request *r, int status, const char *type, const void *bytes, size_t size);

/* An error in the route's style. code: CompreFace's, told where it is not 0. */
void sv_refuse(sv_request *r, int status, int code, const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Of what the library said. */
void sv_refuse_error(sv_request *r, const sl_error *err);

/* ---- JSON ---- */

static inline json_t *sv_text(const char *text)
{
    return wire_text(text ? text : "");
}

static inline json_t *sv_rounded(double value, int digits)
{
    return wire_number(value, digits);
}

void sv_request_clear(sv_request *r);

#endif
