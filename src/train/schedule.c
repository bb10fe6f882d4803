#include "train/schedule.h"

#include <math.h>

double sl_schedule_rate(const sl_train_options *o, uint64_t step)
{
    if (step < o->warm_up)
        return o->warm_up_rate + (o->rate - o->warm_up_rate) * (double)step / (double)o->warm_up;
    const double at = (double)(step - o->warm_up);
    if (o->schedule == SL_SCHEDULE_STEPS)
        return o->rate * pow(o->decay_by, floor(at / (double)o->decay_every));
    if (o->schedule == SL_SCHEDULE_COSINE && o->steps > o->warm_up + 1)
        return o->last_rate +
               (o->rate - o->last_rate) * .5 * (1 + cos(M_PI * at / (double)(o->steps - o->warm_up - 1)));
    return o->rate;
}
