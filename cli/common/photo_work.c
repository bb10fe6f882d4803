/* Opening an engine, and a photo's faces for commands that ask for one photo at a time. */
#define _GNU_SOURCE
#include "common/photo_work.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cli.h"

static sl_status fail(sl_error *err, sl_status status, const char *what, const char *path, const char *why)
{
    err->status = status;
    snprintf(err->text, sizeof err->text, "%s%s%s%s%s", path, *path ? ": " : "", what, why ? ": " : "",
             why ? why : "");
    return status;
}

int cli_open(const cli_models *models, sl_engine **engine, sl_session **session)
{
    sl_error err = {0};
    *engine = NULL;
    if (session)
        *session = NULL;
    if (sl_isa_check(&err) || sl_engine_open(&models->engine, engine, &err) ||
        (session && sl_session_open(*engine, 1, session, &err))) {
        int code = cli_fail(NULL, &err);
        sl_engine_close(*engine);
        *engine = NULL;
        return code;
    }
    return CLI_OK;
}

const char *cli_base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

void cli_faces_free(cli_face *faces, size_t count)
{
    for (size_t i = 0; faces && i < count; i++) {
        sl_image_free(&faces[i].crop);
        sl_template_free(faces[i].t);
    }
    free(faces);
}

/* The picture itself is the face; it is taken over. */
static sl_status aligned_face(sl_session *session, sl_image *image, cli_face *out, sl_error *err)
{
    out->crop = *image;
    out->box = (sl_box){0, 0, (float)image->width, (float)image->height};
    *image = (sl_image){0};
    return sl_queries_of_crops(session, &out->crop, 1, &out->t, err);
}

static sl_status detected_face(sl_session *session, const sl_image *image, const sl_face *face, cli_face *out,
                               sl_error *err)
{
    out->box = face->box;
    out->others = face->others;
    out->rivals = face->rivals;
    sl_status status = sl_align(session, image, face, &out->crop, err);
    return status ? status : sl_query_of_face(session, image, face, &out->t, err);
}

sl_status cli_faces_of(sl_session *session, const sl_photo *photo, bool aligned, bool main_only, cli_face **out,
                       size_t *count, sl_error *err)
{
    sl_image image = {0};
    sl_face *found = NULL;
    size_t n = 1;
    *out = NULL;
    *count = 0;
    sl_status status = sl_photo_read(session, photo, aligned, &image, err);
    if (!status && !aligned)
        status = (main_only ? sl_detect_main : sl_detect)(session, &image, &found, &n, err);
    if (!status && n) {
        cli_face *faces = calloc(n, sizeof *faces);
        if (!faces)
            status = fail(err, SL_ERR_MEMORY, "no memory", photo->path, NULL);
        for (size_t i = 0; !status && i < n; i++)
            status = aligned ? aligned_face(session, &image, &faces[i], err)
                             : detected_face(session, &image, &found[i], &faces[i], err);
        if (status)
            cli_faces_free(faces, n);
        *out = status ? NULL : faces;
        *count = status ? 0 : n;
    }
    free(found);
    sl_image_free(&image);
    return status;
}

sl_status cli_find_face(sl_session *session, const sl_image *image, sl_face *out, sl_error *err)
{
    sl_face *faces = NULL;
    size_t count = 0;
    sl_status status = sl_detect_main(session, image, &faces, &count, err);
    if (!status && !count)
        status = fail(err, SL_ERR_NO_FACE, "no face found", "", NULL);
    if (!status)
        *out = faces[0];
    free(faces);
    return status;
}

int cli_main_face(sl_session *session, const char *path, bool aligned, cli_face *out)
{
    sl_error err = {0};
    cli_face *faces = NULL;
    size_t count = 0;
    sl_photo *photo;
    sl_status status = cli_photo_at(path, NULL, &photo, &err);
    if (!status)
        status = cli_faces_of(session, photo, aligned, true, &faces, &count, &err);
    int code = CLI_OK;
    if (status)
        code = cli_fail(photo ? photo->path : path, &err);
    else
        cli_warn_of(photo->path, &err);
    if (!status && !count) {
        cli_warn("%s: no face found", photo->path);
        code = CLI_NO_FACE;
    } else if (!status)
        *out = faces[0];
    free(faces);
    sl_photos_free(photo, photo ? 1 : 0);
    return code;
}
