/* Requests and streams go back to the IO threads. */
#ifndef SERVER_RESUME_H
#define SERVER_RESUME_H

#include "request.h"

/* The request has its reply. From any thread but an IO thread. */
void sv_resume(sv_request *r);

/* Text that comes bit by bit. */
typedef struct sv_stream sv_stream;
struct sv_stream {
    /* On an IO thread: copies what there is into out [size]; 0: nothing yet, and sv_stream_sleep was called; -1: that
     * was all. */
    long (*read)(sv_stream *stream, char *out, size_t size);
    void (*close)(sv_stream *stream);
    void *connection; /* set by the listener */
};

/* Nothing more is read until sv_stream_wake. Both under one lock of the caller's: a wake that came before its sleep
 * would be lost, and the stream sleep for ever. */
void sv_stream_sleep(sv_stream *stream);
void sv_stream_wake(sv_stream *stream);

#endif
