/* Changes of galleries that a request asked for: made on the gallery's thread, and the reply when they are durable. */
#ifndef SERVER_ENROL_H
#define SERVER_ENROL_H

#include "api/api_faces.h"

typedef struct {
    sv_place *place;
    const char *label, *image; /* image NULL: a new UUID */
    bool replace;              /* what has the image's id already */
    json_t *metadata;          /* NULL: none */
} sv_enrol_options;

enum { SV_ENROL_MAX = 64 }; /* photos at once */

/* Adds the first face of each of `photos` photos, whose template and crop it takes, and answers {"image_id", "subject"}
 * (CompreFace) or the face (own) once all are safe. Of several photos the ids are new ones. */
void sv_enrol(sv_request *r, const sv_enrol_options *how, sv_faces *faces, int photos);

/* What answers once a change is durable: `told` with how many faces it was of. `drop` (may be NULL) frees the context,
 * whatever came of the change. */
typedef struct {
    void (*told)(sv_request *r, size_t count, void *context);
    void (*drop)(void *context);
    void *context;
} sv_after;

/* Removes faces by image id and / or label (as sl_gallery_remove; both NULL: all). */
void sv_remove(sv_request *r, sv_place *place, const char *image, const char *label, const sv_after *after);

/* Removes the faces of these image ids: malloc'd texts in a malloc'd array that ends with NULL, which it takes. */
void sv_remove_all(sv_request *r, sv_place *place, char **images, const sv_after *after);

/* Gives a person another name. */
void sv_rename(sv_request *r, sv_place *place, const char *from, const char *to, const sv_after *after);

/* Takes back what sv_remove, sv_remove_all or sv_rename did: when their `told` is called, r->undo has the text that
 * says which change it was. It holds until the gallery is compacted. */
void sv_undo(sv_request *r, sv_place *place, const char *undo, const sv_after *after);

#endif
