/* Errors: the function that finds one writes its text; callers only pass the status on. */
#ifndef SL_BASE_STATUS_H
#define SL_BASE_STATUS_H

#include "secondlook.h"

/* Writes `status` and a formatted text to `err` (may be NULL) and returns `status`, so that a
 * failing function ends with `return sl_fail(err, SL_ERR_..., "what, where, what to do");`. */
sl_status sl_fail(sl_error *err, sl_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* SL_ERR_MEMORY, "no memory WHAT": say for what, or to do what. */
sl_status sl_no_memory(sl_error *err, const char *what);

/* Prefixes the text already in `err`, e.g. with the file's name; returns err's status. */
sl_status sl_fail_in(sl_error *err, sl_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Leaves a warning in `err` (may be NULL): a text beside SL_OK, which it returns. */
sl_status sl_warn(sl_error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Passes a failure on to the caller. */
#define SL_TRY(call)                            \
    do {                                        \
        sl_status sl_try_status_ = (call);      \
        if (sl_try_status_ != SL_OK)            \
            return sl_try_status_;              \
    } while (0)

/* The same, for functions that release what they hold at `label`; needs `sl_status status`. */
#define SL_TRY_GOTO(call, label)                \
    do {                                        \
        status = (call);                        \
        if (status != SL_OK)                    \
            goto label;                         \
    } while (0)

#endif
