/* Galleries of a secondlook-server: --gallery https://HOST/v1/galleries/NAME. A client of its HTTP API: photos are
 * sent, the server looks at them. The key comes from the environment variable SECONDLOOK_KEY, a CA of one's own from
 * SECONDLOOK_CA (a PEM file). http:// goes to this machine only, as the key would travel in the clear. */
#ifndef CLI_REMOTE_H
#define CLI_REMOTE_H

#include <jansson.h>
#include <stdbool.h>

#include "common/options.h"
#include "common/photo_paths.h"

/* Is it an address? */
bool cli_is_remote(const char *gallery);

/* A usage error where the command line asks for what is the server's own to decide: its networks. */
void cli_remote_check_models(struct argp_state *state, const cli_models *models);

typedef struct cli_remote cli_remote;

/* CLI_OK, or an exit code after saying what is wrong. */
int cli_remote_open(const char *gallery, cli_remote **out);
void cli_remote_close(cli_remote *remote);

/* A field of a form: a text, or a file's bytes. */
typedef struct {
    const char *name, *text;
    const uint8_t *data; /* [size]; NULL: a text */
    size_t size;
} cli_field;

/* A request for the address behind the gallery's ("" for itself, "/faces?page=1"), or, where it begins with "/v1/",
 * behind the server's. fields [count]: a form that is posted. A server that is busy is asked again. *reply: its JSON,
 * NULL without. Errors are the server's words; SL_ERR_NO_FACE, _NOT_FOUND, _EXISTS, _FORMAT for what it could not do
 * with a photo. */
sl_status cli_remote_call(cli_remote *remote, const char *method, const char *path, const cli_field *fields,
                          size_t count, json_t **reply, sl_error *err);

/* A path's segment in an address; malloc'd, NULL without memory. */
char *cli_remote_segment(const char *text);

/* The bytes of a photo's file (or its `data`), malloc'd. */
sl_status cli_remote_photo(const sl_photo *photo, uint8_t **data, size_t *size, sl_error *err);

/* ---- commands against a server, once their options are read; exit codes ---- */

typedef struct {
    bool one_face, replace, aligned, json;
} cli_remote_enrolment;
int cli_remote_enroll(const char *gallery, const cli_photos *photos, const cli_remote_enrolment *how);

typedef struct {
    const cli_match *match;
    double fpir; /* 0: the server's */
    int top;
    bool main_face, aligned, json;
} cli_remote_search;
int cli_remote_identify(const char *gallery, const cli_photos *photos, const cli_remote_search *how);

int cli_remote_verify(const char *gallery, char *const paths[2], const cli_match *match, double far, bool aligned,
                      bool json);

int cli_remote_info(const char *gallery, bool json);
int cli_remote_list(const char *gallery, const char *label, bool json);
int cli_remote_remove(const char *gallery, const char *label, const char *image, bool json);
int cli_remote_job(const char *gallery, const char *kind, const char *done);

#endif
