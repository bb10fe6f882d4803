/* Work that takes long: one job at a time, on a thread of its own. */
#ifndef SERVER_JOBS_H
#define SERVER_JOBS_H

#include "api/own.h"

/* What the kinds of work see of a job. */
typedef struct {
    sv_server *server;
    sv_place *place;
    json_t *asked;        /* the request's JSON, NULL without */
    uint8_t *body;        /* [size] the request's, of kinds that keep it */
    size_t size;
    char key[9], request[17]; /* who asked, for the log */
    char *archive;        /* a file that it made, malloc'd; deleted with the job */
} sv_job;

typedef struct {
    const char *name;
    /* On the jobs' thread. SL_ERR_INTERRUPTED where it was cancelled. */
    sl_status (*run)(sv_job *job, json_t *result, sl_error *err);
    bool keeps_body;
} sv_job_kind;

/* Tells how far a job is (an sl_progress_fn of it); not 0 when it is to end. */
int sv_job_progress(void *job, size_t done, size_t total);

/* Answers 202 and begins the work when those before it are done. */
void sv_job_begin(sv_request *r, sv_place *place, const sv_job_kind *kind);

/* job_transfer.c */
sl_status sv_job_export(sv_job *job, json_t *result, sl_error *err);
sl_status sv_job_import_folder(sv_job *job, json_t *result, sl_error *err);

/* job_study.c */
sl_status sv_job_study(sv_job *job, json_t *result, sl_error *err);

#endif
