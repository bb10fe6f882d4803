/* A transformer laid open for one pair of photos: what its layers attended to, how the score would change with that,
 * and the tokens that it ended with. A plan of its own, in f32 whatever the look computes in; who only wants scores
 * has no part in it. */
#ifndef SL_PIPELINE_INSIGHT_H
#define SL_PIPELINE_INSIGHT_H

#include "match/learned/learned.h"
#include "model/recogniser.h"

enum { SL_INSIGHT_LAYERS = 64 };

typedef struct {
    const float *attention; /* [heads, rows, tokens] */
    const float *slope;     /* the same of the target by it; NULL: not asked for */
    int rows;               /* tokens, or 1: the class token's alone, which is token 0 */
} sl_insight_layer;

/* Valid until the next run. Of a look the tokens are [class, first photo's cells, separator, second photo's cells],
 * of a recogniser [class, cells]. */
typedef struct {
    const float *target; /* what the slopes are of: a look's score, a recogniser's cosine to the other embedding */
    int layers, heads, tokens;
    sl_insight_layer layer[SL_INSIGHT_LAYERS];
    const float *photo[2]; /* [cells, width] the last layer's tokens of the first and the second photo; NULL: it reads
                              the class token alone */
    int cells, width;      /* of a look */

    sl_graph *whole, *forward, *back; /* whole: of a recogniser */
    sl_plan *plan; /* its inputs: of a look both maps [cells, channels]; of a recogniser a picture, an embedding */
} sl_insight;

/* SL_ERR_UNSUPPORTED for a network without attention. What is laid open must outlive it. Closed even after a
 * failure. */
sl_status sl_insight_of_look(const sl_look *look, bool slopes, sl_insight *out, sl_error *err);
sl_status sl_insight_of_recogniser(const sl_recogniser *r, sl_insight *out, sl_error *err);
void sl_insight_close(sl_insight *insight);

/* Works it out for what stands in the plan's inputs. SL_ERR_NUMERIC where the target is no number. */
sl_status sl_insight_run(sl_insight *insight, sl_error *err);

#endif
