/* What was suspended goes on. */
#include "http/resume.h"

#include <microhttpd.h>

#include "http/idempotency.h"

void sv_resume(sv_request *r)
{
    sv_replay_keep(r);
    MHD_resume_connection(r->connection);
}

void sv_stream_sleep(sv_stream *stream)
{
    MHD_suspend_connection(stream->connection);
}

void sv_stream_wake(sv_stream *stream)
{
    MHD_resume_connection(stream->connection);
}
