/* A program run to its end or to ours: in a process group of its own, so that nothing of it stays behind. */
#ifndef SL_MODEL_CHILD_H
#define SL_MODEL_CHILD_H

#include "base/status.h"

/* Who may ask to stop, and how. */
typedef struct {
    sl_progress_fn progress; /* NULL: nobody */
    void *context;
} sl_stop;

/* Runs argv in `dir`, its output (both streams) in dir/log; the end of that goes into an error's text, and `hint`.
 * `stop` is asked twenty times a second; when it says so the program is killed with its children:
 * SL_ERR_INTERRUPTED. */
sl_status sl_child_run(const char *dir, char *const argv[], const char *hint, const sl_stop *stop, sl_error *err);

#endif
