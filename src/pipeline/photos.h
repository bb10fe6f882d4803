/* The text of a list, for the reader of files and the fuzzer. */
#ifndef SL_PIPELINE_PHOTOS_H
#define SL_PIPELINE_PHOTOS_H

#include "base/status.h"

/* `file` is for messages, relative paths are joined to `base`. */
sl_status sl_photos_parse(const char *text, size_t size, const char *file, const char *base, sl_photo **out,
                          size_t *count, sl_error *err);

#endif
