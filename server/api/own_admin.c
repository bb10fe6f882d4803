/* The server itself: health, figures, keys. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/own.h"
#include "server.h"

/* ---- health ---- */

void sv_own_health(sv_request *r, sl_session *session)
{
    (void)session;
    sv_reply_json(r, 200, json_pack("{s:s,s:s}", "status", "ok", "version", sl_version()));
}

void sv_own_ready(sv_request *r, sl_session *session)
{
    (void)session;
    if (atomic_load(&r->server->stopping))
        sv_refuse(r, 503, 0, "the server is about to stop");
    else
        sv_reply_json(r, 200, json_pack("{s:s}", "status", "ready"));
}

/* ---- figures ---- */

static void print_counters(FILE *f, sv_server *s)
{
    static const char *const classes[] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
    fputs("# HELP secondlook_requests_total Requests by the class of their status.\n# TYPE secondlook_requests_total "
          "counter\n",
          f);
    for (int i = 0; i < SV_STATUS_CLASSES; i++)
        fprintf(f, "secondlook_requests_total{status=\"%s\"} %lu\n", classes[i], atomic_load(&s->metrics.requests[i]));
    fprintf(f,
            "# HELP secondlook_identified_total Faces that were searched.\n# TYPE secondlook_identified_total counter\n"
            "secondlook_identified_total %lu\n",
            atomic_load(&s->metrics.identified));
    fprintf(f, "# HELP secondlook_enrolled_total Faces that were enrolled.\n# TYPE secondlook_enrolled_total counter\n"
               "secondlook_enrolled_total %lu\n", atomic_load(&s->metrics.enrolled));
}

static void print_latencies(FILE *f, sv_server *s)
{
    unsigned long sum = 0;
    fputs("# HELP secondlook_request_seconds From a request's first line to its reply.\n# TYPE "
          "secondlook_request_seconds histogram\n",
          f);
    for (int i = 0; i < SV_LATENCIES; i++) {
        sum += atomic_load(&s->metrics.latency[i]);
        fprintf(f, "secondlook_request_seconds_bucket{le=\"%g\"} %lu\n", sv_latency_bounds[i], sum);
    }
    sum += atomic_load(&s->metrics.latency[SV_LATENCIES]);
    fprintf(f, "secondlook_request_seconds_bucket{le=\"+Inf\"} %lu\nsecondlook_request_seconds_sum %.6f\n"
               "secondlook_request_seconds_count %lu\n", sum, (double)atomic_load(&s->metrics.microseconds) / 1e6, sum);
}

static void print_gauges(FILE *f, sv_server *s)
{
    size_t count;
    char **names = sv_hub_names(s->hub, &count);
    fprintf(f,
            "# HELP secondlook_queue Requests that wait for a worker.\n# TYPE secondlook_queue gauge\nsecondlook_queue "
            "%zu\n"
            "# HELP secondlook_connections Open connections.\n# TYPE secondlook_connections "
            "gauge\nsecondlook_connections %lu\n",
            sv_queue_length(s->queue), atomic_load(&s->metrics.connections));
    fputs("# HELP secondlook_faces Faces in a gallery.\n# TYPE secondlook_faces gauge\n", f);
    for (size_t i = 0; i < count; i++) {
        sv_place *place = sv_hub_find(s->hub, names[i]);
        if (!place)
            continue;
        const sv_view *view = sv_hub_view(place);
        fprintf(f, "secondlook_faces{gallery=\"%s\"} %zu\n", names[i], sl_gallery_size(view->gallery));
        sv_view_release(view);
    }
    free(names);
}

void sv_own_metrics(sv_request *r, sl_session *session)
{
    (void)session;
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    if (!f) {
        sv_refuse(r, 500, 0, "no memory");
        return;
    }
    print_counters(f, r->server);
    print_latencies(f, r->server);
    print_gauges(f, r->server);
    fclose(f);
    sv_reply_bytes(r, 200, "text/plain; version=0.0.4", text, size);
}

/* ---- keys ---- */

static json_t *key_json(const sv_key *k)
{
    return json_pack("{s:s,s:s,s:s,s:s}", "id", k->id, "name", k->name, "gallery", k->gallery, "scope",
                     sv_scope_name(k->scope));
}

bool sv_may_administer(sv_request *r)
{
    if (strcmp(r->key.gallery, "*") == 0)
        return true;
    sv_refuse(r, 403, 0, "this key is for one gallery: keys and the log are for those of all");
    return false;
}

void sv_own_keys(sv_request *r, sl_session *session)
{
    (void)session;
    size_t count = 0;
    sv_key *keys = sv_may_administer(r) ? sv_keys_list(r->server->keys, &count) : NULL;
    if (r->reply.status)
        return;
    json_t *list = json_array();
    for (size_t i = 0; keys && i < count; i++)
        json_array_append_new(list, key_json(&keys[i]));
    free(keys);
    sv_reply_json(r, 200, json_pack("{s:o}", "keys", list));
}

void sv_own_key_add(sv_request *r, sl_session *session)
{
    (void)session;
    char name_hold[512], gallery_hold[512], scope_hold[512], password_hold[512], made[37];
    const char *name = sv_ask(r, "name", name_hold), *gallery = sv_ask(r, "gallery", gallery_hold);
    const char *password = sv_ask(r, "password", password_hold);
    const int scope = sv_scope_named(sv_ask(r, "scope", scope_hold));
    sl_error err = {0};
    sv_key key;
    if (!sv_may_administer(r))
        return;
    if (!name || scope < 0 || !gallery || (strcmp(gallery, "*") != 0 && !sv_hub_find(r->server->hub, gallery))) {
        sv_refuse(r, 400, 0, "a key needs a name, a gallery that is there (or *), and a scope: read, enrol or admin");
    } else if (sv_keys_add(r->server->keys, name, gallery, (sv_scope)scope, password, made, &key, &err) != SL_OK) {
        sv_refuse_error(r, &err);
    } else if (sv_note(r, "key", gallery, NULL, json_pack("{s:s}", "new_key", key.id))) {
        json_t *object = key_json(&key);
        if (*made)
            json_object_set_new(object, "key", json_string(made));
        sv_reply_json(r, 201, object);
    }
}

void sv_own_key_revoke(sv_request *r, sl_session *session)
{
    (void)session;
    sl_error err = {0};
    if (!sv_may_administer(r))
        return;
    if (sv_keys_revoke(r->server->keys, r->args[0], &err) != SL_OK)
        sv_refuse_error(r, &err);
    else if (sv_note(r, "key-revoked", NULL, NULL, json_pack("{s:s}", "old_key", r->args[0])))
        sv_reply_fixed(r, 204, NULL, "", 0);
}
