/* The galleries, open as long as the server runs.
 *
 *     a search -> sv_hub_view: the newest state, kept as long as it is held      (waits for nobody)
 *     a change -> sv_hub_change -> the gallery's own thread: apply, apply, ..    (all that wait together)
 *                                  commit, open a new view, publish it
 *                                  done, done, ..
 *
 * A view is an sl_gallery that was opened for reading behind a commit: it shows a whole state, and never changes. What
 * `done` is told about is durable, and in the view that searches get from then on. */
#ifndef SERVER_HUB_H
#define SERVER_HUB_H

#include <stdbool.h>
#include <stddef.h>

#include "secondlook.h"
#include "store/metadata.h"

typedef struct sv_hub sv_hub;
typedef struct sv_place sv_place; /* one gallery */

typedef struct {
    const char *label;
    const size_t *own; /* [faces] the numbers of the person's faces, rising */
    size_t faces;
} sv_person;

/* One state of a gallery. */
typedef struct {
    const sl_gallery *gallery;
    sl_match_options match; /* the default look, settled */
    sl_rule rule;           /* of identification by it; all NaN where nobody knows one */
    float
        rare[SL_OCCLUSION_BINS]; /* by bin, the threshold at the rarest false match rate that was measured; NaN: none */
} sv_view;

typedef enum {
    SV_CHANGE = 0,
    SV_COMPACT = 1, /* apply is told of progress by `progress`; no gallery is open meanwhile */
    SV_REFRESH = 2  /* nothing is changed: what is known beside the faces, such as a calibration, is read anew */
} sv_change_kind;

typedef struct sv_change sv_change;
struct sv_change {
    sv_change_kind kind;
    bool commits;            /* of SV_CHANGE: apply commits by itself, as removing does */
    sl_progress_fn progress; /* of SV_COMPACT */
    void *progress_context;
    /* On the gallery's thread; what it adds is committed by the hub. */
    sl_status (*apply)(sv_change *change, sl_gallery *gallery, sl_error *err);
    /* On that thread too, once it is durable or has failed. The change is the caller's again. */
    void (*done)(sv_change *change, const sl_error *result);
    sl_error result;
    sv_change *next;
};

/* engine NULL: for galleries that are there already, of any model. patches: of new galleries. */
sl_status sv_hub_open(const char *dir, const sl_engine *engine, sl_patch_format patches, sv_hub **out, sl_error *err);

/* Makes all changes that were asked for, and takes no more; views are still there. Then the end. */
void sv_hub_stop(sv_hub *hub);
void sv_hub_close(sv_hub *hub);

/* A gallery elsewhere, under that name. */
sl_status sv_hub_attach(sv_hub *hub, const char *name, const char *dir, sl_error *err);

/* May a gallery be called so: letters, digits, . _ -, 64 at most, no dot first. */
bool sv_hub_named_well(const char *name);

/* A new one; SL_ERR_EXISTS. Removes all of it; SL_ERR_NOT_FOUND, SL_ERR_ARGUMENT for an attached one. */
sl_status sv_hub_create(sv_hub *hub, const char *name, sl_error *err);
sl_status sv_hub_erase(sv_hub *hub, const char *name, sl_error *err);

/* NULL where there is none. It stays until the hub is closed; after it was erased, changes fail. */
sv_place *sv_hub_find(sv_hub *hub, const char *name);

/* Names in order, malloc'd [*count] with the strings behind; NULL without memory. */
char **sv_hub_names(sv_hub *hub, size_t *count);

const char *sv_place_name(const sv_place *place);
const char *sv_place_dir(const sv_place *place);

sv_metadata *sv_place_metadata(sv_place *place);

/* The newest state; give it back. */
const sv_view *sv_hub_view(sv_place *place);
void sv_view_release(const sv_view *view);

/* Asks for a change; returns at once. */
void sv_hub_change(sv_place *place, sv_change *change);

/* The same, and waits for it: not for workers. */
sl_status sv_hub_change_now(sv_place *place, sv_change *change, sl_error *err);

/* The people of a view, by label; made at the first call. NULL without memory. */
const sv_person *sv_view_people(const sv_view *view, size_t *count);

/* ---- names without faces ---- */

/* A person who has no face yet, or none any more: kept in a file beside the gallery. */
sl_status sv_place_note_person(sv_place *place, const char *label, sl_error *err);
sl_status sv_place_forget_person(sv_place *place, const char *label, sl_error *err); /* NULL: all */
bool sv_place_noted(sv_place *place, const char *label);

/* All labels of a view and those without faces, in order, malloc'd as above. */
char **sv_place_labels(sv_place *place, const sv_view *view, size_t *count);

#endif
