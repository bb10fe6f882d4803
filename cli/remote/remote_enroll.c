/* enroll against a server: one photo after the other; what is enrolled already is left alone by its id. */
#include <stdlib.h>
#include <string.h>

#include "common/cli.h"
#include "common/output.h"
#include "common/progress.h"
#include "remote/remote.h"

typedef struct {
    const cli_remote_enrolment *how;
    cli_remote *remote;
    json_t *refused;
    size_t enrolled, no_face, failed;
} remote_run;

static sl_status send_photo(remote_run *run, const sl_photo *photo, sl_error *err)
{
    uint8_t *data;
    size_t size;
    json_t *reply;
    sl_status status = cli_remote_photo(photo, &data, &size, err);
    if (status)
        return status;
    const cli_field fields[] = {{"image", NULL, data, size},
                                {"person", photo->label, NULL, 0},
                                {"id", photo->image, NULL, 0},
                                {"one_face", run->how->one_face ? "true" : "false", NULL, 0},
                                {"replace", run->how->replace ? "true" : "false", NULL, 0},
                                {"aligned", run->how->aligned ? "true" : "false", NULL, 0}};
    status = cli_remote_call(run->remote, "POST", "/faces", fields, sizeof fields / sizeof *fields, &reply, err);
    json_decref(reply);
    free(data);
    return status;
}

/* false: the run ends. */
static bool count_photo(remote_run *run, const sl_photo *photo, sl_status status, const sl_error *err)
{
    if (status == SL_OK) {
        run->enrolled++;
        return true;
    }
    if (status == SL_ERR_IO || status == SL_ERR_INTERRUPTED)
        return false;
    cli_warn("refused %s: %s", photo->path, err->text);
    json_array_append_new(run->refused, json_pack("{s:o,s:o,s:o}", "image", cli_json_text(photo->image), "label",
                                                  cli_json_text(photo->label), "reason", cli_json_text(err->text)));
    run->no_face += status == SL_ERR_NO_FACE;
    run->failed += status != SL_ERR_NO_FACE;
    return true;
}

static int tell(const remote_run *run, const char *gallery, size_t photos)
{
    if (run->how->json)
        return cli_print_json(json_pack("{s:o,s:I,s:I,s:I,s:O}", "gallery", cli_json_text(gallery), "photos",
                                        (json_int_t)photos, "enrolled", (json_int_t)run->enrolled, "no_face",
                                        (json_int_t)run->no_face, "refused", run->refused));
    cli_say("%s: %zu of %zu photos are enrolled", gallery, run->enrolled, photos);
    return CLI_OK;
}

int cli_remote_enroll(const char *gallery, const cli_photos *photos, const cli_remote_enrolment *how)
{
    sl_error err = {0};
    remote_run run = {.how = how, .refused = json_array()};
    int code = cli_remote_open(gallery, &run.remote);
    cli_progress_start("photos");
    for (size_t i = 0; i < photos->count && !code; i++) {
        const sl_status status = send_photo(&run, &photos->photos[i], &err);
        if (!count_photo(&run, &photos->photos[i], status, &err))
            code = cli_fail(gallery, &err);
        else if (cli_progress_step(NULL, i + 1, photos->count))
            code = CLI_INTERRUPTED;
    }
    cli_progress_end();
    if (run.remote) {
        const int told = tell(&run, gallery, photos->count);
        code = code ? code : told;
    }
    if (!code && (run.failed || photos->failed))
        code = CLI_FAILED;
    if (!code && !run.enrolled)
        code = CLI_NO_FACE;
    json_decref(run.refused);
    cli_remote_close(run.remote);
    return code;
}
