/* The log of who asked what, and what was answered: JSON lines, each with the hash of the one before it.
 *
 *     {"seq": 7, "time": "..", .., "prev": "<hash of line 6>", "hash": "<SHA-256 of this line without its hash>"}
 *
 * Nothing can be changed, taken out or put in without all hashes behind it changing; that its end was cut off shows who
 * keeps the last hash elsewhere (`audit verify` prints it). */
#ifndef SERVER_AUDIT_H
#define SERVER_AUDIT_H

#include <jansson.h>
#include <stdint.h>

#include "secondlook.h"

typedef struct sv_audit sv_audit;

/* Continues the log, or begins one. What a crash left of a last line is cut off. */
sl_status sv_audit_open(const char *file, sv_audit **out, sl_error *err);
void sv_audit_close(sv_audit *audit);

/* Adds a line of this object, which is taken, and returns once it is on disk; those who come together share an
 * fsync. */
sl_status sv_audit_add(sv_audit *audit, json_t *what, sl_error *err);

/* Checks a file: *lines and the last hash [65]. SL_ERR_CORRUPT names the first line that does not hold. */
sl_status sv_audit_verify(const char *file, uint64_t *lines, char last[65], sl_error *err);

#endif
