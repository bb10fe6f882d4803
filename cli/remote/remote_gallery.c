/* gallery commands against a server. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cli.h"
#include "common/output.h"
#include "common/progress.h"
#include "remote/remote.h"

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

static json_int_t count_of(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

/* ------------------------------------------------------------------ info */

int cli_remote_info(const char *gallery, bool json)
{
    sl_error err = {0};
    cli_remote *remote;
    json_t *reply = NULL;
    char size[32];
    int code = cli_remote_open(gallery, &remote);
    if (!code && cli_remote_call(remote, "GET", "", NULL, 0, &reply, &err))
        code = cli_fail(gallery, &err);
    if (!code && json) {
        code = cli_print_json(json_incref(reply));
    } else if (!code) {
        cli_say("faces        %lld of %lld people", (long long)count_of(reply, "faces"),
                (long long)count_of(reply, "people"));
        cli_say("removed      %lld", (long long)count_of(reply, "removed"));
        cli_say("model        %s", text_of(reply, "model"));
        cli_say("fingerprint  %s", text_of(reply, "fingerprint"));
        cli_say("patches      %s", text_of(reply, "patches"));
        cli_say("on disk      %s", cli_bytes_text((uint64_t)count_of(reply, "bytes"), size));
    }
    json_decref(reply);
    cli_remote_close(remote);
    return code;
}

/* ------------------------------------------------------------------ list */

static void list_face(const json_t *face, json_t *faces)
{
    if (faces) {
        json_array_append_new(faces, json_pack("{s:o,s:o,s:O,s:O,s:O}", "label", cli_json_text(text_of(face, "person")),
                                               "image", cli_json_text(text_of(face, "image")), "box",
                                               json_object_get(face, "box"), "quality",
                                               json_object_get(face, "quality"), "crop",
                                               json_object_get(face, "crop")));
        return;
    }
    cli_print_name(stdout, text_of(face, "person"), 24);
    printf("  %.2f  ", json_number_value(json_object_get(json_object_get(face, "quality"), "overall")));
    cli_print_name(stdout, text_of(face, "image"), 0);
    putchar('\n');
}

int cli_remote_list(const char *gallery, const char *label, bool json)
{
    sl_error err = {0};
    cli_remote *remote;
    char *person = label ? cli_remote_segment(label) : NULL;
    json_t *faces = json ? json_array() : NULL;
    int code = cli_remote_open(gallery, &remote);
    json_int_t total = 1;
    for (json_int_t page = 0; !code && page * 1000 < total; page++) {
        char *path;
        json_t *reply = NULL;
        if (asprintf(&path, "/faces?size=1000&page=%lld%s%s", (long long)page, person ? "&person=" : "",
                     person ? person : "") < 0)
            path = NULL;
        if (!path || cli_remote_call(remote, "GET", path, NULL, 0, &reply, &err))
            code = cli_fail(gallery, &err);
        total = count_of(reply, "total");
        size_t i;
        json_t *face;
        json_array_foreach(json_object_get(reply, "items"), i, face) list_face(face, faces);
        json_decref(reply);
        free(path);
    }
    if (!code && json)
        code = cli_print_json(json_pack("{s:O}", "faces", faces));
    json_decref(faces);
    free(person);
    cli_remote_close(remote);
    return code;
}

/* ------------------------------------------------------------------ remove */

/* The face's address, where it is this person's (NULL: anybody's). */
static sl_status find_face(cli_remote *remote, const char *label, const char *path, sl_error *err)
{
    json_t *face;
    sl_status status = cli_remote_call(remote, "GET", path, NULL, 0, &face, err);
    if (status == SL_OK && label && strcmp(text_of(face, "person"), label) != 0) {
        *err = (sl_error){SL_ERR_NOT_FOUND, "the face is another person's"};
        status = err->status;
    }
    json_decref(face);
    return status;
}

int cli_remote_remove(const char *gallery, const char *label, const char *image, bool json)
{
    sl_error err = {0};
    cli_remote *remote;
    json_t *reply = NULL;
    char *segment = cli_remote_segment(image ? image : label), *path = NULL;
    int code = cli_remote_open(gallery, &remote);
    if (!segment || asprintf(&path, "/%s/%s", image ? "faces" : "people", segment) < 0)
        code = CLI_FAILED;
    if (!code && image && find_face(remote, label, path, &err))
        code = cli_fail(gallery, &err);
    if (!code && cli_remote_call(remote, "DELETE", path, NULL, 0, &reply, &err))
        code = cli_fail(gallery, &err);
    const long long removed = (long long)count_of(reply, "faces");
    if (!code && json)
        code = cli_print_json(json_pack("{s:I}", "removed", (json_int_t)removed));
    else if (!code)
        cli_say("removed %lld face%s; 'secondlook gallery compact %s' erases the bytes", removed,
                removed == 1 ? "" : "s", gallery);
    json_decref(reply);
    free(path);
    free(segment);
    cli_remote_close(remote);
    return code;
}

/* ------------------------------------------------------------------ compact and verify: jobs */

/* Looks at the job until it is over; an interruption asks the server to end it. */
static int follow(cli_remote *remote, const char *gallery, const char *id, const char *done)
{
    sl_error err = {0};
    char path[80];
    bool asked_to_end = false;
    snprintf(path, sizeof path, "/v1/jobs/%.40s", id);
    for (;;) {
        json_t *job = NULL;
        if (cli_remote_call(remote, "GET", path, NULL, 0, &job, &err))
            return cli_fail(gallery, &err);
        const char *state = text_of(job, "state");
        const bool waits = strcmp(state, "waiting") == 0 || strcmp(state, "running") == 0;
        const bool well = strcmp(state, "done") == 0;
        if (!waits && !well)
            cli_warn("%s: %s", gallery, *text_of(job, "error") ? text_of(job, "error") : state);
        const size_t of = (size_t)count_of(job, "total"), at = (size_t)count_of(job, "done");
        json_decref(job);
        if (well)
            cli_say("%s: %s", gallery, done);
        if (!waits)
            return well ? CLI_OK : CLI_FAILED;
        if (cli_progress_step(NULL, at, of ? of : 1) && !asked_to_end) {
            asked_to_end = true;
            cli_remote_call(remote, "DELETE", path, NULL, 0, &job, &err);
            json_decref(job);
            return CLI_INTERRUPTED;
        }
        usleep(200000);
    }
}

int cli_remote_job(const char *gallery, const char *kind, const char *done)
{
    sl_error err = {0};
    cli_remote *remote;
    json_t *job = NULL;
    const cli_field field = {"kind", kind, NULL, 0};
    int code = cli_remote_open(gallery, &remote);
    if (!code && cli_remote_call(remote, "POST", "/jobs", &field, 1, &job, &err))
        code = cli_fail(gallery, &err);
    if (!code) {
        cli_progress_start("steps");
        code = follow(remote, gallery, text_of(job, "id"), done);
        cli_progress_end();
    }
    json_decref(job);
    cli_remote_close(remote);
    return code;
}
