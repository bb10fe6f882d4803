/* HTTP, by libcurl. Without it at build time, addresses are understood and refused. */
#define _GNU_SOURCE
#include "remote/remote.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cli.h"
#include "common/progress.h"

#ifdef SL_CURL
#include <curl/curl.h>
#endif

enum { REPLY_MAX = 256 << 20, TRIES = 6, PHOTO_MAX = 256 << 20 };

bool cli_is_remote(const char *gallery)
{
    return gallery && (strncmp(gallery, "https://", 8) == 0 || strncmp(gallery, "http://", 7) == 0);
}

void cli_remote_check_models(struct argp_state *state, const cli_models *models)
{
    const sl_engine_options *e = &models->engine;
    if (e->model || e->detector || e->landmarks || e->models_dir || e->encoder)
        argp_error(state, "the gallery is a server's, whose own networks look at photos: leave --model, --detector, "
                   "--landmarks, --encoder and --models-dir out");
}

/* ---- addresses ---- */

char *cli_remote_segment(const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_~";
    char *out = malloc(3 * strlen(text) + 1), *to = out;
    for (; out && *text; text++)
        if (strchr(plain, *text))
            *to++ = *text;
        else
            to += sprintf(to, "%%%02X", (unsigned char)*text);
    if (out)
        *to = 0;
    return out;
}

sl_status cli_remote_photo(const sl_photo *photo, uint8_t **data, size_t *size, sl_error *err)
{
    FILE *f = photo->data ? fmemopen(photo->data, photo->size ? photo->size : 1, "r") : fopen(photo->path, "re");
    size_t room = 1 << 20;
    *size = 0;
    *data = f ? malloc(room) : NULL;
    while (*data) {
        const size_t n = fread(*data + *size, 1, room - *size, f);
        *size += n;
        if (n == 0 || *size > PHOTO_MAX)
            break;
        uint8_t *grown = *size == room ? realloc(*data, room *= 2) : *data;
        if (!grown)
            free(*data);
        *data = grown;
    }
    const bool failed = !*data || ferror(f);
    if (f)
        fclose(f);
    if (!failed)
        return SL_OK;
    free(*data);
    *data = NULL;
    *err = (sl_error){.status = SL_ERR_IO};
    snprintf(err->text, sizeof err->text, "%s: cannot be read", photo->path);
    return err->status;
}

#ifndef SL_CURL

int cli_remote_open(const char *gallery, cli_remote **out)
{
    *out = NULL;
    cli_warn("%s: this program was built without libcurl, and cannot ask a server", gallery);
    return CLI_FAILED;
}

void cli_remote_close(cli_remote *remote)
{
    (void)remote;
}

sl_status cli_remote_call(cli_remote *remote, const char *method, const char *path, const cli_field *fields,
                          size_t count, json_t **reply, sl_error *err)
{
    (void)remote, (void)method, (void)path, (void)fields, (void)count;
    *reply = NULL;
    *err = (sl_error){SL_ERR_UNSUPPORTED, "built without libcurl"};
    return err->status;
}

#else

struct cli_remote {
    CURL *curl;
    struct curl_slist *headers;
    char *gallery, *server; /* addresses without a slash at the end */
};

/* http:// to this machine alone. */
static bool is_safe(const char *address)
{
    static const char *const here[] = {"http://localhost", "http://127.0.0.1", "http://[::1]"};
    if (strncmp(address, "https://", 8) == 0)
        return true;
    for (size_t i = 0; i < sizeof here / sizeof *here; i++) {
        const size_t n = strlen(here[i]);
        if (strncmp(address, here[i], n) == 0 && (address[n] == ':' || address[n] == '/'))
            return true;
    }
    return false;
}

static int on_progress(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    (void)context, (void)a, (void)b, (void)c, (void)d;
    return cli_interrupted;
}

static bool set_up(cli_remote *r, const char *key)
{
    char *header;
    if (asprintf(&header, "x-api-key: %s", key) < 0)
        return false;
    r->headers = curl_slist_append(NULL, header);
    free(header);
    const char *ca = getenv("SECONDLOOK_CA");
    return r->headers && curl_easy_setopt(r->curl, CURLOPT_HTTPHEADER, r->headers) == CURLE_OK &&
           curl_easy_setopt(r->curl, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(r->curl, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK && /* the key goes nowhere else */
           curl_easy_setopt(r->curl, CURLOPT_CONNECTTIMEOUT, 20L) == CURLE_OK &&
           curl_easy_setopt(r->curl, CURLOPT_TIMEOUT, 300L) == CURLE_OK &&
           curl_easy_setopt(r->curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(r->curl, CURLOPT_NOPROGRESS, 0L) == CURLE_OK &&
           curl_easy_setopt(r->curl, CURLOPT_XFERINFOFUNCTION, on_progress) == CURLE_OK &&
           (!ca || curl_easy_setopt(r->curl, CURLOPT_CAINFO, ca) == CURLE_OK);
}

int cli_remote_open(const char *gallery, cli_remote **out)
{
    const char *key = getenv("SECONDLOOK_KEY"), *at = strstr(gallery, "/v1/galleries/");
    *out = NULL;
    if (!at || !at[14] || strpbrk(at + 14, "/?#") || strchr(gallery, '@')) /* user:@ would hide the host */
        cli_warn("%s: a server's gallery is https://HOST/v1/galleries/NAME", gallery);
    else if (!is_safe(gallery))
        cli_warn("%s: http:// is for this machine alone, as the key would travel in the clear: use https://", gallery);
    else if (!key || !*key)
        cli_warn("%s: the key is missing: put it into the environment variable SECONDLOOK_KEY", gallery);
    else {
        cli_remote *r = calloc(1, sizeof *r);
        if (r && (r->curl = curl_easy_init()) && (r->gallery = strdup(gallery)) &&
            (r->server = strndup(gallery, (size_t)(at - gallery))) && set_up(r, key)) {
            *out = r;
            return CLI_OK;
        }
        cli_remote_close(r);
        cli_warn("%s: no memory", gallery);
    }
    return CLI_FAILED;
}

void cli_remote_close(cli_remote *r)
{
    if (!r)
        return;
    curl_slist_free_all(r->headers);
    curl_easy_cleanup(r->curl);
    free(r->gallery);
    free(r->server);
    free(r);
}

/* ---- one request ---- */

typedef struct {
    char *text;
    size_t size;
} answer_text;

static size_t take(char *data, size_t one, size_t count, void *context)
{
    answer_text *a = context;
    const size_t n = one * count;
    char *grown = n <= REPLY_MAX - a->size ? realloc(a->text, a->size + n + 1) : NULL;
    if (!grown)
        return 0;
    memcpy(grown + a->size, data, n);
    a->text = grown;
    a->size += n;
    a->text[a->size] = 0;
    return n;
}

static curl_mime *form_of(CURL *curl, const cli_field *fields, size_t count)
{
    curl_mime *form = curl_mime_init(curl);
    for (size_t i = 0; form && i < count; i++) {
        curl_mimepart *part = curl_mime_addpart(form);
        curl_mime_name(part, fields[i].name);
        if (fields[i].data) {
            curl_mime_data(part, (const char *)fields[i].data, fields[i].size);
            curl_mime_filename(part, "photo");
        } else {
            curl_mime_data(part, fields[i].text, CURL_ZERO_TERMINATED);
        }
    }
    return form;
}

static sl_status fail(sl_error *err, sl_status status, const char *address, const char *what)
{
    *err = (sl_error){.status = status};
    snprintf(err->text, sizeof err->text, "%.200s: %s", address, what);
    return status;
}

/* What the server's refusal is to the caller. */
static sl_status refusal(long http, const json_t *problem, const char *address, sl_error *err)
{
    enum { NO_FACE = 28 };
    char plain[64];
    const char *detail = json_string_value(json_object_get(problem, "detail"));
    const bool no_face = json_integer_value(json_object_get(problem, "code")) == NO_FACE;
    snprintf(plain, sizeof plain, "the server answers %ld", http);
    *err = (sl_error){.status = no_face       ? SL_ERR_NO_FACE
                                : http == 404 ? SL_ERR_NOT_FOUND
                                : http == 409 ? SL_ERR_EXISTS
                                : http == 422 ? SL_ERR_FORMAT
                                : http == 413 ? SL_ERR_LIMIT
                                : http == 400 ? SL_ERR_ARGUMENT
                                              : SL_ERR_IO};
    if (detail)
        snprintf(err->text, sizeof err->text, "%s", detail);
    else
        fail(err, err->status, address, plain);
    return err->status;
}

static sl_status ask_once(cli_remote *r, const char *method, const char *address, const cli_field *fields, size_t count,
                          long *http, json_t **reply, sl_error *err)
{
    answer_text answer = {0};
    curl_mime *form = count ? form_of(r->curl, fields, count) : NULL;
    curl_easy_setopt(r->curl, CURLOPT_URL, address);
    if (form)
        curl_easy_setopt(r->curl, CURLOPT_MIMEPOST, form);
    else
        curl_easy_setopt(r->curl, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(r->curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(r->curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(r->curl, CURLOPT_WRITEDATA, &answer);
    const CURLcode code = curl_easy_perform(r->curl);
    curl_easy_setopt(r->curl, CURLOPT_MIMEPOST, NULL);
    curl_mime_free(form);
    sl_status status = SL_OK;
    *http = 0;
    if (code == CURLE_ABORTED_BY_CALLBACK)
        status = fail(err, SL_ERR_INTERRUPTED, address, "interrupted");
    else if (code != CURLE_OK)
        status = fail(err, SL_ERR_IO, address, curl_easy_strerror(code));
    else
        curl_easy_getinfo(r->curl, CURLINFO_RESPONSE_CODE, http);
    *reply = answer.size ? json_loadb(answer.text, answer.size, 0, NULL) : NULL;
    free(answer.text);
    return status;
}

sl_status cli_remote_call(cli_remote *r, const char *method, const char *path, const cli_field *fields, size_t count,
                          json_t **reply, sl_error *err)
{
    char *address;
    long http = 0;
    *reply = NULL;
    if (asprintf(&address, "%s%s", strncmp(path, "/v1/", 4) == 0 ? r->server : r->gallery, path) < 0)
        return fail(err, SL_ERR_MEMORY, path, "no memory");
    sl_status status = SL_OK;
    for (int i = 0; i < TRIES; i++) {
        if (i > 0)
            sleep(1); /* what Retry-After says */
        json_decref(*reply);
        status = ask_once(r, method, address, fields, count, &http, reply, err);
        if (status != SL_OK || (http != 503 && http != 429) || cli_interrupted)
            break;
    }
    if (status == SL_OK && (http < 200 || http > 299))
        status = refusal(http, *reply, address, err);
    if (status != SL_OK) {
        json_decref(*reply);
        *reply = NULL;
    }
    free(address);
    return status;
}

#endif
