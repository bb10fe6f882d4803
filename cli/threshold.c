#include "threshold.h"

static const char *source_of(const cli_promise *p)
{
    return p->found.source == SL_THRESHOLD_CALIBRATION ? "this gallery's calibration"
                                                       : "the model's own false match rates (LFW)";
}

void cli_print_promise(const cli_promise *p)
{
    if (p->rate > 0)
        printf("threshold %.4f of the %s, for a %s of %g %%: by %s\n", p->found.threshold,
               p->found.on_stage1 ? "stage 1 cosine" : "score", p->name, 100 * p->rate, source_of(p));
}

json_t *cli_promise_json(const cli_promise *p)
{
    if (!(p->rate > 0))
        return json_null();
    return json_pack("{s:f,s:s,s:s}", "rate", p->rate, "of", p->name, "source",
                     p->found.source == SL_THRESHOLD_CALIBRATION ? "calibration" : "built in");
}
