/* The people with the highest scores so far, best first: a short list that is sorted by insertion. */
#include "match/patch/topk.h"

#include <math.h>

float sl_topk_mix(const sl_topk *c, size_t candidate, float stage2)
{
    return c->alpha * stage2 + (1 - c->alpha) * c->stage1[candidate];
}

float sl_topk_kth_best(const sl_topk *c)
{
    return c->count < c->top ? -INFINITY : c->entered[c->count - 1].score;
}

void sl_topk_enter(sl_topk *c, size_t candidate, float stage2)
{
    const sl_topk_entry now = {.score = sl_topk_mix(c, candidate, stage2), .person = c->person[candidate]};
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
