#include <math.h>

#include "api/own.h"
#include "server.h"

/* The look that is asked for, or the gallery's. */
bool sv_ask_match(sv_request *r, const sl_gallery *gallery, sl_match_options *match)
{
    char hold[512];
    sl_error err = {0};
    const char *rerank = sv_ask(r, "rerank", hold);
    const sl_oae *cells = match->oae;
    if (rerank) {
        const int named = sl_rerank_named(rerank);
        if (named < 0) {
            sv_refuse(r, 400, 0, "there is no second look \"%s\"", rerank);
            return false;
        }
        *match = named == SL_RERANK_AUTO ? *match : sl_match_defaults_of((sl_rerank)named);
        if (named != SL_RERANK_AUTO)
            match->alpha = NAN; /* as it has by itself, beside the encoder or without */
        match->oae = cells;
        match->threads = 1;
        if (sl_match_settle(r->server->engine, gallery, match, &err) != SL_OK) {
            sv_refuse_error(r, &err);
            return false;
        }
    }
    match->k = (int)sv_ask_number(r, "k", 1, 100000, match->k);
    match->alpha = (float)sv_ask_number(r, "alpha", 0, 1, (double)match->alpha);
    return true;
}
