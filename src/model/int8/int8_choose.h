/* Choosing what of a network is int8. The ranges of all tensors that its layers may read in int8 are measured on
 * samples, then what each of them costs alone; as many of the cheapest are taken as keep what must be kept. What a
 * sample is and what must be kept the subject knows: a recogniser and faces (int8_make.c), a learned look and pairs
 * (pipeline/quantise_look.c). */
#ifndef SL_MODEL_INT8_CHOOSE_H
#define SL_MODEL_INT8_CHOOSE_H

#include <stddef.h>

#include "net/plan/plan.h"

typedef struct sl_int8_subject sl_int8_subject;
struct sl_int8_subject {
    const char *what, *name; /* "model" and what it is called; for messages */
    const char *kept;        /* "embeddings that ..": what must be kept, in words */
    size_t count, quick;     /* samples; so many of them tell what a tensor costs */
    int batch, dim;          /* samples of a run; numbers of a sample's answer, which is output 0 */
    int threads;
    double budget;           /* costs add up only roughly: the sum that the first try may have */
    sl_progress_fn progress; /* NULL: none; over done of total samples that were run */
    void *context;
    size_t done, total;

    /* The network for a batch, and its plan. */
    sl_status (*graph)(const sl_int8_subject *s, sl_graph **out, sl_error *err);
    sl_status (*compile)(const sl_int8_subject *s, const sl_plan_options *options, sl_plan **out, sl_error *err);
    /* Writes samples [first, first + n), n <= batch, into the plan's inputs. */
    sl_status (*fill)(sl_int8_subject *s, sl_plan *plan, size_t first, size_t n, sl_error *err);
    /* What it costs that the answers of the first n samples are `narrow` where f32's are `wide`, both [n, dim]: 0 where
     * they are the same; it goes with the square of their differences. False where that is too much. */
    bool (*judge)(sl_int8_subject *s, const float *wide, const float *narrow, size_t n, double *cost);
};

/* Runs the plan over samples [first, first + n), n <= batch; answers: [count, dim]. SL_ERR_INTERRUPTED where the caller
 * wants an end. */
sl_status sl_int8_run(sl_int8_subject *s, sl_plan *plan, size_t first, size_t n, float *answers, sl_error *err);

/* The ranges of all tensors that may be int8, those of `tensors` in the specialised graph (int8_ranges.c). `g`: the
 * subject's graph, which gets them as further outputs. ranges: [count], their names the graph's; wide: the samples'
 * answers, [s->count, dim]. */
sl_status sl_int8_measure(sl_int8_subject *s, sl_graph *g, const sl_tensor *tensors, int count, sl_range *ranges,
                          float *wide, sl_error *err);

/* Measures and chooses. *tensors: how many there are; *out: those that are int8, SL_ERR_UNSUPPORTED where none can be.
 * The judge's last word was on these, over all samples. */
sl_status sl_int8_choose(sl_int8_subject *s, sl_ranges *out, int *tensors, sl_error *err);

/* Measures, and takes all. */
sl_status sl_int8_take_all(sl_int8_subject *s, sl_ranges *out, sl_error *err);

#endif
