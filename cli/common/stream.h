/* A picture that comes through stdin or a FIFO. */
#ifndef CLI_STREAM_H
#define CLI_STREAM_H

#include "secondlook.h"

/* All that comes until its end, "-" from stdin; at most 256 MB. free() *data. SL_ERR_INTERRUPTED at Ctrl-C. */
sl_status cli_stream_read(const char *path, uint8_t **data, size_t *size, sl_error *err);

#endif
