/* A recogniser's graph with the cosine of its embedding to another one hung on it. */
#ifndef SL_MODEL_APPEND_COSINE_H
#define SL_MODEL_APPEND_COSINE_H

#include "net/graph.h"

#define SL_COSINE "cosine" /* [batch] */

/* Appends SL_COSINE of `embedding` [batch, dim], or with further axes of 1, of any length; and the other embedding
 * [batch, dim] as one more of g's inputs. */
sl_status sl_append_cosine(sl_graph *g, sl_tensor embedding, int dim, sl_error *err);

#endif
