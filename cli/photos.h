/* From arguments to pictures, and from a picture to its faces. */
#ifndef CLI_PHOTOS_H
#define CLI_PHOTOS_H

#include <jansson.h>
#include <stdbool.h>

#include "options.h"
#include "secondlook.h"

/* Opens engine and session, whose network runs stay on its thread; says what is wrong when it can not. CLI_OK or an exit
 * code. `session` may be NULL when only the engine is wanted. */
int cli_open(const cli_models *models, sl_engine **engine, sl_session **session);

/* The pictures that arguments name: a file is itself, a folder every picture below it. `id` is the path
 * below the folder, or the file's own name. Freed by sl_photos_free. CLI_OK or an exit code. */
int cli_photos_of(const cli_list *paths, sl_photo **photos, size_t *count);

/* Work on each of many photos, several at a time (sl_each_photo): a bar, failures told in the photos' order, an orderly
 * end at Ctrl-C (cli_interrupted). */
typedef struct {
    const cli_models *models; /* whose threads share the photos */
    bool no_networks;         /* `session` is NULL */
    bool no_bar;              /* results go to the terminal as they come */
    /* On any thread; what it leaves in *made goes to `finish`. */
    sl_status (*one)(void *context, sl_session *session, const sl_photo *photo, void **made, sl_error *err);
    /* In the photos' order, on one thread, for those that did not fail; NULL: nothing is left to do. */
    sl_status (*finish)(void *context, const sl_photo *photo, void *made, sl_error *err);
    void *context;
    size_t failed, without_face; /* results: photos that failed; those of them that failed with SL_ERR_NO_FACE */
    json_t *failures;            /* [{"image", "reason"}] in the photos' order; the caller's */
} cli_photo_loop;

/* CLI_OK, whatever became of single photos, or the exit code where the work could not begin. */
int cli_each_photo(const cli_list *paths, cli_photo_loop *loop);

/* Appends photos to a list, taking over their strings and the array `more`. */
bool cli_photos_append(sl_photo **photos, size_t *count, sl_photo *more, size_t more_count);

/* A photo from copies of its parts; label NULL: the file's name without ending. */
bool cli_photo_make(sl_photo *out, const char *path, const char *image, const char *label);

/* The name behind the last slash. */
const char *cli_base_name(const char *path);

/* "dir/id", its folders created, with the ending replaced by `ending` unless that is NULL. free() it.
 * NULL, and the reason in err, when it can not be, or when it would overwrite `source` (may be NULL). */
char *cli_output_path(const char *dir, const char *id, const char *ending, const char *source, sl_error *err);

/* One face that is ready to be matched and drawn. */
typedef struct {
    sl_box box; /* in its photo; the whole picture when it is a crop already */
    sl_image crop;
    sl_template *t;
} cli_face;

/* The faces of a photo, best first; only the main one when main_only. No face is *count 0. */
sl_status cli_faces_of(sl_session *session, const char *path, bool aligned, bool main_only, cli_face **out,
                       size_t *count, sl_error *err);
void cli_faces_free(cli_face *faces, size_t count);

/* The main face of a photo, or the exit code after saying why there is none. */
int cli_main_face(sl_session *session, const char *path, bool aligned, cli_face *out);

#endif
