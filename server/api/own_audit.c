/* The audit log, read over the API: its latest lines, and whether all of it is as it was written. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/own.h"
#include "server.h"
#include "store/durable.h"

/* So much of the log's end is looked through: older lines are read where the file is. */
enum { LOOKED_AT = 32 << 20 };

/* Which lines are wanted; NULL and 0: any. */
typedef struct {
    const char *action, *key, *gallery; /* the same */
    const char *subject;                /* a part of the name */
    json_int_t before;                  /* seq */
    size_t last;
} wanted_lines;

static bool is_text(const json_t *line, const char *name, const char *wanted)
{
    const char *text = json_string_value(json_object_get(line, name));
    return !wanted || !*wanted || (text && strcmp(text, wanted) == 0);
}

static bool is_wanted(const wanted_lines *w, const json_t *line)
{
    const char *subject = json_string_value(json_object_get(line, "subject"));
    return is_text(line, "action", w->action) && is_text(line, "key", w->key) && is_text(line, "gallery", w->gallery) &&
           (!w->subject || !*w->subject || (subject && strcasestr(subject, w->subject))) &&
           (w->before == 0 || json_integer_value(json_object_get(line, "seq")) < w->before);
}

/* The latest of them, oldest first. *all: the log has no older lines than those that were looked at. */
static json_t *read_lines(FILE *f, const wanted_lines *w, bool *all)
{
    char *line = NULL;
    size_t room = 0;
    json_t *list = json_array();
    *all = !(fseek(f, 0, SEEK_END) == 0 && ftell(f) > LOOKED_AT && fseek(f, -LOOKED_AT, SEEK_END) == 0);
    if (*all)
        rewind(f);
    else if (getline(&line, &room, f) < 0) /* the rest of a line */
        clearerr(f);
    while (getline(&line, &room, f) > 0) {
        json_t *one = json_loads(line, 0, NULL);
        if (one && is_wanted(w, one))
            json_array_append(list, one);
        json_decref(one);
        if (json_array_size(list) > w->last)
            json_array_remove(list, 0);
    }
    free(line);
    return list;
}

static char *log_file(const sv_request *r)
{
    return sv_join(r->server->config.data, "audit.jsonl");
}

void sv_own_audit(sv_request *r, sl_session *session)
{
    (void)session;
    char hold[4][512];
    const wanted_lines w = {.action = sv_ask(r, "action", hold[0]),
                            .key = sv_ask(r, "key", hold[1]),
                            .gallery = sv_ask(r, "gallery", hold[2]),
                            .subject = sv_ask(r, "subject", hold[3]),
                            .before = (json_int_t)sv_ask_number(r, "before", 0, 9e15, 0),
                            .last = (size_t)sv_ask_number(r, "last", 1, 1000, 100)};
    if (!sv_may_administer(r))
        return;
    char *path = log_file(r);
    FILE *f = path ? fopen(path, "re") : NULL;
    bool all = true;
    json_t *list = f ? read_lines(f, &w, &all) : json_array();
    if (f)
        fclose(f);
    free(path);
    sv_reply_json(r, 200, json_pack("{s:o,s:b}", "lines", list, "whole", all));
}

void sv_own_audit_verify(sv_request *r, sl_session *session)
{
    (void)session;
    uint64_t lines;
    char last[65];
    sl_error err = {0};
    char *path = sv_may_administer(r) ? log_file(r) : NULL;
    if (!path)
        return;
    const sl_status status = sv_audit_verify(path, &lines, last, &err);
    free(path);
    if (status == SL_OK)
        sv_reply_json(r, 200, json_pack("{s:b,s:I,s:s}", "holds", 1, "lines", (json_int_t)lines, "last", last));
    else if (status == SL_ERR_CORRUPT)
        sv_reply_json(r, 200, json_pack("{s:b,s:I,s:o}", "holds", 0, "lines", (json_int_t)lines, "why",
                                        sv_text(err.text)));
    else
        sv_refuse_error(r, &err);
}
