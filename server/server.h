/* What all of the server shares. */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include <stdatomic.h>

#include "http/queue.h"
#include "request.h"
#include "store/audit.h"
#include "store/hub.h"
#include "store/keys.h"

typedef struct {
    const char *data;    /* folder of galleries, keys and the audit log */
    const char *address; /* to bind */
    int port;
    int workers, io_threads, queue; /* how many, how many wait at most */
    int patience; /* seconds that a request may take to come */
    double rate;                    /* requests a second of a key; 0: any number */
    size_t body_max, file_max;      /* bytes */
    uint32_t pixels_max;            /* of a picture that is looked at */
    const char *gallery;            /* of keys for all galleries, in APIs that name none */
    const char *tls_cert, *tls_key; /* PEM files, or NULL */
    bool keep_crops, static_images, audit_searches;
    float min_quality;
    sl_patch_format patches;
    sl_engine_options engine;
    const char *import_from; /* folder below which folders may be imported, or NULL */
    const char *study;       /* folder of a user study; NULL: data/study, where there is one */
    const char *origin; /* that browsers may call from, or NULL */
} sv_config;

enum { SV_STATUS_CLASSES = 6, SV_LATENCIES = 10 };

typedef struct {
    atomic_ulong requests[SV_STATUS_CLASSES];  /* by the status' hundreds */
    atomic_ulong latency[SV_LATENCIES + 1];    /* by sv_latency_bounds; the last is all beyond */
    atomic_ulong microseconds;                 /* of all */
    atomic_ulong identified, enrolled, connections;
} sv_metrics;

extern const double sv_latency_bounds[SV_LATENCIES]; /* seconds */

struct sv_server {
    sv_config config;
    sl_engine *engine;
    sv_hub *hub;
    sv_keys *keys;
    sv_audit *audit;
    sv_queue *queue;
    struct sv_jobs *jobs;
    struct sv_sessions *sessions;
    struct sv_replays *replays;
    struct sv_recent *recent;
    _Atomic(struct sv_study *) study; /* NULL: none is served, until a job makes one */
    struct sv_listener *listener;
    const sv_route *const *routes; /* tables; ends with NULL */
    sv_metrics metrics;
    double began;
    atomic_bool stopping;

    /* Of pairs, for which no gallery is asked. */
    sl_match_options pair_match;
    sl_rule pair_rule;
    float pair_rare[SL_OCCLUSION_BINS];
};

double sv_now(void); /* seconds of the monotonic clock */

/* All routes, in tables that end with a NULL method. */
extern const sv_route sv_compreface_routes[], sv_deepstack_routes[], sv_own_routes[], sv_study_routes[],
    sv_page_routes[];

#endif
