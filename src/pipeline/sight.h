/* One look at a picture: its faces, and how sure it is that they stand upright in it. */
#ifndef SL_PIPELINE_SIGHT_H
#define SL_PIPELINE_SIGHT_H

#include "pipeline/engine.h"

typedef struct {
    sl_face *faces;     /* [count] in the picture's pixels, best score first; quality and landmarks are not set */
    size_t count, main; /* main: index of the main face */
    bool refined;       /* all faces had their closer look; false: the main one alone */
    bool convinces;     /* that the picture is the right way up */
    float evidence;     /* the same in [0, 1], to compare with the picture turned */
} sl_sight;

/* Finds the faces, looks closer at the main one and weighs the evidence. Frees nothing that `out` held. */
sl_status sl_sight_look(sl_session *s, const sl_image *picture, sl_sight *out, sl_error *err);

/* The closer look at the other faces, in the same picture. On failure there are none. */
sl_status sl_sight_refine(sl_session *s, const sl_image *picture, sl_sight *sight, sl_error *err);

/* Adds the faces that are too small for a look at the whole picture, each with its closer look. On failure there are
 * none. */
sl_status sl_sight_add_small(sl_session *s, const sl_image *picture, sl_sight *sight, sl_error *err);

void sl_sight_clear(sl_sight *sight);

#endif
