/* Names as Unicode has them: one spelling for each (normalisation form C), and what they are without regard to
 * case. */
#ifndef SL_BASE_NFC_H
#define SL_BASE_NFC_H

#include <stddef.h>

#include "base/status.h"

/* text [size] in form C, NUL-terminated, in *out (free() it): an e with an accent is one character, whether the
 * file system wrote it so or as two. SL_ERR_FORMAT for what is not UTF-8 or holds a NUL byte. */
sl_status sl_nfc(const char *text, size_t size, char **out, sl_error *err);

/* The same for comparisons without regard to case ("Tony", "TONY"). */
sl_status sl_case_folded(const char *text, size_t size, char **out, sl_error *err);

#endif
