/* libmicrohttpd, and nothing of it anywhere else.
 *
 *     URI -> headers: route, key, sizes -> body, piece by piece -> queue, suspended -> resumed with a reply
 */
#define _GNU_SOURCE
#include "http/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/access.h"
#include "http/resume.h"
#include "http/router.h"
#include "server.h"
#include "store/durable.h"

enum { IDLE_SECONDS = 30, DRAIN_SECONDS = 5, HEADERS_ROOM = 65536, CONNECTIONS = 16384 };

/* A connection whose request has not come whole when the server's patience ends is cut: one byte now and then holds
 * nothing. */
typedef struct held_link {
    int fd;
    double since; /* when it began to wait for a request; 0: it has one */
    struct held_link *next, **at;
} held_link;

struct sv_listener {
    sv_server *server;
    struct MHD_Daemon *daemon;
    char *cert, *key; /* PEM texts */
    pthread_mutex_t mutex; /* of links */
    pthread_cond_t stop;
    held_link *links;
    bool stopping, reaping;
    pthread_t reaper;
};

/* ---- connections ---- */

static held_link *link_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

static int socket_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info ? info->connect_fd : -1;
}

static void mark(sv_listener *l, struct MHD_Connection *connection, double since)
{
    held_link *k = link_of(connection);
    pthread_mutex_lock(&l->mutex);
    if (k)
        k->since = since;
    pthread_mutex_unlock(&l->mutex);
}

static void on_connection(void *context, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    sv_listener *l = context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        held_link *k = calloc(1, sizeof *k);
        if (!k)
            return;
        *k = (held_link){.fd = socket_of(connection), .since = sv_now()};
        pthread_mutex_lock(&l->mutex);
        k->next = l->links;
        k->at = &l->links;
        if (k->next)
            k->next->at = &k->next;
        l->links = k;
        pthread_mutex_unlock(&l->mutex);
        *socket_context = k;
        atomic_fetch_add(&l->server->metrics.connections, 1);
    } else if (*socket_context) {
        held_link *k = *socket_context;
        pthread_mutex_lock(&l->mutex);
        *k->at = k->next;
        if (k->next)
            k->next->at = k->at;
        pthread_mutex_unlock(&l->mutex);
        free(k);
        atomic_fetch_sub(&l->server->metrics.connections, 1);
    }
}

static void *reap(void *context)
{
    sv_listener *l = context;
    pthread_mutex_lock(&l->mutex);
    while (!l->stopping) {
        struct timespec next;
        clock_gettime(CLOCK_REALTIME, &next);
        next.tv_sec += 1;
        pthread_cond_timedwait(&l->stop, &l->mutex, &next);
        const double now = sv_now();
        for (held_link *k = l->links; k; k = k->next)
            if (k->since > 0 && now - k->since > l->server->config.patience)
                shutdown(k->fd, SHUT_RDWR);
    }
    pthread_mutex_unlock(&l->mutex);
    return NULL;
}

/* ---- the request ---- */

static void *on_uri(void *context, const char *uri, struct MHD_Connection *connection)
{
    sv_listener *l = context;
    sv_request *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->server = l->server;
    r->connection = connection;
    r->fd = socket_of(connection);
    r->began = sv_now();
    r->target = strdup(uri);
    char id[37];
    sv_new_uuid(id);
    memcpy(r->id, id, 8);
    memcpy(r->id + 8, id + 24, 8);
    return r;
}

static char *header(const sv_request *r, const char *name)
{
    const char *value = MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, name);
    return value ? strdup(value) : NULL;
}

static void take_headers(sv_request *r)
{
    r->content_type = header(r, "Content-Type");
    r->key_text = header(r, "x-api-key");
    r->idempotency = header(r, "Idempotency-Key");
    r->cookie = header(r, "Cookie");
    r->csrf = header(r, "x-csrf-token");
    const char *site = MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, "Sec-Fetch-Site");
    r->cross_site = site && strcmp(site, "cross-site") == 0;
    const char *event = MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, "Last-Event-ID");
    r->last_event = event ? strtoul(event, NULL, 10) : 0;
    char *bearer = r->key_text ? NULL : header(r, "Authorization");
    if (bearer && strncasecmp(bearer, "Bearer ", 7) == 0)
        r->key_text = strdup(bearer + 7);
    free(bearer);
}

/* How long the body is said to be, and whether that is said in two ways. */
typedef struct {
    int lengths, codings;
    uint64_t size;
    bool malformed;
} said_size;

static enum MHD_Result on_header(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
    (void)kind;
    said_size *said = context;
    if (strcasecmp(name, "Content-Length") == 0) {
        said->lengths++;
        said->malformed |= !value || !*value || strspn(value, "0123456789") != strlen(value) || strlen(value) > 18;
        said->size = said->malformed ? 0 : strtoull(value, NULL, 10);
    }
    if (strcasecmp(name, "Transfer-Encoding") == 0) {
        said->codings++;
        said->malformed |= !value || strcasecmp(value, "chunked") != 0;
    }
    return MHD_YES;
}

/* What proxies and we could read in two ways is read by nobody. */
static bool check_size(sv_request *r)
{
    said_size said = {0};
    MHD_get_connection_values(r->connection, MHD_HEADER_KIND, on_header, &said);
    if (said.malformed || said.lengths + said.codings > 1)
        sv_refuse(r, 400, 26,
                  "the body's size is said in no way, or in two: Content-Length or Transfer-Encoding: chunked");
    else if (said.size > r->server->config.body_max)
        sv_refuse(r, r->route && r->route->style == SV_STYLE_COMPREFACE ? 400 : 413, 0,
                  "a request has %zu bytes at most", r->server->config.body_max);
    else
        return true;
    r->reply.close = true;
    return false;
}

static void begin(sv_request *r, const char *method)
{
    static const char *const split_at[] = {"det_prob_threshold", "limit", "prediction_count", "face_plugins", "status",
                                           "subject", "page", "size", NULL};
    snprintf(r->method, sizeof r->method, "%s", method);
    take_headers(r);
    if (!r->target || !sv_url_parse(r->target, split_at, &r->url)) {
        sv_refuse(r, 400, 26, "the address cannot be read");
        return;
    }
    if (strcmp(method, "OPTIONS") == 0) {
        sv_reply_fixed(r, 204, NULL, "", 0);
        return;
    }
    if (!sv_route_find(r) || !check_size(r))
        return;
    if (r->route->scope != SV_NOBODY && !(r->route->flags & SV_KEY_IN_FORM))
        sv_authorise(r, r->key_text, r->route->scope, NULL);
}

/* Keeps a piece of the body; of one that is too long, or refused already, nothing. false: it does not end. */
static bool take_body(sv_request *r, const char *data, size_t size)
{
    const size_t most = r->server->config.body_max;
    if (r->reply.status) {
        r->size += size; /* passed over, but not for ever */
        return r->size <= 2 * most;
    }
    if (size > most - r->size) {
        sv_refuse(r, r->route->style == SV_STYLE_COMPREFACE ? 400 : 413, 0, "a request has %zu bytes at most", most);
        r->reply.close = true;
        return true;
    }
    if (r->size + size > r->room) {
        const size_t room = 2 * (r->size + size) < 16384 ? 16384 : 2 * (r->size + size);
        uint8_t *grown = realloc(r->body, room);
        if (!grown)
            return false;
        r->body = grown;
        r->room = room;
    }
    memcpy(r->body + r->size, data, size);
    r->size += size;
    return true;
}

/* ---- the reply ---- */

static ssize_t read_stream(void *context, uint64_t at, char *out, size_t size)
{
    (void)at;
    sv_stream *s = context;
    const long n = s->read(s, out, size);
    return n < 0 ? MHD_CONTENT_READER_END_OF_STREAM : n;
}

static void close_stream(void *context)
{
    sv_stream *s = context;
    s->close(s);
}

static struct MHD_Response *response_of(sv_request *r)
{
    sv_reply *reply = &r->reply;
    if (reply->stream) {
        struct MHD_Response *flow =
            MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, read_stream, reply->stream, close_stream);
        reply->stream->connection = r->connection;
        if (flow)
            reply->stream = NULL; /* the response closes it */
        return flow;
    }
    struct MHD_Response *made = MHD_create_response_from_buffer(
        reply->size, reply->body, reply->fixed ? MHD_RESPMEM_PERSISTENT : MHD_RESPMEM_MUST_FREE);
    if (made)
        reply->body = NULL;
    return made;
}

static void add_header(struct MHD_Response *made, const char *name, const char *value)
{
    if (value)
        MHD_add_response_header(made, name, value);
}

static void add_headers(const sv_request *r, struct MHD_Response *made)
{
    static const char policy[] = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
                                 "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";
    const sv_reply *reply = &r->reply;
    add_header(made, "Content-Type", reply->type);
    add_header(made, "X-Request-Id", r->id);
    add_header(made, "X-Content-Type-Options", "nosniff");
    add_header(made, "Content-Security-Policy", policy);
    add_header(made, "Referrer-Policy", "no-referrer");
    add_header(made, "Cache-Control", "no-store");
    add_header(made, "Allow", reply->allow);
    add_header(made, "Set-Cookie", reply->cookie);
    add_header(made, "Location", reply->location);
    if (reply->status == 429 || reply->status == 503)
        add_header(made, "Retry-After", "1");
    if (reply->close)
        add_header(made, "Connection", "close");
    const char *origin = MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, "Origin");
    if (origin && r->server->config.origin && strcmp(origin, r->server->config.origin) == 0) {
        add_header(made, "Access-Control-Allow-Origin", origin);
        add_header(made, "Access-Control-Allow-Headers", "x-api-key, content-type, idempotency-key");
        add_header(made, "Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE");
        add_header(made, "Vary", "Origin");
    }
}

static enum MHD_Result send_reply(sv_request *r)
{
    struct MHD_Response *made = response_of(r);
    if (!made)
        return MHD_NO;
    add_headers(r, made);
    const enum MHD_Result result = MHD_queue_response(r->connection, (unsigned)r->reply.status, made);
    MHD_destroy_response(made);
    return result;
}

/* ---- libmicrohttpd's calls ---- */

static enum MHD_Result receive_end(sv_listener *l, sv_request *r)
{
    mark(l, r->connection, 0);
    if (r->reply.status)
        return send_reply(r);
    if (r->route->flags & SV_AT_ONCE) {
        if (sv_request_parse(r))
            r->route->run(r, NULL);
        return send_reply(r);
    }
    r->suspended = true;
    MHD_suspend_connection(r->connection);
    if (!sv_queue_add(l->server->queue, r)) {
        sv_refuse(r, 503, 0, "too many requests wait already: try again");
        sv_resume(r);
    }
    return MHD_YES;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *data, size_t *size, void **request)
{
    (void)url, (void)version, (void)connection;
    sv_listener *l = context;
    sv_request *r = *request;
    if (!r)
        return MHD_NO;
    if (!r->begun) {
        r->begun = true;
        begin(r, method);
        return r->reply.status && r->reply.close ? send_reply(r) : MHD_YES;
    }
    if (*size > 0) {
        const bool taken = take_body(r, data, *size);
        *size = 0;
        return taken ? MHD_YES : MHD_NO;
    }
    return receive_end(l, r);
}

static void measure(sv_server *s, const sv_request *r)
{
    const double seconds = sv_now() - r->began;
    int i = 0;
    while (i < SV_LATENCIES && seconds > sv_latency_bounds[i])
        i++;
    atomic_fetch_add(&s->metrics.latency[i], 1);
    atomic_fetch_add(&s->metrics.microseconds, (unsigned long)(1e6 * seconds));
    atomic_fetch_add(&s->metrics.requests[r->reply.status / 100 % SV_STATUS_CLASSES], 1);
}

static void on_completed(void *context, struct MHD_Connection *connection, void **request,
                         enum MHD_RequestTerminationCode code)
{
    (void)code;
    sv_listener *l = context;
    sv_request *r = *request;
    *request = NULL;
    mark(l, connection, sv_now());
    if (!r)
        return;
    measure(l->server, r);
    sv_request_clear(r);
    free(r);
}

/* ---- opening ---- */

static char *read_pem(const char *path, sl_error *err)
{
    FILE *f = path ? fopen(path, "re") : NULL;
    char *text = f ? calloc(1, 1 << 20) : NULL;
    const size_t size = text ? fread(text, 1, (1 << 20) - 1, f) : 0;
    if (f)
        fclose(f);
    if (size > 0)
        return text;
    free(text);
    sv_fail(err, SL_ERR_IO, "%s: cannot be read: %s", path, strerror(errno));
    return NULL;
}

static sl_status start(sv_listener *l, const struct addrinfo *at, sl_error *err)
{
    const sv_config *c = &l->server->config;
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_SUSPEND_RESUME | MHD_USE_ITC |
                     (at->ai_family == AF_INET6 ? MHD_USE_IPv6 : 0);
    struct MHD_OptionItem tls[] = {{MHD_OPTION_END, 0, NULL}, {MHD_OPTION_END, 0, NULL}, {MHD_OPTION_END, 0, NULL}};
    if (c->tls_cert) {
        flags |= MHD_USE_TLS;
        l->cert = read_pem(c->tls_cert, err);
        l->key = l->cert ? read_pem(c->tls_key, err) : NULL;
        if (!l->key)
            return SL_ERR_IO;
        tls[0] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, l->cert};
        tls[1] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, l->key};
    }
    l->daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, l, MHD_OPTION_SOCK_ADDR, at->ai_addr,
                                 MHD_OPTION_THREAD_POOL_SIZE, (unsigned)c->io_threads, MHD_OPTION_CONNECTION_TIMEOUT,
                                 (unsigned)IDLE_SECONDS, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS,
                                 MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEADERS_ROOM,
                                 MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u, MHD_OPTION_STRICT_FOR_CLIENT, 0,
                                 MHD_OPTION_URI_LOG_CALLBACK, on_uri, l, MHD_OPTION_NOTIFY_COMPLETED, on_completed, l,
                                 MHD_OPTION_NOTIFY_CONNECTION, on_connection, l, MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
    return l->daemon
               ? SL_OK
               : sv_fail(err, SL_ERR_IO, "%s port %d: cannot be listened at: %s", c->address, c->port, strerror(errno));
}

sl_status sv_listener_open(sv_server *server, sv_listener **out, sl_error *err)
{
    const struct addrinfo wanted = {.ai_socktype = SOCK_STREAM,
                                    .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
    struct addrinfo *at = NULL;
    char port[16];
    sv_listener *l = calloc(1, sizeof *l);
    *out = NULL;
    if (!l)
        return sv_fail(err, SL_ERR_MEMORY, "no memory");
    l->server = server;
    pthread_mutex_init(&l->mutex, NULL);
    pthread_cond_init(&l->stop, NULL);
    snprintf(port, sizeof port, "%d", server->config.port);
    sl_status status = getaddrinfo(server->config.address, port, &wanted, &at) == 0
                           ? start(l, at, err)
                           : sv_fail(err, SL_ERR_ARGUMENT, "%s is no address (of numbers)", server->config.address);
    if (at)
        freeaddrinfo(at);
    l->reaping = status == SL_OK && pthread_create(&l->reaper, NULL, reap, l) == 0;
    if (status == SL_OK)
        *out = l;
    else
        sv_listener_close(l);
    return status;
}

int sv_listener_port(const sv_listener *l)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(l->daemon, MHD_DAEMON_INFO_BIND_PORT);
    return info ? info->port : 0;
}

void sv_listener_quiesce(sv_listener *l)
{
    const int fd = MHD_quiesce_daemon(l->daemon);
    if (fd >= 0)
        close(fd);
}

static bool all_idle(sv_listener *l)
{
    bool idle = true;
    pthread_mutex_lock(&l->mutex);
    for (const held_link *k = l->links; k; k = k->next)
        idle &= k->since > 0;
    pthread_mutex_unlock(&l->mutex);
    return idle;
}

void sv_listener_drain(sv_listener *l)
{
    const double until = sv_now() + DRAIN_SECONDS;
    while (!all_idle(l) && sv_now() < until)
        usleep(10000);
}

void sv_listener_close(sv_listener *l)
{
    if (!l)
        return;
    pthread_mutex_lock(&l->mutex);
    l->stopping = true;
    pthread_cond_signal(&l->stop);
    pthread_mutex_unlock(&l->mutex);
    if (l->reaping)
        pthread_join(l->reaper, NULL);
    if (l->daemon)
        MHD_stop_daemon(l->daemon);
    pthread_cond_destroy(&l->stop);
    pthread_mutex_destroy(&l->mutex);
    free(l->cert);
    free(l->key);
    free(l);
}
