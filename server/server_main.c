/* secondlook-server: identification over HTTP.
 *
 *     secondlook-server --data DIR            serves
 *     secondlook-server audit verify FILE     checks an audit log
 *     secondlook-server keys ...              makes and revokes keys while no server runs, or before a SIGHUP
 */
#define _GNU_SOURCE
#include <argp.h>
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/own.h"
#include "api/recent.h"
#include "http/idempotency.h"
#include "commands.h"
#include "http/browser_session.h"
#include "http/listener.h"
#include "server.h"
#include "store/durable.h"
#include "store/study_store.h"

enum {
    KEY_ADDRESS = 256,
    KEY_PORT,
    KEY_WORKERS,
    KEY_QUEUE,
    KEY_RATE,
    KEY_BODY,
    KEY_FILE,
    KEY_FACES,
    KEY_PIXELS,
    KEY_GALLERY,
    KEY_ATTACH,
    KEY_CERT,
    KEY_CERT_KEY,
    KEY_NO_CROPS,
    KEY_STATIC,
    KEY_NO_AUDIT,
    KEY_QUALITY,
    KEY_PATCHES,
    KEY_MODEL,
    KEY_DETECTOR,
    KEY_MODELS,
    KEY_LANDMARKS,
    KEY_ENCODER,
    KEY_ORIGIN,
    KEY_IMPORT,
    KEY_STUDY,
    KEY_PATIENCE
};

enum { ATTACHED_MAX = 100 };

typedef struct {
    sv_config config;
    char *attached[ATTACHED_MAX]; /* NAME=DIR */
    int attached_count;
} command_line;

static const struct argp_option options[] = {
    {"data", 'd', "DIR", 0, "Galleries, keys and the audit log are here (required; made when it is not there)", 0},
    {"gallery", KEY_ATTACH, "NAME=DIR", 0, "Serve this gallery too, which lies elsewhere; may be given several times",
     0},
    {"default-gallery", KEY_GALLERY, "NAME", 0,
     "What keys for all galleries mean where an API names none (default: main; made when it is not there)", 0},
    {"address", KEY_ADDRESS, "ADDRESS", 0, "Listen there (default: 127.0.0.1)", 1},
    {"port", 'p', "PORT", 0, "(default: 8765; 0: any, which is printed)", 1},
    {"tls-cert", KEY_CERT, "FILE", 0, "Certificate chain, PEM: serve HTTPS", 1},
    {"tls-key", KEY_CERT_KEY, "FILE", 0, "Its private key, PEM", 1},
    {"origin", KEY_ORIGIN, "ORIGIN", 0, "Let pages of this origin (https://host) call the API from a browser", 1},
    {"import-from", KEY_IMPORT, "DIR", 0, "Let admins import folders below DIR (default: none)", 1},
    {"static-images", KEY_STATIC, 0, 0, "Serve CompreFace's /static/KEY/images/ID: the key stands in addresses then",
     1},
    {"workers", KEY_WORKERS, "N", 0, "Threads that look at pictures (default: all processors)", 2},
    {"queue", KEY_QUEUE, "N", 0, "Requests that wait at most; more are answered 503 (default: 64)", 2},
    {"rate", KEY_RATE, "R", 0, "Requests a second of one key, twice as many at once; 0: any number (default: 100)", 2},
    {"patience", KEY_PATIENCE, "SECONDS", 0,
     "Cut connections whose request is not whole after so long (default: 120)", 2},
    {"max-body", KEY_BODY, "MB", 0, "Of a request (default: 10)", 2},
    {"max-file", KEY_FILE, "MB", 0, "Of a picture (default: 5)", 2},
    {"max-pixels", KEY_PIXELS, "MEGAPIXELS", 0, "Of a picture: larger JPEG, WebP, HEIC and AVIF files are read "
     "smaller, others refused (default: 40)", 2},
    {"max-faces", KEY_FACES, "N", 0, "Look at the N surest faces of a picture (default: 100)", 2},
    {"study", KEY_STUDY, "DIR", 0,
     "Serve this user study (of 'secondlook study make') to whoever has its address, and keep the answers there", 3},
    {"no-crops", KEY_NO_CROPS, 0, 0, "Keep no pictures of enrolled faces", 3},
    {"min-quality", KEY_QUALITY, "Q", 0, "Refuse to enrol faces of lower quality in /v1 (default: 0.05)", 3},
    {"patches", KEY_PATCHES, "KIND", 0, "How new galleries store faces: compact, int8, f32 or none (default: compact)",
     3},
    {"no-audit-of-searches", KEY_NO_AUDIT, 0, 0, "Log changes only", 3},
    {"models", KEY_MODELS, "DIR", 0, "Folder of networks (default: $SECONDLOOK_MODELS, else the user's cache)", 4},
    {"model", KEY_MODEL, "NAME", 0, "Recogniser (default: " SL_DEFAULT_RECOGNISER ")", 4},
    {"detector", KEY_DETECTOR, "NAME", 0, "(default: " SL_DEFAULT_DETECTOR ")", 4},
    {"encoder", KEY_ENCODER, "NAME|auto|none", 0, "Query encoder, which sees through what covers a face that searches; "
     "auto: the one that came with the library for the recogniser, if any; none (default: auto)", 4},
    {"landmarks", KEY_LANDMARKS, "NAME", 0, "dlib-68 or none (default: none, which the default look does without)", 4},
    {0}};

static double number(const struct argp_state *state, const char *arg, double least, double most)
{
    char *end;
    const double value = strtod(arg, &end);
    if (*end || !*arg || !(value >= least && value <= most))
        argp_error(state, "%s is not a number from %g to %g", arg, least, most);
    return value;
}

static error_t parse_place(int key, char *arg, struct argp_state *state)
{
    command_line *line = state->input;
    sv_config *c = &line->config;
    switch (key) {
    case 'd': c->data = arg; return 0;
    case 'p': c->port = (int)number(state, arg, 0, 65535); return 0;
    case KEY_ADDRESS: c->address = arg; return 0;
    case KEY_GALLERY: c->gallery = arg; return 0;
    case KEY_ATTACH:
        if (line->attached_count == ATTACHED_MAX || !strchr(arg, '='))
            argp_error(state, "--gallery is NAME=DIR, %d times at most", ATTACHED_MAX);
        line->attached[line->attached_count++] = arg;
        return 0;
    case KEY_CERT: c->tls_cert = arg; return 0;
    case KEY_CERT_KEY: c->tls_key = arg; return 0;
    case KEY_ORIGIN: c->origin = arg; return 0;
    case KEY_IMPORT: c->import_from = arg; return 0;
    case KEY_STUDY: c->study = arg; return 0;
    case KEY_MODELS: c->engine.models_dir = arg; return 0;
    case KEY_MODEL: c->engine.model = arg; return 0;
    case KEY_DETECTOR: c->engine.detector = arg; return 0;
    case KEY_ENCODER: c->engine.encoder = arg; return 0;
    case KEY_LANDMARKS: c->engine.landmarks = arg; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    sv_config *c = &((command_line *)state->input)->config;
    switch (key) {
    case KEY_WORKERS: c->workers = (int)number(state, arg, 1, 256); return 0;
    case KEY_QUEUE: c->queue = (int)number(state, arg, 1, 100000); return 0;
    case KEY_RATE: c->rate = number(state, arg, 0, 1e6); return 0;
    case KEY_PATIENCE: c->patience = (int)number(state, arg, 1, 3600); return 0;
    case KEY_BODY: c->body_max = (size_t)(1e6 * number(state, arg, .01, 1000)); return 0;
    case KEY_PIXELS: c->pixels_max = (uint32_t)(1e6 * number(state, arg, .01, 100)); return 0;
    case KEY_FACES: c->engine.max_faces = (int)number(state, arg, 1, 100000); return 0;
    case KEY_FILE: c->file_max = (size_t)(1e6 * number(state, arg, .01, 1000)); return 0;
    case KEY_NO_CROPS: c->keep_crops = false; return 0;
    case KEY_STATIC: c->static_images = true; return 0;
    case KEY_NO_AUDIT: c->audit_searches = false; return 0;
    case KEY_QUALITY: c->min_quality = (float)number(state, arg, 0, 1); return 0;
    case KEY_PATCHES:
        if (sl_patches_named(arg) < 0)
            argp_error(state, "--patches is compact, int8, f32 or none");
        c->patches = (sl_patch_format)sl_patches_named(arg);
        return 0;
    case ARGP_KEY_ARG: argp_error(state, "'%s' was not expected", arg); return 0;
    case ARGP_KEY_END:
        if (!c->data)
            argp_error(state, "--data is missing");
        if (!c->tls_cert != !c->tls_key)
            argp_error(state, "--tls-cert and --tls-key go together");
        return 0;
    default: return parse_place(key, arg, state);
    }
}

static const struct argp parser = {
    options,
    parse,
    "--data DIR",
    "Serves galleries over HTTP: secondlook's own API, what clients of CompreFace and DeepStack ask, and a page.\v"
    "The first start makes a key for all galleries and prints it, once. SIGTERM ends the server when all that was "
    "begun is answered; SIGHUP reads the keys again.\n\n"
    "  secondlook-server audit verify DIR/audit.jsonl\n"
    "  secondlook-server keys list|add|login|revoke --data DIR ...",
    0,
    0,
    0};

/* ---- the server ---- */

/* The rule of two photos, and how rare a match can be told. */
static sl_status open_pairs(sv_server *s, sl_error *err)
{
    s->pair_match = sl_match_defaults();
    s->pair_match.threads = 1;
    sl_status status = sl_match_settle(s->engine, NULL, &s->pair_match, err);
    if (status == SL_OK)
        status = sl_rule_default(s->engine, NULL, &s->pair_match, &s->pair_rule, err);
    for (int b = 0; b < SL_OCCLUSION_BINS; b++)
        s->pair_rare[b] = NAN;
    for (double far = 1e-4; far > 1e-10 && status == SL_OK; far /= 10) {
        sl_rule r;
        if (sl_rule_for_far(s->engine, NULL, &s->pair_match, far, &r, NULL) != SL_OK)
            break;
        for (int b = 0; b < r.bins; b++)
            if (!r.extrapolated[b])
                s->pair_rare[b] = r.threshold[b];
    }
    return status;
}

static sl_status attach(sv_server *s, const command_line *line, sl_error *err)
{
    sl_status status = SL_OK;
    for (int i = 0; i < line->attached_count && status == SL_OK; i++) {
        char *dir = strchr(line->attached[i], '=');
        *dir++ = 0;
        status = sv_hub_attach(s->hub, line->attached[i], dir, err);
    }
    if (status == SL_OK && !sv_hub_find(s->hub, s->config.gallery))
        status = sv_hub_create(s->hub, s->config.gallery, err);
    return status;
}

static sl_status open_store(sv_server *s, const command_line *line, char made[37], sl_error *err)
{
    const char *data = s->config.data;
    char *galleries = sv_join(data, "galleries"), *keys = sv_join(data, "keys.json"),
         *audit = sv_join(data, "audit.jsonl"), *replays = sv_join(data, "idempotency.log");
    sl_status status = galleries && keys && audit && replays ? SL_OK : sv_fail(err, SL_ERR_MEMORY, "no memory");
    if (status == SL_OK && mkdir(data, 0700) != 0 && errno != EEXIST)
        status = sv_fail(err, SL_ERR_IO, "%s: cannot be made: %s", data, strerror(errno));
    if (status == SL_OK)
        status = sv_hub_open(galleries, s->engine, s->config.patches, &s->hub, err);
    if (status == SL_OK)
        status = attach(s, line, err);
    if (status == SL_OK)
        status = sv_audit_open(audit, &s->audit, err);
    if (status == SL_OK)
        status = sv_replays_open(replays, &s->replays, err);
    if (status == SL_OK)
        status = sv_keys_open(keys, s->config.rate, made, &s->keys, err);
    free(galleries);
    free(keys);
    free(audit);
    free(replays);
    return status;
}

/* The one that was named, or the one that a job made. */
static sl_status open_study(sv_server *s, sl_error *err)
{
    size_t refused = 0;
    sv_study *study = NULL;
    char *made = sv_join(s->config.data, "study"), *key = made ? sv_join(made, "key.json") : NULL;
    const char *folder = s->config.study ? s->config.study : key && access(key, F_OK) == 0 ? made : NULL;
    sl_status status = !key     ? sv_fail(err, SL_ERR_MEMORY, "no memory")
                       : folder ? sv_study_open(folder, &study, &refused, err)
                                : SL_OK;
    if (refused)
        fprintf(stderr,
                "secondlook-server: %zu lines of %s/answers.jsonl are not taken: 'secondlook study score' says why\n",
                refused, folder);
    atomic_store(&s->study, study);
    free(key);
    free(made);
    return status;
}

static sl_status open_server(sv_server *s, const command_line *line, char made[37], sl_error *err)
{
    s->sessions = sv_sessions_open();
    s->recent = sv_recent_open();
    sl_status status = s->sessions && s->recent ? sl_engine_open(&s->config.engine, &s->engine, err)
                                   : sv_fail(err, SL_ERR_MEMORY, "no memory");
    if (status == SL_OK)
        status = open_pairs(s, err);
    if (status == SL_OK)
        status = open_store(s, line, made, err);
    if (status == SL_OK)
        status = open_study(s, err);
    if (status == SL_OK)
        status = sv_queue_open(s->engine, s->config.workers, s->config.queue, &s->queue, err);
    if (status == SL_OK)
        status = sv_jobs_open(s, &s->jobs, err);
    if (status == SL_OK)
        status = sv_listener_open(s, &s->listener, err);
    return status;
}

/* In this order all that was begun is answered: no new connections, jobs and streams end, workers empty the queue,
 * galleries commit what they were given, and the replies go out. */
static void close_server(sv_server *s)
{
    if (s->listener)
        sv_listener_quiesce(s->listener);
    if (s->jobs)
        sv_jobs_stop(s->jobs);
    sv_queue_close(s->queue);
    sv_hub_stop(s->hub);
    if (s->listener)
        sv_listener_drain(s->listener);
    sv_listener_close(s->listener);
    sv_jobs_close(s->jobs);
    sv_study_close(atomic_load(&s->study));
    sv_hub_close(s->hub);
    sv_audit_close(s->audit);
    sv_keys_close(s->keys);
    sv_replays_close(s->replays);
    sv_sessions_close(s->sessions);
    sv_recent_close(s->recent);
    sl_engine_close(s->engine);
}

static void say_where(const sv_server *s, const char *made)
{
    printf("secondlook-server listens at %s://%s:%d\n", s->config.tls_cert ? "https" : "http", s->config.address,
           sv_listener_port(s->listener));
    const sv_study *study = atomic_load(&s->study);
    if (study)
        printf("Participants of the study open /study/%s/ there\n", sv_study_id(study));
    if (*made)
        printf("The key for all galleries, which is shown this once: %s\n", made);
    fflush(stdout);
}

/* Signals come to this thread alone. */
static void wait_for_end(sv_server *s, const sigset_t *signals)
{
    sl_error err;
    for (int signal = 0;;) {
        sigwait(signals, &signal);
        if (signal != SIGHUP)
            return;
        if (sv_keys_reload(s->keys, &err) != SL_OK)
            fprintf(stderr, "secondlook-server: the keys stay as they were: %s\n", err.text);
    }
}

static int serve(const command_line *line)
{
    static const sv_route *const tables[] = {sv_compreface_routes, sv_deepstack_routes, sv_own_routes, sv_study_routes,
                                             sv_page_routes, NULL};
    static sv_server server;
    char made[37];
    sl_error err = {0};
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    struct rlimit files = {0};
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    json_object_seed(0);
    server.config = line->config;
    server.routes = tables;
    server.began = sv_now();
    *made = 0;
    sl_status status = open_server(&server, line, made, &err);
    if (status == SL_OK) {
        say_where(&server, made);
        wait_for_end(&server, &signals);
        atomic_store(&server.stopping, true);
    } else {
        fprintf(stderr, "secondlook-server: %s\n", err.text);
    }
    close_server(&server);
    return status == SL_OK ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "audit") == 0)
        return sv_command_audit(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "keys") == 0)
        return sv_command_keys(argc - 1, argv + 1);
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    command_line line = {.config = {.address = "127.0.0.1",
                                    .port = 8765,
                                    .workers = processors > 0 ? (int)processors : 1,
                                    .io_threads = 2,
                                    .queue = 64,
                                    .patience = 120,
                                    .rate = 100,
                                    .body_max = 10000000,
                                    .file_max = 5000000,
                                    .pixels_max = 40000000,
                                    .gallery = "main",
                                    .keep_crops = true,
                                    .audit_searches = true,
                                    .min_quality = .05f,
                                    .patches = SL_PATCHES_COMPACT,
                                    .engine = {.landmarks = "none", .encoder = "auto", .max_faces = 100}}};
    argp_program_version = sl_version();
    argp_parse(&parser, argc, argv, 0, 0, &line);
    return serve(&line);
}
