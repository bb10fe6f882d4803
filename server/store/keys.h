/* Who may do what. A key is a random UUID that is shown once; the file keeps its SHA-256. A login is a key that is
 * asked for by a name and a password, of which the file keeps Argon2id. */
#ifndef SERVER_KEYS_H
#define SERVER_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "secondlook.h"

/* Each may do what those before it may. read: search, compare, look at people. enrol: add and change faces.
 * admin: whole galleries, keys, the audit log. */
typedef enum { SV_NOBODY = 0, SV_READ = 1, SV_ENROL = 2, SV_ADMIN = 3 } sv_scope;

typedef struct {
    char id[9];       /* by which logs name it; "" is no key */
    char name[65];
    char gallery[65]; /* that it is for; "*" for all */
    sv_scope scope;
    int number;       /* its place in the file */
} sv_key;

typedef struct sv_keys sv_keys;

/* Opens `file`; where it is not, makes one with an admin's key for all galleries, whose text goes to made [37] (""
 * else). rate: requests a second of a key that are answered over time, twice as many at once; 0: any number. */
sl_status sv_keys_open(const char *file, double rate, char made[37], sv_keys **out, sl_error *err);
void sv_keys_close(sv_keys *keys);

/* Reads the file again; on failure the old ones stay. */
sl_status sv_keys_reload(sv_keys *keys, sl_error *err);

/* Looks at all keys whatever it finds. */
bool sv_keys_find(sv_keys *keys, const char *text, sv_key *out);

/* The login of that name, by its password; it takes as long where there is no such name. One at a time, as each takes
 * 64 MB of memory. SL_ERR_NOT_FOUND for a wrong name or password, SL_ERR_LOCKED after some wrong ones in a row, for a
 * while. */
sl_status sv_keys_login(sv_keys *keys, const char *name, const char *password, double now, sv_key *out, sl_error *err);

/* Takes one from the key's bucket; false when it is empty. */
bool sv_keys_admit(sv_keys *keys, const sv_key *key, double now);

/* Makes a key, and writes the file. password: NULL, or that of a login, for which no key is made (""). */
sl_status sv_keys_add(sv_keys *keys, const char *name, const char *gallery, sv_scope scope, const char *password,
                      char made[37], sv_key *out, sl_error *err);
/* SL_ERR_NOT_FOUND where there is none of that id. */
sl_status sv_keys_revoke(sv_keys *keys, const char *id, sl_error *err);

/* All keys, without their secrets: an array of *count, free() it; NULL without memory. */
sv_key *sv_keys_list(sv_keys *keys, size_t *count);

const char *sv_scope_name(sv_scope scope);
int sv_scope_named(const char *name); /* -1 where it is none */

/* 8-4-4-4-12 hex digits? */
bool sv_is_uuid(const char *text);
void sv_new_uuid(char out[37]);

#endif
