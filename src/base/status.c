/* The text of an error, written where the error is found and fit to be shown. */
#define _GNU_SOURCE
#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Texts quote names out of files and end on terminals: they hold nothing that may not be shown as it is. */
static void keep_visible(sl_error *err)
{
    char raw[sizeof err->text];
    memcpy(raw, err->text, sizeof raw);
    sl_show(err->text, sizeof err->text, raw);
}

sl_status sl_fail(sl_error *err, sl_status status, const char *format, ...)
{
    if (!err)
        return status;
    va_list args;
    va_start(args, format);
    err->status = status;
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    keep_visible(err);
    return status;
}

sl_status sl_no_memory(sl_error *err, const char *what)
{
    return sl_fail(err, SL_ERR_MEMORY, "no memory %s", what);
}

sl_status sl_warn(sl_error *err, const char *format, ...)
{
    if (!err)
        return SL_OK;
    va_list args;
    va_start(args, format);
    err->status = SL_OK;
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    keep_visible(err);
    return SL_OK;
}

sl_status sl_fail_in(sl_error *err, sl_status status, const char *format, ...)
{
    if (!err)
        return status;
    char inner[sizeof err->text];
    memcpy(inner, err->text, sizeof inner);
    va_list args;
    va_start(args, format);
    int used = vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    err->status = status;
    size_t at = used > 0 && (size_t)used < sizeof err->text ? (size_t)used : 0;
    if (at && at + 3 < sizeof err->text) { /* ": " and as much of the inner text as fits */
        size_t room = sizeof err->text - at - 3, length = strnlen(inner, sizeof inner);
        memcpy(err->text + at, ": ", 2);
        memcpy(err->text + at + 2, inner, length < room ? length : room);
        err->text[at + 2 + (length < room ? length : room)] = '\0';
    }
    keep_visible(err);
    return status;
}

const char *sl_status_name(sl_status status)
{
    switch (status) {
    case SL_OK: return "ok";
    case SL_ERR_ARGUMENT: return "bad argument";
    case SL_ERR_IO: return "input/output error";
    case SL_ERR_FORMAT: return "malformed data";
    case SL_ERR_UNSUPPORTED: return "not supported";
    case SL_ERR_LIMIT: return "over a limit";
    case SL_ERR_MEMORY: return "out of memory";
    case SL_ERR_NO_FACE: return "no face found";
    case SL_ERR_MISMATCH: return "does not belong together";
    case SL_ERR_LOCKED: return "in use by another writer";
    case SL_ERR_CORRUPT: return "corrupt";
    case SL_ERR_NOT_FOUND: return "not found";
    case SL_ERR_EXISTS: return "exists already";
    case SL_ERR_INTERRUPTED: return "interrupted";
    case SL_ERR_NUMERIC: return "not a finite number";
    case SL_ERR_INTERNAL: return "internal error";
    case SL_ERR_SEVERAL_FACES: return "several faces";
    }
    return "unknown status";
}
