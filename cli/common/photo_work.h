/* Work on photos: each of many, and from a photo to its faces. */
#ifndef CLI_PHOTO_WORK_H
#define CLI_PHOTO_WORK_H

#include <jansson.h>
#include <stdbool.h>

#include "common/options.h"
#include "common/output_files.h"
#include "common/photo_paths.h"
#include "secondlook.h"

/* Opens engine and session, whose network runs stay on its thread; says what is wrong when it cannot. CLI_OK or an exit
 * code. `session` may be NULL when only the engine is wanted. */
int cli_open(const cli_models *models, sl_engine **engine, sl_session **session);

/* Work on each of many photos, several at a time (sl_each_photo): a bar, failures told in the photos' order, an orderly
 * end at Ctrl-C (cli_interrupted). */
typedef struct {
    const cli_models *models; /* whose threads share the photos */
    bool no_networks;         /* `session` is NULL */
    bool no_bar;              /* results go to the terminal as they come */
    /* On any thread; what it leaves in *made goes to `finish`. */
    sl_status (*one)(void *context, sl_session *session, const sl_photo *photo, void **made, sl_error *err);
    /* In the photos' order, on one thread, for those that did not fail; NULL: nothing is left to do. err->text is ""
     * or the warning that the photo was read with; it was printed. */
    sl_status (*finish)(void *context, const sl_photo *photo, void *made, sl_error *err);
    void *context;
    cli_outputs *outputs;        /* NULL: none; else they are planned before the work begins, and freed by the caller */
    size_t done;                 /* results: photos that went well */
    size_t failed, without_face; /* what failed, paths passed over among them; photos with SL_ERR_NO_FACE */
    json_t *failures;            /* [{"image", "reason"}] in the photos' order */
    cli_photos found;            /* the photos, and what was passed over */
} cli_photo_loop;

/* CLI_OK, whatever became of single photos, or the exit code where the work could not begin. */
int cli_each_photo(const cli_list *paths, cli_photo_loop *loop);
void cli_photo_loop_free(cli_photo_loop *loop);

/* The name behind the last slash. */
const char *cli_base_name(const char *path);

/* One face that is ready to be matched and drawn. */
typedef struct {
    sl_box box; /* in its photo; the whole picture when it is a crop already */
    int others, rivals; /* further faces in the photo, and those of them that are about as large (sl_face) */
    sl_image crop;
    sl_template *t;
} cli_face;

/* The faces of a photo, best first; only the main one when main_only. No face is *count 0. */
sl_status cli_faces_of(sl_session *session, const sl_photo *photo, bool aligned, bool main_only, cli_face **out,
                       size_t *count, sl_error *err);
void cli_faces_free(cli_face *faces, size_t count);

/* A picture's main face; SL_ERR_NO_FACE where there is none. */
sl_status cli_find_face(sl_session *session, const sl_image *image, sl_face *out, sl_error *err);

/* The main face of a photo (a file, "-" or a FIFO), or the exit code after saying why there is none. */
int cli_main_face(sl_session *session, const char *path, bool aligned, cli_face *out);

#endif
