/* Requests and streams go back to the IO threads. */
#ifndef SERVER_RESUME_H
#define SERVER_RESUME_H

#include "request.h"

/* The request has its reply. From any thread but an IO thread. */
void sv_resume(sv_request *r);

/* Text that comes bit by bit. */
typedef struct sv_stream sv_stream;
struct sv_stream {
    /* On an IO thread: copies what there is into out [size]; 0: nothing yet, and `wake` is to be called when there is;
     * -1: that was all. */
    long (*read)(sv_stream *stream, char *out, size_t size);
    void (*close)(sv_stream *stream);
    void *connection; /* set by the listener */
};
void sv_stream_wake(sv_stream *stream);

#endif
