// module: server
/* A connection's bytes, through libmicrohttpd, headers, keys, sessions and routes. What comes back is HTTP, or nothing.
 * "$KEY" stands for a key that is known. */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/browser_session.h"
#include "http/listener.h"
#include "server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static sv_server server;
static char key[37];

/* All that was understood of the request. */
static void echo(sv_request *r, sl_session *session)
{
    char hold[512];
    (void)session;
    const char *asked = sv_ask(r, "a", hold);
    sv_reply_json(r, 200,
                  json_pack("{s:o,s:o,s:o,s:I}", "first", sv_text(r->args[0]), "a", sv_text(asked), "key",
                            sv_text(r->key.name), "size", (json_int_t)r->size));
}

#define ROUTE(method, path, scope, flags, style)                                                                  \
    {                                                                                                             \
        method, path, scope, SV_AT_ONCE | flags, style, echo, NULL, NULL                                          \
    }
static const sv_route routes[] = {ROUTE("GET", "/open/{x}", SV_NOBODY, 0, SV_STYLE_OWN),
                                  ROUTE("GET", "/key", SV_READ, 0, SV_STYLE_OWN),
                                  ROUTE("POST", "/key/{x}", SV_ADMIN, 0, SV_STYLE_OWN),
                                  ROUTE("POST", "/api/v1/{x}", SV_READ, 0, SV_STYLE_COMPREFACE),
                                  ROUTE("POST", "/form", SV_READ, SV_KEY_IN_FORM, SV_STYLE_DEEPSTACK),
                                  {0}};

static void open_once(void)
{
    static const sv_route *const tables[] = {routes, NULL};
    static char dir[] = "/tmp/fuzz-headers-XXXXXX";
    char path[64];
    sl_error err;
    if (server.listener)
        return;
    if (!mkdtemp(dir))
        abort();
    snprintf(path, sizeof path, "%s/keys.json", dir);
    server.config = (sv_config){
        .address = "127.0.0.1", .io_threads = 1, .patience = 5, .body_max = 4096, .origin = "https://host"};
    server.routes = tables;
    server.sessions = sv_sessions_open();
    if (!server.sessions || sv_keys_open(path, 0, key, &server.keys, &err) != SL_OK ||
        sv_listener_open(&server, &server.listener, &err) != SL_OK)
        abort();
    unlink(path);
    rmdir(dir);
}

static void send_all(int fd, const void *data, size_t size)
{
    if (size)
        (void)!send(fd, data, size, MSG_NOSIGNAL);
}

static void send_with_key(int fd, const uint8_t *data, size_t size)
{
    const uint8_t *at = size ? memmem(data, size, "$KEY", 4) : NULL;
    const size_t before = at ? (size_t)(at - data) : size;
    send_all(fd, data, before);
    if (at) {
        send_all(fd, key, strlen(key));
        send_all(fd, at + 4, size - before - 4);
    }
}

/* What comes back until the server is done. libmicrohttpd sees the end of what it is sent only where that does not come
 * with the bytes before it, so it is sent a moment later; whoever waits for more bytes all the same is left alone. */
static size_t receive(int fd, char *out, size_t room)
{
    const struct timeval patience = {.tv_usec = 50000};
    size_t got = 0;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 3);
    shutdown(fd, SHUT_WR);
    for (ssize_t n; got < room && (n = recv(fd, out + got, room - got, 0)) > 0;)
        got += (size_t)n;
    return got;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char reply[65536];
    open_once();
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)sv_listener_port(server.listener)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof at) != 0)
        abort();
    send_with_key(fd, data, size);
    const size_t got = receive(fd, reply, sizeof reply);
    close(fd);
    if (got && (got < 12 || memcmp(reply, "HTTP/1.", 7) != 0))
        abort();
    return 0;
}
