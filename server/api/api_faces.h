/* From a picture that came to faces, answers and figures: what all APIs share. */
#ifndef SERVER_API_FACES_H
#define SERVER_API_FACES_H

#include "request.h"
#include "store/hub.h"

typedef struct {
    sl_face face;
    sl_template *t; /* NULL where it was not asked for */
    sl_image crop;  /* likewise */
} sv_face;

typedef struct {
    sv_face *items; /* largest first */
    size_t count;
    double detect_ms, embed_ms;
    unsigned char photo_sha256[32];
} sv_faces;

typedef struct {
    const char *name;  /* of the picture in the request (sv_look) */
    double threshold;  /* of the detector's score; 0: the engine's */
    int limit;         /* faces; 0: all */
    bool embed, crops;
    bool searches;     /* the faces ask a gallery: they are embedded as queries */
    bool main_face;    /* only the large one nearest the middle */
    bool aligned;      /* the picture is a face's crop already */
} sv_look_options;

/* No face is no failure. */
sl_status sv_look_at(const sv_server *server, sl_session *session, const uint8_t *data, size_t size,
                     const sv_look_options *how, sv_faces *out, sl_error *err);

/* The same of a picture of the request; false: refused. */
bool sv_look(sv_request *r, sl_session *session, const sv_look_options *how, sv_faces *out);
void sv_faces_free(sv_faces *faces);

/* ---- what a score is to clients who want a similarity in [0, 1] ---- */

/* .5 at the rule's threshold for such a face, .9 at the rarest false match rate that was measured: (1 + tanh(s x)) /
 * 2. */
double sv_similarity(const sl_rule *rule, const float *rare, float score, float stage1, float hidden);

/* Of two faces, by the rule of pairs; *hidden NULL or the more hidden of both. */
sl_status sv_compare(sv_server *server, const sl_template *a, const sl_template *b, sl_score *score, float *hidden,
                     sl_error *err);

/* ---- a gallery's faces ---- */

/* The gallery that the key stands for, where the API names none; refuses where there is none. */
sv_place *sv_home(sv_request *r);

/* An image id as a UUID: itself, or made of it. And the face of such a UUID; SL_ERR_NOT_FOUND. */
void sv_face_uuid(const char *image, char out[37]);
sl_status sv_find_face(const sl_gallery *gallery, const char *uuid, size_t *i, sl_error *err);

/* The person with faces who is called so, or NULL. And has anybody this name, with faces or without? */
const sv_person *sv_find_person(const sv_view *view, const char *label);
bool sv_has_person(sv_place *place, const sv_view *view, const char *label);

/* Is there a name that differs in case only? */
bool sv_has_twin(sv_place *place, const sv_view *view, const char *label);

/* The stored crop as JPEG; SL_ERR_NOT_FOUND where none was kept. */
sl_status sv_crop_jpeg(const sl_gallery *gallery, size_t i, uint8_t **data, size_t *size, sl_error *err);

/* ---- what is noted ---- */

/* A line of the audit log; false when it cannot be written: then the request is refused. gallery, subject may be NULL;
 * more: taken, may be NULL. */
bool sv_note(sv_request *r, const char *action, const char *gallery, const char *subject, json_t *more);

#endif
