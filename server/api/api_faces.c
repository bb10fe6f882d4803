/* Faces of pictures, similarities, faces of galleries. */
#define _GNU_SOURCE
#include "api/api_faces.h"

#include <math.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "server.h"
#include "store/durable.h"

/* ---- pictures ---- */

/* The bytes of a picture of the request; *held is to be freed. */
static bool take_picture(sv_request *r, const char *name, const uint8_t **data, size_t *size, uint8_t **held)
{
    const int found = sv_ask_picture(r, name, data, size, held);
    if (found == 0)
        sv_refuse(r, 400, 34, "the picture \"%s\" is missing", name);
    else if (found < 0)
        sv_refuse(r, 400, 21, "the picture \"%s\" is not base64", name);
    else if (*size > r->server->config.file_max)
        sv_refuse(r, r->route->style == SV_STYLE_COMPREFACE ? 400 : 413, 0, "a picture has %zu bytes at most",
                  r->server->config.file_max);
    return !r->reply.status;
}

static float area(const sl_box *b)
{
    return (b->x1 - b->x0) * (b->y1 - b->y0);
}

static int by_area(const void *a, const void *b)
{
    const float x = area(&((const sl_face *)a)->box), y = area(&((const sl_face *)b)->box);
    return x < y ? 1 : x > y ? -1 : 0;
}

/* The faces wanted of those found, largest first. */
static size_t choose(const sv_look_options *how, sl_face *faces, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (faces[i].score >= how->threshold)
            faces[kept++] = faces[i];
    if (kept)
        qsort(faces, kept, sizeof *faces, by_area);
    return how->limit > 0 && (size_t)how->limit < kept ? (size_t)how->limit : kept;
}

static sl_status describe(sl_session *session, const sl_image *image, const sv_look_options *how, sv_face *f,
                          sl_error *err)
{
    sl_status status = how->crops ? sl_align(session, image, &f->face, &f->crop, err) : SL_OK;
    if (status == SL_OK && how->embed)
        status = (how->searches ? sl_query_of_face : sl_template_of_face)(session, image, &f->face, &f->t, err);
    return status;
}

/* The picture is one face. */
static sl_status take_crop(sl_session *session, sl_image *image, const sv_look_options *how, sv_faces *out,
                           sl_error *err)
{
    sv_face *f = &out->items[0];
    f->face = (sl_face){.box = {0, 0, (float)image->width, (float)image->height}, .score = 1,
                        .quality = {1, 1, 1, 1, 1}};
    out->count = 1;
    sl_status status = SL_OK;
    if (how->embed)
        status = (how->searches ? sl_queries_of_crops : sl_templates_of_crops)(session, image, 1, &f->t, err);
    if (how->crops) {
        f->crop = *image;
        *image = (sl_image){0};
    }
    return status;
}

static sl_status find_faces(sl_session *session, const sl_image *image, const sv_look_options *how, sv_faces *out,
                            sl_error *err)
{
    sl_face *faces = NULL;
    size_t count = 0;
    const double begin = sv_now();
    sl_status status = how->main_face ? sl_detect_main(session, image, &faces, &count, err)
                                      : sl_detect(session, image, &faces, &count, err);
    count = status == SL_OK ? choose(how, faces, count) : 0;
    const double found = sv_now();
    out->items = calloc(count + 1, sizeof *out->items);
    for (size_t i = 0; i < count && out->items && status == SL_OK; i++) {
        out->items[i].face = faces[i];
        out->count = i + 1;
        status = describe(session, image, how, &out->items[i], err);
    }
    free(faces);
    out->detect_ms = 1000 * (found - begin);
    out->embed_ms = 1000 * (sv_now() - found);
    return status;
}

sl_status sv_look_at(const sv_server *server, sl_session *session, const uint8_t *data, size_t size,
                     const sv_look_options *how, sv_faces *out, sl_error *err)
{
    sl_image image = {0};
    *out = (sv_faces){0};
    crypto_hash_sha256(out->photo_sha256, data, size);
    sl_status status = sl_image_decode_within(data, size, server->config.pixels_max, &image, err);
    if (status == SL_OK && how->aligned) {
        out->items = calloc(1, sizeof *out->items);
        status = out->items ? take_crop(session, &image, how, out, err) : sv_fail(err, SL_ERR_MEMORY, "no memory");
    } else if (status == SL_OK) {
        status = find_faces(session, &image, how, out, err);
    }
    sl_image_free(&image);
    if (status != SL_OK)
        sv_faces_free(out);
    return status;
}

bool sv_look(sv_request *r, sl_session *session, const sv_look_options *how, sv_faces *out)
{
    const uint8_t *data = NULL;
    uint8_t *held;
    size_t size = 0;
    sl_error err = {0};
    *out = (sv_faces){0};
    if (take_picture(r, how->name, &data, &size, &held) &&
        sv_look_at(r->server, session, data, size, how, out, &err) != SL_OK)
        sv_refuse_error(r, &err);
    free(held);
    return !r->reply.status;
}

void sv_faces_free(sv_faces *faces)
{
    for (size_t i = 0; i < faces->count; i++) {
        sl_template_free(faces->items[i].t);
        sl_image_free(&faces->items[i].crop);
    }
    free(faces->items);
    *faces = (sv_faces){0};
}

/* ---- similarity ---- */

double sv_similarity(const sl_rule *rule, const float *rare, float score, float stage1, float hidden)
{
    const int bin = sl_rule_bin(rule, hidden);
    const double middle = rule->threshold[bin], value = rule->on_stage1 ? stage1 : score;
    if (isnan(middle)) /* nobody is known: nothing reaches .5 */
        return value > 0 ? .49 * (value < 1 ? value : 1) : 0;
    double width = rare[bin] - middle;
    if (!(width > .05))
        width = .05;
    return (1 + tanh((value - middle) / width * atanh(.8))) / 2;
}

sl_status sv_compare(sv_server *s, const sl_template *a, const sl_template *b, sl_score *score, float *hidden,
                     sl_error *err)
{
    *hidden = NAN;
    sl_status status = sl_compare(a, b, &s->pair_match, score, err);
    for (int i = 0; i < 2 && status == SL_OK && s->pair_rule.bins > 1; i++) {
        float one;
        status = sl_oae_hidden(s->pair_match.oae, i ? b : a, &one, err);
        *hidden = fmaxf(*hidden, one);
    }
    return status;
}

/* ---- galleries ---- */

sv_place *sv_home(sv_request *r)
{
    const bool all = strcmp(r->key.gallery, "*") == 0;
    const char *name = all ? r->server->config.gallery : r->key.gallery;
    sv_place *place = sv_hub_find(r->server->hub, name);
    if (!place)
        sv_refuse(r, 404, 10, "the gallery %s of this key is not there", name);
    return place;
}

void sv_face_uuid(const char *image, char out[37])
{
    unsigned char h[crypto_hash_sha256_BYTES];
    if (sv_is_uuid(image)) {
        strcpy(out, image);
        return;
    }
    crypto_hash_sha256(h, (const unsigned char *)image, strlen(image));
    h[6] = (unsigned char)(0x80 | (h[6] & 0x0f)); /* version 8: of our own making */
    h[8] = (unsigned char)(0x80 | (h[8] & 0x3f));
    char hex[33];
    sodium_bin2hex(hex, sizeof hex, h, 16);
    sprintf(out, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

sl_status sv_find_face(const sl_gallery *g, const char *uuid, size_t *i, sl_error *err)
{
    sl_status status = sl_gallery_find(g, uuid, i, err);
    if (status != SL_ERR_NOT_FOUND || !sv_is_uuid(uuid) || uuid[14] != '8')
        return status;
    const size_t faces = sl_gallery_size(g);
    for (*i = 0; *i < faces; ++*i) {
        char own[37];
        sl_entry entry;
        if (sl_gallery_entry(g, *i, &entry, err) != SL_OK)
            return err ? err->status : SL_ERR_CORRUPT;
        sv_face_uuid(entry.image, own);
        if (strcasecmp(own, uuid) == 0)
            return SL_OK;
    }
    return status;
}

const sv_person *sv_find_person(const sv_view *view, const char *label)
{
    size_t count, low = 0;
    const sv_person *people = sv_view_people(view, &count);
    for (size_t high = count; low < high;) {
        const size_t middle = low + (high - low) / 2;
        if (strcmp(people[middle].label, label) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && strcmp(people[low].label, label) == 0 ? &people[low] : NULL;
}

bool sv_has_person(sv_place *place, const sv_view *view, const char *label)
{
    return sv_find_person(view, label) || sv_place_noted(place, label);
}

static void count_twin(void *context, const char *a, const char *b)
{
    (void)a, (void)b;
    ++*(size_t *)context;
}

bool sv_has_twin(sv_place *place, const sv_view *view, const char *label)
{
    size_t twins = 0, count;
    char **labels = sv_place_labels(place, view, &count);
    for (size_t i = 0; labels && i < count; i++)
        twins += strcasecmp(labels[i], label) == 0 && strcmp(labels[i], label) != 0;
    free(labels);
    const sl_photo photo = {.path = (char *)label, .image = (char *)label, .label = (char *)label};
    sl_photos_twins(&photo, 1, view->gallery, count_twin, &twins, NULL); /* letters of all scripts */
    return twins > 0;
}

sl_status sv_crop_jpeg(const sl_gallery *g, size_t i, uint8_t **data, size_t *size, sl_error *err)
{
    sl_image crop;
    *data = NULL;
    *size = 0;
    sl_status status = sl_gallery_crop(g, i, &crop, err);
    if (status == SL_OK)
        status = sl_image_encode_jpeg(&crop, 92, data, size, err);
    sl_image_free(&crop);
    return status;
}

/* ---- the audit log ---- */

bool sv_note(sv_request *r, const char *action, const char *gallery, const char *subject, json_t *more)
{
    sl_error err = {0};
    json_t *line = json_pack("{s:s,s:s,s:s,s:o}", "action", action, "key", r->key.id, "request", r->id, "gallery",
                             gallery ? sv_text(gallery) : json_null());
    if (subject)
        json_object_set_new(line, "subject", sv_text(subject));
    json_object_update(line, more);
    json_decref(more);
    if (sv_audit_add(r->server->audit, line, &err) == SL_OK)
        return true;
    sv_refuse_error(r, &err);
    return false;
}
