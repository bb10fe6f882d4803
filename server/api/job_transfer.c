/* Galleries in and out: tar archives, and folders that the operator allowed.
 *
 *     export   faces.jsonl (a line for each face: file, person, image, box, quality, metadata), crops/N.jpg
 *     import   PERSON/PHOTO.jpg, each photo's main face; or what export wrote, whose crops are taken as they are
 */
#define _GNU_SOURCE
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/jobs.h"
#include "server.h"
#include "store/durable.h"
#include "store/tar.h"

enum { REFUSALS_MAX = 1000 };
static const char index_name[] = "faces.jsonl";

/* ---- export ---- */

static json_t *face_line(sv_place *place, const sl_entry *e, const char *file)
{
    json_t *line = json_pack("{s:s?,s:o,s:o,s:o,s:o}", "file", file, "person", sv_text(e->label), "image",
                             sv_text(e->image), "box", sv_box_json(&e->box), "quality", sv_quality_json(&e->quality));
    json_t *metadata = sv_metadata_get(sv_place_metadata(place), SV_OF_FACE, e->image);
    if (metadata)
        json_object_set_new(line, "metadata", metadata);
    return line;
}

static bool write_line(FILE *f, json_t *line)
{
    char *text = json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(7));
    const bool written = text && fprintf(f, "%s\n", text) > 0;
    json_decref(line);
    free(text);
    return written;
}

static void crop_name(size_t i, char out[32])
{
    snprintf(out, 32, "crops/%08zu.jpg", i);
}

static sl_status write_index(sv_job *j, const sl_gallery *g, FILE *tar, sl_error *err)
{
    char *text = NULL, name[32];
    size_t size = 0;
    sl_entry entry;
    FILE *f = open_memstream(&text, &size);
    sl_status status = f ? SL_OK : sv_fail(err, SL_ERR_MEMORY, "no memory");
    for (size_t i = 0; status == SL_OK && i < sl_gallery_size(g); i++) {
        status = sl_gallery_entry(g, i, &entry, err);
        crop_name(i, name);
        if (status == SL_OK && !write_line(f, face_line(j->place, &entry, entry.has_crop ? name : NULL)))
            status = sv_fail(err, SL_ERR_MEMORY, "no memory for the list of faces");
    }
    if (f)
        fclose(f);
    if (status == SL_OK && !sv_tar_write(tar, index_name, text, size))
        status = sv_fail(err, SL_ERR_IO, "%s: cannot be written", j->archive);
    free(text);
    return status;
}

static sl_status write_crops(sv_job *j, const sl_gallery *g, FILE *tar, sl_error *err)
{
    const size_t faces = sl_gallery_size(g);
    sl_status status = SL_OK;
    for (size_t i = 0; status == SL_OK && i < faces; i++) {
        uint8_t *jpeg = NULL;
        size_t size;
        char name[32];
        crop_name(i, name);
        status = sv_crop_jpeg(g, i, &jpeg, &size, err);
        if (status == SL_OK && !sv_tar_write(tar, name, jpeg, size))
            status = sv_fail(err, SL_ERR_IO, "%s: cannot be written", j->archive);
        if (status == SL_ERR_NOT_FOUND) /* it keeps none */
            status = SL_OK;
        free(jpeg);
        if (status == SL_OK && sv_job_progress(j, i + 1, faces))
            status = sv_fail(err, SL_ERR_INTERRUPTED, "cancelled");
    }
    return status;
}

/* Only the server's user may read what is made. */
static FILE *make_archive(sv_job *j, sl_error *err)
{
    char id[37];
    sv_new_uuid(id);
    if (asprintf(&j->archive, "%s/export-%s.tar", j->server->config.data, id) < 0)
        j->archive = NULL;
    const mode_t mask = umask(0077);
    FILE *f = j->archive ? fopen(j->archive, "wxe") : NULL;
    umask(mask);
    if (!f)
        sv_fail(err, SL_ERR_IO, "%s: cannot be made", j->archive ? j->archive : "an archive");
    return f;
}

sl_status sv_job_export(sv_job *j, json_t *result, sl_error *err)
{
    FILE *tar = make_archive(j, err);
    if (!tar)
        return SL_ERR_IO;
    const sv_view *view = sv_hub_view(j->place);
    sl_status status = write_index(j, view->gallery, tar, err);
    if (status == SL_OK)
        status = write_crops(j, view->gallery, tar, err);
    if (status == SL_OK && !sv_tar_end(tar))
        status = sv_fail(err, SL_ERR_IO, "%s: cannot be written", j->archive);
    if (fclose(tar) != 0 && status == SL_OK)
        status = sv_fail(err, SL_ERR_IO, "%s: cannot be written", j->archive);
    json_object_set_new(result, "faces", json_integer((json_int_t)sl_gallery_size(view->gallery)));
    sv_view_release(view);
    return status;
}

/* ---- one face comes in ---- */

typedef struct {
    sv_change change; /* first */
    const char *person, *image;
    const sv_faces *faces;
    bool keep_crop;
} incoming;

static sl_status add_face(sv_change *change, sl_gallery *g, sl_error *err)
{
    const incoming *in = (incoming *)change;
    const sv_face *f = &in->faces->items[0];
    const sl_entry entry = {.label = in->person, .image = in->image, .box = f->face.box, .quality = f->face.quality,
                            .photo_sha256 = in->faces->photo_sha256};
    return sl_gallery_add(g, &entry, f->t, in->keep_crop && f->crop.pixels ? &f->crop : NULL, err);
}

typedef struct {
    sv_job *job;
    sl_session *session;
    json_t *refused;
    size_t enrolled, existing;
} import_run;

static sl_status note_face(const import_run *m, const incoming *in, sl_error *err)
{
    const sv_job *j = m->job;
    return sv_audit_add(j->server->audit,
                        json_pack("{s:s,s:s,s:s,s:s,s:o,s:o}", "action", "enrol", "key", j->key, "request", j->request,
                                  "gallery", sv_place_name(j->place), "subject", sv_text(in->person), "image",
                                  sv_text(in->image)),
                        err);
}

static void refuse_face(import_run *m, const char *image, const char *why)
{
    if (json_array_size(m->refused) < REFUSALS_MAX)
        json_array_append_new(m->refused, json_pack("{s:o,s:o}", "image", sv_text(image), "why", sv_text(why)));
}

/* What is wrong with one photo is told and passed over; a full disk ends the work. */
static sl_status take_face(import_run *m, const char *person, const char *image, const uint8_t *data, size_t size,
                           bool aligned, json_t *metadata, sl_error *err)
{
    sv_faces faces;
    sl_error why = {0};
    const sv_server *s = m->job->server;
    const size_t most = s->config.file_max;
    const sv_look_options how = {.embed = true, .crops = true, .main_face = true, .aligned = aligned};
    sl_status status = size > most ? sv_fail(&why, SL_ERR_LIMIT, "a picture has %zu bytes at most", most)
                                   : sv_look_at(s, m->session, data, size, &how, &faces, &why);
    if (status != SL_OK) {
        refuse_face(m, image, why.text);
        return SL_OK;
    }
    incoming in = {.change = {.apply = add_face}, .person = person, .image = image, .faces = &faces,
                   .keep_crop = s->config.keep_crops};
    if (faces.count == 0)
        refuse_face(m, image, "no face is found on the photo");
    else if (faces.items[0].face.quality.overall < s->config.min_quality)
        refuse_face(m, image, "the face is of too low quality");
    else if ((status = sv_hub_change_now(m->job->place, &in.change, &why)) == SL_ERR_EXISTS)
        m->existing++;
    else if (status == SL_ERR_ARGUMENT)
        refuse_face(m, image, why.text);
    else if (status == SL_OK && (status = note_face(m, &in, err)) == SL_OK) {
        m->enrolled++;
        if (metadata)
            status = sv_metadata_set(sv_place_metadata(m->job->place), SV_OF_FACE, image, json_incref(metadata), err);
    } else if (status != SL_OK && err)
        *err = why;
    sv_faces_free(&faces);
    return status == SL_ERR_EXISTS || status == SL_ERR_ARGUMENT ? SL_OK : status;
}

static void tell_import(const import_run *m, json_t *result)
{
    json_object_set_new(result, "enrolled", json_integer((json_int_t)m->enrolled));
    json_object_set_new(result, "existing", json_integer((json_int_t)m->existing));
    json_object_set_new(result, "refused", json_incref(m->refused));
}

/* ---- an archive ---- */

/* PERSON/.../PHOTO: who it is. false for a file that lies in no folder, or leads out of it. */
static bool person_of(const char *name, char person[SV_TAR_NAME], const char **image)
{
    while (strncmp(name, "./", 2) == 0)
        name += 2;
    const size_t n = strcspn(name, "/");
    if (n == 0 || name[n] == 0 || strstr(name, "..") || name[0] == '.')
        return false;
    memcpy(person, name, n);
    person[n] = 0;
    *image = name;
    return true;
}

/* {file: line} of an archive that export wrote; NULL of any other. */
static json_t *read_index(const sv_job *j)
{
    sv_tar tar = {j->body, j->size, 0};
    sv_tar_file file;
    const char *wrong;
    json_t *index = NULL;
    if (sv_tar_next(&tar, &file, &wrong) != 1 || strcmp(file.name, index_name) != 0)
        return NULL;
    index = json_object();
    for (size_t at = 0; at < file.size;) {
        const uint8_t *end = memchr(file.data + at, '\n', file.size - at);
        const size_t size = end ? (size_t)(end - file.data) - at : file.size - at;
        json_t *line = json_loadb((const char *)file.data + at, size, JSON_REJECT_DUPLICATES, NULL);
        const char *name = json_string_value(json_object_get(line, "file"));
        if (name)
            json_object_set(index, name, line);
        json_decref(line);
        at += size + 1;
    }
    return index;
}

static sl_status take_file(import_run *m, const sv_tar_file *file, const json_t *index, sl_error *err)
{
    char person[SV_TAR_NAME];
    const char *image;
    const json_t *line = json_object_get(index, file->name);
    const char *label = json_string_value(json_object_get(line, "person"));
    if (label && json_is_string(json_object_get(line, "image")))
        return take_face(m, label, json_string_value(json_object_get(line, "image")), file->data, file->size, true,
                         json_object_get(line, "metadata"), err);
    if (index)
        return SL_OK;
    if (person_of(file->name, person, &image))
        return take_face(m, person, image, file->data, file->size, false, NULL, err);
    refuse_face(m, file->name, "it lies in no person's folder");
    return SL_OK;
}

static sl_status import_tar(sv_job *j, json_t *result, sl_error *err)
{
    sv_tar tar = {j->body, j->size, 0};
    sv_tar_file file;
    const char *wrong = "";
    int got = 0;
    import_run m = {.job = j, .refused = json_array()};
    json_t *index = read_index(j);
    sl_status status = sl_session_open(j->server->engine, 1, &m.session, err);
    while (status == SL_OK && (got = sv_tar_next(&tar, &file, &wrong)) == 1) {
        status = take_file(&m, &file, index, err);
        if (status == SL_OK && sv_job_progress(j, tar.at, tar.size))
            status = sv_fail(err, SL_ERR_INTERRUPTED, "cancelled");
    }
    if (status == SL_OK && got < 0)
        status = sv_fail(err, SL_ERR_FORMAT, "%s; %zu faces were enrolled before that", wrong, m.enrolled);
    tell_import(&m, result);
    json_decref(m.refused);
    json_decref(index);
    sl_session_close(m.session);
    return status;
}

void sv_own_import(sv_request *r, sl_session *session)
{
    static const sv_job_kind kind = {"import", import_tar, true};
    (void)session;
    sv_place *place = sv_named_gallery(r);
    if (place && r->size == 0)
        sv_refuse(r, 400, 0, "the body is a tar archive");
    else if (place)
        sv_job_begin(r, place, &kind);
}

/* ---- a folder of the server ---- */

/* The folder that is asked for, if it lies in the one that the operator allowed; malloc'd. */
static char *allowed_folder(const sv_job *j, sl_error *err)
{
    const char *base = j->server->config.import_from, *asked = json_string_value(json_object_get(j->asked, "folder"));
    char *path = base && asked ? sv_join(base, asked) : NULL, *real = path ? realpath(path, NULL) : NULL,
         *root = base ? realpath(base, NULL) : NULL;
    const size_t n = root ? strlen(root) : 0;
    free(path);
    if (real && root && strncmp(real, root, n) == 0 && (real[n] == '/' || real[n] == 0)) {
        free(root);
        return real;
    }
    sv_fail(err, SL_ERR_ARGUMENT, base ? "folder names a folder below the one that --import-from allows"
                                       : "this server imports no folders: it was started without --import-from");
    free(real);
    free(root);
    return NULL;
}

static sl_status take_photo(import_run *m, const sl_photo *photo, sl_error *err)
{
    const size_t most = m->job->server->config.file_max;
    FILE *f = fopen(photo->path, "re");
    uint8_t *data = f ? malloc(most + 1) : NULL;
    sl_status status = SL_OK;
    if (data) {
        const size_t size = fread(data, 1, most + 1, f);
        status = take_face(m, photo->label, photo->image, data, size, false, NULL, err);
    } else {
        refuse_face(m, photo->image, "it cannot be read");
    }
    if (f)
        fclose(f);
    free(data);
    return status;
}

sl_status sv_job_import_folder(sv_job *j, json_t *result, sl_error *err)
{
    sl_photo *photos = NULL;
    size_t count = 0;
    import_run m = {.job = j, .refused = json_array()};
    char *folder = allowed_folder(j, err);
    sl_status status = folder ? sl_photos_in_folder(folder, NULL, &photos, &count, err) : SL_ERR_ARGUMENT;
    if (status == SL_OK)
        status = sl_session_open(j->server->engine, 1, &m.session, err);
    for (size_t i = 0; i < count && status == SL_OK; i++) {
        status = take_photo(&m, &photos[i], err);
        if (status == SL_OK && sv_job_progress(j, i + 1, count))
            status = sv_fail(err, SL_ERR_INTERRUPTED, "cancelled");
    }
    tell_import(&m, result);
    json_decref(m.refused);
    sl_photos_free(photos, count);
    sl_session_close(m.session);
    free(folder);
    return status;
}
