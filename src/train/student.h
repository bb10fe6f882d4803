/* The network that learns, in two parts.
 *
 *     pictures --> front --> cut --> part --> embedding --> loss      the learner's
 *                    |
 *                    `-----------------------> embedding              as the network was at the start: the teacher
 *
 * `front` is what lies before the first weights that learn, compiled as for recognition; it ends in the tensors of
 * the cut, and, where it is asked to, in the teacher's embedding. Where everything learns the cut is the pictures.
 *
 * A network that is known as an architecture learns under the names of its state dict. One that came whole (ONNX,
 * TFLite) learns as it is run: batch norms and slopes merged into what they follow, under the names that these
 * have then. */
#ifndef SL_TRAIN_STUDENT_H
#define SL_TRAIN_STUDENT_H

#include "model/recogniser.h"
#include "secondlook_train.h"
#include "train/weights_of.h"

enum { SL_MAX_CUT = 16 };

typedef struct {
    sl_recogniser recogniser;
    int batch;
    sl_graph *fused;       /* of a network that came whole, for this batch; else NULL */
    sl_graph *dropping;    /* the network as a transformer learns, with dropout; NULL: nothing is dropped */
    const sl_graph *net;   /* that one, or the recogniser's own */
    sl_tensor embedding;   /* in net */
    const char **learning; /* [n_learning] names of constants of net; they are the net's */
    int n_learning;
    sl_tensor cut[SL_MAX_CUT]; /* in net */
    sl_shape cut_shapes[SL_MAX_CUT];
    int n_cut;
} sl_student;

/* Opens the model and finds what learns, by options.learn; a network with dropout (a transformer) learns as a whole. */
sl_status sl_student_open(const sl_train_options *options, sl_student *out, sl_error *err);
void sl_student_close(sl_student *s);

static inline int sl_student_dim(const sl_student *s)
{
    return s->recogniser.dim;
}

/* Whether cut i is the pictures themselves. */
static inline bool sl_student_cut_is_picture(const sl_student *s, int i)
{
    return s->cut[i] == s->net->inputs[0];
}

/* Compiles net for the student's batch of pictures, its outputs the embedding (where `embedding`), then what the
 * cut has beside the pictures. *out NULL: there is nothing to compute. flop:
 * of a run. */
sl_status sl_student_front(const sl_student *s, bool embedding, const sl_plan_options *options, sl_plan **out,
                           double *flop, sl_error *err);

/* The part behind the cut as a graph of its own, to hang a loss on; *embedding [batch, D] in it, flat, not of unit
 * length. Its inputs are the cut, and the counter where it drops. */
sl_status sl_student_part(const sl_student *s, sl_graph **out, sl_tensor *embedding, sl_error *err);

/* net with other weights, compiled for the student's batch: pictures to embeddings. */
sl_status sl_student_compile(const sl_student *s, const sl_weights_of *weights, int count,
                             const sl_plan_options *options, sl_plan **out, sl_error *err);

#endif
