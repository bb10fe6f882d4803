/* libpq without blocking: every connection is a small machine, and poll waits for all of them. */
#define _GNU_SOURCE
#include "gallery/postgres/pg_link.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

enum { IDLE, CONNECTING, SENDING, WAITING, DONE, FAILED };

/* ---- one link ---- */

static void fail(sl_pg_link *l, sl_status status, const char *why)
{
    size_t n = strcspn(why, "\n");
    n = n < sizeof l->why ? n : sizeof l->why - 1;
    memcpy(l->why, why, n);
    l->why[n] = 0;
    l->status = status;
    l->state = FAILED;
}

static void drop(sl_pg_link *l)
{
    PQfinish(l->conn);
    l->conn = NULL;
}

/* What a statement's SQLSTATE means here. */
static sl_status status_of(const PGresult *r)
{
    const char *code = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    static const struct {
        const char *code;
        sl_status status;
    } known[] = {{"53200", SL_ERR_MEMORY},      {"3F000", SL_ERR_NOT_FOUND}, {"42P01", SL_ERR_NOT_FOUND},
                 {"42883", SL_ERR_UNSUPPORTED}, {"XX001", SL_ERR_CORRUPT},   {"22023", SL_ERR_ARGUMENT},
                 {"23P01", SL_ERR_EXISTS},      {"23505", SL_ERR_EXISTS},    {"0A000", SL_ERR_UNSUPPORTED}};
    for (size_t i = 0; code && i < sizeof known / sizeof *known; i++)
        if (strcmp(code, known[i].code) == 0)
            return known[i].status;
    return SL_ERR_IO;
}

/* What to do about it, where that is known; what is committed is safe. A server whose WAL has no room ends. */
static const char *advice_of(const PGresult *r)
{
    const char *code = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    return code && strcmp(code, "53100") == 0
               ? "; free some space there, start the server again if it ended, and run this again"
               : "";
}

static void ignore_notice(void *context, const PGresult *result)
{
    (void)context, (void)result;
}

static void begin_connecting(sl_pg_link *l, const char *url)
{
    l->conn = PQconnectStart(url);
    if (!l->conn || PQstatus(l->conn) == CONNECTION_BAD) {
        fail(l, l->conn ? SL_ERR_IO : SL_ERR_MEMORY,
             l->conn ? PQerrorMessage(l->conn) : "no memory for a connection");
        drop(l);
        return;
    }
    PQsetNoticeReceiver(l->conn, ignore_notice, NULL);
    l->state = CONNECTING;
    l->wants = POLLOUT;
}

static void send_request(sl_pg_link *l, const sl_pg_request *r)
{
    const char *values[SL_PG_MOST_PARAMETERS];
    int lengths[SL_PG_MOST_PARAMETERS], formats[SL_PG_MOST_PARAMETERS];
    for (int i = 0; i < r->count; i++) {
        values[i] = r->null[i] ? NULL : r->values[i].data ? r->values[i].data : "";
        lengths[i] = (int)r->values[i].size;
        formats[i] = 1;
    }
    if (PQsetnonblocking(l->conn, 1) ||
        !PQsendQueryParams(l->conn, r->sql, r->count, r->types, values, lengths, formats, 1)) {
        fail(l, SL_ERR_IO, PQerrorMessage(l->conn));
        drop(l);
        return;
    }
    l->state = SENDING;
    l->wants = POLLIN | POLLOUT;
}

static void step_connecting(sl_pg_link *l, const sl_pg_request *r)
{
    switch (PQconnectPoll(l->conn)) {
    case PGRES_POLLING_OK: send_request(l, r); break;
    case PGRES_POLLING_FAILED:
        fail(l, SL_ERR_IO, PQerrorMessage(l->conn));
        drop(l);
        break;
    case PGRES_POLLING_READING: l->wants = POLLIN; break;
    default: l->wants = POLLOUT; break;
    }
}

static void fail_as_told(sl_pg_link *l, const PGresult *r)
{
    const char *why = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
    fail(l, status_of(r), why ? why : PQresultErrorMessage(r));
    const size_t n = strlen(l->why);
    snprintf(l->why + n, sizeof l->why - n, "%s", advice_of(r));
}

/* Keeps the statement's only result; its end is a NULL. Of several errors the first says why. */
static void take_results(sl_pg_link *l)
{
    while (!PQisBusy(l->conn)) {
        PGresult *r = PQgetResult(l->conn);
        if (!r) {
            l->state = l->why[0] ? FAILED : DONE;
            return;
        }
        const ExecStatusType status = PQresultStatus(r);
        if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
            PQclear(l->result);
            l->result = r;
            continue;
        }
        if (!l->why[0])
            fail_as_told(l, r);
        l->state = WAITING;
        PQclear(r);
    }
}

static void step_asked(sl_pg_link *l)
{
    const int left = l->state == SENDING ? PQflush(l->conn) : 0;
    const bool broken = !PQconsumeInput(l->conn) || left < 0 || PQstatus(l->conn) == CONNECTION_BAD;
    if (left == 0 || broken) { /* a server may have said why it ends */
        l->state = WAITING;
        l->wants = POLLIN;
        take_results(l);
    }
    if (broken || PQstatus(l->conn) == CONNECTION_BAD) {
        if (!l->why[0])
            fail(l, SL_ERR_IO, broken ? PQerrorMessage(l->conn) : "the connection broke");
        l->state = FAILED;
        drop(l);
    }
}

static bool is_busy(const sl_pg_link *l)
{
    return l->state == CONNECTING || l->state == SENDING || l->state == WAITING;
}

/* ---- all of them ---- */

sl_status sl_pg_links_open(const sl_pg_place *place, sl_pg_links *out, sl_error *err)
{
    *out = (sl_pg_links){.place = place, .count = place->shards * (size_t)place->connections};
    out->links = calloc(out->count, sizeof *out->links);
    if (!out->links)
        return sl_no_memory(err, "for connections");
    return SL_OK;
}

void sl_pg_links_close(sl_pg_links *links)
{
    for (size_t i = 0; links->links && i < links->count; i++) {
        PQclear(links->links[i].result);
        PQfinish(links->links[i].conn);
    }
    free(links->links);
    *links = (sl_pg_links){0};
}

static void begin(sl_pg_links *s, size_t i, const sl_pg_request *r)
{
    sl_pg_link *l = &s->links[i];
    PQclear(l->result);
    l->result = NULL;
    l->why[0] = 0;
    l->state = IDLE;
    if (!r->sql)
        return;
    if (sl_pg_request_failed(r))
        fail(l, SL_ERR_MEMORY, "no memory for a question");
    else if (l->conn)
        send_request(l, r);
    else if (l->once_only)
        fail(l, SL_ERR_IO, "the connection broke");
    else
        begin_connecting(l, s->place->urls[i / (size_t)s->place->connections]);
}

/* Waits for any of the busy links; false when there is none, or the time is over. */
static bool wait_for_any(const sl_pg_links *s, struct pollfd *fds, double until)
{
    bool busy = false;
    for (size_t i = 0; i < s->count; i++) {
        const sl_pg_link *l = &s->links[i];
        fds[i] = (struct pollfd){.fd = is_busy(l) ? PQsocket(l->conn) : -1, .events = l->wants};
        busy |= is_busy(l);
    }
    const double left = until > 0 ? until - sl_now() : 0;
    if (!busy || left < 0)
        return false;
    poll(fds, s->count, until > 0 ? (int)(left * 1000) + 1 : -1);
    return true;
}

static void step(sl_pg_link *l, const sl_pg_request *r)
{
    if (l->state == CONNECTING)
        step_connecting(l, r);
    else if (is_busy(l))
        step_asked(l);
}

/* Ends what is not done: the shard notices a connection that is gone (client_connection_check_interval). */
static void give_up(sl_pg_link *l, sl_status status, const char *why)
{
    fail(l, status, why);
    drop(l);
}

void sl_pg_ask(sl_pg_links *s, const sl_pg_request *requests, int deadline)
{
    const double until = deadline ? sl_now() + deadline / 1e3 : 0;
    struct pollfd *fds = calloc(s->count, sizeof *fds);
    for (size_t i = 0; i < s->count; i++)
        begin(s, i, &requests[i]);
    while (fds && wait_for_any(s, fds, until))
        for (size_t i = 0; i < s->count; i++)
            if (fds[i].revents)
                step(&s->links[i], &requests[i]);
    for (size_t i = 0; i < s->count; i++)
        if (is_busy(&s->links[i]))
            give_up(&s->links[i], fds ? SL_ERR_IO : SL_ERR_MEMORY,
                    fds ? "it did not answer in time" : "no memory to wait for an answer");
    free(fds);
}

void sl_pg_ask_shards(sl_pg_links *s, const sl_pg_request *request, int deadline)
{
    sl_pg_request *requests = calloc(s->count, sizeof *requests);
    for (size_t i = 0; requests && i < s->place->shards; i++)
        requests[i * (size_t)s->place->connections] = *request;
    if (requests)
        sl_pg_ask(s, requests, deadline);
    for (size_t i = 0; !requests && i < s->count; i++)
        fail(&s->links[i], SL_ERR_MEMORY, "no memory for a question");
    free(requests);
}

sl_status sl_pg_failed(const sl_pg_links *s, const sl_pg_link *l, sl_error *err)
{
    const size_t shard = (size_t)(l - s->links) / (size_t)s->place->connections;
    if (s->place->shards == 1)
        return sl_fail(err, l->status, "%s: %s", s->place->shown, l->why);
    return sl_fail(err, l->status, "shard %zu of %zu (%s): %s", shard + 1, s->place->shards,
                   s->place->names[shard], l->why);
}

sl_status sl_pg_all_answered(const sl_pg_links *s, sl_error *err)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->links[i].state == FAILED)
            return sl_pg_failed(s, &s->links[i], err);
    return SL_OK;
}
