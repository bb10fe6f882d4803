/* What names and texts may hold. The reader of UTF-8, the rule about what may be shown as it is, and the printer
 * (sl_utf8_read, sl_visible, sl_show) are in secondlook.h. */
#ifndef SL_BASE_UTF8_H
#define SL_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

#include "secondlook.h"

/* Bytes (1 .. 4) of the printable UTF-8 character that the `left` bytes at p begin with; 0 where they begin with a
 * control character or with something malformed. */
size_t sl_utf8_printable(const void *p, size_t left);

#define SL_NAME_MAX 4096 /* bytes of a label or image id */

/* 1 .. SL_NAME_MAX bytes of UTF-8 without control characters: what labels, image ids and models' names are made of. */
bool sl_name_sound(const char *name, size_t size);

#endif
