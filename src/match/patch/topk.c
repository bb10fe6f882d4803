#include "match/patch/topk.h"

#include <math.h>

float sl_contest_mix(const sl_contest *c, size_t candidate, float stage2)
{
    return c->alpha * stage2 + (1 - c->alpha) * c->stage1[candidate];
}

float sl_contest_bar(const sl_contest *c)
{
    return c->count < c->top ? -INFINITY : c->entered[c->count - 1].score;
}

void sl_contest_enter(sl_contest *c, size_t candidate, float stage2)
{
    const sl_contestant now = {.score = sl_contest_mix(c, candidate, stage2), .person = c->person[candidate]};
    int at = 0;
    c->solved++;
    while (at < c->count && c->entered[at].person != now.person)
        at++;
    if (at < c->count && c->entered[at].score >= now.score)
        return;
    if (at == c->count && c->count < c->top)
        c->count++;
    else if (at == c->count && c->entered[--at].score >= now.score)
        return; /* nobody has to go for it */
    for (; at > 0 && c->entered[at - 1].score < now.score; at--)
        c->entered[at] = c->entered[at - 1];
    c->entered[at] = now;
}
